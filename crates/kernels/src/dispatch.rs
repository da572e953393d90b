//! The kernels as a burn backend extension, and their implementation for flex.

use crate::conv::{
    self, Addends, Conv2dOptions, ConvSizes, ConvWeights, GradientWeights, WeightGradients,
};
use crate::norm::{self, BatchNormOptions, Moments, NormSizes, Statistics};
use crate::pool::{self, MaxPool2dOptions, PoolSizes};
use crate::profile::{Kernel, timed};
use crate::rectifier::{self, Rectifier};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Bytes, DType, Shape};
use burn_flex::{FlexTensor, Layout};
use std::ops::Range;

/// The kernels as called by burn's dispatch. Use [`conv2d`](crate::conv2d),
/// [`max_pool2d`](crate::max_pool2d) and [`batch_norm_train`](crate::batch_norm_train) instead.
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

    /// Mean and variance of each channel, without a gradient: `[2, channels]`.
    fn kernel_moments(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Batch normalisation with `moments`, `[2, channels]`, which are those of `x` itself or given.
    fn kernel_batch_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        moments: FloatTensor<Self>,
        statistics: Statistics,
        options: BatchNormOptions,
    ) -> FloatTensor<Self>;
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

    /// Gradients of weight and bias.
    fn conv2d_weight_gradients(
        x: FloatTensor<Self>,
        weight: [usize; 4],
        grad: FloatTensor<Self>,
        options: Conv2dOptions,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    fn max_pool2d_input_gradient(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        options: MaxPool2dOptions,
    ) -> FloatTensor<Self>;

    /// Gradients of `x`, gamma and beta.
    fn batch_norm_gradients(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        moments: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        statistics: Statistics,
        options: BatchNormOptions,
    ) -> [FloatTensor<Self>; 3];
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

    fn kernel_moments(x: FlexTensor) -> FlexTensor {
        let sizes = NormSizes::new(dims(&x));
        let x = x.to_contiguous();
        let (mut mean, variance) = timed(Kernel::BatchNorm, || norm::moments(&sizes, values(&x)));
        mean.extend(variance);
        tensor(mean, [2, sizes.channels])
    }

    fn kernel_batch_norm(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        moments: FlexTensor,
        _: Statistics,
        options: BatchNormOptions,
    ) -> FlexTensor {
        let shape = dims(&x);
        let sizes = NormSizes::new(shape);
        let [x, gamma, beta] = [x, gamma, beta].map(|tensor| tensor.to_contiguous());
        let y = timed(Kernel::BatchNorm, || {
            norm::forward(
                &sizes,
                values(&x),
                [values(&gamma), values(&beta)],
                Moments::new(values(&moments), options.epsilon as f32),
                options.rectifier,
            )
        });
        tensor(y, shape)
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
        let mut y = vec![0.0; shape.iter().product()];
        let addends = Addends { bias, map: None };
        ConvWeights::once(&sizes, values(&weight)).forward(&sizes, values(&x), addends, &mut y);
        y
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
            let weights = GradientWeights::new(&sizes, values(&weight).into());
            weights.gradient(&sizes, values(&grad))
        });
        tensor(dx, sizes.input_shape())
    }

    fn conv2d_weight_gradients(
        x: FlexTensor,
        weight: [usize; 4],
        grad: FlexTensor,
        options: Conv2dOptions,
    ) -> (FlexTensor, FlexTensor) {
        let sizes = ConvSizes::new(dims(&x), weight, options);
        let (x, grad) = (x.to_contiguous(), grad.to_contiguous());
        let WeightGradients { weight, bias } = timed(Kernel::Conv2dWeightGradient, || {
            conv::weight_gradients(&sizes, values(&x), values(&grad))
        });
        (
            tensor(weight, sizes.weight_shape()),
            tensor(bias, [sizes.all_filters()]),
        )
    }

    fn max_pool2d_input_gradient(
        x: FlexTensor,
        y: FlexTensor,
        grad: FlexTensor,
        options: MaxPool2dOptions,
    ) -> FlexTensor {
        let shape = dims(&x);
        let sizes = PoolSizes::new(shape, options);
        let (x, y, grad) = (x.to_contiguous(), y.to_contiguous(), grad.to_contiguous());
        let dx = timed(Kernel::MaxPool2dGradient, || {
            pool::input_gradient(&sizes, values(&x), values(&y), values(&grad))
        });
        tensor(dx, shape)
    }

    fn batch_norm_gradients(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        moments: FlexTensor,
        grad: FlexTensor,
        statistics: Statistics,
        options: BatchNormOptions,
    ) -> [FlexTensor; 3] {
        let sizes = NormSizes::new(dims(&x));
        let [x, gamma, beta] = [x, gamma, beta].map(|tensor| tensor.to_contiguous());
        // Modified in place if no other tensor shares the memory, else copied.
        let mut grad = owned(grad);
        let (dgamma, dbeta) = timed(Kernel::BatchNormGradient, || {
            norm::gradients(
                &sizes,
                values(&x),
                values_mut(&mut grad),
                [values(&gamma), values(&beta)],
                Moments::new(values(&moments), options.epsilon as f32),
                options.rectifier,
                statistics,
            )
        });
        let of_channels = |values| tensor(values, [sizes.channels]);
        [grad, of_channels(dgamma), of_channels(dbeta)]
    }
}

/// # Panics
/// If the tensor does not have four axes, which its type rules out.
fn dims(tensor: &FlexTensor) -> [usize; 4] {
    tensor.shape().dims()
}

/// The tensor made contiguous. Drops the original, so that its memory is not shared.
pub(crate) fn owned(tensor: FlexTensor) -> FlexTensor {
    let contiguous = tensor.to_contiguous();
    drop(tensor);
    contiguous
}

/// # Panics
/// If the values are not 32-bit floats.
pub(crate) fn values(tensor: &FlexTensor) -> &[f32] {
    let range = range(tensor);
    &tensor.storage::<f32>()[range]
}

/// The values for writing; shared memory is copied first.
///
/// # Panics
/// As [`values`].
pub(crate) fn values_mut(tensor: &mut FlexTensor) -> &mut [f32] {
    let range = range(tensor);
    &mut tensor.storage_mut::<f32>()[range]
}

/// The range of a contiguous tensor's values within its storage.
fn range(tensor: &FlexTensor) -> Range<usize> {
    let offsets = tensor.layout().contiguous_offsets();
    let (start, end) = offsets.unwrap_or((0, tensor.storage::<f32>().len()));
    start..end
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::new(
        Bytes::from_elems(values),
        Layout::contiguous(Shape::from(shape)),
        DType::F32,
    )
}
