//! Max pooling. For the backward pass it keeps which value of each window is the largest: less memory than the input and
//! the output, which can be freed.

mod choices;
mod square;
mod tap;
mod windows;

pub(crate) use choices::Choices;
pub(crate) use square::{max_pool_2x2, max_pool_2x2_blocks};

use crate::fresh::{Target, fresh};
use crate::output_size::output_size;
use crate::phases::{Phases, Window};
use crate::profile::slice;
use crate::rectifier::Rectifier;
use crate::simd::vectorized;
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
    let length = sizes.planes * sizes.output[0] * sizes.output[1];
    if x.is_empty() {
        return vec![0.0; length];
    }
    fresh(length, |y| {
        forward_into(sizes, x, y);
    })
}

/// Like [`forward`], writing to `y`.
pub(crate) fn forward_into<'a>(sizes: &PoolSizes, x: &[f32], y: impl Target<'a>) {
    let [height, width] = sizes.input;
    let [out_height, out_width] = sizes.output;
    let planes = per_task(height * width);
    y.parts(out_height * out_width * planes)
        .into_par_iter()
        .zip(x.par_chunks((height * width * planes).max(1)))
        .for_each(|(y, x)| {
            let _slice = slice();
            let planes = y.ready().chunks_exact_mut(out_height * out_width);
            for (y, x) in planes.zip(x.chunks_exact(height * width)) {
                if sizes.options.is_2x2() {
                    vectorized!(max_pool_2x2(width, x, y, sizes.options.rectifier));
                } else {
                    windows::max_pool(sizes, x, y);
                }
            }
        });
}

/// The gradient with respect to the input: each window's goes to its maximum, or the first of
/// several.
///
/// # Shapes
/// - `x`: `[planes, height, width]`
/// - `grad`: `[planes, output height, output width]`
/// - result: as `x`
pub(crate) fn input_gradient(sizes: &PoolSizes, x: &[f32], grad: &[f32]) -> Vec<f32> {
    Choices::of(sizes, x).1.gradient(sizes, grad)
}

/// The larger of two values, or NaN if either is.
#[inline(always)]
pub(crate) fn larger(a: f32, b: f32) -> f32 {
    if (b > a) | b.is_nan() { b } else { a }
}

/// Whether the later of two values is the first largest, or the first NaN.
#[inline(always)]
fn is_later(earlier: f32, later: f32) -> bool {
    (later > earlier) | (later.is_nan() & !earlier.is_nan())
}
