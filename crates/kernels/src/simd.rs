//! Loops that the compiler vectorises with the processor's widest instructions.

/// Evaluates an expression that is compiled for several instruction sets (AVX-512, AVX2, NEON,
/// ...), one of which is selected at run time. Functions called in it must be inlined to benefit.
/// Variables are moved into it.
macro_rules! vectorized {
    ($work:expr) => {
        // A closure that is not inlined would be compiled for a generic processor; and behind a reference, values
        // might change with each one that a loop writes, which can keep the compiler from vectorising it.
        $crate::simd::on_widest_vectors(
            #[inline(always)]
            move || $work,
        )
    };
}
pub(crate) use vectorized;

/// What [`vectorized!`] expands to.
#[inline(always)]
pub(crate) fn on_widest_vectors<R>(work: impl FnOnce() -> R) -> R {
    struct Work<F>(F);
    impl<R, F: FnOnce() -> R> pulp::WithSimd for Work<F> {
        type Output = R;
        #[inline(always)]
        fn with_simd<S: pulp::Simd>(self, _simd: S) -> R {
            (self.0)()
        }
    }
    pulp::Arch::new().dispatch(Work(work))
}

/// `value` if `keep`, else 0. Has no branch, which would be mispredicted half of the time in loops
/// over gradients, and no product, which would turn infinity into NaN.
#[inline(always)]
pub(crate) fn select(value: f32, keep: bool) -> f32 {
    f32::from_bits(value.to_bits() & u32::from(keep).wrapping_neg())
}

/// `sums += values`, element by element.
#[inline(always)]
pub(crate) fn add(sums: &mut [f32], values: &[f32]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += *value;
    }
}

/// Copies every `step`th value, as far as there are any.
#[inline(always)]
pub(crate) fn copy_steps(to: &mut [f32], from: &[f32], step: usize) {
    match step {
        1 => {
            let length = to.len().min(from.len());
            to[..length].copy_from_slice(&from[..length]);
        }
        2 => {
            // The compiler turns loops over pairs into shuffles, but not those over steps.
            let (pairs, last) = from.as_chunks::<2>();
            for (to, pair) in to.iter_mut().zip(pairs) {
                *to = pair[0];
            }
            if let (Some(to), Some(last)) = (to.get_mut(pairs.len()), last.first()) {
                *to = *last;
            }
        }
        _ => {
            for (to, from) in to.iter_mut().zip(from.iter().step_by(step)) {
                *to = *from;
            }
        }
    }
}

/// Copies the values to every `step`th place, as far as there are any; the transpose of [`copy_steps`].
#[inline(always)]
pub(crate) fn place_steps(to: &mut [f32], from: &[f32], step: usize) {
    if step == 1 {
        let length = to.len().min(from.len());
        to[..length].copy_from_slice(&from[..length]);
        return;
    }
    for (to, from) in to.iter_mut().step_by(step).zip(from) {
        *to = *from;
    }
}

/// Copies `even` to the places 0, 2, ... and `odd` to 1, 3, ..., as far as there are any.
#[inline(always)]
pub(crate) fn interleave(to: &mut [f32], even: &[f32], odd: &[f32]) {
    let both = even.len().min(odd.len()).min(to.len() / 2);
    let (pairs, rest) = to.split_at_mut(2 * both);
    // The compiler turns loops over pairs into shuffles, but not those over steps.
    let (pairs, _) = pairs.as_chunks_mut::<2>();
    for ((pair, even), odd) in pairs.iter_mut().zip(even).zip(odd) {
        *pair = [*even, *odd];
    }
    place_steps(rest, &even[both..], 2);
    place_steps(rest.get_mut(1..).unwrap_or_default(), &odd[both..], 2);
}

/// The sum of the products, accumulated in the lanes of vector registers, always in the same order.
#[inline(always)]
pub(crate) fn dot(left: &[f32], right: &[f32]) -> f32 {
    const LANES: usize = 32;
    let mut lanes = [0.0; LANES];
    let length = left.len().min(right.len());
    let ((left, last), (right, last_right)) = (
        left[..length].as_chunks::<LANES>(),
        right[..length].as_chunks::<LANES>(),
    );
    for (left, right) in left.iter().zip(right) {
        for ((sum, left), right) in lanes.iter_mut().zip(left).zip(right) {
            *sum += *left * *right;
        }
    }
    for ((sum, left), right) in lanes.iter_mut().zip(last).zip(last_right) {
        *sum += *left * *right;
    }
    lanes.iter().sum()
}

/// The sum of all values, accumulated in the lanes of vector registers, always in the same order.
#[inline(always)]
pub(crate) fn total(values: &[f32]) -> f32 {
    const LANES: usize = 32;
    let mut lanes = [0.0; LANES];
    let (whole, rest) = values.split_at(values.len() - values.len() % LANES);
    for values in whole.chunks_exact(LANES) {
        add(&mut lanes, values);
    }
    lanes.iter().chain(rest).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_are_not_selected_are_zero_even_infinity_and_nan() {
        for value in [1.5, -0.0, f32::INFINITY, f32::NAN] {
            assert_eq!(select(value, false).to_bits(), 0);
            assert_eq!(select(value, true).to_bits(), value.to_bits());
        }
    }

    #[test]
    fn copies_of_every_step_as_far_as_values_reach() {
        let from: Vec<f32> = (0..75).map(|value| value as f32).collect();
        for step in 1..4 {
            for (length, count) in [(0, 4), (1, 1), (40, 9), (74, 40), (75, 40), (75, 75)] {
                let mut copy = vec![-1.0; count];
                let (to, from) = (copy.as_mut_slice(), &from[..length]);
                vectorized!(copy_steps(to, from, step));
                for (i, value) in copy.into_iter().enumerate() {
                    let is_copied = i * step < length;
                    let expected = if is_copied { (i * step) as f32 } else { -1.0 };
                    assert_eq!(value, expected, "step {step}, {length} values, index {i}");
                }
            }
        }
    }

    #[test]
    fn values_are_placed_as_far_as_there_are_places() {
        let values: Vec<f32> = (0..60).map(|value| value as f32).collect();
        for (length, evens, odds) in [
            (0, 1, 1),
            (1, 1, 1),
            (7, 4, 3),
            (80, 40, 40),
            (80, 60, 9),
            (80, 9, 60),
        ] {
            let (even, odd) = (&values[..evens], &values[..odds]);
            let mut apart = vec![-1.0; length];
            let mut together = apart.clone();
            place_steps(&mut apart, even, 2);
            place_steps(apart.get_mut(1..).unwrap_or_default(), odd, 2);
            let to = together.as_mut_slice();
            vectorized!(interleave(to, even, odd));
            assert_eq!(together, apart, "{length} {evens} {odds}");
            for (i, value) in apart.into_iter().enumerate() {
                let count = if i % 2 == 0 { evens } else { odds };
                let expected = if i / 2 < count { (i / 2) as f32 } else { -1.0 };
                assert_eq!(value, expected);
            }
        }
    }

    #[test]
    fn totals_of_any_length() {
        for length in [0, 1, 31, 32, 33, 100] {
            let values: Vec<f32> = (0..length).map(|value| value as f32).collect();
            let sum = vectorized!(total(&values));
            assert_eq!(sum, (length * length.max(1) - length) as f32 / 2.0);
        }
    }
}
