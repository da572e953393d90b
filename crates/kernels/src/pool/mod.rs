//! Max pooling. The backward pass compares each window with its output again instead of storing the
//! index of the maximum: two floats need less memory traffic than an eight-byte index.

use crate::fresh::fresh;
use crate::output_size::output_size;
use crate::phases::{Phases, Window};
use crate::profile::slice;
use crate::rectifier::Rectifier;
use crate::scratch::with_scratch;
use crate::simd::{select, vectorized};
use crate::threads::per_task;
use rayon::prelude::*;
use std::ops::Range;

/// The options of a max pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPool2dOptions {
    /// The window's height and width.
    pub kernel_size: [usize; 2],
    /// Vertical and horizontal stride.
    pub strides: [usize; 2],
    /// Rows and columns of negative infinity at the top, left, bottom and right.
    pub padding: [usize; 4],
    /// Vertical and horizontal dilation.
    pub dilation: [usize; 2],
    /// Applied after pooling; equivalent to applying it before, but on fewer values.
    pub rectifier: Rectifier,
}

impl MaxPool2dOptions {
    /// 2x2 pooling with stride 2, without padding.
    pub fn new_2x2(rectifier: Rectifier) -> Self {
        Self {
            kernel_size: [2, 2],
            strides: [2, 2],
            padding: [0; 4],
            dilation: [1, 1],
            rectifier,
        }
    }

    /// Whether these are the options of [`new_2x2`](Self::new_2x2), which has the fastest code.
    pub fn is_2x2(&self) -> bool {
        *self == Self::new_2x2(self.rectifier)
    }
}

/// The sizes of one max pool.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PoolSizes {
    /// Images times channels.
    pub(crate) planes: usize,
    pub(crate) input: [usize; 2],
    pub(crate) output: [usize; 2],
    pub(crate) options: MaxPool2dOptions,
}

impl PoolSizes {
    /// # Panics
    /// If the window is larger than the padded input, as in burn's own pooling.
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
            output: output_size(input, kernel_size, strides, padding, dilation),
            options,
        }
    }

    /// The input rows (axis 0) or columns of an output's window, without those in the padding: the
    /// first, and the end; they are as far apart as the dilation.
    #[inline(always)]
    pub(crate) fn taps(&self, axis: usize, output: usize) -> Range<usize> {
        let Self { input, options, .. } = self;
        let (dilation, before) = (options.dilation[axis], options.padding[axis]);
        let at = output * options.strides[axis];
        let first = at + before.saturating_sub(at).div_ceil(dilation) * dilation - before;
        let last = at + (options.kernel_size[axis] - 1) * dilation;
        first..(last + 1).saturating_sub(before).min(input[axis])
    }

    fn phases(&self) -> Phases {
        let [top, left, ..] = self.options.padding;
        Phases::new(Window {
            input: self.input,
            output: self.output,
            kernel: self.options.kernel_size,
            strides: self.options.strides,
            dilation: self.options.dilation,
            before: [top, left],
        })
    }
}

/// The largest value of each window.
///
/// # Shapes
/// - `x`: `[planes, height, width]`
/// - output: `[planes, output height, output width]`
pub(crate) fn forward(sizes: &PoolSizes, x: &[f32]) -> Vec<f32> {
    let mut y = vec![0.0; sizes.planes * sizes.output[0] * sizes.output[1]];
    forward_into(sizes, x, &mut y);
    y
}

/// Like [`forward`], writing to `y`.
pub(crate) fn forward_into(sizes: &PoolSizes, x: &[f32], y: &mut [f32]) {
    let [height, width] = sizes.input;
    let [out_height, out_width] = sizes.output;
    let planes = per_task(height * width);
    y.par_chunks_mut((out_height * out_width * planes).max(1))
        .zip(x.par_chunks((height * width * planes).max(1)))
        .for_each(|(y, x)| {
            let _slice = slice();
            let planes = y.chunks_exact_mut(out_height * out_width);
            for (y, x) in planes.zip(x.chunks_exact(height * width)) {
                if sizes.options.is_2x2() {
                    vectorized!(max_pool_2x2(width, x, y, sizes.options.rectifier));
                } else {
                    max_pool(sizes, x, y);
                }
            }
        });
}

/// The gradient with respect to the input: each window's goes to its maximum, or the first of
/// several.
///
/// # Shapes
/// - `x`: `[planes, height, width]`
/// - `y`, `grad`: `[planes, output height, output width]`
/// - result: as `x`
pub(crate) fn input_gradient(sizes: &PoolSizes, x: &[f32], y: &[f32], grad: &[f32]) -> Vec<f32> {
    let [height, width] = sizes.input;
    let [out_height, out_width] = sizes.output;
    let (plane, map) = (height * width, out_height * out_width);
    fresh(sizes.planes * plane, |dx| {
        let planes = per_task(plane);
        let parts: Vec<_> = dx.chunks(plane * planes).collect();
        parts.into_par_iter().enumerate().for_each(|(part, dx)| {
            let _slice = slice();
            for (i, dx) in dx.clear().chunks_exact_mut(plane).enumerate() {
                let i = part * planes + i;
                let x = &x[i * plane..][..plane];
                let y = &y[i * map..][..map];
                let grad = &grad[i * map..][..map];
                if sizes.options.is_2x2() {
                    vectorized!(max_pool_2x2_gradient(sizes, x, y, grad, dx));
                } else {
                    max_pool_gradient(sizes, x, y, grad, dx);
                }
            }
        });
    })
}

