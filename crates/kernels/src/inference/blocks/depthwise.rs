//! Depthwise convolution of blocks of channels: neighbouring channels are computed together.
#![allow(unsafe_code)] // the bounds of a row of windows are checked once, before the loops

use super::layout::BLOCK;
use crate::conv::{ConvSizes, take_from_each};
use crate::ending::Ending;
use crate::product::{load, rectified};
use crate::threads::{CHUNK, each};
use pulp::{Arch, Simd, WithSimd};
use std::ops::Range;

/// A depthwise convolution with packed weights.
#[derive(Debug, Clone)]
pub(crate) struct BlockDepthwise {
    /// `[channels / 16, kernel height, kernel width, 16]`.
    weights: Vec<f32>,
    /// `[channels]`, padded to whole blocks.
    bias: Vec<f32>,
}

impl BlockDepthwise {
    /// `None` if such a convolution is not supported. `bias` is padded to whole blocks.
    pub(crate) fn new(sizes: &ConvSizes, weight: &[f32], bias: &[f32]) -> Option<Self> {
        let channels = sizes.options.groups;
        if !sizes.is_depthwise() {
            return None;
        }
        let taps = sizes.kernel[0] * sizes.kernel[1];
        let mut weights = vec![0.0; channels.next_multiple_of(BLOCK) * taps];
        for (channel, weight) in weight.chunks_exact(taps).enumerate() {
            let block = &mut weights[channel / BLOCK * taps * BLOCK + channel % BLOCK..];
            for (to, from) in block.iter_mut().step_by(BLOCK).zip(weight) {
                *to = *from;
            }
        }
        Some(Self {
            weights,
            bias: bias.to_vec(),
        })
    }

