//! Depthwise convolution: each channel by itself, with a filter of its own, so that there is no matrix
//! product to make of it.
//!
//! A padded plane is taken apart into `stride` by `stride` planes, its phases: phase `(p, q)` has the
//! values at rows `p`, `p + stride`, ... and columns `q`, `q + stride`, ... Under each tap of the kernel
//! the values for neighbouring outputs are then neighbours in one phase, whatever stride and dilation:
//! the convolution is a sum of shifted copies of phases, its gradients likewise. Rows of outputs are laid
//! as wide as a phase; what is computed for the excess is not looked at.

use super::ConvSizes;
use crate::rectifier::add_bias;
use crate::scratch::with_scratch;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// Whether each group has one channel and one filter.
pub(super) fn applies(sizes: &ConvSizes) -> bool {
    sizes.channels == 1 && sizes.filters == 1 && sizes.options.groups > 1
}

/// Values that one thread takes at a time.
const VALUES_PER_TASK: usize = 1 << 14;
/// Values of the widest vector: what loops go through is padded by as many that are not looked at.
const MAX_LANES: usize = 16;

/// As [`super::forward`].
pub(super) fn forward(
    sizes: &ConvSizes,
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let layout = Layout::new(sizes);
    let (from, to) = (sizes.input_plane(), sizes.output_plane());
    let mut y = vec![0.0; sizes.images * to];
    let planes = planes_per_task(from.max(to));
    y.par_chunks_mut((planes * to).max(1))
        .enumerate()
        .for_each(|(task, y)| {
            with_scratch(layout.padded() + layout.span(), |scratch| {
                let (phases, sums) = scratch.split_at_mut(layout.padded());
                for (i, y) in y.chunks_exact_mut(to).enumerate() {
                    let plane = task * planes + i;
                    layout.split(&x[plane * from..][..from], phases);
                    let taps = layout.taps(sizes.weight_of(weight, plane));
                    correlate(sums, phases, &taps);
                    layout.gather(sums, y);
                    let bias = bias.map_or(0.0, |bias| bias[sizes.group(plane)]);
                    add_bias(y, bias, sizes.options.rectifier);
                }
            });
        });
    y
}

/// As [`super::input_gradient`].
pub(super) fn input_gradient(sizes: &ConvSizes, weight: &[f32], grad: &[f32]) -> Vec<f32> {
    let layout = Layout::new(sizes);
    let (to, from) = (sizes.input_plane(), sizes.output_plane());
    let mut dx = vec![0.0; sizes.images * to];
    let planes = planes_per_task(from.max(to));
    // What an output gives to a tap, the tap takes from the outputs that lie as far before it as its
    // shift: zeros before the outputs make room for the largest.
    let before = layout.largest_shift();
    dx.par_chunks_mut((planes * to).max(1))
        .enumerate()
        .for_each(|(task, dx)| {
            let spread = before + layout.phase() + MAX_LANES;
            with_scratch(spread + layout.padded(), |scratch| {
                let (spread, phases) = scratch.split_at_mut(spread);
                spread.fill(0.0);
                for (i, dx) in dx.chunks_exact_mut(to).enumerate() {
                    let plane = task * planes + i;
                    layout.spread(&grad[plane * from..][..from], &mut spread[before..]);
                    let taps = layout.taps(sizes.weight_of(weight, plane));
                    let each = phases.chunks_exact_mut(layout.phase());
                    for (number, phase) in each.take(layout.phases()).enumerate() {
                        let taps: Vec<Tap> = layout
                            .of_phase(&taps, number)
                            .map(|tap| Tap {
                                shift: before - tap.shift,
                                ..tap
                            })
                            .collect();
                        correlate(phase, spread, &taps);
                    }
                    layout.join(phases, dx);
                }
            });
        });
    dx
}

