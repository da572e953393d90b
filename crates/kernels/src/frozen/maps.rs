//! Gradients of layers other than convolutions.

use crate::inference::{BLOCK, Layout};
use crate::pool::{self, MaxPool2dOptions, PoolSizes};
use crate::rectifier::{Rectifier, RectifierMask};
use crate::simd::{select, vectorized};
use crate::threads::{CHUNK, each_part, per_task, shared};
use std::ops::Range;

/// Replaces the gradient after a rectifier by the one before it.
pub fn rectifier_gradient(mask: RectifierMask<'_>, grad: &mut [f32]) {
    each_part(grad, CHUNK, 1, |i, grad| mask.apply(i * CHUNK, grad));
}

/// The gradient of a max pool without its rectifier: each window's goes to its maximum, or the first
/// of several.
///
/// # Shapes
/// - `x`, `dx`: `[images, channels, height, width]`, as given by `shape`, in this layout; `dx` is
///   overwritten
/// - `grad`: `[images, channels, output height, output width]` in the same layout
///
/// # Panics
/// If the window is larger than the padded input.
pub fn max_pool_gradient(
    layout: Layout,
    shape: [usize; 4],
    options: MaxPool2dOptions,
    x: &[f32],
    grad: &[f32],
    dx: &mut [f32],
) {
    let options = MaxPool2dOptions {
        rectifier: Rectifier::None,
        ..options
    };
    let sizes = PoolSizes::new(shape, options);
    if layout == Layout::Planes {
        let values = shared(|| pool::input_gradient(&sizes, x, grad));
        dx.copy_from_slice(&values);
        return;
    }
    let of_block = sizes.input[0] * sizes.input[1] * BLOCK;
    let of_output = sizes.output[0] * sizes.output[1] * BLOCK;
    each_part(dx, of_block, per_task(of_block), |i, dx| {
        let (x, grad) = (&x[i * of_block..][..of_block], &grad[i * of_output..]);
        let (x, _) = x.as_chunks::<BLOCK>();
        let (dx, _) = dx.as_chunks_mut::<BLOCK>();
        let (grad, _) = grad[..of_output].as_chunks::<BLOCK>();
        vectorized!(block_gradient(&sizes, x, grad, dx));
    });
}

/// [`max_pool_gradient`] of one block of channels.
#[inline(always)]
fn block_gradient(
    sizes: &PoolSizes,
    x: &[[f32; BLOCK]],
    grad: &[[f32; BLOCK]],
    dx: &mut [[f32; BLOCK]],
) {
    dx.fill([0.0; BLOCK]);
    let width = sizes.input[1];
    let [down, right] = sizes.options.dilation;
    for (output, grad) in grad.iter().enumerate() {
        let rows = sizes.taps(0, output / sizes.output[1]);
        let columns = sizes.taps(1, output % sizes.output[1]);
        let mut largest = [f32::NEG_INFINITY; BLOCK];
        let mut place = [(rows.start * width + columns.start) as u32; BLOCK];
        for row in rows.clone().step_by(down) {
            for column in columns.clone().step_by(right) {
                let at = row * width + column;
                for lane in 0..BLOCK {
                    let value = x[at][lane];
                    // As in planes, NaN counts as the largest.
                    let is_larger =
                        value > largest[lane] || (value.is_nan() && !largest[lane].is_nan());
                    largest[lane] = if is_larger { value } else { largest[lane] };
                    place[lane] = if is_larger { at as u32 } else { place[lane] };
                }
            }
        }
        for row in rows.step_by(down) {
            for column in columns.clone().step_by(right) {
                let at = row * width + column;
                for lane in 0..BLOCK {
                    dx[at][lane] += select(grad[lane], place[lane] == at as u32);
                }
            }
        }
    }
}

/// The gradient of [`crop`](crate::inference::crop): zeros except for these rows and columns of each map.
///
/// # Shapes
/// - `grad`: the rows and columns, in this layout
/// - `dx`: `[images, channels, height, width]`, with the height and width of `size`, in the same
///   layout, overwritten
pub fn uncrop(
    layout: Layout,
    size: [usize; 2],
    [rows, columns]: &[Range<usize>; 2],
    grad: &[f32],
    dx: &mut [f32],
) {
    let unit = layout.unit();
    let [to, from] = [size[1], columns.len()].map(|width| (width * unit).max(1));
    dx.fill(0.0);
    let maps = grad.chunks_exact((rows.len() * from).max(1));
    for (grad, dx) in maps.zip(dx.chunks_exact_mut(size[0] * to)) {
        let lines = dx[rows.start * to..].chunks_exact_mut(to);
        for (grad, dx) in grad.chunks_exact(from).zip(lines) {
            dx[columns.start * unit..][..from].copy_from_slice(grad);
        }
    }
}