/// One plane of [`forward`], tap by tap: keeps each output's maximum so far.
fn max_pool(sizes: &PoolSizes, x: &[f32], y: &mut [f32]) {
    let layout = sizes.phases();
    with_scratch(layout.padded() + layout.span(), |scratch| {
        let (phases, largest) = scratch.split_at_mut(layout.padded());
        layout.split(x, f32::NEG_INFINITY, phases);
        largest.fill(f32::NEG_INFINITY);
        for shift in layout.shifts() {
            let (largest, values) = (&mut *largest, &phases[shift..][..layout.span()]);
            vectorized!({
                for (largest, value) in largest.iter_mut().zip(values) {
                    *largest = larger(*largest, *value);
                }
            });
        }
        layout.gather(largest, y);
    });
    let rectifier = sizes.options.rectifier;
    if rectifier.is_some() {
        vectorized!({
            for y in y {
                *y = rectifier.of(*y);
            }
        });
    }
}

/// One plane of [`input_gradient`], tap by tap: an output's gradient goes to the first tap that
/// equals the output, and is then set to 0.
fn max_pool_gradient(sizes: &PoolSizes, x: &[f32], y: &[f32], grad: &[f32], dx: &mut [f32]) {
    let layout = sizes.phases();
    let (padded, span) = (layout.padded(), layout.span());
    with_scratch(2 * (padded + span), |scratch| {
        let (phases, scratch) = scratch.split_at_mut(padded);
        let (gradients, scratch) = scratch.split_at_mut(padded);
        let (largest, left) = scratch.split_at_mut(span);
        layout.split(x, f32::NEG_INFINITY, phases);
        gradients.fill(0.0);
        largest.fill(0.0);
        layout.spread(y, largest);
        // The surplus columns of each row have no gradient.
        left.fill(0.0);
        layout.spread(grad, left);
        let largest = &*largest;
        {
            let (rectifier, left) = (sizes.options.rectifier, &mut *left);
            vectorized!({
                for (left, y) in left.iter_mut().zip(largest) {
                    *left = rectifier.gradient(*left, *y);
                }
            });
        }
        for shift in layout.shifts() {
            let values = &phases[shift..][..span];
            let (left, gradients) = (&mut *left, &mut gradients[shift..][..span]);
            vectorized!({
                let outputs = left.iter_mut().zip(largest);
                for (((left, y), value), gradient) in outputs.zip(values).zip(gradients) {
                    let here = is_largest(*value, *y);
                    *gradient += select(*left, here);
                    *left = select(*left, !here);
                }
            });
        }
        layout.join(gradients, dx);
    });
}

/// The larger of two values, or NaN if either is.
#[inline(always)]
pub(crate) fn larger(a: f32, b: f32) -> f32 {
    if (b > a) | b.is_nan() { b } else { a }
}

#[inline(always)]
fn is_largest(value: f32, largest: f32) -> bool {
    (value == largest) | value.is_nan()
}

/// 2x2 pooling with stride 2 over whole rows of `width` values; `width` is at least 2, and an odd
/// last row or column is ignored.
///
/// # Shapes
/// - `x`: `[height, width]`
/// - `y`: `[height / 2, width / 2]`
#[inline(always)]
pub(crate) fn max_pool_2x2(width: usize, x: &[f32], y: &mut [f32], rectifier: Rectifier) {
    let rows = x.chunks_exact(2 * width);
    for (rows, y) in rows.zip(y.chunks_exact_mut(width / 2)) {
        let rows = rows.split_at(width);
        match y.len() {
            8.. => max_pool_2x2_row::<8, 16>(rows, y, rectifier),
            4.. => max_pool_2x2_row::<4, 8>(rows, y, rectifier),
            _ => max_pool_2x2_row::<1, 2>(rows, y, rectifier),
        }
    }
}

/// One row of windows, `N` at a time, which read `M = 2 N` columns. The last `N` may overlap those
/// before, whose outputs are then written twice with the same values.
#[inline(always)]
fn max_pool_2x2_row<const N: usize, const M: usize>(
    (upper, lower): (&[f32], &[f32]),
    y: &mut [f32],
    rectifier: Rectifier,
) {
    let mut first = 0;
    while first < y.len() {
        first = first.min(y.len() - N);
        let columns = 2 * first..2 * first + M;
        let (upper, lower) = (&upper[columns.clone()], &lower[columns]);
        let mut largest = [0.0; M];
        for i in 0..M {
            largest[i] = larger(upper[i], lower[i]);
        }
        let y = &mut y[first..first + N];
        for i in 0..N {
            y[i] = rectifier.of(larger(largest[2 * i], largest[2 * i + 1]));
        }
        first += N;
    }
}

