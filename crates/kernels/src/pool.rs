//! Max pooling. The backward pass finds each window's largest value again instead of remembering
//! where it was: two floats are nearer than an index of eight bytes.

use crate::lanes::{kept, vectorised};
use crate::slide::places;
use rayon::prelude::*;

/// How a max pool moves over its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPool2dOptions {
    /// The window's height and width.
    pub kernel_size: [usize; 2],
    /// Rows and columns that the window moves.
    pub strides: [usize; 2],
    /// Places at the top, left, bottom and right that are never the largest.
    pub padding: [usize; 4],
    /// Rows and columns between neighbouring taps.
    pub dilation: [usize; 2],
    /// Whether negative values become 0, as by a ReLU before the pool. After it there are fewer.
    pub relu: bool,
}

impl MaxPool2dOptions {
    /// Windows of 2x2 that lie side by side, and perhaps a ReLU.
    pub fn halving(relu: bool) -> Self {
        Self {
            kernel_size: [2, 2],
            strides: [2, 2],
            padding: [0; 4],
            dilation: [1, 1],
            relu,
        }
    }

    /// Whether these are the options of [`halving`](Self::halving): the usual pool, which is the fastest.
    pub fn is_halving(&self) -> bool {
        *self == Self::halving(self.relu)
    }
}

/// The sizes of one pooling.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PoolSizes {
    pub(crate) planes: usize,
    pub(crate) input: [usize; 2],
    pub(crate) output: [usize; 2],
    options: MaxPool2dOptions,
}

impl PoolSizes {
    /// # Panics
    /// When the window is larger than the padded input, as burn's own pooling does.
    pub(crate) fn new(
        [images, channels, height, width]: [usize; 4],
        options: MaxPool2dOptions,
    ) -> Self {
        let input = [height, width];
        let MaxPool2dOptions {
            kernel_size,
            strides,
            padding,
            dilation,
            ..
        } = options;
        Self {
            planes: images * channels,
            input,
            output: places(input, kernel_size, strides, padding, dilation),
            options,
        }
    }

    /// The gradient that the ReLU of an output lets through.
    #[inline(always)]
    fn passed(&self, grad: f32, output: f32) -> f32 {
        kept(grad, !self.options.relu | (output > 0.0))
    }

    /// The input indices of the window at `place` along an axis, without those in the padding.
    fn taps(&self, place: usize, axis: usize) -> impl Iterator<Item = usize> + Clone + use<> {
        let (dilation, before) = (self.options.dilation[axis], self.options.padding[axis]);
        let (first, n) = (place * self.options.strides[axis], self.input[axis]);
        (0..self.options.kernel_size[axis])
            .map(move |tap| (first + tap * dilation).wrapping_sub(before))
            .filter(move |index| *index < n)
    }
}

/// # Shapes
/// - `x`: `[planes, height, width]`
/// - output: `[planes, output height, output width]`
pub(crate) fn forward(sizes: &PoolSizes, x: &[f32]) -> Vec<f32> {
    let [height, width] = sizes.input;
    let [out_height, out_width] = sizes.output;
    let mut y = vec![0.0; sizes.planes * out_height * out_width];
    y.par_chunks_mut((out_height * out_width * group(sizes)).max(1))
        .zip(x.par_chunks(height * width * group(sizes)))
        .for_each(|(y, x)| {
            let planes = y.chunks_exact_mut(out_height * out_width);
            for (y, x) in planes.zip(x.chunks_exact(height * width)) {
                if sizes.options.is_halving() {
                    vectorised(|| halve(width, x, y, sizes.options.relu));
                } else {
                    for (place, largest) in y.iter_mut().enumerate() {
                        let place = [place / out_width, place % out_width];
                        let values = window(sizes, place).map(|at| x[at]);
                        let value = values.fold(f32::NEG_INFINITY, larger);
                        *largest = followed(value, sizes.options.relu);
                    }
                }
            }
        });
    y
}

/// The gradient with respect to the input: each window's goes to the first of its largest values.
///
/// # Shapes
/// - `x`: `[planes, height, width]`
/// - `y`, `grad`: `[planes, output height, output width]`
/// - result: as `x`
pub(crate) fn input_gradient(sizes: &PoolSizes, x: &[f32], y: &[f32], grad: &[f32]) -> Vec<f32> {
    let [height, width] = sizes.input;
    let [out_height, out_width] = sizes.output;
    let mut dx = vec![0.0; sizes.planes * height * width];
    let (plane, map) = (height * width, out_height * out_width);
    dx.par_chunks_mut((plane * group(sizes)).max(1))
        .enumerate()
        .for_each(|(part, dx)| {
            for (i, dx) in dx.chunks_exact_mut(plane).enumerate() {
                let i = part * group(sizes) + i;
                let x = &x[i * plane..][..plane];
                let y = &y[i * map..][..map];
                let grad = &grad[i * map..][..map];
                if sizes.options.is_halving() {
                    vectorised(|| spread(sizes, x, y, grad, dx));
                } else {
                    for (place, (y, grad)) in y.iter().zip(grad).enumerate() {
                        let grad = sizes.passed(*grad, *y);
                        let mut places = window(sizes, [place / out_width, place % out_width]);
                        if let Some(at) = places.find(|at| is_largest(x[*at], *y)) {
                            dx[at] += grad;
                        }
                    }
                }
            }
        });
    dx
}

