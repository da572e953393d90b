//! Which value of each window is the largest.

use super::tap::Choice;
use super::{PoolSizes, square, windows};
use crate::fresh::fresh;
use crate::profile::slice;
use crate::simd::vectorized;
use crate::threads::per_task;
use rayon::prelude::*;

/// For each window the tap whose value is the largest, counted row by row: the first of several that are equal, or of
/// those that are NaN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choices {
    /// For windows of up to 255 values.
    Bytes(Vec<u8>),
    Words(Vec<u32>),
}

impl Choices {
    /// The largest value of each window, and which one it is.
    ///
    /// # Shapes
    /// - `x`: `[planes, height, width]`
    /// - output: `[planes, output height, output width]`
    pub(crate) fn of(sizes: &PoolSizes, x: &[f32]) -> (Vec<f32>, Self) {
        if sizes.options.kernel_size.iter().product::<usize>() <= usize::from(u8::NONE) {
            let (y, choices) = choose(sizes, x);
            (y, Self::Bytes(choices))
        } else {
            let (y, choices) = choose(sizes, x);
            (y, Self::Words(choices))
        }
    }

    /// The gradient with respect to the input, given that of the output.
    ///
    /// # Shapes
    /// - `grad`: `[planes, output height, output width]`
    /// - result: `[planes, height, width]`
    pub(crate) fn gradient(&self, sizes: &PoolSizes, grad: &[f32]) -> Vec<f32> {
        match self {
            Self::Bytes(choices) => spread(sizes, choices, grad),
            Self::Words(choices) => spread(sizes, choices, grad),
        }
    }
}

/// The numbers of values of a plane of the input, of the output and of the choices.
fn planes(sizes: &PoolSizes) -> [usize; 3] {
    let [plane, map] = [sizes.input, sizes.output].map(|[height, width]| height * width);
    let choices = if sizes.options.is_2x2() {
        map
    } else {
        sizes.phases().span()
    };
    [plane, map, choices]
}

fn choose<T: Choice>(sizes: &PoolSizes, x: &[f32]) -> (Vec<f32>, Vec<T>) {
    let [plane, map, of_plane] = planes(sizes);
    let planes = per_task(plane);
    let mut choices = vec![T::default(); sizes.planes * of_plane];
    if x.is_empty() {
        return (vec![0.0; sizes.planes * map], choices);
    }
    let y = fresh(sizes.planes * map, |y| {
        let parts: Vec<_> = y.chunks(map * planes).collect();
        parts
            .into_par_iter()
            .zip(choices.par_chunks_mut((of_plane * planes).max(1)))
            .zip(x.par_chunks((plane * planes).max(1)))
            .for_each(|((y, choices), x)| {
                let _slice = slice();
                let outputs = y
                    .clear()
                    .chunks_exact_mut(map)
                    .zip(choices.chunks_exact_mut(of_plane));
                for ((y, choices), x) in outputs.zip(x.chunks_exact(plane)) {
                    if sizes.options.is_2x2() {
                        vectorized!(square::choose(sizes, x, y, choices));
                    } else {
                        windows::choose(sizes, x, y, choices);
                    }
                }
            });
    });
    (y, choices)
}

fn spread<T: Choice>(sizes: &PoolSizes, choices: &[T], grad: &[f32]) -> Vec<f32> {
    let [plane, map, of_plane] = planes(sizes);
    let planes = per_task(plane);
    fresh(sizes.planes * plane, |dx| {
        let parts: Vec<_> = dx.chunks(plane * planes).collect();
        parts
            .into_par_iter()
            .zip(choices.par_chunks((of_plane * planes).max(1)))
            .zip(grad.par_chunks((map * planes).max(1)))
            .for_each(|((dx, choices), grad)| {
                let _slice = slice();
                let outputs = choices.chunks_exact(of_plane).zip(grad.chunks_exact(map));
                let planes = dx.clear().chunks_exact_mut(plane);
                for (dx, (choices, grad)) in planes.zip(outputs) {
                    if sizes.options.is_2x2() {
                        vectorized!(square::spread(sizes, choices, grad, dx));
                    } else {
                        windows::spread(sizes, choices, grad, dx);
                    }
                }
            });
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::MaxPool2dOptions;
    use crate::rectifier::Rectifier;

    const NAN: f32 = f32::NAN;

    #[test]
    fn a_window_may_have_more_values_than_a_byte_has() {
        let options = MaxPool2dOptions {
            kernel_size: [16, 17],
            ..MaxPool2dOptions::new_2x2(Rectifier::None)
        };
        let sizes = PoolSizes::new([1, 2, 17, 18], options);
        let mut x = vec![0.0; 2 * 17 * 18];
        for largest in [15 * 18 + 16, (17 + 3) * 18 + 5] {
            x[largest] = 1.0;
        }
        let (y, choices) = Choices::of(&sizes, &x);
        assert_eq!(y, [1.0, 1.0]);
        assert!(matches!(choices, Choices::Words(_)));
        assert_eq!(choices.gradient(&sizes, &[1.0, 1.0]), x);
    }

    #[test]
    fn the_first_largest_value_or_nan_gets_the_gradient_that_the_rectifier_passes() {
        // Windows with a single maximum, several, NaN, and one that the rectifiers cut; an odd row and column.
        let x = [
            [1.0, 5.0, 2.0, 2.0, NAN, 1.0, -1.0, -2.0, 9.0],
            [0.0, 3.0, 2.0, 2.0, NAN, 7.0, -3.0, -1.0, 9.0],
            [0.0, 1.0, 0.0, 3.0, 0.0, NAN, 7.0, 6.5, 9.0],
            [4.0, 4.0, 3.0, 1.0, 8.0, 8.0, 0.0, 0.0, 9.0],
            [9.0; 9],
        ];
        let none = u8::NONE;
        for (rectifier, largest, choices) in [
            (
                Rectifier::None,
                [5.0, 2.0, NAN, -1.0, 4.0, 3.0, NAN, 7.0],
                [1, 0, 0, 0, 2, 1, 1, 0],
            ),
            (
                Rectifier::Relu6,
                [5.0, 2.0, NAN, 0.0, 4.0, 3.0, NAN, 6.0],
                [1, 0, none, none, 2, 1, none, none],
            ),
        ] {
            let options = MaxPool2dOptions::new_2x2(rectifier);
            let sizes = PoolSizes::new([1, 1, 5, 9], options);
            let (y, found) = Choices::of(&sizes, x.as_flattened());
            let bits = |values: &[f32]| -> Vec<u32> {
                let each = values.iter();
                each.map(|y| if y.is_nan() { 0 } else { y.to_bits() })
                    .collect()
            };
            assert_eq!(bits(&y), bits(&largest), "{rectifier:?}");
            assert_eq!(found, Choices::Bytes(choices.to_vec()), "{rectifier:?}");
            let grad: Vec<f32> = (1..=8).map(|i| i as f32).collect();
            let dx = found.gradient(&sizes, &grad);
            let mut expected = [[0.0; 9]; 5];
            for (i, choice) in choices.into_iter().enumerate() {
                let choice = usize::from(choice);
                if choice < 4 {
                    expected[i / 4 * 2 + choice / 2][i % 4 * 2 + choice % 2] = grad[i];
                }
            }
            assert_eq!(dx, expected.as_flattened(), "{rectifier:?}");
        }
    }
}
