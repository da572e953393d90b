use super::bands::bands;
use super::columns::gather;
use super::masked::masked_band;
use super::{Sizes, winograd};
use crate::lanes::{add, total, vectorised};
use crate::matrix::{Matrix, Write, multiply};
use crate::scratch::with_scratch;
use rayon::prelude::*;
use std::ops::Range;

/// Places that are worth a partial sum of their own.
const PLACES_PER_SUM: usize = 512;
const MOST_SUMS: usize = 16;

/// The gradients with respect to weight `[filters, channels, kernel height, kernel width]` and bias
/// `[filters]`.
pub(crate) struct WeightGradients {
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

impl WeightGradients {
    pub(super) fn zeros(sizes: &Sizes) -> Self {
        Self {
            weight: vec![0.0; sizes.filters * sizes.window()],
            bias: vec![0.0; sizes.filters],
        }
    }
}

/// # Shapes
/// - `x`: `[images, channels, height, width]`
/// - `grad`: `[images, filters, output height, output width]`
/// - `output`: as `grad`, the forward pass' result; only where a ReLU followed
pub(crate) fn weight_gradients(
    sizes: &Sizes,
    x: &[f32],
    grad: &[f32],
    output: Option<&[f32]>,
) -> WeightGradients {
    if winograd::suits(sizes) {
        return winograd::weight_gradients(sizes, x, grad, output);
    }
    // Bands of images are added up in groups, and then the groups in order: the groups depend on
    // the sizes alone, so the sum has the same bits on any number of threads.
    let pieces: Vec<(usize, Range<usize>)> = (0..sizes.images)
        .flat_map(|image| bands(sizes).map(move |rows| (image, rows)))
        .collect();
    let sums = (sizes.images * sizes.places() / PLACES_PER_SUM).clamp(1, MOST_SUMS);
    let group = pieces.len().div_ceil(sums).max(1);
    pieces
        .par_chunks(group)
        .map(|pieces| {
            let mut sum = WeightGradients::zeros(sizes);
            for (image, rows) in pieces {
                add_band(sizes, x, grad, output, *image, rows, &mut sum);
            }
            sum
        })
        .collect::<Vec<_>>()
        .into_iter()
        .reduce(|mut all, part| {
            vectorised(|| add(&mut all.weight, &part.weight));
            vectorised(|| add(&mut all.bias, &part.bias));
            all
        })
        .unwrap_or_else(|| WeightGradients::zeros(sizes))
}

fn add_band(
    sizes: &Sizes,
    x: &[f32],
    grad: &[f32],
    output: Option<&[f32]>,
    image: usize,
    rows: &Range<usize>,
    sum: &mut WeightGradients,
) {
    let (window, width) = (sizes.window(), rows.len() * sizes.output[1]);
    let (image_values, map_values) = (
        sizes.channels * sizes.input_plane(),
        sizes.filters * sizes.places(),
    );
    let grad = &grad[image * map_values..][..map_values];
    let output = output.map(|output| &output[image * map_values..][..map_values]);
    with_scratch((sizes.filters + window) * width, |scratch| {
        let (masked, columns) = scratch.split_at_mut(sizes.filters * width);
        masked_band(sizes, grad, output, rows, masked);
        gather(
            sizes,
            &x[image * image_values..][..image_values],
            rows,
            columns,
        );
        multiply(
            &mut sum.weight,
            window,
            Matrix::new(masked, sizes.filters, width),
            Matrix::new(columns, window, width).transposed(),
            Write::Add,
        );
        for (sum, grad) in sum.bias.iter_mut().zip(masked.chunks_exact(width)) {
            *sum += vectorised(|| total(grad));
        }
    });
}
