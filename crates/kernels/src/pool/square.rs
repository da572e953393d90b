//! Pools of 2x2 with stride 2, which most networks use.

use super::tap::Choice;
use super::{PoolSizes, is_later, larger};
use crate::rectifier::{Rectifier, with_constant};
use crate::simd::select;

/// 2x2 pooling with stride 2 over whole rows of `width` values; `width` is at least 2, and an odd
/// last row or column is ignored.
///
/// # Shapes
/// - `x`: `[height, width]`
/// - `y`: `[height / 2, width / 2]`
#[inline(always)]
pub(crate) fn max_pool_2x2(width: usize, x: &[f32], y: &mut [f32], rectifier: Rectifier) {
    with_constant!(rectifier, RECTIFIER => {
        let rows = x.chunks_exact(2 * width);
        for (rows, y) in rows.zip(y.chunks_exact_mut(width / 2)) {
            let rows = rows.split_at(width);
            match y.len() {
                8.. => max_pool_2x2_row::<8, 16>(rows, y, RECTIFIER),
                4.. => max_pool_2x2_row::<4, 8>(rows, y, RECTIFIER),
                _ => max_pool_2x2_row::<1, 2>(rows, y, RECTIFIER),
            }
        }
    });
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

/// One plane of [`Choices::of`](super::Choices::of). The taps 0 and 1 are above, 2 and 3 below.
#[inline(always)]
pub(super) fn choose<T: Choice>(sizes: &PoolSizes, x: &[f32], y: &mut [f32], choices: &mut [T]) {
    let (width, out_width) = (sizes.input[1], sizes.output[1]);
    with_constant!(sizes.options.rectifier, RECTIFIER => {
        let outputs = y.chunks_exact_mut(out_width).zip(choices.chunks_exact_mut(out_width));
        for (rows, (y, choices)) in x.chunks_exact(2 * width).zip(outputs) {
            let rows = rows.split_at(width);
            match out_width {
                8.. => choose_row::<T, 8, 16>(rows, y, choices, RECTIFIER),
                4.. => choose_row::<T, 4, 8>(rows, y, choices, RECTIFIER),
                _ => choose_row::<T, 1, 2>(rows, y, choices, RECTIFIER),
            }
        }
    });
}

/// One row of windows, as [`max_pool_2x2_row`].
#[inline(always)]
fn choose_row<T: Choice, const N: usize, const M: usize>(
    (upper, lower): (&[f32], &[f32]),
    y: &mut [f32],
    choices: &mut [T],
    rectifier: Rectifier,
) {
    let mut first = 0;
    while first < y.len() {
        first = first.min(y.len() - N);
        let columns = 2 * first..2 * first + M;
        let (upper, above) = larger_of_pairs::<N>(&upper[columns.clone()]);
        let (lower, below) = larger_of_pairs::<N>(&lower[columns]);
        let (y, choices) = (&mut y[first..first + N], &mut choices[first..first + N]);
        for i in 0..N {
            let is_below = is_later(upper[i], lower[i]);
            let largest = if is_below { lower[i] } else { upper[i] };
            let choice = if is_below { 2 + below[i] } else { above[i] };
            y[i] = rectifier.of(largest);
            let passes = rectifier.gradient(1.0, y[i]) != 0.0;
            choices[i] = if passes { T::of_tap(choice) } else { T::NONE };
        }
        first += N;
    }
}

/// The larger of each two values, and which one it is.
#[inline(always)]
fn larger_of_pairs<const N: usize>(values: &[f32]) -> ([f32; N], [usize; N]) {
    let (mut largest, mut choices) = ([0.0; N], [0; N]);
    for i in 0..N {
        let (left, right) = (values[2 * i], values[2 * i + 1]);
        let is_right = is_later(left, right);
        largest[i] = if is_right { right } else { left };
        choices[i] = usize::from(is_right);
    }
    (largest, choices)
}

/// One plane of [`Choices::gradient`](super::Choices::gradient). An odd last row or column keeps its 0.
#[inline(always)]
pub(super) fn spread<T: Choice>(sizes: &PoolSizes, choices: &[T], grad: &[f32], dx: &mut [f32]) {
    let (width, out_width) = (sizes.input[1], sizes.output[1]);
    let outputs = choices
        .chunks_exact(out_width)
        .zip(grad.chunks_exact(out_width));
    for (rows, (choices, grad)) in dx.chunks_exact_mut(2 * width).zip(outputs) {
        let rows = rows.split_at_mut(width);
        match out_width {
            8.. => spread_row::<T, 8, 16>(choices, grad, rows),
            4.. => spread_row::<T, 4, 8>(choices, grad, rows),
            _ => spread_row::<T, 1, 2>(choices, grad, rows),
        }
    }
}

/// One row of windows, as [`max_pool_2x2_row`].
#[inline(always)]
fn spread_row<T: Choice, const N: usize, const M: usize>(
    choices: &[T],
    grad: &[f32],
    (upper, lower): (&mut [f32], &mut [f32]),
) {
    let mut first = 0;
    while first < grad.len() {
        first = first.min(grad.len() - N);
        let mut chosen = [T::NONE; N];
        chosen.copy_from_slice(&choices[first..first + N]);
        let mut grads = [0.0; N];
        grads.copy_from_slice(&grad[first..first + N]);
        let (chosen, grads) = (twice::<T, N, M>(chosen), twice::<f32, N, M>(grads));
        let columns = 2 * first..2 * first + M;
        let (upper, lower) = (&mut upper[columns.clone()], &mut lower[columns]);
        for i in 0..M {
            upper[i] = select(grads[i], chosen[i] == T::of_tap(i % 2));
            lower[i] = select(grads[i], chosen[i] == T::of_tap(2 + i % 2));
        }
        first += N;
    }
}

/// Repeats each value twice.
#[inline(always)]
fn twice<T: Copy + Default, const N: usize, const M: usize>(values: [T; N]) -> [T; M] {
    let mut twice = [T::default(); M];
    for i in 0..N {
        twice[2 * i] = values[i];
        twice[2 * i + 1] = values[i];
    }
    twice
}