/// The gradient with respect to the weights: `[channels, 1, kernel height, kernel width]`.
pub(super) fn weight_gradient(sizes: &ConvSizes, x: &[f32], grad: &[f32]) -> Vec<f32> {
    let layout = Layout::new(sizes);
    let (input, output) = (sizes.input_plane(), sizes.output_plane());
    let groups = sizes.options.groups;
    let mut weight = vec![0.0; groups * sizes.patch()];
    weight
        .par_chunks_mut(sizes.patch())
        .enumerate()
        .for_each(|(group, weight)| {
            let taps = layout.taps(weight);
            with_scratch(layout.padded() + layout.span(), |scratch| {
                let (phases, spread) = scratch.split_at_mut(layout.padded());
                spread.fill(0.0);
                // One image after the other, whatever the number of threads.
                for plane in (group..sizes.images).step_by(groups) {
                    layout.split(&x[plane * input..][..input], phases);
                    layout.spread(&grad[plane * output..][..output], spread);
                    add_products(weight, spread, phases, &taps);
                }
            });
        });
    weight
}

fn planes_per_task(plane: usize) -> usize {
    VALUES_PER_TASK / plane.max(1) + 1
}

/// A tap of the kernel: what it multiplies, and where that begins.
#[derive(Debug, Clone, Copy)]
struct Tap {
    weight: f32,
    /// Of the value under it for the first output.
    shift: usize,
}

/// Where the values of a plane lie once it is taken apart.
#[derive(Debug, Clone, Copy)]
struct Layout {
    input: [usize; 2],
    output: [usize; 2],
    kernel: [usize; 2],
    strides: [usize; 2],
    dilation: [usize; 2],
    /// Zeros at the top and left.
    before: [usize; 2],
    /// Height and width of a phase.
    size: [usize; 2],
}

impl Layout {
    fn new(sizes: &ConvSizes) -> Self {
        let super::Conv2dOptions {
            strides,
            dilation,
            padding: [top, left, ..],
            ..
        } = sizes.options;
        let size = [0, 1].map(|axis| {
            let reach = (sizes.kernel[axis] - 1) * dilation[axis];
            let seen = sizes.output[axis].saturating_sub(1) * strides[axis] + reach + 1;
            seen.div_ceil(strides[axis])
        });
        Self {
            input: sizes.input,
            output: sizes.output,
            kernel: sizes.kernel,
            strides,
            dilation,
            before: [top, left],
            size,
        }
    }

    /// How many phases there are.
    fn phases(&self) -> usize {
        self.strides[0] * self.strides[1]
    }

