use super::Sizes;
use super::bands::{bands, slice};
use super::columns::scatter;
use super::masked::masked_band;
use crate::matrix::{Matrix, Write, multiply};
use crate::scratch::with_scratch;
use rayon::prelude::*;

/// The gradient with respect to the input.
///
/// # Shapes
/// - `weight`: `[filters, channels, kernel height, kernel width]`
/// - `grad`: `[images, filters, output height, output width]`
/// - `output`: as `grad`, the forward pass' result; only where a ReLU followed
/// - result: `[images, channels, height, width]`
pub(crate) fn input_gradient(
    sizes: &Sizes,
    weight: &[f32],
    grad: &[f32],
    output: Option<&[f32]>,
) -> Vec<f32> {
    let (window, places, plane) = (sizes.window(), sizes.places(), sizes.input_plane());
    let taps = sizes.kernel[0] * sizes.kernel[1];
    let mut dx = vec![0.0; sizes.images * sizes.channels * plane];
    let channels = slice(sizes.channels, places);
    let map_values = sizes.filters * places;
    let of_image = |image: usize, planes: &mut [f32], first_channel: usize| {
        let grad = &grad[image * map_values..][..map_values];
        let output = output.map(|output| &output[image * map_values..][..map_values]);
        let lines = planes.len() / plane * taps;
        for rows in bands(sizes) {
            let width = rows.len() * sizes.output[1];
            with_scratch((sizes.filters + lines) * width, |scratch| {
                let (masked, columns) = scratch.split_at_mut(sizes.filters * width);
                masked_band(sizes, grad, output, &rows, masked);
                let weight = Matrix::strided(
                    &weight[first_channel * taps..],
                    sizes.filters,
                    lines,
                    window,
                );
                multiply(
                    columns,
                    width,
                    weight.transposed(),
                    Matrix::new(masked, sizes.filters, width),
                    Write::Over,
                );
                scatter(sizes, columns, &rows, planes);
            });
        }
    };
    dx.par_chunks_mut((sizes.channels * plane).max(1))
        .enumerate()
        .for_each(|(image, planes)| {
            if channels == sizes.channels {
                of_image(image, planes, 0);
            } else {
                planes
                    .par_chunks_mut(channels * plane)
                    .enumerate()
                    .for_each(|(part, planes)| of_image(image, planes, part * channels));
            }
        });
    dx
}
