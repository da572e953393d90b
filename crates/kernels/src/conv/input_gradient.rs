use super::bands::{bands, each_slice};
use super::columns::scatter;
use super::{Sizes, winograd};
use crate::matrix::{Matrix, Write, multiply};
use crate::scratch::with_scratch;

/// The gradient with respect to the input.
///
/// # Shapes
/// - `weight`: `[filters, channels, kernel height, kernel width]`
/// - `grad`: `[images, filters, output height, output width]`
/// - result: `[images, channels, height, width]`
pub(crate) fn input_gradient(sizes: &Sizes, weight: &[f32], grad: &[f32]) -> Vec<f32> {
    if winograd::suits(sizes) {
        return winograd::input_gradient(sizes, weight, grad);
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
            let lines = planes.len() / plane * taps;
            for rows in bands(sizes) {
                let width = rows.len() * sizes.output[1];
                let grad = Matrix::strided(
                    &grad[rows.start * sizes.output[1]..],
                    sizes.filters,
                    width,
                    places,
                );
                with_scratch(lines * width, |columns| {
                    let weight = Matrix::strided(
                        &weight[first_channel * taps..],
                        sizes.filters,
                        lines,
                        window,
                    );
                    multiply(columns, width, weight.transposed(), grad, Write::Over);
                    scatter(sizes, columns, &rows, planes);
                });
            }
        },
    );
    dx
}
