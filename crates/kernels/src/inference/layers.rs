//! Layers other than convolutions and dense layers.

use super::blocks::{self, BLOCK, Layout};
use crate::pool::{self, MaxPool2dOptions, PoolSizes};
use crate::rectifier::{Rectifier, add_bias, add_map};
use crate::simd::{total, vectorized};
use crate::threads::{CHUNK, each, each_part, per_task, shared};
use std::ops::Range;

/// The largest value of each window, then the rectifier.
///
/// # Shapes
/// - `x`: `[images, channels, height, width]`, as given by `shape`, in this layout
/// - `y`: `[images, channels, output height, output width]` in the same layout, overwritten
///
/// # Panics
/// If the window is larger than the padded input.
pub fn max_pool(
    layout: Layout,
    shape: [usize; 4],
    options: MaxPool2dOptions,
    x: &[f32],
    y: &mut [f32],
) {
    let sizes = PoolSizes::new(shape, options);
    match layout {
        Layout::Planes => shared(|| pool::forward_into(&sizes, x, y)),
        Layout::Blocks => blocks::max_pool(&sizes, x, y),
    }
}

/// The mean of each channel.
///
/// # Shapes
/// - `x`: `[images, channels, plane]`, in this layout
/// - `y`: `[images, channels]`
pub fn global_average(layout: Layout, channels: usize, plane: usize, x: &[f32], y: &mut [f32]) {
    match layout {
        Layout::Planes => {
            let share = 1.0 / plane as f32;
            let tasks = y.iter_mut().zip(x.chunks_exact(plane.max(1))).collect();
            each(tasks, per_task(plane), |(y, x)| {
                *y = vectorized!(total(x)) * share;
            });
        }
        Layout::Blocks => blocks::average(channels, plane, x, y),
    }
}

/// Applies the rectifier in place.
pub fn rectify(rectifier: Rectifier, x: &mut [f32]) {
    each_part(x, CHUNK, 1, |_, x| add_bias(x, 0.0, rectifier));
}

/// `x = rectifier(x + added)`.
pub fn add(x: &mut [f32], added: &[f32], rectifier: Rectifier) {
    each_part(x, CHUNK, 1, |i, x| {
        add_map(x, 0.0, &added[i * CHUNK..][..x.len()], rectifier);
    });
}

/// `x = rectifier(x * scale + shift)`, with the scale and shift of each channel.
///
/// # Shapes
/// - `x`: `[images, channels, plane]`, in this layout
/// - `scale`, `shift`: `[channels]`
pub fn affine(
    layout: Layout,
    plane: usize,
    x: &mut [f32],
    scale: &[f32],
    shift: &[f32],
    rectifier: Rectifier,
) {
    if layout == Layout::Blocks {
        let blocks = scale.len().div_ceil(BLOCK).max(1);
        return each_block(plane, x, |i, x| {
            let from = i % blocks * BLOCK;
            let [scale, shift] = [scale, shift].map(|values| lanes(&values[from..]));
            vectorized!(for values in x.chunks_exact_mut(BLOCK) {
                for lane in 0..BLOCK {
                    values[lane] = rectifier.of(values[lane] * scale[lane] + shift[lane]);
                }
            });
        });
    }
    each_part(x, plane, per_task(plane), |i, x| {
        let (scale, shift) = (scale[i % scale.len()], shift[i % shift.len()]);
        let scaled = &mut *x;
        vectorized!(scaled.iter_mut().for_each(|x| *x *= scale));
        add_bias(x, shift, rectifier);
    });
}

/// Multiplies each channel of each image by its factor.
///
/// # Shapes
/// - `x`: `[images, channels, plane]`, in this layout
/// - `factors`: `[images, channels, 1]`, in the same layout
pub fn multiply(layout: Layout, plane: usize, x: &mut [f32], factors: &[f32]) {
    if layout == Layout::Blocks {
        return each_block(plane, x, |i, x| {
            let factors = lanes(&factors[i * BLOCK..]);
            vectorized!(for values in x.chunks_exact_mut(BLOCK) {
                for lane in 0..BLOCK {
                    values[lane] *= factors[lane];
                }
            });
        });
    }
    each_part(x, plane, per_task(plane), |i, x| {
        let factor = factors[i];
        vectorized!(x.iter_mut().for_each(|x| *x *= factor));
    });
}

/// Copies these rows and columns of each map.
///
/// # Shapes
/// - `x`: `[images, channels, height, width]`, with the height and width of `size`, in this layout
/// - `y`: the rows and columns, in the same layout, overwritten
pub fn crop(
    layout: Layout,
    size: [usize; 2],
    [rows, columns]: &[Range<usize>; 2],
    x: &[f32],
    y: &mut [f32],
) {
    let unit = layout.unit();
    let [from, to] = [size[1], columns.len()].map(|width| (width * unit).max(1));
    let maps = x.chunks_exact(size[0] * from);
    for (x, y) in maps.zip(y.chunks_exact_mut((rows.len() * to).max(1))) {
        let lines = x[rows.start * from..].chunks_exact(from);
        for (x, y) in lines.zip(y.chunks_exact_mut(to)) {
            y.copy_from_slice(&x[columns.start * unit..][..to]);
        }
    }
}

/// Calls `work` for every block of channels, `[plane, 16]`, with its number.
fn each_block(plane: usize, x: &mut [f32], work: impl Fn(usize, &mut [f32]) + Sync) {
    let values = (plane * BLOCK).max(1);
    each_part(x, values, per_task(values), work);
}

/// The next 16 values, or zeros after the last.
fn lanes(values: &[f32]) -> [f32; BLOCK] {
    let mut lanes = [0.0; BLOCK];
    for (lane, value) in lanes.iter_mut().zip(values) {
        *lane = *value;
    }
    lanes
}
