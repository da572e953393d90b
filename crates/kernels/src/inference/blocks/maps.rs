//! Pools of blocks of channels.

use super::layout::BLOCK;
use crate::pool::{PoolSizes, larger};
use crate::simd::{add, vectorized};
use crate::threads::{each, each_part, per_task};
use std::ops::Range;

/// The largest value of each window, then the rectifier.
///
/// # Shapes
/// - `x`: `[blocks, height, width, 16]`
/// - `y`: `[blocks, output height, output width, 16]`
pub(crate) fn max_pool(sizes: &PoolSizes, x: &[f32], y: &mut [f32]) {
    let [height, width] = sizes.input;
    let from = height * width * BLOCK;
    let line = sizes.output[1] * BLOCK;
    let rows = sizes.output[0].max(1);
    each_part(y, line, per_task(line * 4), |i, y| {
        let x = &x[i / rows * from..][..from];
        let taps = sizes.taps(0, i % rows);
        vectorized!(max_pool_row(sizes, taps, x, y));
    });
}

#[inline(always)]
fn max_pool_row(sizes: &PoolSizes, rows: Range<usize>, x: &[f32], y: &mut [f32]) {
    let PoolSizes { input, options, .. } = sizes;
    let [down, right] = options.dilation;
    for (column, y) in y.as_chunks_mut::<BLOCK>().0.iter_mut().enumerate() {
        let columns = sizes.taps(1, column);
        let mut largest = [f32::NEG_INFINITY; BLOCK];
        for row in rows.clone().step_by(down) {
            let line = &x[row * input[1] * BLOCK..][..input[1] * BLOCK];
            let (line, _) = line.as_chunks::<BLOCK>();
            for column in columns.clone().step_by(right) {
                for lane in 0..BLOCK {
                    largest[lane] = larger(largest[lane], line[column][lane]);
                }
            }
        }
        for lane in 0..BLOCK {
            y[lane] = options.rectifier.of(largest[lane]);
        }
    }
}

/// The mean of each channel of each image.
///
/// # Shapes
/// - `x`: `[images, channels / 16, plane, 16]`
/// - `y`: `[images, channels]`
pub(crate) fn average(channels: usize, plane: usize, x: &[f32], y: &mut [f32]) {
    let share = 1.0 / plane as f32;
    let of_block = (plane * BLOCK).max(1);
    let tasks = y
        .chunks_exact_mut(channels.max(1))
        .flat_map(|image| image.chunks_mut(BLOCK))
        .zip(x.chunks_exact(of_block))
        .collect();
    each(tasks, per_task(of_block), |(y, x)| {
        let sums = vectorized!({
            let mut sums = [0.0; BLOCK];
            for values in x.chunks_exact(BLOCK) {
                add(&mut sums, values);
            }
            sums
        });
        for (y, sum) in y.iter_mut().zip(sums) {
            *y = sum * share;
        }
    });
}
