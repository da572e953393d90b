use super::bands::{bands, each_slice};
use super::columns::scatter;
use super::masked::masked_band;
use super::{Sizes, winograd};
use crate::matrix::{Matrix, Write, multiply};
use crate::scratch::with_scratch;

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
    if winograd::suits(sizes) {
        return winograd::input_gradient(sizes, weight, grad, output);
    }
    let (window, places, plane) = (sizes.window(), sizes.places(), sizes.input_plane());
    let taps = sizes.kernel[0] * sizes.kernel[1];
    let mut dx = vec![0.0; sizes.images * sizes.channels * plane];
    let map_values = sizes.filters * places;
    each_slice(
        sizes,
        &mut dx,
        sizes.channels,
        plane,
        |image, first_channel, planes| {
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
        },
    );
    dx
}
