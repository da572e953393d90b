use super::bands::{bands, bands_of, each_slice};
use super::columns::gather;
use super::{Sizes, winograd};
use crate::lanes::vectorised;
use crate::matrix::{Matrix, Write, multiply};
use crate::pool::halve;
use crate::scratch::with_scratch;

/// The convolution of every image, plus bias, and ReLU where the options say so.
///
/// # Shapes
/// - `x`: `[images, channels, height, width]`
/// - `weight`: `[filters, channels, kernel height, kernel width]`
/// - `bias`: `[filters]`
/// - output: `[images, filters, output height, output width]`
pub(crate) fn forward(sizes: &Sizes, x: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
    if winograd::suits(sizes) {
        return winograd::forward(sizes, x, weight, bias);
    }
    let (window, places) = (sizes.window(), sizes.places());
    let mut y = vec![0.0; sizes.images * sizes.filters * places];
    let image_values = sizes.channels * sizes.input_plane();
    each_slice(
        sizes,
        &mut y,
        sizes.filters,
        places,
        |image, first_filter, maps| {
            let planes = &x[image * image_values..][..image_values];
            let filters = maps.len() / places;
            let weight = &weight[first_filter * window..][..filters * window];
            let bias = bias.map(|bias| &bias[first_filter..][..filters]);
            for rows in bands(sizes) {
                let (from, width) = (rows.start * sizes.output[1], rows.len() * sizes.output[1]);
                with_scratch(window * width, |columns| {
                    gather(sizes, planes, &rows, columns);
                    multiply(
                        &mut maps[from..],
                        places,
                        Matrix::new(weight, filters, window),
                        Matrix::new(columns, window, width),
                        Write::Over,
                    );
                });
                // While the band is still in the cache.
                for (filter, map) in maps.chunks_exact_mut(places).enumerate() {
                    let bias = bias.map_or(0.0, |bias| bias[filter]);
                    finish(&mut map[from..][..width], bias, sizes.options.relu);
                }
            }
        },
    );
    y
}

/// Whether [`forward_halved`] is there for these sizes.
pub(crate) fn is_halved(sizes: &Sizes) -> bool {
    !winograd::suits(sizes) && sizes.output.iter().all(|side| *side >= 2)
}

/// The convolution, pooled by windows of 2x2 while its outputs are in the cache; then bias and ReLU, whose
/// order does not matter to the largest value.
///
/// # Shapes
/// As [`forward`], the output's height and width halved.
pub(crate) fn forward_halved(sizes: &Sizes, x: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32> {
    let window = sizes.window();
    let [height, width] = sizes.output.map(|side| side / 2);
    let mut y = vec![0.0; sizes.images * sizes.filters * height * width];
    let image_values = sizes.channels * sizes.input_plane();
    each_slice(
        sizes,
        &mut y,
        sizes.filters,
        height * width,
        |image, first_filter, maps| {
            let planes = &x[image * image_values..][..image_values];
            let filters = maps.len() / (height * width);
            let weight = &weight[first_filter * window..][..filters * window];
            for rows in bands_of(sizes, 2 * height, 2) {
                let places = rows.len() * sizes.output[1];
                let pooled = rows.start / 2 * width..rows.end / 2 * width;
                with_scratch((window + filters) * places, |scratch| {
                    let (columns, products) = scratch.split_at_mut(window * places);
                    gather(sizes, planes, &rows, columns);
                    multiply(
                        products,
                        places,
                        Matrix::new(weight, filters, window),
                        Matrix::new(columns, window, places),
                        Write::Over,
                    );
                    let maps = maps.chunks_exact_mut(height * width);
                    for (filter, (map, products)) in
                        maps.zip(products.chunks_exact(places)).enumerate()
                    {
                        let map = &mut map[pooled.clone()];
                        vectorised(|| halve(sizes.output[1], products, map, false));
                        finish(map, bias[first_filter + filter], sizes.options.relu);
                    }
                });
            }
        },
    );
    y
}

/// Adds the bias, and sets what is negative to 0 where a ReLU follows.
pub(super) fn finish(values: &mut [f32], bias: f32, relu: bool) {
    vectorised(|| {
        if relu {
            for value in values {
                let sum = *value + bias;
                // Unlike `f32::max`, this keeps what is no number, so that a diverged run shows.
                *value = if sum < 0.0 { 0.0 } else { sum };
            }
        } else if bias != 0.0 {
            for value in values {
                *value += bias;
            }
        }
    });
}
