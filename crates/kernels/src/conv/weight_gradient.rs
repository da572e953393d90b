use super::bands::bands;
use super::columns::gather;
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
    fn zeros(sizes: &Sizes) -> Self {
        Self {
            weight: vec![0.0; sizes.filters * sizes.window()],
            bias: vec![0.0; sizes.filters],
        }
    }
}

/// # Shapes
/// - `x`: `[images, channels, height, width]`
/// - `grad`: `[images, filters, output height, output width]`
pub(crate) fn weight_gradients(sizes: &Sizes, x: &[f32], grad: &[f32]) -> WeightGradients {
    if winograd::suits(sizes) {
        return WeightGradients {
            weight: winograd::weight_gradient(sizes, x, grad),
            bias: bias_gradient(sizes, grad),
        };
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
                add_band(sizes, x, grad, *image, rows, &mut sum);
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

/// The sum of each filter's gradients.
fn bias_gradient(sizes: &Sizes, grad: &[f32]) -> Vec<f32> {
    let plane = sizes.places();
    (0..sizes.filters)
        .into_par_iter()
        .map(|filter| {
            let planes = (0..sizes.images).map(|image| (image * sizes.filters + filter) * plane);
            planes
                .map(|from| vectorised(|| total(&grad[from..][..plane])))
                .sum()
        })
        .collect()
}

fn add_band(
    sizes: &Sizes,
    x: &[f32],
    grad: &[f32],
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
    let grad = &grad[rows.start * sizes.output[1]..];
    with_scratch(window * width, |columns| {
        gather(
            sizes,
            &x[image * image_values..][..image_values],
            rows,
            columns,
        );
        multiply(
            &mut sum.weight,
            window,
            Matrix::strided(grad, sizes.filters, width, sizes.places()),
            Matrix::new(columns, window, width).transposed(),
            Write::Add,
        );
        for (sum, grad) in sum.bias.iter_mut().zip(grad.chunks(sizes.places())) {
            *sum += vectorised(|| total(&grad[..width]));
        }
    });
}
