//! Layers other than convolutions and dense layers.

use crate::pool::{self, MaxPool2dOptions, PoolSizes};
use crate::rectifier::{Rectifier, add_bias, add_map};
use crate::simd::{total, vectorized};
use rayon::prelude::*;

/// Number of values per task.
const CHUNK: usize = 1 << 14;

/// The largest value of each window, then the rectifier.
///
/// # Shapes
/// - `x`: `[images, channels, height, width]`, as given by `shape`
/// - `y`: resized to the output
///
/// # Panics
/// If the window is larger than the padded input.
pub fn max_pool(shape: [usize; 4], options: MaxPool2dOptions, x: &[f32], y: &mut Vec<f32>) {
    let sizes = PoolSizes::new(shape, options);
    y.resize(sizes.planes * sizes.output[0] * sizes.output[1], 0.0);
    pool::forward_into(&sizes, x, y);
}

/// The mean of each plane.
///
/// # Shapes
/// - `x`: `[planes, plane]`
/// - `y`: `[planes]`
pub fn global_average(plane: usize, x: &[f32], y: &mut [f32]) {
    let share = 1.0 / plane as f32;
    y.par_iter_mut()
        .with_min_len(CHUNK / plane.max(1) + 1)
        .zip(x.par_chunks_exact(plane.max(1)))
        .for_each(|(y, x)| *y = vectorized!(total(x)) * share);
}

/// Applies the rectifier in place.
pub fn rectify(rectifier: Rectifier, x: &mut [f32]) {
    x.par_chunks_mut(CHUNK)
        .for_each(|x| add_bias(x, 0.0, rectifier));
}

/// `x = rectifier(x + added)`.
pub fn add(x: &mut [f32], added: &[f32], rectifier: Rectifier) {
    x.par_chunks_mut(CHUNK)
        .zip(added.par_chunks(CHUNK))
        .for_each(|(x, added)| add_map(x, 0.0, added, rectifier));
}

/// `x = rectifier(x * scale + shift)`, with the scale and shift of each plane's channel.
///
/// # Shapes
/// - `x`: `[images, channels, plane]`
/// - `scale`, `shift`: `[channels]`
pub fn affine(plane: usize, x: &mut [f32], scale: &[f32], shift: &[f32], rectifier: Rectifier) {
    x.par_chunks_exact_mut(plane.max(1))
        .with_min_len(CHUNK / plane.max(1) + 1)
        .enumerate()
        .for_each(|(i, x)| {
            let (scale, shift) = (scale[i % scale.len()], shift[i % shift.len()]);
            let scaled = &mut *x;
            vectorized!(scaled.iter_mut().for_each(|x| *x *= scale));
            add_bias(x, shift, rectifier);
        });
}

/// Multiplies each plane by its factor.
///
/// # Shapes
/// - `x`: `[planes, plane]`
/// - `factors`: `[planes]`
pub fn multiply(plane: usize, x: &mut [f32], factors: &[f32]) {
    x.par_chunks_exact_mut(plane.max(1))
        .with_min_len(CHUNK / plane.max(1) + 1)
        .zip(factors)
        .for_each(|(x, &factor)| vectorized!(x.iter_mut().for_each(|x| *x *= factor)));
}
