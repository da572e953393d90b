//! Pools of 2x2 with stride 2, which most networks use. For the backward pass they keep which value of each window is
//! the largest, in a byte: less memory than the input and the output, which can be freed.

use super::{PoolSizes, larger};
use crate::fresh::fresh;
use crate::profile::slice;
use crate::rectifier::{Rectifier, with_constant};
use crate::simd::{select, vectorized};
use crate::threads::per_task;
use rayon::prelude::*;

/// The choice of a window whose gradient the rectifier does not pass on.
const NONE: u32 = 4;

/// The largest value of each window, and which one it is: 0 and 1 above, 2 and 3 below, or [`NONE`]. It is the first of
/// several that are equal, or of those that are NaN.
///
/// # Shapes
/// - `x`: `[planes, height, width]`
/// - results: `[planes, output height, output width]`
pub(crate) fn forward_with_choices(sizes: &PoolSizes, x: &[f32]) -> (Vec<f32>, Vec<u8>) {
    let [plane, map] = [sizes.input, sizes.output].map(|[height, width]| height * width);
    let planes = per_task(plane);
    let mut choices = vec![0; sizes.planes * map];
    let y = fresh(choices.len(), |y| {
        let parts: Vec<_> = y.chunks(map * planes).collect();
        parts
            .into_par_iter()
            .zip(choices.par_chunks_mut((map * planes).max(1)))
            .zip(x.par_chunks((plane * planes).max(1)))
            .for_each(|((y, choices), x)| {
                let _slice = slice();
                let planes = y
                    .clear()
                    .chunks_exact_mut(map)
                    .zip(choices.chunks_exact_mut(map));
                for ((y, choices), x) in planes.zip(x.chunks_exact(plane)) {
                    vectorized!(choose(sizes, x, y, choices));
                }
            });
    });
    (y, choices)
}

/// The gradient with respect to the input.
///
/// # Shapes
/// - `choices`, `grad`: `[planes, output height, output width]`
/// - result: `[planes, height, width]`
pub(crate) fn gradient_of_choices(sizes: &PoolSizes, choices: &[u8], grad: &[f32]) -> Vec<f32> {
    let [plane, map] = [sizes.input, sizes.output].map(|[height, width]| height * width);
    let planes = per_task(plane);
    fresh(sizes.planes * plane, |dx| {
        let parts: Vec<_> = dx.chunks(plane * planes).collect();
        parts
            .into_par_iter()
            .zip(choices.par_chunks((map * planes).max(1)))
            .zip(grad.par_chunks((map * planes).max(1)))
            .for_each(|((dx, choices), grad)| {
                let _slice = slice();
                let planes = choices.chunks_exact(map).zip(grad.chunks_exact(map));
                for (dx, (choices, grad)) in dx.chunks(plane).zip(planes) {
                    let dx = dx.clear();
                    vectorized!(spread(sizes, choices, grad, dx));
                }
            });
    })
}

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

/// One plane of [`forward_with_choices`].
#[inline(always)]
fn choose(sizes: &PoolSizes, x: &[f32], y: &mut [f32], choices: &mut [u8]) {
    let (width, out_width) = (sizes.input[1], sizes.output[1]);
    with_constant!(sizes.options.rectifier, RECTIFIER => {
        let outputs = y.chunks_exact_mut(out_width).zip(choices.chunks_exact_mut(out_width));
        for (rows, (y, choices)) in x.chunks_exact(2 * width).zip(outputs) {
            let rows = rows.split_at(width);
            match out_width {
                8.. => choose_row::<8, 16>(rows, y, choices, RECTIFIER),
                4.. => choose_row::<4, 8>(rows, y, choices, RECTIFIER),
                _ => choose_row::<1, 2>(rows, y, choices, RECTIFIER),
            }
        }
    });
}

/// One row of windows, as [`max_pool_2x2_row`].
#[inline(always)]
fn choose_row<const N: usize, const M: usize>(
    (upper, lower): (&[f32], &[f32]),
    y: &mut [f32],
    choices: &mut [u8],
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
            choices[i] = (if passes { choice } else { NONE }) as u8;
        }
        first += N;
    }
}

/// The larger of each two values, and which one it is.
#[inline(always)]
fn larger_of_pairs<const N: usize>(values: &[f32]) -> ([f32; N], [u32; N]) {
    let (mut largest, mut choices) = ([0.0; N], [0; N]);
    for i in 0..N {
        let (left, right) = (values[2 * i], values[2 * i + 1]);
        let is_right = is_later(left, right);
        largest[i] = if is_right { right } else { left };
        choices[i] = u32::from(is_right);
    }
    (largest, choices)
}

