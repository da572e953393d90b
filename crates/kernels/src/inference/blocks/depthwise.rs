//! Depthwise convolution of blocks of channels: neighbouring channels are computed together.
#![allow(unsafe_code)] // the bounds of a row of windows are checked once, before the loops

use super::layout::BLOCK;
use crate::conv::ConvSizes;
use crate::product::{load, rectified};
use crate::rectifier::Rectifier;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;
use std::ops::Range;

/// A depthwise convolution with packed weights.
#[derive(Debug, Clone)]
pub(crate) struct BlockDepthwise {
    /// `[channels / 16, kernel height, kernel width, 16]`.
    weights: Vec<f32>,
    /// `[channels]`, padded to whole blocks.
    bias: Vec<f32>,
}

/// Number of values per task.
const VALUES_PER_TASK: usize = 1 << 14;

impl BlockDepthwise {
    /// `None` if such a convolution is not supported.
    pub(crate) fn new(sizes: &ConvSizes, weight: &[f32], bias: Option<&[f32]>) -> Option<Self> {
        let channels = sizes.options.groups;
        if sizes.channels != 1 || sizes.filters != 1 || channels == 1 {
            return None;
        }
        let taps = sizes.kernel[0] * sizes.kernel[1];
        let padded = channels.next_multiple_of(BLOCK);
        let (mut weights, mut all) = (vec![0.0; padded * taps], vec![0.0; padded]);
        for (channel, weight) in weight.chunks_exact(taps).enumerate() {
            let block = &mut weights[channel / BLOCK * taps * BLOCK + channel % BLOCK..];
            for (to, from) in block.iter_mut().step_by(BLOCK).zip(weight) {
                *to = *from;
            }
        }
        for (to, from) in all.iter_mut().zip(bias.unwrap_or_default()) {
            *to = *from;
        }
        Some(Self { weights, bias: all })
    }

    /// The convolution of every image, plus bias and `added`, then the rectifier.
    ///
    /// # Shapes
    /// - `x`: `[images, channels / 16, height, width, 16]`
    /// - `y`, `added`: the same with the output's height and width
    pub(crate) fn forward(
        &self,
        sizes: &ConvSizes,
        x: &[f32],
        added: Option<&[f32]>,
        y: &mut [f32],
    ) {
        let [height, width] = sizes.output;
        let from = sizes.input[0] * sizes.input[1] * BLOCK;
        let to = height * width * BLOCK;
        let blocks = self.bias.len() / BLOCK;
        let taps = sizes.kernel[0] * sizes.kernel[1] * BLOCK;
        let line = width * BLOCK;
        // Rows per task.
        let rows = (VALUES_PER_TASK / line.max(1)).clamp(1, height.max(1));
        let bands = height.div_ceil(rows);
        let mut tasks = Vec::with_capacity(y.len() / (rows * line).max(1) + 1);
        for (block, y) in y.chunks_exact_mut(to.max(1)).enumerate() {
            let each = y.chunks_mut((rows * line).max(1)).enumerate();
            tasks.extend(each.map(|(band, y)| (block * bands + band, y)));
        }
        let tasks = tasks
            .into_par_iter()
            .with_min_len(VALUES_PER_TASK / to.max(1));
        tasks.for_each(|(task, y)| {
            let (block, first) = (task / bands, task % bands * rows);
            Arch::new().dispatch(Rows {
                sizes,
                x: &x[block * from..][..from],
                weights: &self.weights[block % blocks * taps..][..taps],
                bias: &self.bias[block % blocks * BLOCK..][..BLOCK],
                added: added.map(|added| &added[block * to + first * line..][..y.len()]),
                first,
                y,
            });
        });
    }
}

/// Some output rows of one block of channels.
struct Rows<'a> {
    sizes: &'a ConvSizes,
    x: &'a [f32],
    weights: &'a [f32],
    bias: &'a [f32],
    added: Option<&'a [f32]>,
    /// The first row.
    first: usize,
    y: &'a mut [f32],
}

/// Number of neighbouring outputs computed at a time.
const OUTPUTS: usize = 8;

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // The compiler makes a known distance part of each instruction.
        match self.sizes.options.strides[1] {
            1 => self.run::<S, 1>(simd),
            2 => self.run::<S, 2>(simd),
            _ => self.run::<S, ANY>(simd),
        }
    }
}

/// A horizontal stride that is not known to the compiler.
const ANY: usize = 0;

