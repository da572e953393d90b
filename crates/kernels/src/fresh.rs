//! New memory that is cleared part by part just before each is written, while it is in the cache. To clear all of it
//! beforehand takes as long as a pass over it. Kernels that can also write to memory that exists take a [`Target`].
#![allow(unsafe_code)] // a vector is given the length of what has been written

use crate::simd::vectorized;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Values that are overwritten, of a vector that exists or of a new one.
pub(crate) trait Target<'a>: Sized + Send {
    fn len(&self) -> usize;

    /// Takes the first `length` values out of it.
    fn take(&mut self, length: usize) -> Self;

    /// The values; new ones are 0.
    fn ready(self) -> &'a mut [f32];

    /// The values of several parts; new ones are 0.
    fn all_ready(parts: Vec<Self>) -> Vec<&'a mut [f32]>;

    /// Parts of this length; the last one may be shorter.
    fn parts(mut self, length: usize) -> Vec<Self> {
        let length = length.max(1);
        let parts = (0..self.len().div_ceil(length)).map(|_| {
            let next = self.len().min(length);
            self.take(next)
        });
        parts.collect()
    }
}

impl<'a> Target<'a> for &'a mut [f32] {
    fn len(&self) -> usize {
        <[f32]>::len(self)
    }

    fn take(&mut self, length: usize) -> Self {
        let (own, rest) = std::mem::take(self).split_at_mut(length);
        *self = rest;
        own
    }

    fn ready(self) -> Self {
        self
    }

    fn all_ready(parts: Vec<Self>) -> Vec<Self> {
        parts
    }
}

impl<'a> Target<'a> for Unwritten<'a> {
    fn len(&self) -> usize {
        self.values.len()
    }

    fn take(&mut self, length: usize) -> Self {
        let (values, rest) = std::mem::take(&mut self.values).split_at_mut(length);
        self.values = rest;
        Self {
            values,
            cleared: self.cleared,
        }
    }

    fn ready(self) -> &'a mut [f32] {
        self.clear()
    }

    fn all_ready(parts: Vec<Self>) -> Vec<&'a mut [f32]> {
        Self::clear_all(parts)
    }
}

/// A part of a new vector.
pub(crate) struct Unwritten<'a> {
    values: &'a mut [MaybeUninit<f32>],
    /// Number of values of the whole vector that have been cleared or written.
    cleared: &'a AtomicUsize,
}

impl<'a> Unwritten<'a> {
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// Parts of this length; the last one may be shorter.
    pub(crate) fn chunks(self, length: usize) -> impl ExactSizeIterator<Item = Self> {
        let Self { values, cleared } = self;
        let parts = values.chunks_mut(length.max(1));
        parts.map(move |values| Self { values, cleared })
    }

    /// The values, set to 0.
    pub(crate) fn clear(self) -> &'a mut [f32] {
        self.cleared.fetch_add(self.len(), Ordering::Relaxed);
        zeroed(self.values)
    }

    /// The values of several parts, set to 0. They are counted together: parts may be small and threads many.
    pub(crate) fn clear_all(parts: Vec<Self>) -> Vec<&'a mut [f32]> {
        for of_vector in parts.chunk_by(|a, b| std::ptr::eq(a.cleared, b.cleared)) {
            let values = of_vector.iter().map(Self::len).sum();
            of_vector[0].cleared.fetch_add(values, Ordering::Relaxed);
        }
        parts.into_iter().map(|part| zeroed(part.values)).collect()
    }
}

impl Unwritten<'_> {
    /// Writes the values of a function at those of other slices, one for each part, without clearing the parts.
    ///
    /// # Panics
    /// If the lengths differ, or the parts are not of one vector, which would be bugs.
    #[inline(always)]
    pub(crate) fn map_all<'x>(
        parts: Vec<Self>,
        from: impl Iterator<Item = &'x [f32]>,
        function: impl Fn(f32) -> f32 + Copy,
    ) {
        let Some(counter) = parts.first().map(|part| part.cleared) else {
            return;
        };
        let mut written = 0;
        for (part, from) in parts.into_iter().zip(from) {
            let to = part.values;
            assert!(std::ptr::eq(counter, part.cleared) && to.len() == from.len());
            written += to.len();
            vectorized!(for (to, from) in to.iter_mut().zip(from) {
                to.write(function(*from));
            });
        }
        counter.fetch_add(written, Ordering::Relaxed);
    }
}

fn zeroed(values: &mut [MaybeUninit<f32>]) -> &mut [f32] {
    values.fill(MaybeUninit::new(0.0));
    // SAFETY: all values of the slice have just been written, and `MaybeUninit<f32>` has the layout of `f32`.
    unsafe { &mut *(std::ptr::from_mut(values) as *mut [f32]) }
}

/// A vector of this length. `write` divides it, and clears or writes every part.
///
/// # Panics
/// If a part was not, which is a bug.
pub(crate) fn fresh(length: usize, write: impl FnOnce(Unwritten<'_>)) -> Vec<f32> {
    let mut values = Vec::with_capacity(length);
    let cleared = AtomicUsize::new(0);
    write(Unwritten {
        values: &mut values.spare_capacity_mut()[..length],
        cleared: &cleared,
    });
    assert_eq!(cleared.into_inner(), length, "values of a new vector");
    // SAFETY: the capacity is at least `length`. Parts do not overlap, and each can be cleared or written only once, so
    // that as many values as there are were written, hence all. Threads that cleared some have been waited for, since their parts
    // borrow the vector.
    unsafe { values.set_len(length) };
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use rayon::prelude::*;

    #[test]
    fn parts_are_zero_until_they_are_written() {
        for length in [0, 1, 1000] {
            let values = fresh(length, |all| {
                let parts: Vec<_> = all.chunks(7).collect();
                parts.into_par_iter().enumerate().for_each(|(i, part)| {
                    let part = if i == 0 {
                        Unwritten::clear_all(vec![part]).remove(0)
                    } else {
                        part.clear()
                    };
                    assert!(part.iter().all(|value| *value == 0.0));
                    part.iter_mut()
                        .step_by(2)
                        .for_each(|value| *value = i as f32);
                });
            });
            let expected = |i: usize| if (i % 7).is_multiple_of(2) { i / 7 } else { 0 };
            let expected: Vec<f32> = (0..length).map(|i| expected(i) as f32).collect();
            assert_eq!(values, expected);
        }
    }

    #[test]
    fn parts_are_the_values_of_a_function() {
        let from: Vec<f32> = (0..100).map(|value| value as f32).collect();
        let squares = fresh(100, |all| {
            let parts = all.chunks(33).collect();
            Unwritten::map_all(parts, from.chunks(33), |value| value * value);
        });
        let expected: Vec<f32> = from.iter().map(|value| value * value).collect();
        assert_eq!(squares, expected);
    }

    #[test]
    #[should_panic(expected = "values of a new vector")]
    fn a_part_without_values_to_map_is_found() {
        fresh(10, |all| {
            Unwritten::map_all(
                all.chunks(5).collect(),
                [[1.0; 5].as_slice()].into_iter(),
                |value| value,
            );
        });
    }

    #[test]
    #[should_panic(expected = "values of a new vector")]
    fn a_part_that_is_not_cleared_is_found() {
        fresh(10, |all| {
            all.chunks(4).skip(1).for_each(|part| {
                part.clear();
            });
        });
    }
}
