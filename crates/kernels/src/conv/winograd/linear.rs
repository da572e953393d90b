//! The transforms along one axis, on vectors of neighbouring channels. The points of interpolation
//! are 0, 1, -1, 2, -2 and infinity.

use pulp::Simd;

/// A matrix of `OUT` rows and `IN` columns that is applied to `IN` vectors.
pub(super) trait Linear<const IN: usize, const OUT: usize> {
    fn apply<S: Simd>(simd: S, x: [S::f32s; IN]) -> [S::f32s; OUT];
}

/// Bᵀ: of the input's tiles.
pub(super) struct Input;

impl Linear<6, 6> for Input {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, x: [S::f32s; 6]) -> [S::f32s; 6] {
        let (minus_four, minus_five) = (simd.splat_f32s(-4.0), simd.splat_f32s(-5.0));
        let (two, four) = (simd.splat_f32s(2.0), simd.splat_f32s(4.0));
        let even = simd.mul_add_f32s(minus_four, x[2], x[4]);
        let odd = simd.mul_add_f32s(minus_four, x[1], x[3]);
        let even_far = simd.sub_f32s(x[4], x[2]);
        let odd_far = simd.mul_f32s(two, simd.sub_f32s(x[3], x[1]));
        [
            simd.mul_add_f32s(four, x[0], simd.mul_add_f32s(minus_five, x[2], x[4])),
            simd.add_f32s(even, odd),
            simd.sub_f32s(even, odd),
            simd.add_f32s(even_far, odd_far),
            simd.sub_f32s(even_far, odd_far),
            simd.mul_add_f32s(four, x[1], simd.mul_add_f32s(minus_five, x[3], x[5])),
        ]
    }
}

/// Aᵀ: from transformed tiles to the output's.
pub(super) struct Output;

impl Linear<6, 4> for Output {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, x: [S::f32s; 6]) -> [S::f32s; 4] {
        let (two, four) = (simd.splat_f32s(2.0), simd.splat_f32s(4.0));
        let eight = simd.splat_f32s(8.0);
        let (even, odd) = (simd.add_f32s(x[1], x[2]), simd.sub_f32s(x[1], x[2]));
        let (even_far, odd_far) = (simd.add_f32s(x[3], x[4]), simd.sub_f32s(x[3], x[4]));
        [
            simd.add_f32s(simd.add_f32s(x[0], even), even_far),
            simd.mul_add_f32s(two, odd_far, odd),
            simd.mul_add_f32s(four, even_far, even),
            simd.mul_add_f32s(eight, odd_far, simd.add_f32s(odd, x[5])),
        ]
    }
}

/// A: of the tiles of the output's gradient.
pub(super) struct OutputGradient;

impl Linear<4, 6> for OutputGradient {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, x: [S::f32s; 4]) -> [S::f32s; 6] {
        let (two, four) = (simd.splat_f32s(2.0), simd.splat_f32s(4.0));
        let (even, odd) = (simd.add_f32s(x[0], x[2]), simd.add_f32s(x[1], x[3]));
        let even_far = simd.mul_add_f32s(four, x[2], x[0]);
        let odd_far = simd.mul_f32s(two, simd.mul_add_f32s(four, x[3], x[1]));
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

/// G: of the weights.
pub(super) struct Weights;

impl Linear<3, 6> for Weights {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, x: [S::f32s; 3]) -> [S::f32s; 6] {
        let quarter = simd.splat_f32s(1.0 / 4.0);
        let (sixth, minus_sixth) = (simd.splat_f32s(1.0 / 6.0), simd.splat_f32s(-1.0 / 6.0));
        let (twelfth, twenty_fourth) = (simd.splat_f32s(1.0 / 12.0), simd.splat_f32s(1.0 / 24.0));
        let ends = simd.add_f32s(x[0], x[2]);
        let far = simd.mul_add_f32s(sixth, x[2], simd.mul_f32s(twenty_fourth, x[0]));
        let middle = simd.mul_f32s(twelfth, x[1]);
        [
            simd.mul_f32s(quarter, x[0]),
            simd.mul_f32s(minus_sixth, simd.add_f32s(ends, x[1])),
            simd.mul_f32s(minus_sixth, simd.sub_f32s(ends, x[1])),
            simd.add_f32s(far, middle),
            simd.sub_f32s(far, middle),
            x[2],
        ]
    }
}

/// Gᵀ: from the gradients of the transformed weights to the weights'.
pub(super) struct WeightGradient;

impl Linear<6, 3> for WeightGradient {
    #[inline(always)]
    fn apply<S: Simd>(simd: S, x: [S::f32s; 6]) -> [S::f32s; 3] {
        let quarter = simd.splat_f32s(1.0 / 4.0);
        let (sixth, minus_sixth) = (simd.splat_f32s(1.0 / 6.0), simd.splat_f32s(-1.0 / 6.0));
        let (twelfth, twenty_fourth) = (simd.splat_f32s(1.0 / 12.0), simd.splat_f32s(1.0 / 24.0));
        let near = simd.mul_f32s(minus_sixth, simd.add_f32s(x[1], x[2]));
        let far = simd.add_f32s(x[3], x[4]);
        let odd = simd.mul_f32s(sixth, simd.sub_f32s(x[2], x[1]));
        [
            simd.mul_add_f32s(quarter, x[0], simd.mul_add_f32s(twenty_fourth, far, near)),
            simd.mul_add_f32s(twelfth, simd.sub_f32s(x[3], x[4]), odd),
            simd.add_f32s(simd.mul_add_f32s(sixth, far, near), x[5]),
        ]
    }
}
