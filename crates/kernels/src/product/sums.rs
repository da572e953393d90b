//! The innermost loop of a product: the sums of a block.
#![allow(unsafe_code)] // the bounds are checked once, before the loop

use super::factors::ROWS;
use crate::prefetch::prefetch;
use pulp::Simd;
use std::mem::MaybeUninit;

/// Maximum number of rows of a block.
const MAX_ROWS: usize = 14;

/// `R` rows of a left factor.
pub(super) trait Factor<const R: usize>: Copy {
    /// Whether each row has at least `depth` values.
    fn reaches(&self, depth: usize) -> bool;
    /// The value of a row at one position of the depth.
    ///
    /// # Safety
    /// `row` must be below `R`, and `k` below a depth that [`reaches`](Self::reaches) has confirmed.
    unsafe fn value(&self, row: usize, k: usize) -> f32;
}

/// [`ROWS`] interleaved rows, beginning with the first one needed.
#[derive(Clone, Copy)]
pub(super) struct InterleavedRows<'a>(pub(super) &'a [f32]);

impl<const R: usize> Factor<R> for InterleavedRows<'_> {
    #[inline(always)]
    fn reaches(&self, depth: usize) -> bool {
        depth == 0 || (depth - 1) * ROWS + R <= self.0.len()
    }

    #[inline(always)]
    unsafe fn value(&self, row: usize, k: usize) -> f32 {
        // SAFETY: the caller guarantees `row < R` and `k < depth` for a depth that `reaches` has confirmed, so the
        // index is at most `(depth - 1) * ROWS + R - 1`, which is within the slice.
        unsafe { *self.0.get_unchecked(k * ROWS + row) }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Lines<'a, const R: usize>(pub(super) [&'a [f32]; R]);

impl<const R: usize> Factor<R> for Lines<'_, R> {
    #[inline(always)]
    fn reaches(&self, depth: usize) -> bool {
        self.0.iter().all(|line| line.len() >= depth)
    }

    #[inline(always)]
    unsafe fn value(&self, row: usize, k: usize) -> f32 {
        // SAFETY: the caller guarantees `row < R`, and `k < depth` for a depth that `reaches` has compared with the
        // length of every row.
        unsafe { *self.0.get_unchecked(row).get_unchecked(k) }
    }
}

/// Some columns of a right factor.
#[derive(Clone, Copy)]
pub(super) struct Columns<'a, const V: usize> {
    /// For each vector, the values from its first column on.
    pub(super) values: [&'a [f32]; V],
    /// The distance between rows.
    pub(super) line: usize,
    /// Number of columns that exist.
    pub(super) count: usize,
    /// The distance to columns that are read next, whose rows are far apart, so that the processor does not foresee
    /// them; or 0.
    pub(super) next: usize,
}

/// The sums over `depth` products of `R` rows and `V` vectors of columns, of which `count` columns exist (all of
/// them if `WHOLE`).
///
/// Checked indexing gives the loop so many exits that the compiler keeps half of the sums in memory, which halves
/// its speed. Hence all bounds are checked before the loop.
#[inline(always)]
pub(super) fn sums<S: Simd, L: Factor<R>, const R: usize, const V: usize, const WHOLE: bool>(
    simd: S,
    left: L,
    Columns {
        values: right,
        line,
        count,
        next,
    }: Columns<'_, V>,
    depth: usize,
) -> [[S::f32s; V]; R] {
    const { assert!(R <= MAX_ROWS) }
    let zeros = [simd.splat_f32s(0.0); V];
    if depth == 0 {
        return [zeros; R];
    }
    assert!(left.reaches(depth), "a product's left factor is too short");
    assert!(!WHOLE || count == V * S::F32_LANES);
    for (v, right) in right.iter().enumerate() {
        let of_vector = count.saturating_sub(v * S::F32_LANES).min(S::F32_LANES);
        assert!(
            of_vector == 0 || (depth - 1) * line + of_vector <= right.len(),
            "a product's right factor is too short"
        );
    }
    // One variable for each of up to `MAX_ROWS` rows, since the compiler keeps large arrays in memory.
    macro_rules! with_rows {
        ($($row:literal $sum:ident)*) => {{
            $(let mut $sum = zeros;)*
            for k in 0..depth {
                let mut columns = zeros;
                if next > 0 {
                    for right in right {
                        prefetch(right, k * line + next);
                    }
                }
                for v in 0..V {
                    let at = v * S::F32_LANES;
                    if WHOLE {
                        // SAFETY: with `WHOLE`, each vector has `F32_LANES` values, and `k * line + F32_LANES <=
                        // (depth - 1) * line + F32_LANES <= right[v].len()`, as asserted above; the read may be
                        // unaligned, and every bit pattern is a valid float.
                        columns[v] = unsafe {
                            let values = right[v].as_ptr().add(k * line);
                            values.cast::<S::f32s>().read_unaligned()
                        };
                    } else if at < count {
                        let values = &right[v][k * line..];
                        columns[v] = simd.partial_load_f32s(&values[..S::F32_LANES.min(count - at)]);
                    }
                }
                $(if $row < R {
                    // SAFETY: the row is below `R`, `k < depth`, and `left.reaches(depth)` was asserted above.
                    let value = simd.splat_f32s(unsafe { left.value($row, k) });
                    for v in 0..V {
                        $sum[v] = simd.mul_add_f32s(value, columns[v], $sum[v]);
                    }
                })*
            }
            // An array of zeros would be written before the sums are.
            let mut sums = [const { MaybeUninit::<[S::f32s; V]>::uninit() }; R];
            $(if $row < R {
                sums[$row].write($sum);
            })*
            // SAFETY: each of the `R` elements was written above, since there are `MAX_ROWS` variables and `R` is
            // not larger; `MaybeUninit` has the layout of its content.
            unsafe { sums.as_ptr().cast::<[[S::f32s; V]; R]>().read() }
        }};
    }
    with_rows!(0 s0 1 s1 2 s2 3 s3 4 s4 5 s5 6 s6 7 s7 8 s8 9 s9 10 s10 11 s11 12 s12 13 s13)
}