/// Planes that one thread takes at a time.
fn group(sizes: &PoolSizes) -> usize {
    (1 << 14) / (sizes.input[0] * sizes.input[1]).max(1) + 1
}

/// The places of one window in its plane, row by row.
fn window(sizes: &PoolSizes, [y, x]: [usize; 2]) -> impl Iterator<Item = usize> + use<> {
    let width = sizes.input[1];
    let columns = sizes.taps(x, 1);
    sizes
        .taps(y, 0)
        .flat_map(move |row| columns.clone().map(move |column| row * width + column))
}

/// The larger of two; what is no number stays, so that a diverged run shows.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if (b > a) | b.is_nan() { b } else { a }
}

#[inline(always)]
fn is_largest(value: f32, largest: f32) -> bool {
    (value == largest) | value.is_nan()
}

/// By the ReLU, where there is one. What is no number stays.
#[inline(always)]
fn followed(value: f32, relu: bool) -> f32 {
    if relu & (value < 0.0) { 0.0 } else { value }
}

/// Pools whole rows of `width` values, at least two, by windows of 2x2; a last odd row or column is in
/// none.
#[inline(always)]
pub(crate) fn halve(width: usize, x: &[f32], y: &mut [f32], relu: bool) {
    let rows = x.chunks_exact(2 * width);
    for (rows, y) in rows.zip(y.chunks_exact_mut(width / 2)) {
        let (upper, lower) = rows.split_at(width);
        let windows = upper.chunks_exact(2).zip(lower.chunks_exact(2));
        for (y, (a, b)) in y.iter_mut().zip(windows) {
            *y = followed(larger(larger(a[0], a[1]), larger(b[0], b[1])), relu);
        }
    }
}

#[inline(always)]
fn spread(sizes: &PoolSizes, x: &[f32], y: &[f32], grad: &[f32], dx: &mut [f32]) {
    let (width, out_width) = (sizes.input[1], sizes.output[1]);
    let rows = y.chunks_exact(out_width).zip(grad.chunks_exact(out_width));
    for (row, (y, grad)) in rows.enumerate() {
        let (upper, lower) = x[2 * row * width..].split_at(width);
        let (dx_upper, dx_lower) = dx[2 * row * width..].split_at_mut(width);
        let values = 2 * out_width;
        let x = [upper, &lower[..values]];
        let dx = [dx_upper, &mut dx_lower[..values]];
        match out_width {
            8.. => spread_row::<8, 16>(sizes, x, y, grad, dx),
            4.. => spread_row::<4, 8>(sizes, x, y, grad, dx),
            _ => spread_row::<1, 2>(sizes, x, y, grad, dx),
        }
    }
}

/// `N` windows at a time, of `M = 2 N` columns. The last ones may have been done before, which does not
/// change them.
#[inline(always)]
fn spread_row<const N: usize, const M: usize>(
    sizes: &PoolSizes,
    [upper, lower]: [&[f32]; 2],
    y: &[f32],
    grad: &[f32],
    [dx_upper, dx_lower]: [&mut [f32]; 2],
) {
    let mut first = 0;
    while first < y.len() {
        first = first.min(y.len() - N);
        let columns = 2 * first..2 * first + M;
        let (y, grad) = (&y[first..first + N], &grad[first..first + N]);
        let mut through = [0.0; N];
        for i in 0..N {
            through[i] = sizes.passed(grad[i], y[i]);
        }
        let largest = twice::<N, M>(y);
        let upper = are_largest::<M>(&upper[columns.clone()], &largest);
        let lower = are_largest::<M>(&lower[columns.clone()], &largest);
        let (upper_twins, lower_twins) = (twins(upper), twins(lower));
        let grad = twice::<N, M>(&through);
        let dx_upper = &mut dx_upper[columns.clone()];
        let dx_lower = &mut dx_lower[columns];
        // The first of the largest gets it all.
        for i in 0..M {
            let right = (i as u32 % 2).wrapping_neg();
            let keep_upper = upper[i] & !(upper_twins[i] & right);
            let above = upper[i] | upper_twins[i];
            let keep_lower = lower[i] & !(above | (lower_twins[i] & right));
            dx_upper[i] = f32::from_bits(grad[i].to_bits() & keep_upper);
            dx_lower[i] = f32::from_bits(grad[i].to_bits() & keep_lower);
        }
        first += N;
    }
}

/// Each value two times.
#[inline(always)]
fn twice<const N: usize, const M: usize>(values: &[f32]) -> [f32; M] {
    let mut twice = [0.0; M];
    for i in 0..N {
        twice[2 * i] = values[i];
        twice[2 * i + 1] = values[i];
    }
    twice
}

/// All bits where the value is the largest of its window, or no number.
#[inline(always)]
fn are_largest<const M: usize>(values: &[f32], largest: &[f32; M]) -> [u32; M] {
    let mut are = [0; M];
    for i in 0..M {
        are[i] = u32::from(is_largest(values[i], largest[i])).wrapping_neg();
    }
    are
}

/// The masks of the window's other column.
#[inline(always)]
fn twins<const M: usize>(masks: [u32; M]) -> [u32; M] {
    let mut twins = [0; M];
    for i in 0..M {
        twins[i] = masks[i ^ 1];
    }
    twins
}