/// Whether the later of two values is the first largest, or the first NaN.
#[inline(always)]
fn is_later(earlier: f32, later: f32) -> bool {
    (later > earlier) | (later.is_nan() & !earlier.is_nan())
}

/// One plane of [`gradient_of_choices`]. An odd last row or column keeps its 0.
#[inline(always)]
fn spread(sizes: &PoolSizes, choices: &[u8], grad: &[f32], dx: &mut [f32]) {
    let (width, out_width) = (sizes.input[1], sizes.output[1]);
    let outputs = choices
        .chunks_exact(out_width)
        .zip(grad.chunks_exact(out_width));
    for (rows, (choices, grad)) in dx.chunks_exact_mut(2 * width).zip(outputs) {
        let rows = rows.split_at_mut(width);
        match out_width {
            8.. => spread_row::<8, 16>(choices, grad, rows),
            4.. => spread_row::<4, 8>(choices, grad, rows),
            _ => spread_row::<1, 2>(choices, grad, rows),
        }
    }
}

/// One row of windows, as [`max_pool_2x2_row`].
#[inline(always)]
fn spread_row<const N: usize, const M: usize>(
    choices: &[u8],
    grad: &[f32],
    (upper, lower): (&mut [f32], &mut [f32]),
) {
    let mut first = 0;
    while first < grad.len() {
        first = first.min(grad.len() - N);
        let mut chosen = [0; N];
        for (chosen, choice) in chosen.iter_mut().zip(&choices[first..first + N]) {
            *chosen = u32::from(*choice);
        }
        let mut grads = [0.0; N];
        grads.copy_from_slice(&grad[first..first + N]);
        let (chosen, grads) = (twice::<u32, N, M>(chosen), twice::<f32, N, M>(grads));
        let columns = 2 * first..2 * first + M;
        let (upper, lower) = (&mut upper[columns.clone()], &mut lower[columns]);
        for i in 0..M {
            let column = i as u32 % 2;
            upper[i] = select(grads[i], chosen[i] == column);
            lower[i] = select(grads[i], chosen[i] == 2 + column);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::MaxPool2dOptions;

    const NAN: f32 = f32::NAN;

    #[test]
    fn the_first_largest_value_or_nan_gets_the_gradient_that_the_rectifier_passes() {
        // Windows with a single maximum, several, NaN, and one that the rectifiers cut; an odd row and column.
        let x = [
            [1.0, 5.0, 2.0, 2.0, NAN, 1.0, -1.0, -2.0, 9.0],
            [0.0, 3.0, 2.0, 2.0, NAN, 7.0, -3.0, -1.0, 9.0],
            [0.0, 1.0, 0.0, 3.0, 0.0, NAN, 7.0, 6.5, 9.0],
            [4.0, 4.0, 3.0, 1.0, 8.0, 8.0, 0.0, 0.0, 9.0],
            [9.0; 9],
        ];
        let none = NONE as u8;
        for (rectifier, largest, choices) in [
            (
                Rectifier::None,
                [5.0, 2.0, NAN, -1.0, 4.0, 3.0, NAN, 7.0],
                [1, 0, 0, 0, 2, 1, 1, 0],
            ),
            (
                Rectifier::Relu6,
                [5.0, 2.0, NAN, 0.0, 4.0, 3.0, NAN, 6.0],
                [1, 0, none, none, 2, 1, none, none],
            ),
        ] {
            let options = MaxPool2dOptions::new_2x2(rectifier);
            let sizes = PoolSizes::new([1, 1, 5, 9], options);
            let (y, found) = forward_with_choices(&sizes, x.as_flattened());
            let bits = |values: &[f32]| -> Vec<u32> {
                let each = values.iter();
                each.map(|y| if y.is_nan() { 0 } else { y.to_bits() })
                    .collect()
            };
            assert_eq!(bits(&y), bits(&largest), "{rectifier:?}");
            assert_eq!(found, choices, "{rectifier:?}");
            let grad: Vec<f32> = (1..=8).map(|i| i as f32).collect();
            let dx = gradient_of_choices(&sizes, &found, &grad);
            let mut expected = [[0.0; 9]; 5];
            for (i, choice) in choices.into_iter().enumerate() {
                let choice = usize::from(choice);
                if choice < 4 {
                    expected[i / 4 * 2 + choice / 2][i % 4 * 2 + choice % 2] = grad[i];
                }
            }
            assert_eq!(dx, expected.as_flattened(), "{rectifier:?}");
        }
    }
}