    /// Values of a phase.
    fn phase(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// Values of all phases, and those that loops read beyond the last.
    fn padded(&self) -> usize {
        self.phases() * self.phase() + MAX_LANES
    }

    /// Values from the first output to the last, in whole steps of a loop.
    fn span(&self) -> usize {
        let values = self.output[0].saturating_sub(1) * self.size[1] + self.output[1];
        values.next_multiple_of(MAX_LANES)
    }

    /// The phase of the kernel's row (axis 0) or column, and the place in it for the first output.
    fn place(&self, axis: usize, index: usize) -> (usize, usize) {
        let at = index * self.dilation[axis];
        (at % self.strides[axis], at / self.strides[axis])
    }

    /// The kernel's taps, row by row, with shifts that count from the first phase.
    fn taps(&self, weight: &[f32]) -> Vec<Tap> {
        let at = |index: usize| {
            let (phase_y, row) = self.place(0, index / self.kernel[1]);
            let (phase_x, column) = self.place(1, index % self.kernel[1]);
            let phase = phase_y * self.strides[1] + phase_x;
            phase * self.phase() + row * self.size[1] + column
        };
        let weights = weight.iter().enumerate();
        weights
            .map(|(index, weight)| Tap {
                weight: *weight,
                shift: at(index),
            })
            .collect()
    }

    /// The taps of one phase, with shifts that count from its first value.
    fn of_phase(&self, taps: &[Tap], number: usize) -> impl Iterator<Item = Tap> {
        let phase = self.phase();
        let first = number * phase;
        let taps = taps.iter().filter(move |tap| tap.shift / phase == number);
        taps.map(move |tap| Tap {
            shift: tap.shift - first,
            ..*tap
        })
    }

    /// The largest shift within a phase.
    fn largest_shift(&self) -> usize {
        let [row, column] = [0, 1].map(|axis| {
            let places = (0..self.kernel[axis]).map(|index| self.place(axis, index).1);
            places.max().unwrap_or(0)
        });
        row * self.size[1] + column
    }

    /// The rows of phases with a row of the input each: the row of the padded plane's phases, and the
    /// columns of a phase with that of the input under the first.
    fn inside(&self, axis: usize, phase: usize) -> Inside {
        let (stride, before) = (self.strides[axis], self.before[axis]);
        // The first place whose index, `place * stride + phase - before`, is not negative, and the first
        // beyond the input.
        let from = before.saturating_sub(phase).div_ceil(stride);
        let until = (self.input[axis] + before)
            .saturating_sub(phase)
            .div_ceil(stride)
            .min(self.size[axis]);
        let from = from.min(until);
        Inside {
            from,
            until,
            first: (from * stride + phase).saturating_sub(before),
        }
    }

    /// Takes a plane apart: `[input height, input width]` into `[stride, stride, phase]`.
    fn split(&self, plane: &[f32], phases: &mut [f32]) {
        let [height, width] = self.size;
        let (whole, rest) = phases.split_at_mut(phases.len() - MAX_LANES);
        rest.fill(0.0);
        for (number, phase) in whole.chunks_exact_mut(height * width).enumerate() {
            let rows = self.inside(0, number / self.strides[1]);
            let columns = self.inside(1, number % self.strides[1]);
            phase[..rows.from * width].fill(0.0);
            phase[rows.until * width..].fill(0.0);
            for (i, row) in phase[rows.from * width..rows.until * width]
                .chunks_exact_mut(width)
                .enumerate()
            {
                let from = &plane[(rows.first + i * self.strides[0]) * self.input[1]..];
                let from = &from[..self.input[1]];
                row[..columns.from].fill(0.0);
                row[columns.until..].fill(0.0);
                copy_steps(
                    &mut row[columns.from..columns.until],
                    from.get(columns.first..).unwrap_or_default(),
                    self.strides[1],
                );
            }
        }
    }

    /// The transpose of [`split`](Self::split): each value of the plane, of which only those that no
    /// phase has stay as they are.
    fn join(&self, phases: &[f32], plane: &mut [f32]) {
        let [height, width] = self.size;
        let each = phases.chunks_exact(height * width);
        for (number, phase) in each.take(self.phases()).enumerate() {
            let rows = self.inside(0, number / self.strides[1]);
            let columns = self.inside(1, number % self.strides[1]);
            for (i, row) in phase[rows.from * width..rows.until * width]
                .chunks_exact(width)
                .enumerate()
            {
                let to = &mut plane[(rows.first + i * self.strides[0]) * self.input[1]..];
                let to = to[..self.input[1]].get_mut(columns.first..);
                let to = to.unwrap_or_default().iter_mut().step_by(self.strides[1]);
                for (to, from) in to.zip(&row[columns.from..columns.until]) {
                    *to = *from;
                }
            }
        }
    }

    /// The outputs out of rows as wide as a phase.
    fn gather(&self, rows: &[f32], plane: &mut [f32]) {
        let width = self.output[1];
        let to = plane.chunks_exact_mut(width);
        for (to, from) in to.zip(rows.chunks(self.size[1])) {
            to.copy_from_slice(&from[..width]);
        }
    }

    /// The outputs into rows as wide as a phase, whose other values stay as they are.
    fn spread(&self, plane: &[f32], rows: &mut [f32]) {
        let width = self.output[1];
        let from = plane.chunks_exact(width);
        for (from, to) in from.zip(rows.chunks_mut(self.size[1])) {
            to[..width].copy_from_slice(from);
        }
    }
}

/// The places along one axis of a phase that lie inside the input.
#[derive(Debug, Clone, Copy)]
struct Inside {
    from: usize,
    until: usize,
    /// The input's index at `from`.
    first: usize,
}

fn copy_steps(to: &mut [f32], from: &[f32], step: usize) {
    if step == 1 {
        let length = to.len().min(from.len());
        to[..length].copy_from_slice(&from[..length]);
        return;
    }
    for (to, from) in to.iter_mut().zip(from.iter().step_by(step)) {
        *to = *from;
    }
}

/// `to[i] = sum over taps of weight * from[shift + i]`. `from` is at least as much longer than `to` as the
/// largest shift, rounded up to whole steps.
fn correlate(to: &mut [f32], from: &[f32], taps: &[Tap]) {
    Arch::new().dispatch(Correlation { to, from, taps });
}

/// A type and not a closure, which would be too large to be inlined where the instructions are known.
struct Correlation<'a> {
    to: &'a mut [f32],
    from: &'a [f32],
    taps: &'a [Tap],
}

