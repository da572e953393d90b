use super::bands::{bands, each_slice};
use super::columns::gather;
use super::{Sizes, winograd};
use crate::lanes::vectorised;
use crate::matrix::{Matrix, Write, multiply};
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
