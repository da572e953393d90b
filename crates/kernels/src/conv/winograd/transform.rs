//! The transforms of input, weight and output tiles, on vectors of neighbouring channels: along one
//! axis ([`Linear`]), and along both axes of many tiles ([`transform`]).
//!
//! The interpolation points are 0, ±3/4, ±3/2 and infinity. The factors of Aᵀ and Bᵀ are then exact
//! in 32-bit floats and close to 1, which reduces rounding errors to a quarter of those with the
//! common points 0, ±1, ±2.
#![allow(unsafe_code)] // the bounds are checked once per tile and vector of channels

use super::LANES;
use pulp::{Simd, WithSimd};
use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// The points and their powers.
const A: f32 = 0.75;
const B: f32 = 1.5;
const A2: f32 = A * A;
const B2: f32 = B * B;

/// An `OUT` by `IN` matrix that is applied to `IN` vectors.
pub(super) trait Linear<const IN: usize, const OUT: usize> {
    fn apply<S: Simd>(simd: S, x: [S::f32s; IN]) -> [S::f32s; OUT];
}

/// Bᵀ: transforms input tiles. Its rows are the polynomials that vanish at all points but one.
pub(super) struct InputTransform;

impl Linear<6, 6> for InputTransform {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, x: [S::f32s; 6]) -> [S::f32s; 6] {
        let (minus_a2, minus_b2) = (simd.splat_f32s(-A2), simd.splat_f32s(-B2));
        let (product, minus_sum) = (simd.splat_f32s(A2 * B2), simd.splat_f32s(-A2 - B2));
        let even = simd.mul_add_f32s(minus_b2, x[2], x[4]);
        let odd = simd.mul_add_f32s(minus_b2, x[1], x[3]);
        let odd = simd.mul_f32s(simd.splat_f32s(A), odd);
        let even_far = simd.mul_add_f32s(minus_a2, x[2], x[4]);
        let odd_far = simd.mul_add_f32s(minus_a2, x[1], x[3]);
        let odd_far = simd.mul_f32s(simd.splat_f32s(B), odd_far);
        [
            simd.mul_add_f32s(product, x[0], simd.mul_add_f32s(minus_sum, x[2], x[4])),
            simd.add_f32s(even, odd),
            simd.sub_f32s(even, odd),
            simd.add_f32s(even_far, odd_far),
            simd.sub_f32s(even_far, odd_far),
            simd.mul_add_f32s(product, x[1], simd.mul_add_f32s(minus_sum, x[3], x[5])),
        ]
    }
}

/// Aᵀ: transforms products back to output tiles. Its columns are the powers of the points.
pub(super) struct OutputTransform;

impl Linear<6, 4> for OutputTransform {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, x: [S::f32s; 6]) -> [S::f32s; 4] {
        let (a, b) = (simd.splat_f32s(A), simd.splat_f32s(B));
        let (a2, b2) = (simd.splat_f32s(A2), simd.splat_f32s(B2));
        let (a3, b3) = (simd.splat_f32s(A * A2), simd.splat_f32s(B * B2));
        let (even, odd) = (simd.add_f32s(x[1], x[2]), simd.sub_f32s(x[1], x[2]));
        let (even_far, odd_far) = (simd.add_f32s(x[3], x[4]), simd.sub_f32s(x[3], x[4]));
        [
            simd.add_f32s(simd.add_f32s(x[0], even), even_far),
            simd.mul_add_f32s(b, odd_far, simd.mul_f32s(a, odd)),
            simd.mul_add_f32s(b2, even_far, simd.mul_f32s(a2, even)),
            simd.mul_add_f32s(b3, odd_far, simd.mul_add_f32s(a3, odd, x[5])),
        ]
    }
}

/// A: transforms tiles of the output gradient.
pub(super) struct OutputGradient;

impl Linear<4, 6> for OutputGradient {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, x: [S::f32s; 4]) -> [S::f32s; 6] {
        let (a, b) = (simd.splat_f32s(A), simd.splat_f32s(B));
        let (a2, b2) = (simd.splat_f32s(A2), simd.splat_f32s(B2));
        let even = simd.mul_add_f32s(a2, x[2], x[0]);
        let odd = simd.mul_f32s(a, simd.mul_add_f32s(a2, x[3], x[1]));
        let even_far = simd.mul_add_f32s(b2, x[2], x[0]);
        let odd_far = simd.mul_f32s(b, simd.mul_add_f32s(b2, x[3], x[1]));
        [
            x[0],
            simd.add_f32s(even, odd),
            simd.sub_f32s(even, odd),
            simd.add_f32s(even_far, odd_far),
            simd.sub_f32s(even_far, odd_far),
            x[3],
        ]
    }
}

