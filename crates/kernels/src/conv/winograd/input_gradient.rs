use super::Sizes;
use super::forward::Convolution;
use super::weights::Transformed;

/// As [`crate::conv::input_gradient`].
pub(in super::super) fn input_gradient(sizes: &Sizes, weight: &[f32], grad: &[f32]) -> Vec<f32> {
    let [top, left, ..] = sizes.options.padding;
    let convolution = Convolution {
        images: sizes.images,
        channels: sizes.filters,
        input: sizes.output,
        filters: sizes.channels,
        output: sizes.input,
        first: [top as isize - 2, left as isize - 2],
    };
    let weights = Transformed::backward(weight, sizes.filters, sizes.channels);
    convolution.run(grad, &weights, |_, _| ())
}