impl Rows<'_> {
    #[inline(always)]
    fn run<S: Simd, const STRIDE: usize>(mut self, simd: S) {
        let width = self.sizes.output[1];
        let rows = self.y.len() / (width * BLOCK).max(1);
        let inside = self.inside();
        let all = 0..self.sizes.kernel[1];
        for row in 0..rows {
            let taps = self.taps(0, self.first + row);
            for lane in (0..BLOCK).step_by(S::F32_LANES) {
                for column in (0..inside.start).chain(inside.end..width) {
                    let taps = [taps.clone(), self.taps(1, column)];
                    self.outputs::<S, 1, STRIDE>(simd, [row, column], taps, lane);
                }
                let mut column = inside.start;
                while column < inside.end {
                    let (taps, at) = ([taps.clone(), all.clone()], [row, column]);
                    column += match inside.end - column {
                        OUTPUTS.. => self.outputs::<S, OUTPUTS, STRIDE>(simd, at, taps, lane),
                        4.. => self.outputs::<S, 4, STRIDE>(simd, at, taps, lane),
                        2.. => self.outputs::<S, 2, STRIDE>(simd, at, taps, lane),
                        _ => self.outputs::<S, 1, STRIDE>(simd, at, taps, lane),
                    };
                }
            }
        }
    }

    /// The output columns whose windows are within the input's columns.
    #[inline(always)]
    fn inside(&self) -> Range<usize> {
        let ConvSizes {
            input,
            output,
            kernel,
            options,
            ..
        } = self.sizes;
        let (stride, left) = (options.strides[1], options.padding[1]);
        let from = left.div_ceil(stride).min(output[1]);
        let span = (kernel[1] - 1) * options.dilation[1] + 1;
        let until = (input[1] + left)
            .checked_sub(span)
            .map_or(0, |last| last / stride + 1);
        from..until.clamp(from, output[1])
    }

    /// The taps along an axis that are within the input for this output.
    #[inline(always)]
    fn taps(&self, axis: usize, output: usize) -> Range<usize> {
        let ConvSizes {
            input,
            kernel,
            options,
            ..
        } = self.sizes;
        let (dilation, before) = (options.dilation[axis], options.padding[axis]);
        let at = output * options.strides[axis];
        let taps = |values: usize| match dilation {
            1 => values, // a division would take longer than an output
            _ => values.div_ceil(dilation),
        };
        let first = taps(before.saturating_sub(at)).min(kernel[axis]);
        let until = taps((input[axis] + before).saturating_sub(at));
        first..until.clamp(first, kernel[axis])
    }

    /// Computes a vector of channels, from `lane` on, of `R` neighbouring outputs, whose windows have
    /// these rows and columns of taps; returns `R`.
    #[inline(always)]
    fn outputs<S: Simd, const R: usize, const STRIDE: usize>(
        &mut self,
        simd: S,
        [row, column]: [usize; 2],
        [rows, columns]: [Range<usize>; 2],
        lane: usize,
    ) -> usize {
        let ConvSizes {
            input,
            output,
            kernel,
            options,
            ..
        } = *self.sizes;
        let [down, right] = options.strides;
        let [top, left, ..] = options.padding;
        let step = if STRIDE == ANY { right } else { STRIDE } * BLOCK;
        let mut sums = [simd.splat_f32s(0.0); R];
        for tap_row in rows {
            let at = (self.first + row) * down + tap_row * options.dilation[0] - top;
            for tap_column in columns.clone() {
                let from = column * right + tap_column * options.dilation[1] - left;
                let x = &self.x[(at * input[1] + from) * BLOCK + lane..];
                let weight = (tap_row * kernel[1] + tap_column) * BLOCK + lane;
                let weight = load(simd, &self.weights[weight..weight + S::F32_LANES]);
                assert!((R - 1) * step + S::F32_LANES <= x.len());
                for (r, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: `r * step + F32_LANES <= (R - 1) * step + F32_LANES <= x.len()`, as
                    // asserted above; the read may be unaligned, and every bit pattern is a valid
                    // float.
                    let x = unsafe { x.as_ptr().add(r * step).cast::<S::f32s>().read_unaligned() };
                    *sum = simd.mul_add_f32s(weight, x, *sum);
                }
            }
        }
        let bias = load(simd, &self.bias[lane..lane + S::F32_LANES]);
        let to = (row * output[1] + column) * BLOCK + lane;
        let bounds = options.rectifier.bounds();
        for (r, sum) in sums.into_iter().enumerate() {
            let at = to + r * BLOCK..to + r * BLOCK + S::F32_LANES;
            let mut value = simd.add_f32s(sum, bias);
            if let Some(added) = self.added {
                value = simd.add_f32s(value, load(simd, &added[at.clone()]));
            }
            if options.rectifier != Rectifier::None {
                value = rectified(simd, value, bounds);
            }
            if let ([target], []) = S::as_mut_simd_f32s(&mut self.y[at]) {
                *target = value;
            }
        }
        R
    }
}