impl WithSimd for Correlation<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { to, from, taps } = self;
        let done = correlate_steps::<S, 8>(simd, to, from, taps, 0);
        let done = correlate_steps::<S, 2>(simd, to, from, taps, done);
        let done = correlate_steps::<S, 1>(simd, to, from, taps, done);
        // What is left is less than a vector: its other values are read but not written.
        if done < to.len() {
            let mut last = [0.0; MAX_LANES];
            let left = to.len() - done;
            correlate_steps::<S, 1>(simd, &mut last[..S::F32_LANES], &from[done..], taps, 0);
            to[done..].copy_from_slice(&last[..left]);
        }
    }
}

/// As many vectors at a time as `V`, from `done` on; returns how far it came.
#[inline(always)]
fn correlate_steps<S: Simd, const V: usize>(
    simd: S,
    to: &mut [f32],
    from: &[f32],
    taps: &[Tap],
    mut done: usize,
) -> usize {
    let step = V * S::F32_LANES;
    while to.len() - done >= step {
        let mut sums = [simd.splat_f32s(0.0); V];
        for tap in taps {
            let weight = simd.splat_f32s(tap.weight);
            let (from, _) = S::as_simd_f32s(&from[done + tap.shift..][..step]);
            for v in 0..V {
                sums[v] = simd.mul_add_f32s(weight, from[v], sums[v]);
            }
        }
        let (to, _) = S::as_mut_simd_f32s(&mut to[done..][..step]);
        to.copy_from_slice(&sums);
        done += step;
    }
    done
}

/// `weight[t] += sum over i of grad[i] * from[shift of t + i]`. `grad` is in whole steps.
fn add_products(weight: &mut [f32], grad: &[f32], from: &[f32], taps: &[Tap]) {
    Arch::new().dispatch(Products {
        weight,
        grad,
        from,
        taps,
    });
}

struct Products<'a> {
    weight: &'a mut [f32],
    grad: &'a [f32],
    from: &'a [f32],
    taps: &'a [Tap],
}

impl WithSimd for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            mut weight,
            grad,
            from,
            mut taps,
        } = self;
        // As many at a time as there are registers for.
        while !taps.is_empty() {
            let count = match taps.len() {
                9.. => add_tap_products::<S, 9>(simd, weight, grad, from, taps),
                5.. => add_tap_products::<S, 5>(simd, weight, grad, from, taps),
                _ => add_tap_products::<S, 1>(simd, weight, grad, from, taps),
            };
            (weight, taps) = (&mut weight[count..], &taps[count..]);
        }
    }
}

/// Of the first `T` taps; returns `T`.
#[inline(always)]
fn add_tap_products<S: Simd, const T: usize>(
    simd: S,
    weight: &mut [f32],
    grad: &[f32],
    from: &[f32],
    taps: &[Tap],
) -> usize {
    let mut shifted: [&[S::f32s]; T] = [&[]; T];
    for (shifted, tap) in shifted.iter_mut().zip(taps) {
        *shifted = S::as_simd_f32s(&from[tap.shift..][..grad.len()]).0;
    }
    let mut sums = [simd.splat_f32s(0.0); T];
    for (i, grad) in S::as_simd_f32s(grad).0.iter().enumerate() {
        for t in 0..T {
            sums[t] = simd.mul_add_f32s(*grad, shifted[t][i], sums[t]);
        }
    }
    for (weight, sum) in weight.iter_mut().zip(sums) {
        *weight += simd.reduce_sum_f32s(sum);
    }
    T
}
