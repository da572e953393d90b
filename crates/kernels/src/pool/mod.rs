//! Max pooling. In general the backward pass compares each window with its output again.

mod square;

pub(crate) use square::{
    forward_with_choices, gradient_of_choices, max_pool_2x2, max_pool_2x2_blocks,
};

use crate::fresh::{Target, fresh};
use crate::output_size::output_size;
use crate::phases::{Phases, Window};
use crate::profile::slice;
use crate::rectifier::Rectifier;
use crate::scratch::with_scratch;
use crate::simd::{select, vectorized};
use crate::threads::per_task;
use rayon::prelude::*;
use std::borrow::Cow;
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
    fresh(sizes.planes * sizes.output[0] * sizes.output[1], |y| {
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
                    max_pool(sizes, x, y);
                }
            }
        });
}

/// The gradient with respect to the input: each window's goes to its maximum, or the first of
/// several. The output is computed again if it is not given.
///
/// # Shapes
/// - `x`: `[planes, height, width]`
/// - `y`, `grad`: `[planes, output height, output width]`
/// - result: as `x`
pub(crate) fn input_gradient(
    sizes: &PoolSizes,
    x: &[f32],
    y: Option<&[f32]>,
    grad: &[f32],
) -> Vec<f32> {
    if sizes.options.is_2x2() {
        return gradient_of_choices(sizes, &forward_with_choices(sizes, x).1, grad);
    }
    let y = y.map_or_else(|| forward(sizes, x).into(), Cow::Borrowed);
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
                max_pool_gradient(sizes, x, y, grad, dx);
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