/// The factors of G: for the point 0, and for the powers 0, 1 and 2 of ±3/4 and ±3/2. Each is the
/// power divided by the product of the distances to the other points.
const G_ZERO: f32 = 64.0 / 81.0;
const G_A: [f32; 3] = [-128.0 / 243.0, -32.0 / 81.0, -8.0 / 27.0];
const G_B: [f32; 3] = [32.0 / 243.0, 16.0 / 81.0, 8.0 / 27.0];

/// G: transforms the weights.
pub(super) struct WeightTransform;

impl Linear<3, 6> for WeightTransform {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, x: [S::f32s; 3]) -> [S::f32s; 6] {
        let even = simd.mul_f32s(simd.splat_f32s(G_A[2]), x[2]);
        let even = simd.mul_add_f32s(simd.splat_f32s(G_A[0]), x[0], even);
        let odd = simd.mul_f32s(simd.splat_f32s(G_A[1]), x[1]);
        let even_far = simd.mul_f32s(simd.splat_f32s(G_B[2]), x[2]);
        let even_far = simd.mul_add_f32s(simd.splat_f32s(G_B[0]), x[0], even_far);
        let odd_far = simd.mul_f32s(simd.splat_f32s(G_B[1]), x[1]);
        [
            simd.mul_f32s(simd.splat_f32s(G_ZERO), x[0]),
            simd.add_f32s(even, odd),
            simd.sub_f32s(even, odd),
            simd.add_f32s(even_far, odd_far),
            simd.sub_f32s(even_far, odd_far),
            x[2],
        ]
    }
}

/// Gᵀ: transforms the gradients of the transformed weights back to those of the weights.
pub(super) struct WeightGradient;

impl Linear<6, 3> for WeightGradient {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, x: [S::f32s; 6]) -> [S::f32s; 3] {
        let (even, odd) = (simd.add_f32s(x[1], x[2]), simd.sub_f32s(x[1], x[2]));
        let (even_far, odd_far) = (simd.add_f32s(x[3], x[4]), simd.sub_f32s(x[3], x[4]));
        let zero = simd.mul_f32s(simd.splat_f32s(G_ZERO), x[0]);
        let first = simd.mul_add_f32s(simd.splat_f32s(G_A[0]), even, zero);
        let second = simd.mul_f32s(simd.splat_f32s(G_A[1]), odd);
        let third = simd.mul_add_f32s(simd.splat_f32s(G_A[2]), even, x[5]);
        [
            simd.mul_add_f32s(simd.splat_f32s(G_B[0]), even_far, first),
            simd.mul_add_f32s(simd.splat_f32s(G_B[1]), odd_far, second),
            simd.mul_add_f32s(simd.splat_f32s(G_B[2]), even_far, third),
        ]
    }
}

/// The memory layout of tiles: element `(i, j)` of a tile is `i * row + j * column` after its first
/// element. Each element is a run of neighbouring channels.
#[derive(Clone, Copy)]
pub(super) struct Strides {
    /// Number of tiles per line.
    pub(super) per_line: usize,
    /// Distance between lines of tiles.
    pub(super) line: usize,
    /// Distance between horizontally adjacent tiles.
    pub(super) tile: usize,
    /// Distance between the rows of a tile.
    pub(super) row: usize,
    /// Distance between the columns of a tile.
    pub(super) column: usize,
}

impl Strides {
    /// Tiles in a single line.
    pub(super) fn in_line(tile: usize, row: usize, column: usize) -> Self {
        Self {
            per_line: 1,
            line: tile,
            tile: 0,
            row,
            column,
        }
    }

    /// The places of the tiles' first elements, in order.
    #[inline(always)]
    fn places(self) -> Places {
        Places {
            strides: self,
            column: 0,
            line: 0,
        }
    }

    /// Number of values from a tile's first one to its last, if it has `side` rows and columns of vectors of `lanes`.
    #[inline(always)]
    fn span(&self, side: usize, lanes: usize) -> usize {
        // A wrapped number would pass the check of the bounds.
        let lines = self.row.saturating_add(self.column);
        (side - 1).saturating_mul(lines).saturating_add(lanes)
    }
}

/// The places of the tiles' first elements, without a division for each.
struct Places {
    strides: Strides,
    /// The next tile's column.
    column: usize,
    /// Where the next tile's line begins.
    line: usize,
}

impl Places {
    #[inline(always)]
    fn next(&mut self) -> usize {
        if self.column == self.strides.per_line {
            self.column = 0;
            self.line += self.strides.line;
        }
        let place = self.line + self.column * self.strides.tile;
        self.column += 1;
        place
    }
}

