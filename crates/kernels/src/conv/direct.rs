//! Convolution as plain sums of products: one band of output rows at a time, the image's patches
//! become the columns of a matrix (im2col) that stays in the cache, and a matrix product does the
//! rest.

use super::bands::{bands, bands_up_to, by_filters, for_each_slice, forward_parts, take_from_each};
use super::im2col::{col2im, im2col};
use super::{Addends, ConvSizes};
use crate::fresh::Target;
use crate::matrix::{Matrix, add_product};
use crate::pool::max_pool_2x2;
use crate::product::{DotLines, Finish, ROWS, Right, Rows, add_dots, product};
use crate::profile::slice_of;
use crate::rectifier::{Rectifier, add_bias};
use crate::scratch::with_scratch;
use crate::simd::vectorized;
use rayon::prelude::*;
use std::ops::Range;

/// Output positions per partial sum of the weight gradient.
const POSITIONS_PER_SUM: usize = 512;
/// Maximum number of partial sums of the weight gradient.
const MAX_SUMS: usize = 16;

/// Maximum number of values of a patch for which the weight gradient is computed as dot products: rearranging the
/// output gradient for a matrix product takes longer than the few products of each of its values.
const MAX_DOTS: usize = 32;

/// With fewer output positions, packing the weights takes longer than it saves.
const MIN_POSITIONS: usize = 512;
/// With fewer filters per task the patches would be extracted too often.
const MIN_FILTERS: usize = 2 * ROWS;

/// The weights of each group, packed.
pub(super) fn pack(sizes: &ConvSizes, weight: &[f32]) -> Vec<Rows<'static>> {
    of_groups(sizes, weight, Rows::packed)
}

/// The weights of each group for a single pass: packed only if they are used for enough positions.
pub(super) fn pack_once<'a>(sizes: &ConvSizes, weight: &'a [f32]) -> Vec<Rows<'a>> {
    let positions = sizes.images / sizes.options.groups * sizes.output_plane();
    if positions < MIN_POSITIONS {
        return of_groups(sizes, weight, Rows::unpacked);
    }
    pack(sizes, weight)
}

/// The weights of each group, packed for the input gradient.
pub(super) fn pack_transposed(sizes: &ConvSizes, weight: &[f32]) -> Vec<Rows<'static>> {
    of_groups(sizes, weight, Rows::packed_transposed)
}

fn of_groups<'a, 'b>(
    sizes: &ConvSizes,
    weight: &'a [f32],
    rows: impl Fn(&'a [f32], usize, usize) -> Rows<'b>,
) -> Vec<Rows<'b>> {
    let patch = sizes.patch();
    let groups = weight.chunks_exact((sizes.filters * patch).max(1));
    groups
        .map(|weight| rows(weight, sizes.filters, patch))
        .collect()
}

/// Some rows of some output planes of an image.
struct DirectTask<T> {
    image: usize,
    filters: Range<usize>,
    rows: Range<usize>,
    target: Vec<T>,
    /// The number of tasks in its place if there were threads for them.
    splits: usize,
}

/// Splits the output, `[images, filters, rows, width]`, by bands of rows and by filters; `band`
/// covers `band.len() * width / step` values of a plane.
fn tasks<'a, T: Target<'a>>(
    sizes: &ConvSizes,
    y: T,
    bands: &(impl ExactSizeIterator<Item = Range<usize>> + Clone),
    [width, step]: [usize; 2],
) -> Vec<DirectTask<T>> {
    let (filters, splits) = forward_parts(sizes.images * bands.len(), |parts| {
        let filters = sizes.filters.div_ceil(parts).max(MIN_FILTERS);
        filters.next_multiple_of(ROWS)
    });
    let plane = y.len() / (sizes.images * sizes.filters).max(1);
    let mut tasks = Vec::new();
    for (image, y) in y.parts(sizes.filters * plane).into_iter().enumerate() {
        for (part, planes) in y.parts(filters * plane).into_iter().enumerate() {
            let first = part * filters;
            let mut planes = planes.parts(plane);
            for rows in bands.clone() {
                let length = rows.len() * width / step;
                let target = take_from_each(&mut planes, length);
                let of_task = first..(first + filters).min(sizes.filters);
                tasks.push(DirectTask {
                    image,
                    target,
                    splits: splits(of_task.len()),
                    filters: of_task,
                    rows,
                });
            }
        }
    }
    tasks
}

