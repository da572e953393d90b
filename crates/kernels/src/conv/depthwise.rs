//! Depthwise convolution: each channel has its own filter, so there is no matrix product.
//!
//! Once the plane is split into its [phases](crate::phases), the convolution is a sum of shifted
//! copies of them; so are its gradients.

use super::{Addends, ConvSizes};
use crate::phases::{MAX_LANES, Phases, Window};
use crate::profile::slice;
use crate::rectifier::{add_bias, add_map};
use crate::scratch::with_scratch;
use crate::threads::per_task;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// As [`super::ConvWeights::forward`].
pub(super) fn forward(
    sizes: &ConvSizes,
    x: &[f32],
    weight: &[f32],
    Addends { bias, map }: Addends<'_>,
    y: &mut [f32],
) {
    let layout = phases_of(sizes);
    let (from, to) = (sizes.input_plane(), sizes.output_plane());
    let planes = per_task(from.max(to));
    let rectifier = sizes.options.rectifier;
    let taps = taps(&layout);
    y.par_chunks_mut((planes * to).max(1))
        .enumerate()
        .for_each(|(task, y)| {
            let _slice = slice();
            let mut taps = taps.clone();
            with_scratch(layout.padded() + layout.span(), |scratch| {
                let (phases, sums) = scratch.split_at_mut(layout.padded());
                for (i, y) in y.chunks_exact_mut(to).enumerate() {
                    let plane = task * planes + i;
                    layout.split(&x[plane * from..][..from], 0.0, phases);
                    weigh(&mut taps, sizes.weight_of(weight, plane));
                    correlate(sums, phases, &taps);
                    layout.gather(sums, y);
                    let bias = bias.map_or(0.0, |bias| bias[sizes.group(plane)]);
                    match map {
                        Some(map) => add_map(y, bias, &map[plane * to..], rectifier),
                        None => add_bias(y, bias, rectifier),
                    }
                }
            });
        });
}

/// As [`super::GradientWeights::gradient`].
pub(super) fn input_gradient(sizes: &ConvSizes, weight: &[f32], grad: &[f32], dx: &mut [f32]) {
    let layout = phases_of(sizes);
    let (to, from) = (sizes.input_plane(), sizes.output_plane());
    let planes = per_task(from.max(to));
    // Each tap reads the output gradients from its shift further back; zeros before them make room
    // for the largest shift.
    let before = layout.largest_shift();
    let of_phases: Vec<Vec<Tap>> = (0..layout.phases())
        .map(|phase| {
            let taps = taps(&layout).into_iter();
            taps.filter(|tap| tap.shift / layout.phase() == phase)
                .map(|tap| Tap {
                    shift: before - tap.shift % layout.phase(),
                    ..tap
                })
                .collect()
        })
        .collect();
    dx.par_chunks_mut((planes * to).max(1))
        .enumerate()
        .for_each(|(task, dx)| {
            let _slice = slice();
            let mut of_phases = of_phases.clone();
            let spread = before + layout.phase() + MAX_LANES;
            with_scratch(spread + layout.padded(), |scratch| {
                let (spread, phases) = scratch.split_at_mut(spread);
                spread.fill(0.0);
                for (i, dx) in dx.chunks_exact_mut(to).enumerate() {
                    let plane = task * planes + i;
                    layout.spread(&grad[plane * from..][..from], &mut spread[before..]);
                    let weight = sizes.weight_of(weight, plane);
                    let each = phases.chunks_exact_mut(layout.phase());
                    for (phase, taps) in each.zip(&mut of_phases) {
                        weigh(taps, weight);
                        correlate(phase, spread, taps);
                    }
                    layout.join(phases, dx);
                }
            });
        });
}

/// The gradient with respect to the weights: `[channels, 1, kernel height, kernel width]`.
pub(super) fn weight_gradient(sizes: &ConvSizes, x: &[f32], grad: &[f32]) -> Vec<f32> {
    let layout = phases_of(sizes);
    let (input, output) = (sizes.input_plane(), sizes.output_plane());
    let groups = sizes.options.groups;
    let mut weight = vec![0.0; groups * sizes.patch()];
    let taps = taps(&layout);
    weight
        .par_chunks_mut(sizes.patch())
        .enumerate()
        .for_each(|(group, weight)| {
            let _slice = slice();
            with_scratch(layout.padded() + layout.span(), |scratch| {
                let (phases, spread) = scratch.split_at_mut(layout.padded());
                spread.fill(0.0);
                // Images are summed in order, whatever the number of threads.
                for plane in (group..sizes.images).step_by(groups) {
                    layout.split(&x[plane * input..][..input], 0.0, phases);
                    layout.spread(&grad[plane * output..][..output], spread);
                    add_products(weight, spread, phases, &taps);
                }
            });
        });
    weight
}

fn phases_of(sizes: &ConvSizes) -> Phases {
    let [top, left, ..] = sizes.options.padding;
    Phases::new(Window {
        input: sizes.input,
        output: sizes.output,
        kernel: sizes.kernel,
        strides: sizes.options.strides,
        dilation: sizes.options.dilation,
        before: [top, left],
    })
}

/// A tap of the kernel, and where the values that it multiplies begin.
#[derive(Debug, Clone, Copy)]
struct Tap {
    /// Its place in the kernel, in row-major order.
    place: usize,
    /// Its weight, for one channel.
    weight: f32,
    /// The offset of the value under it for the first output.
    shift: usize,
}

/// The taps of any channel, without their weights: to find the shifts takes as long as a small plane.
fn taps(layout: &Phases) -> Vec<Tap> {
    let shifts = layout.shifts().enumerate();
    let tap = |(place, shift)| Tap {
        place,
        weight: 0.0,
        shift,
    };
    shifts.map(tap).collect()
}

/// Sets the weights to those of a channel.
fn weigh(taps: &mut [Tap], weight: &[f32]) {
    for tap in taps {
        tap.weight = weight[tap.place];
    }
}

/// `to[i] = sum over taps of weight * from[shift + i]`. `from` is longer than `to` by at least the
/// largest shift, rounded up to whole steps.
fn correlate(to: &mut [f32], from: &[f32], taps: &[Tap]) {
    Arch::new().dispatch(Correlation { to, from, taps });
}

/// A struct instead of a closure, which would be too large to be inlined into the code compiled for
/// the processor's instructions.
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
        // The rest is less than a vector; the surplus values of the last vector are computed but
        // not stored.
        if done < to.len() {
            let mut last = [0.0; MAX_LANES];
            let left = to.len() - done;
            correlate_steps::<S, 1>(simd, &mut last[..S::F32_LANES], &from[done..], taps, 0);
            to[done..].copy_from_slice(&last[..left]);
        }
    }
}

/// Processes `V` vectors at a time from index `done` on; returns the index it reached.
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

/// `weight[t] += sum over i of grad[i] * from[shift of t + i]`. The length of `grad` is in whole
/// steps.
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
        // As many taps at a time as fit the registers.
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

/// [`add_products`] for the first `T` taps; returns `T`.
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