    /// The convolution of every image, plus bias and `added`, then the rectifier and the ending.
    ///
    /// # Shapes
    /// - `x`: `[images, channels / 16, height, width, 16]`
    /// - `y`, `added`, a mask: the same with the output's height and width
    pub(crate) fn forward(
        &self,
        sizes: &ConvSizes,
        x: &[f32],
        added: Option<&[f32]>,
        ending: Option<Ending<'_>>,
        y: &mut [f32],
    ) {
        let [height, width] = sizes.output;
        let from = sizes.input[0] * sizes.input[1] * BLOCK;
        let to = height * width * BLOCK;
        let blocks = self.bias.len() / BLOCK;
        let taps = sizes.kernel[0] * sizes.kernel[1] * BLOCK;
        let line = width * BLOCK;
        // Rows per task.
        let rows = (CHUNK / line.max(1)).clamp(1, height.max(1));
        let mut tasks = Vec::with_capacity(y.len() / (rows * line).max(1) + 1);
        for (image, y) in y.chunks_exact_mut((blocks * to).max(1)).enumerate() {
            let mut planes: Vec<&mut [f32]> = y.chunks_exact_mut(to.max(1)).collect();
            for first in (0..height).step_by(rows) {
                let length = rows.min(height - first) * line;
                let of_band = take_from_each(&mut planes, length).into_iter().enumerate();
                tasks.extend(of_band.map(|(block, y)| (image * blocks + block, first, y)));
            }
        }
        each(
            tasks,
            CHUNK / to.max(1),
            |(block, first, y): (_, _, &mut [f32])| {
                Arch::new().dispatch(Rows {
                    sizes,
                    x: &x[block * from..][..from],
                    weights: &self.weights[block % blocks * taps..][..taps],
                    bias: &self.bias[block % blocks * BLOCK..][..BLOCK],
                    added: added.map(|added| &added[block * to + first * line..][..y.len()]),
                    first,
                    y: &mut *y,
                });
                if let Some(ending) = ending {
                    ending.apply(block * to + first * line, y);
                }
            },
        );
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

/// The distances between neighbouring outputs.
#[derive(Clone, Copy)]
struct Steps {
    /// Between the first values of their windows.
    from: usize,
    /// In the output.
    to: usize,
}

impl Rows<'_> {
    #[inline(always)]
    fn run<S: Simd, const STRIDE: usize>(mut self, simd: S) {
        let [down, right] = self.sizes.options.strides;
        let width = self.sizes.output[1];
        let count = self.y.len() / (width * BLOCK).max(1);
        let [rows, columns] = [self.inside(0), self.inside(1)];
        // Of these rows, those whose windows are within the input's rows.
        let [top, bottom] = [rows.start, rows.end].map(|row| row.saturating_sub(self.first));
        let (top, bottom) = (top.min(count), bottom.min(count));
        let all = self.sizes.kernel.map(|taps| 0..taps);
        let [across, along] = [
            Steps {
                from: right * BLOCK,
                to: BLOCK,
            },
            Steps {
                from: down * self.sizes.input[1] * BLOCK,
                to: width * BLOCK,
            },
        ];
        for lane in (0..BLOCK).step_by(S::F32_LANES) {
            for row in 0..count {
                let taps = [self.taps(0, self.first + row), all[1].clone()];
                let mut column = columns.start;
                while column < columns.end {
                    let (left, at) = (columns.end - column, [row, column]);
                    column += self.some::<S, STRIDE>(simd, left, at, &taps, lane, across);
                }
            }
            // The others column by column, so that neighbours have the same taps.
            for column in (0..columns.start).chain(columns.end..width) {
                let taps = self.taps(1, column);
                for row in (0..top).chain(bottom..count) {
                    let taps = [self.taps(0, self.first + row), taps.clone()];
                    self.outputs::<S, 1, ANY>(simd, [row, column], &taps, lane, along);
                }
                let taps = [all[0].clone(), taps];
                let mut row = top;
                while row < bottom {
                    let (left, at) = (bottom - row, [row, column]);
                    row += self.some::<S, ANY>(simd, left, at, &taps, lane, along);
                }
            }
        }
    }

    /// Computes as many of `left` outputs as possible at a time; returns their number.
    #[inline(always)]
    fn some<S: Simd, const STRIDE: usize>(
        &mut self,
        simd: S,
        left: usize,
        at: [usize; 2],
        taps: &[Range<usize>; 2],
        lane: usize,
        steps: Steps,
    ) -> usize {
        match left {
            OUTPUTS.. => self.outputs::<S, OUTPUTS, STRIDE>(simd, at, taps, lane, steps),
            4.. => self.outputs::<S, 4, STRIDE>(simd, at, taps, lane, steps),
            2.. => self.outputs::<S, 2, STRIDE>(simd, at, taps, lane, steps),
            _ => self.outputs::<S, 1, STRIDE>(simd, at, taps, lane, steps),
        }
    }

    /// The output rows (axis 0) or columns whose windows are within the input's.
    #[inline(always)]
    fn inside(&self, axis: usize) -> Range<usize> {
        let ConvSizes {
            input,
            output,
            kernel,
            options,
            ..
        } = self.sizes;
        let (stride, before) = (options.strides[axis], options.padding[axis]);
        let from = before.div_ceil(stride).min(output[axis]);
        let span = (kernel[axis] - 1) * options.dilation[axis] + 1;
        let until = (input[axis] + before)
            .checked_sub(span)
            .map_or(0, |last| last / stride + 1);
        from..until.clamp(from, output[axis])
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
        [rows, columns]: &[Range<usize>; 2],
        lane: usize,
        steps: Steps,
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
        let step = match STRIDE {
            ANY => steps.from,
            _ => STRIDE * BLOCK,
        };
        let mut sums = [simd.splat_f32s(0.0); R];
        for tap_row in rows.clone() {
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
            let at = to + r * steps.to..to + r * steps.to + S::F32_LANES;
            let mut value = simd.add_f32s(sum, bias);
            if let Some(added) = self.added {
                value = simd.add_f32s(value, load(simd, &added[at.clone()]));
            }
            if options.rectifier.is_some() {
                value = rectified(simd, value, bounds);
            }
            if let ([target], []) = S::as_mut_simd_f32s(&mut self.y[at]) {
                *target = value;
            }
        }
        R
    }
}