/// As [`super::ConvWeights::forward`].
pub(super) fn forward<'a>(
    sizes: &ConvSizes,
    x: &[f32],
    weights: &[Rows<'_>],
    Addends { bias, map }: Addends<'_>,
    y: impl Target<'a>,
) {
    let (patch, plane, out_width) = (sizes.patch(), sizes.output_plane(), sizes.output[1]);
    let image_values = sizes.channels * sizes.input_plane();
    tasks(sizes, y, &bands(sizes), [out_width, 1])
        .into_par_iter()
        .for_each(|task| {
            let _slice = slice_of(task.splits);
            let mut target = Target::all_ready(task.target);
            let planes = &x[task.image * image_values..][..image_values];
            let (from, width) = (task.rows.start * out_width, task.rows.len() * out_width);
            let group = sizes.group(task.image);
            let first_bias = group * sizes.filters + task.filters.start;
            let first_plane = task.image * sizes.filters + task.filters.start;
            let finish = Finish {
                bias: bias.map(|bias| &bias[first_bias..]),
                added: map.map(|map| (&map[first_plane * plane + from..], plane)),
                rectifier: sizes.options.rectifier,
            };
            let left = weights[group].part(task.filters.clone());
            if sizes.is_pointwise() {
                let right = Right::lines(&planes[from..], width, plane);
                product(&mut target, left, right, finish);
                return;
            }
            with_scratch(patch * width, |columns| {
                im2col(sizes, planes, &task.rows, columns);
                let right = Right::lines(columns, width, width);
                product(&mut target, left, right, finish);
            });
        });
}