/// Applies `T` to the rows and columns of `tiles` tiles with `lanes` channels each, a multiple of
/// [`LANES`].
pub(super) fn transform<T: Linear<IN, OUT>, const IN: usize, const OUT: usize>(
    tiles: usize,
    lanes: usize,
    source: &[f32],
    from: Strides,
    target: &mut [f32],
    to: Strides,
) {
    debug_assert_eq!(lanes % LANES, 0);
    pulp::Arch::new().dispatch(Tiles::<T, IN, OUT> {
        tiles,
        lanes,
        source,
        from,
        target,
        to,
        transform: PhantomData,
    });
}

struct Tiles<'a, T, const IN: usize, const OUT: usize> {
    tiles: usize,
    lanes: usize,
    source: &'a [f32],
    from: Strides,
    target: &'a mut [f32],
    to: Strides,
    transform: PhantomData<T>,
}

impl<T: Linear<IN, OUT>, const IN: usize, const OUT: usize> WithSimd for Tiles<'_, T, IN, OUT> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let zero = simd.splat_f32s(0.0);
        let (mut from, mut to) = (self.from.places(), self.to.places());
        let spans = [
            self.from.span(IN, S::F32_LANES),
            self.to.span(OUT, S::F32_LANES),
        ];
        for _ in 0..self.tiles {
            let (from, to) = (from.next(), to.next());
            for lane in (0..self.lanes).step_by(S::F32_LANES) {
                let source = &self.source[from + lane..][..spans[0]];
                let target = &mut self.target[to + lane..][..spans[1]];
                // Columns first: `half[j]` is column `j`, transformed. Loops instead of closures,
                // because functions called from a closure would not be compiled for the processor's
                // instructions.
                let mut half = [const { MaybeUninit::<[S::f32s; OUT]>::uninit() }; IN];
                for (j, half) in half.iter_mut().enumerate() {
                    let mut column = [zero; IN];
                    for (i, value) in column.iter_mut().enumerate() {
                        let at = i * self.from.row + j * self.from.column;
                        // SAFETY: `i` and `j` are at most `IN - 1`, so that a vector from here on ends within the
                        // span, which is the slice's length.
                        *value =
                            unsafe { source.as_ptr().add(at).cast::<S::f32s>().read_unaligned() };
                    }
                    half.write(T::apply(simd, column));
                }
                for i in 0..OUT {
                    let mut row = [zero; IN];
                    for (value, half) in row.iter_mut().zip(&half) {
                        // SAFETY: the loop above has written all of them.
                        *value = unsafe { half.assume_init_ref() }[i];
                    }
                    for (j, value) in T::apply(simd, row).into_iter().enumerate() {
                        let at = i * self.to.row + j * self.to.column;
                        // SAFETY: as above, with `OUT` rows and columns.
                        unsafe {
                            target
                                .as_mut_ptr()
                                .add(at)
                                .cast::<S::f32s>()
                                .write_unaligned(value)
                        };
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::Scalar;

    /// `Aᵀ [(G w) ⊙ (Bᵀ d)]` is the sliding product of `w` and `d`.
    #[test]
    fn four_outputs_come_from_six_products() {
        let (d, w) = ([0.5, -1.0, 2.0, 3.0, -0.25, 1.5], [2.0, -0.5, 1.0]);
        let (transformed, weights) = (
            InputTransform::apply(Scalar, d),
            WeightTransform::apply(Scalar, w),
        );
        let mut products = [0.0; 6];
        for (i, product) in products.iter_mut().enumerate() {
            *product = transformed[i] * weights[i];
        }
        for (i, y) in OutputTransform::apply(Scalar, products)
            .into_iter()
            .enumerate()
        {
            let expected: f32 = (0..3).map(|tap| d[i + tap] * w[tap]).sum();
            assert!(
                (y - expected).abs() < 1e-5,
                "output {i}: {y}, not {expected}"
            );
        }
    }

    /// `<A g, m> = <g, Aᵀ m>` and `<Gᵀ u, w> = <u, G w>`.
    #[test]
    fn gradients_are_the_transposes() {
        let six = [1.0, -2.0, 0.5, 3.0, -1.5, 0.25];
        let (four, three) = ([2.0, -1.0, 0.75, 4.0], [1.0, -3.0, 0.5]);
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let one = dot(&OutputGradient::apply(Scalar, four), &six);
        let other = dot(&four, &OutputTransform::apply(Scalar, six));
        assert!((one - other).abs() < 1e-4, "{one}, not {other}");
        let one = dot(&WeightGradient::apply(Scalar, six), &three);
        let other = dot(&six, &WeightTransform::apply(Scalar, three));
        assert!((one - other).abs() < 1e-5, "{one}, not {other}");
    }
}
