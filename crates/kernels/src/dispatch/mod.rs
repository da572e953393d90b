//! The kernels as burn backend extensions, and their implementation for flex.

mod dense;
mod norm;
mod pointwise;
mod tensors;

pub(crate) use dense::DenseGradients;
pub use dense::DenseOps;
pub(crate) use norm::NormGradients;
pub use norm::NormOps;
pub(crate) use pointwise::PointwiseGradients;
pub use pointwise::PointwiseOps;
pub(crate) use tensors::{owned, tensor, values, values_mut};

use crate::conv::{self, Conv2dOptions, ConvSizes, ConvWeights};
use crate::pool::{self, Choices, MaxPool2dOptions, PoolSizes};
use crate::profile::{Kernel, timed};
use crate::rectifier::{self, Rectifier};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Flex, backend_extension};
use burn_flex::FlexTensor;
use tensors::dims;

/// The kernels as called by burn's dispatch. Use [`conv2d`](crate::conv2d) and
/// [`max_pool2d`](crate::max_pool2d) instead.
#[backend_extension(Autodiff, Flex)]
pub trait KernelOps: Backend {
    /// Convolution without bias.
    fn kernel_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        options: Conv2dOptions,
    ) -> FloatTensor<Self>;

    /// Convolution with bias.
    fn kernel_conv2d_bias(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: Conv2dOptions,
    ) -> FloatTensor<Self>;

    /// Convolution with bias, then 2x2 max pooling with stride 2.
    fn kernel_conv2d_max_pool_2x2(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        options: Conv2dOptions,
    ) -> FloatTensor<Self>;

    /// Max pooling.
    fn kernel_max_pool2d(x: FloatTensor<Self>, options: MaxPool2dOptions) -> FloatTensor<Self>;
}