/// 2x2 pooling with stride 2 of `BLOCK` channels of each position; `finish(channel, largest)` is the
/// output. An odd last row or column is ignored.
///
/// # Shapes
/// - `x`: `[height, from, BLOCK]`
/// - `y`: `[height / 2, to, BLOCK]`, where `to` is at most `from / 2`
#[inline(always)]
pub(crate) fn max_pool_2x2_blocks<const BLOCK: usize>(
    [from, to]: [usize; 2],
    x: &[f32],
    y: &mut [f32],
    finish: impl Fn(usize, f32) -> f32,
) {
    let rows = x.chunks_exact(2 * from * BLOCK);
    for (y, x) in y.chunks_exact_mut(to * BLOCK).zip(rows) {
        let (upper, lower) = x.split_at(from * BLOCK);
        let windows = upper
            .chunks_exact(2 * BLOCK)
            .zip(lower.chunks_exact(2 * BLOCK));
        for (y, (upper, lower)) in y.chunks_exact_mut(BLOCK).zip(windows) {
            for i in 0..BLOCK {
                let left = larger(upper[i], lower[i]);
                let right = larger(upper[BLOCK + i], lower[BLOCK + i]);
                y[i] = finish(i, larger(left, right));
            }
        }
    }
}

/// [`input_gradient`] of one plane for [`max_pool_2x2`].
#[inline(always)]
fn max_pool_2x2_gradient(sizes: &PoolSizes, x: &[f32], y: &[f32], grad: &[f32], dx: &mut [f32]) {
    let (width, out_width) = (sizes.input[1], sizes.output[1]);
    let rows = y.chunks_exact(out_width).zip(grad.chunks_exact(out_width));
    for (row, (y, grad)) in rows.enumerate() {
        let (upper, lower) = x[2 * row * width..].split_at(width);
        let (dx_upper, dx_lower) = dx[2 * row * width..].split_at_mut(width);
        let values = 2 * out_width;
        let x = [upper, &lower[..values]];
        let dx = [dx_upper, &mut dx_lower[..values]];
        match out_width {
            8.. => max_pool_2x2_gradient_row::<8, 16>(sizes, x, y, grad, dx),
            4.. => max_pool_2x2_gradient_row::<4, 8>(sizes, x, y, grad, dx),
            _ => max_pool_2x2_gradient_row::<1, 2>(sizes, x, y, grad, dx),
        }
    }
}

/// One row of windows, `N` at a time, which read `M = 2 N` columns. The last `N` may overlap those
/// before, whose gradients are then written twice with the same values.
#[inline(always)]
fn max_pool_2x2_gradient_row<const N: usize, const M: usize>(
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
        let mut passed = [0.0; N];
        for i in 0..N {
            passed[i] = sizes.options.rectifier.gradient(grad[i], y[i]);
        }
        let largest = twice::<N, M>(y);
        let upper = are_largest::<M>(&upper[columns.clone()], &largest);
        let lower = are_largest::<M>(&lower[columns.clone()], &largest);
        let (beside_upper, beside_lower) = (other_columns(upper), other_columns(lower));
        let grad = twice::<N, M>(&passed);
        let dx_upper = &mut dx_upper[columns.clone()];
        let dx_lower = &mut dx_lower[columns];
        // The first of several equal maxima gets the whole gradient.
        for i in 0..M {
            let right = (i as u32 % 2).wrapping_neg();
            let keep_upper = upper[i] & !(beside_upper[i] & right);
            let above = upper[i] | beside_upper[i];
            let keep_lower = lower[i] & !(above | (beside_lower[i] & right));
            dx_upper[i] = f32::from_bits(grad[i].to_bits() & keep_upper);
            dx_lower[i] = f32::from_bits(grad[i].to_bits() & keep_lower);
        }
        first += N;
    }
}

/// Repeats each value twice.
#[inline(always)]
fn twice<const N: usize, const M: usize>(values: &[f32]) -> [f32; M] {
    let mut twice = [0.0; M];
    for i in 0..N {
        twice[2 * i] = values[i];
        twice[2 * i + 1] = values[i];
    }
    twice
}

/// A mask with all bits set where the value is the maximum of its window, or NaN.
#[inline(always)]
fn are_largest<const M: usize>(values: &[f32], largest: &[f32; M]) -> [u32; M] {
    let mut are = [0; M];
    for i in 0..M {
        are[i] = u32::from(is_largest(values[i], largest[i])).wrapping_neg();
    }
    are
}

/// Swaps the masks of each window's two columns.
#[inline(always)]
fn other_columns<const M: usize>(masks: [u32; M]) -> [u32; M] {
    let mut others = [0; M];
    for i in 0..M {
        others[i] = masks[i ^ 1];
    }
    others
}