/// The convolution followed by 2x2 max pooling while its outputs are in the cache; then bias and
/// rectifier, which commute with the maximum.
///
/// # Shapes
/// As [`forward`], with the output's height and width halved.
pub(super) fn forward_pooled(
    sizes: &ConvSizes,
    x: &[f32],
    weights: &[Rows<'_>],
    bias: Option<&[f32]>,
    y: &mut [f32],
) {
    let patch = sizes.patch();
    let [height, width] = sizes.output.map(|side| side / 2);
    let image_values = sizes.channels * sizes.input_plane();
    let bands = bands_up_to(sizes, 2 * height, 2);
    tasks(sizes, y, &bands, [width, 2])
        .into_par_iter()
        .for_each(|task| {
            let _slice = slice_of(task.splits);
            let planes = &x[task.image * image_values..][..image_values];
            let positions = task.rows.len() * sizes.output[1];
            with_scratch((patch + task.filters.len()) * positions, |scratch| {
                let (columns, products) = scratch.split_at_mut(patch * positions);
                im2col(sizes, planes, &task.rows, columns);
                product(
                    &mut products.chunks_exact_mut(positions).collect::<Vec<_>>(),
                    weights[0].part(task.filters.clone()),
                    Right::lines(columns, positions, positions),
                    Finish::default(),
                );
                let outputs = task.target.into_iter().zip(task.filters);
                for ((output, filter), products) in outputs.zip(products.chunks_exact(positions)) {
                    let (rectifier, pooled) = (Rectifier::None, &mut *output);
                    vectorized!(max_pool_2x2(sizes.output[1], products, pooled, rectifier));
                    let bias = bias.map_or(0.0, |bias| bias[filter]);
                    add_bias(output, bias, sizes.options.rectifier);
                }
            });
        });
}

/// As [`super::GradientWeights::gradient`].
pub(super) fn input_gradient<'a>(
    sizes: &ConvSizes,
    weights: &[Rows<'_>],
    grad: &[f32],
    dx: impl Target<'a>,
) {
    let (input_plane, output_plane) = (sizes.input_plane(), sizes.output_plane());
    let taps = sizes.kernel[0] * sizes.kernel[1];
    let grad_values = sizes.filters * output_plane;
    for_each_slice(sizes, dx, |image, first_channel, planes| {
        let grad = &grad[image * grad_values..][..grad_values];
        let first_row = first_channel * taps;
        let lines = planes.len() / input_plane * taps;
        let left = weights[sizes.group(image)].part(first_row..first_row + lines);
        let right = |rows: &Range<usize>| {
            let from = rows.start * sizes.output[1];
            Right::lines(&grad[from..], rows.len() * sizes.output[1], output_plane)
        };
        if sizes.is_pointwise() {
            let mut planes = planes.parts(input_plane);
            for rows in bands(sizes) {
                let band = take_from_each(&mut planes, rows.len() * sizes.output[1]);
                let mut target = Target::all_ready(band);
                product(&mut target, left, right(&rows), Finish::default());
            }
            return;
        }
        let planes = planes.ready();
        for rows in bands(sizes) {
            let width = rows.len() * sizes.output[1];
            with_scratch(lines * width, |columns| {
                let mut target: Vec<&mut [f32]> = columns.chunks_exact_mut(width).collect();
                product(&mut target, left, right(&rows), Finish::default());
                col2im(sizes, columns, &rows, planes);
            });
        }
    });
}

/// As [`super::weight_gradient`].
pub(super) fn weight_gradient(sizes: &ConvSizes, x: &[f32], grad: &[f32]) -> Vec<f32> {
    let groups: Vec<Vec<f32>> = (0..sizes.options.groups)
        .into_par_iter()
        .map(|group| group_gradient(sizes, x, grad, group))
        .collect();
    groups.concat()
}

/// The gradient of one group's weights.
fn group_gradient(sizes: &ConvSizes, x: &[f32], grad: &[f32], group: usize) -> Vec<f32> {
    // Bands of images are summed within parts, and then the parts in order. The parts depend only
    // on the sizes, so the sum is bit-identical on any number of threads.
    let pieces: Vec<(usize, Range<usize>)> = (group..sizes.images)
        .step_by(sizes.options.groups)
        .flat_map(|image| bands(sizes).map(move |rows| (image, rows)))
        .collect();
    let images = sizes.images / sizes.options.groups;
    let sums = (images * sizes.output_plane() / POSITIONS_PER_SUM).clamp(1, MAX_SUMS);
    let part = pieces.len().div_ceil(sums).max(1);
    let sums: Vec<&[(usize, Range<usize>)]> = pieces.chunks(part).collect();
    let of_filters = by_filters(sizes.filters, &sums, |filters, pieces| {
        let mut sum = vec![0.0; filters.len() * sizes.patch()];
        for (image, rows) in pieces {
            add_band(sizes, x, grad, *image, rows, filters, &mut sum);
        }
        sum
    });
    of_filters.concat()
}

/// Adds the gradients of some filters from one band of output rows of one image.
fn add_band(
    sizes: &ConvSizes,
    x: &[f32],
    grad: &[f32],
    image: usize,
    rows: &Range<usize>,
    filters: &Range<usize>,
    sum: &mut [f32],
) {
    let (patch, width) = (sizes.patch(), rows.len() * sizes.output[1]);
    let (image_values, grad_values) = (
        sizes.channels * sizes.input_plane(),
        sizes.filters * sizes.output_plane(),
    );
    let grad = &grad[image * grad_values..][..grad_values];
    let from = rows.start * sizes.output[1];
    let grad = &grad[filters.start * sizes.output_plane() + from..];
    let planes = &x[image * image_values..][..image_values];
    let mut add = |columns: &[f32], line: usize| {
        if patch <= MAX_DOTS {
            let grad = DotLines {
                values: grad,
                rows: filters.len(),
                line: sizes.output_plane(),
            };
            let columns = DotLines {
                values: columns,
                rows: patch,
                line,
            };
            return add_dots(sum, grad, columns, width);
        }
        let grad = Matrix::strided(grad, filters.len(), width, sizes.output_plane());
        let columns = Matrix::strided(columns, patch, width, line);
        add_product(sum, patch, grad, columns.transposed());
    };
    if sizes.is_pointwise() {
        add(&planes[from..], sizes.input_plane());
    } else {
        with_scratch(patch * width, |columns| {
            im2col(sizes, planes, rows, columns);
            add(columns, width);
        });
    }
}