/// The kernels' gradients. `output` is the forward pass's result, needed only if there is a
/// rectifier.
pub(crate) trait KernelGradients: Backend {
    /// `grad` where the rectifier passes it on, else 0.
    fn rectifier_gradient(
        rectifier: Rectifier,
        grad: FloatTensor<Self>,
        output: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    fn conv2d_input_gradient(
        input: [usize; 4],
        weight: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        options: Conv2dOptions,
    ) -> FloatTensor<Self>;

    fn conv2d_weight_gradient(
        x: FloatTensor<Self>,
        weight: [usize; 4],
        grad: FloatTensor<Self>,
        options: Conv2dOptions,
    ) -> FloatTensor<Self>;

    fn conv2d_bias_gradient(grad: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Max pooling, and which value of each window is the largest.
    fn max_pool2d_choices(
        x: FloatTensor<Self>,
        options: MaxPool2dOptions,
    ) -> (FloatTensor<Self>, Choices);

    /// The gradient with respect to an input of this shape.
    fn max_pool2d_input_gradient(
        input: [usize; 4],
        choices: &Choices,
        grad: FloatTensor<Self>,
        options: MaxPool2dOptions,
    ) -> FloatTensor<Self>;
}

impl KernelOps for Flex {
    fn kernel_conv2d(x: FlexTensor, weight: FlexTensor, options: Conv2dOptions) -> FlexTensor {
        convolve(&x, &weight, None, options)
    }

    fn kernel_conv2d_bias(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        options: Conv2dOptions,
    ) -> FlexTensor {
        convolve(&x, &weight, Some(&bias), options)
    }

    fn kernel_conv2d_max_pool_2x2(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        options: Conv2dOptions,
    ) -> FlexTensor {
        let sizes = ConvSizes::new(dims(&x), dims(&weight), options);
        if !conv::fuses_pool(&sizes) {
            let (plain, pool) = options.before_2x2_pool();
            return Self::kernel_max_pool2d(convolve(&x, &weight, Some(&bias), plain), pool);
        }
        let [x, weight, bias] = [x, weight, bias].map(|tensor| tensor.to_contiguous());
        let [images, filters, height, width] = sizes.output_shape();
        let shape = [images, filters, height / 2, width / 2];
        let y = timed(Kernel::Conv2d, || {
            let mut y = vec![0.0; shape.iter().product()];
            let weights = ConvWeights::once(&sizes, values(&weight));
            weights.forward_pooled(&sizes, values(&x), Some(values(&bias)), &mut y);
            y
        });
        tensor(y, shape)
    }

    fn kernel_max_pool2d(x: FlexTensor, options: MaxPool2dOptions) -> FlexTensor {
        let [images, channels, height, width] = dims(&x);
        let sizes = PoolSizes::new([images, channels, height, width], options);
        let x = x.to_contiguous();
        let y = timed(Kernel::MaxPool2d, || pool::forward(&sizes, values(&x)));
        let [height, width] = sizes.output;
        tensor(y, [images, channels, height, width])
    }
}

fn convolve(
    x: &FlexTensor,
    weight: &FlexTensor,
    bias: Option<&FlexTensor>,
    options: Conv2dOptions,
) -> FlexTensor {
    let sizes = ConvSizes::new(dims(x), dims(weight), options);
    let (x, weight) = (x.to_contiguous(), weight.to_contiguous());
    let bias = bias.map(FlexTensor::to_contiguous);
    let bias = bias.as_ref().map(values);
    let shape = sizes.output_shape();
    let y = timed(Kernel::Conv2d, || {
        conv::forward_once(&sizes, values(&x), values(&weight), bias)
    });
    tensor(y, shape)
}

impl KernelGradients for Flex {
    fn rectifier_gradient(
        rectifier: Rectifier,
        grad: FlexTensor,
        output: FlexTensor,
    ) -> FlexTensor {
        // Modified in place if no other tensor shares the memory, else copied.
        let (mut masked, output) = (owned(grad), output.to_contiguous());
        timed(Kernel::RectifierGradient, || {
            rectifier::gradient(rectifier, values_mut(&mut masked), values(&output));
        });
        masked
    }

    fn conv2d_input_gradient(
        input: [usize; 4],
        weight: FlexTensor,
        grad: FlexTensor,
        options: Conv2dOptions,
    ) -> FlexTensor {
        let sizes = ConvSizes::new(input, dims(&weight), options);
        let (weight, grad) = (weight.to_contiguous(), grad.to_contiguous());
        let dx = timed(Kernel::Conv2dInputGradient, || {
            conv::input_gradient_once(&sizes, values(&weight), values(&grad))
        });
        tensor(dx, sizes.input_shape())
    }

    fn conv2d_weight_gradient(
        x: FlexTensor,
        weight: [usize; 4],
        grad: FlexTensor,
        options: Conv2dOptions,
    ) -> FlexTensor {
        let sizes = ConvSizes::new(dims(&x), weight, options);
        let (x, grad) = (x.to_contiguous(), grad.to_contiguous());
        let weight = timed(Kernel::Conv2dWeightGradient, || {
            conv::weight_gradient(&sizes, values(&x), values(&grad))
        });
        tensor(weight, sizes.weight_shape())
    }

    fn conv2d_bias_gradient(grad: FlexTensor) -> FlexTensor {
        let [_, filters, height, width] = dims(&grad);
        let grad = grad.to_contiguous();
        let bias = timed(Kernel::Conv2dWeightGradient, || {
            conv::bias_gradient(filters, height * width, values(&grad))
        });
        tensor(bias, [filters])
    }

    fn max_pool2d_choices(x: FlexTensor, options: MaxPool2dOptions) -> (FlexTensor, Choices) {
        let [images, channels, height, width] = dims(&x);
        let sizes = PoolSizes::new([images, channels, height, width], options);
        let x = x.to_contiguous();
        let (y, choices) = timed(Kernel::MaxPool2d, || Choices::of(&sizes, values(&x)));
        let [height, width] = sizes.output;
        (tensor(y, [images, channels, height, width]), choices)
    }

    fn max_pool2d_input_gradient(
        input: [usize; 4],
        choices: &Choices,
        grad: FlexTensor,
        options: MaxPool2dOptions,
    ) -> FlexTensor {
        let sizes = PoolSizes::new(input, options);
        let grad = grad.to_contiguous();
        let dx = timed(Kernel::MaxPool2dGradient, || {
            choices.gradient(&sizes, values(&grad))
        });
        tensor(dx, input)
    }
}
