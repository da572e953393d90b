//! Convolution as plain sums of products: the image's patches become the columns of a matrix (im2col)
//! that stays in the cache, a band of output rows at a time, and a matrix product does the rest.

use super::bands::{bands, bands_up_to, for_each_slice};
use super::im2col::{col2im, im2col};
use super::{ConvSizes, WeightGradients};
use crate::matrix::{Matrix, Write, multiply};
use crate::pool::max_pool_2x2;
use crate::rectifier::{Rectifier, add_bias};
use crate::scratch::with_scratch;
use crate::simd::{add, total, vectorized};
use rayon::prelude::*;
use std::ops::Range;

/// Output positions that are worth a partial sum of their own.
const POSITIONS_PER_SUM: usize = 512;
/// Partial sums of the weights' gradient, at most.
const MAX_SUMS: usize = 16;

/// As [`super::forward`].
pub(super) fn forward(
    sizes: &ConvSizes,
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let (patch, plane) = (sizes.patch(), sizes.output_plane());
    let mut y = vec![0.0; sizes.images * sizes.filters * plane];
    let image_values = sizes.channels * sizes.input_plane();
    for_each_slice(
        sizes,
        &mut y,
        sizes.filters,
        plane,
        |image, first_filter, outputs| {
            let planes = &x[image * image_values..][..image_values];
            let filters = outputs.len() / plane;
            let weight = &sizes.weight_of(weight, image)[first_filter * patch..][..filters * patch];
            let first_bias = sizes.group(image) * sizes.filters + first_filter;
            let bias = bias.map(|bias| &bias[first_bias..][..filters]);
            for rows in bands(sizes) {
                let (from, width) = (rows.start * sizes.output[1], rows.len() * sizes.output[1]);
                with_scratch(patch * width, |columns| {
                    im2col(sizes, planes, &rows, columns);
                    multiply(
                        &mut outputs[from..],
                        plane,
                        Matrix::new(weight, filters, patch),
                        Matrix::new(columns, patch, width),
                        Write::Over,
                    );
                });
                // While the band is still in the cache.
                for (filter, output) in outputs.chunks_exact_mut(plane).enumerate() {
                    let bias = bias.map_or(0.0, |bias| bias[filter]);
                    add_bias(&mut output[from..][..width], bias, sizes.options.rectifier);
                }
            }
        },
    );
    y
}

/// The convolution, max pooled by 2x2 while its outputs are in the cache; then bias and ReLU, which
/// commute with the maximum.
///
/// # Shapes
/// As [`forward`], the output's height and width halved.
pub(crate) fn forward_pooled(
    sizes: &ConvSizes,
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
) -> Vec<f32> {
    let patch = sizes.patch();
    let [height, width] = sizes.output.map(|side| side / 2);
    let mut y = vec![0.0; sizes.images * sizes.filters * height * width];
    let image_values = sizes.channels * sizes.input_plane();
    for_each_slice(
        sizes,
        &mut y,
        sizes.filters,
        height * width,
        |image, first_filter, outputs| {
            let planes = &x[image * image_values..][..image_values];
            let filters = outputs.len() / (height * width);
            let weight = &weight[first_filter * patch..][..filters * patch];
            for rows in bands_up_to(sizes, 2 * height, 2) {
                let positions = rows.len() * sizes.output[1];
                let pooled = rows.start / 2 * width..rows.end / 2 * width;
                with_scratch((patch + filters) * positions, |scratch| {
                    let (columns, products) = scratch.split_at_mut(patch * positions);
                    im2col(sizes, planes, &rows, columns);
                    multiply(
                        products,
                        positions,
                        Matrix::new(weight, filters, patch),
                        Matrix::new(columns, patch, positions),
                        Write::Over,
                    );
                    let outputs = outputs.chunks_exact_mut(height * width);
                    for (filter, (output, products)) in
                        outputs.zip(products.chunks_exact(positions)).enumerate()
                    {
                        let output = &mut output[pooled.clone()];
                        let rectifier = Rectifier::None;
                        vectorized(|| max_pool_2x2(sizes.output[1], products, output, rectifier));
                        add_bias(output, bias[first_filter + filter], sizes.options.rectifier);
                    }
                });
            }
        },
    );
    y
}

/// As [`super::input_gradient`].
pub(super) fn input_gradient(sizes: &ConvSizes, weight: &[f32], grad: &[f32]) -> Vec<f32> {
    let (input_plane, output_plane) = (sizes.input_plane(), sizes.output_plane());
    let taps = sizes.kernel[0] * sizes.kernel[1];
    let mut dx = vec![0.0; sizes.images * sizes.channels * input_plane];
    let grad_values = sizes.filters * output_plane;
    for_each_slice(
        sizes,
        &mut dx,
        sizes.channels,
        input_plane,
        |image, first_channel, planes| {
            let grad = &grad[image * grad_values..][..grad_values];
            let weight = sizes.weight_of(weight, image);
            let rows_of_taps = planes.len() / input_plane * taps;
            for rows in bands(sizes) {
                let width = rows.len() * sizes.output[1];
                let grad = Matrix::strided(
                    &grad[rows.start * sizes.output[1]..],
                    sizes.filters,
                    width,
                    output_plane,
                );
                with_scratch(rows_of_taps * width, |columns| {
                    let weight = Matrix::strided(
                        &weight[first_channel * taps..],
                        sizes.filters,
                        rows_of_taps,
                        sizes.patch(),
                    );
                    multiply(columns, width, weight.transposed(), grad, Write::Over);
                    col2im(sizes, columns, &rows, planes);
                });
            }
        },
    );
    dx
}

impl WeightGradients {
    fn zeros(sizes: &ConvSizes) -> Self {
        Self {
            weight: vec![0.0; sizes.filters * sizes.patch()],
            bias: vec![0.0; sizes.filters],
        }
    }
}

/// As [`super::weight_gradients`].
pub(super) fn weight_gradients(sizes: &ConvSizes, x: &[f32], grad: &[f32]) -> WeightGradients {
    let groups: Vec<WeightGradients> = (0..sizes.options.groups)
        .into_par_iter()
        .map(|group| group_gradients(sizes, x, grad, group))
        .collect();
    let (weight, bias): (Vec<_>, Vec<_>) = groups
        .into_iter()
        .map(|group| (group.weight, group.bias))
        .unzip();
    WeightGradients {
        weight: weight.concat(),
        bias: bias.concat(),
    }
}

/// The gradients of one group's weights.
fn group_gradients(sizes: &ConvSizes, x: &[f32], grad: &[f32], group: usize) -> WeightGradients {
    // Bands of images are added up in parts, and then the parts in order: the parts depend on
    // the sizes alone, so the sum has the same bits on any number of threads.
    let pieces: Vec<(usize, Range<usize>)> = (group..sizes.images)
        .step_by(sizes.options.groups)
        .flat_map(|image| bands(sizes).map(move |rows| (image, rows)))
        .collect();
    let images = sizes.images / sizes.options.groups;
    let sums = (images * sizes.output_plane() / POSITIONS_PER_SUM).clamp(1, MAX_SUMS);
    let part = pieces.len().div_ceil(sums).max(1);
    pieces
        .par_chunks(part)
        .map(|pieces| {
            let mut sum = WeightGradients::zeros(sizes);
            for (image, rows) in pieces {
                add_band(sizes, x, grad, *image, rows, &mut sum);
            }
            sum
        })
        .collect::<Vec<_>>()
        .into_iter()
        .reduce(|mut all, part| {
            vectorized(|| add(&mut all.weight, &part.weight));
            vectorized(|| add(&mut all.bias, &part.bias));
            all
        })
        .unwrap_or_else(|| WeightGradients::zeros(sizes))
}

/// The gradient with respect to the bias: the sum of each filter's gradients.
pub(super) fn bias_gradient(sizes: &ConvSizes, grad: &[f32]) -> Vec<f32> {
    let plane = sizes.output_plane();
    let filters = sizes.all_filters();
    let images = sizes.images / sizes.options.groups;
    (0..filters)
        .into_par_iter()
        .map(|filter| {
            let planes = (0..images).map(|image| (image * filters + filter) * plane);
            planes
                .map(|from| vectorized(|| total(&grad[from..][..plane])))
                .sum()
        })
        .collect()
}

/// Adds the gradients of a band of output rows of one image.
fn add_band(
    sizes: &ConvSizes,
    x: &[f32],
    grad: &[f32],
    image: usize,
    rows: &Range<usize>,
    sum: &mut WeightGradients,
) {
    let (patch, width) = (sizes.patch(), rows.len() * sizes.output[1]);
    let (image_values, grad_values) = (
        sizes.channels * sizes.input_plane(),
        sizes.filters * sizes.output_plane(),
    );
    let grad = &grad[image * grad_values..][..grad_values];
    let grad = &grad[rows.start * sizes.output[1]..];
    with_scratch(patch * width, |columns| {
        im2col(
            sizes,
            &x[image * image_values..][..image_values],
            rows,
            columns,
        );
        multiply(
            &mut sum.weight,
            patch,
            Matrix::strided(grad, sizes.filters, width, sizes.output_plane()),
            Matrix::new(columns, patch, width).transposed(),
            Write::Add,
        );
        for (sum, grad) in sum.bias.iter_mut().zip(grad.chunks(sizes.output_plane())) {
            *sum += vectorized(|| total(&grad[..width]));
        }
    });
}
