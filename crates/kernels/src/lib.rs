//! Convolution, dense layers, max pooling, normalisation and activations for burn's flex backend, several times as fast
//! as its own, with gradients: for any burn project that trains a CNN on a CPU. burn's modules keep
//! the parameters; these functions replace their `forward`.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use receptive_kernels::{Algorithm, Conv2dOptions, Rectifier, conv2d, runs_on};
//!
//! let device = Device::flex().autodiff();
//! assert!(runs_on(&device));
//! let x = Tensor::<4>::ones([1, 3, 8, 8], &device); // [images, channels, height, width]
//! let weight = Tensor::<4>::ones([4, 3, 3, 3], &device).require_grad();
//! let options = Conv2dOptions {
//!     strides: [1, 1],
//!     padding: [1, 1, 1, 1],
//!     dilation: [1, 1],
//!     groups: 1,
//!     rectifier: Rectifier::Relu,
//!     algorithm: Algorithm::Auto,
//! };
//! let y = conv2d(x, weight.clone(), None, options);
//! assert_eq!(y.dims(), [1, 4, 8, 8]);
//! let gradient = weight.grad(&y.sum().backward()).unwrap();
//! assert_eq!(gradient.dims(), [4, 3, 3, 3]);
//! ```
//!
//! [`adamw_step`] and [`sgd_step`] compute an optimizer's step in one pass over a parameter.
//!
//! Results are bit-identical on any number of threads: the partition of every sum depends only on
//! the sizes.

mod autodiff;
mod batch_norm;
mod channel_scale;
mod conv;
mod dense;
mod dispatch;
mod ending;
mod fresh;
pub mod frozen;
pub mod inference;
mod layer_norm;
mod matrix;
#[cfg(feature = "mimalloc")]
mod memory;
mod nonlinearity;
mod norm;
mod optimizer;
mod output_size;
mod phases;
mod pool;
mod prefetch;
mod product;
mod profile;
mod rectifier;
mod scratch;
mod simd;
mod threads;
mod transpose;

pub use batch_norm::BatchNormInput;
pub use conv::{Algorithm, Conv2dOptions};
pub use dispatch::{DenseOps, KernelOps, NormOps, PointwiseOps};
#[cfg(feature = "mimalloc")]
pub use memory::keep_freed_memory;
pub use nonlinearity::Nonlinearity;
pub use norm::BatchNormOptions;
pub use optimizer::{AdamWStep, OptimizerOps, SgdStep, adamw_step, sgd_step};
pub use pool::MaxPool2dOptions;
pub use profile::{Kernel, KernelProfile, begin_profile, end_profile};
pub use rectifier::{Rectifier, RectifierMask};
pub use threads::{KernelThreads, alone, shared, together};

use burn::backend::{Dispatch, DispatchDevice};
use burn::tensor::{Device, Tensor};

/// Whether this crate's functions accept tensors on this device: flex, with or without autodiff.
pub fn runs_on(device: &Device) -> bool {
    matches!(
        device.clone().inner().as_dispatch(),
        DispatchDevice::Flex(_)
    )
}

/// 2D convolution of 32-bit floats, plus bias, then the rectifier.
///
/// # Shapes
/// - `x`: `[images, channels, height, width]`
/// - `weight`: `[filters, channels / groups, kernel height, kernel width]`, as in burn's `Conv2d`
/// - `bias`: `[filters]`
/// - output: `[images, filters, out height, out width]`, where each side is
///   `floor((n + padding - dilation * (kernel - 1) - 1) / stride) + 1`
///
/// # Panics
/// If the shapes do not match, the tensors are not 32-bit floats, or [`runs_on`] is false for their
/// device.
pub fn conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    options: Conv2dOptions,
) -> Tensor<4> {
    Tensor::from_dispatch(match bias {
        Some(bias) => Dispatch::kernel_conv2d_bias(
            x.into_dispatch(),
            weight.into_dispatch(),
            bias.into_dispatch(),
            options,
        ),
        None => Dispatch::kernel_conv2d(x.into_dispatch(), weight.into_dispatch(), options),
    })
}

/// [`conv2d`], then 2x2 max pooling with stride 2. Without autodiff most convolutions are pooled
/// while their outputs are in the cache.
///
/// # Shapes
/// As [`conv2d`]; the output's height and width are halved, rounded down.
///
/// # Panics
/// As [`conv2d`].
pub fn conv2d_max_pool_2x2(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    options: Conv2dOptions,
) -> Tensor<4> {
    let bias = bias.unwrap_or_else(|| Tensor::zeros([weight.dims()[0]], &x.device()));
    Tensor::from_dispatch(Dispatch::kernel_conv2d_max_pool_2x2(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        options,
    ))
}

/// Max pooling of 32-bit floats.
///
/// # Shapes
/// - `x`: `[images, channels, height, width]`
/// - output: `[images, channels, out height, out width]`, with sizes as in [`conv2d`]
///
/// # Panics
/// As [`conv2d`].
pub fn max_pool2d(x: Tensor<4>, options: MaxPool2dOptions) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::kernel_max_pool2d(x.into_dispatch(), options))
}

/// The result of [`batch_norm_train`].
#[derive(Debug, Clone)]
pub struct BatchNormTrain {
    /// The normalised values, shaped as the input.
    pub output: Tensor<4>,
    /// Mean of each channel: `[channels]`, without a gradient.
    pub mean: Tensor<1>,
    /// Biased variance of each channel, divided by the number of values: `[channels]`, without a
    /// gradient.
    pub variance: Tensor<1>,
}

/// Batch normalisation with the batch's own mean and variance, then the nonlinearity. The caller
/// updates any running statistics.
///
/// # Shapes
/// - `x`: `[images, channels, height, width]`
/// - `gamma`, `beta`: `[channels]`
///
/// # Panics
/// As [`conv2d`].
pub fn batch_norm_train(
    x: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    options: BatchNormOptions,
) -> BatchNormTrain {
    let [_, channels, ..] = x.dims();
    for (tensor, what) in [(&gamma, "gamma"), (&beta, "beta")] {
        assert_eq!(tensor.dims(), [channels], "{what} of a batch norm");
    }
    let (output, moments) = Dispatch::kernel_batch_norm_train(
        x.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        options,
    );
    let [mean, variance] = batch_norm::rows(Tensor::from_dispatch(moments));
    BatchNormTrain {
        output: Tensor::from_dispatch(output),
        mean,
        variance,
    }
}

/// Batch normalisation with a given mean and variance, such as running statistics, then the
/// nonlinearity. Gradients flow to `x`, `gamma` and `beta`; the statistics are constants.
///
/// # Shapes
/// - `x`: `[images, channels, height, width]`
/// - `gamma`, `beta`, `mean`, `variance`: `[channels]`
/// - output: as `x`
///
/// # Panics
/// As [`conv2d`].
pub fn batch_norm(
    x: Tensor<4>,
    parameters: [Tensor<1>; 2],
    statistics: [Tensor<1>; 2],
    options: BatchNormOptions,
) -> Tensor<4> {
    BatchNormInput::with_statistics(x, parameters, statistics).output(options)
}

/// A dense layer of 32-bit floats: `x weight + bias`.
///
/// # Shapes
/// - `x`: `[images, inputs]`
/// - `weight`: `[inputs, units]`, as in burn's `Linear`
/// - `bias`: `[units]`
/// - output: `[images, units]`
///
/// # Panics
/// As [`conv2d`].
pub fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<2> {
    let [inputs, units] = weight.dims();
    assert_eq!(x.dims()[1], inputs, "inputs of a dense layer");
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(match bias {
        Some(bias) => {
            assert_eq!(bias.dims(), [units], "bias of a dense layer");
            Dispatch::kernel_linear_bias(x, weight, bias.into_dispatch())
        }
        None => Dispatch::kernel_linear(x, weight),
    })
}

/// The function of each value of a tensor of 32-bit floats.
///
/// # Panics
/// If the tensor is not of 32-bit floats, or [`runs_on`] is false for its device.
pub fn nonlinear<const D: usize>(x: Tensor<D>, nonlinearity: Nonlinearity) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::kernel_nonlinear(x.into_dispatch(), nonlinearity))
}

/// Each channel of 32-bit floats times a factor: a gate, or trained factors.
///
/// # Shapes
/// - `x`: `[images, channels, height, width]`
/// - `factors`: `[images, channels, 1, 1]`, or `[1, channels, 1, 1]` for all images
/// - output: as `x`
///
/// # Panics
/// As [`conv2d`].
pub fn scale_channels(x: Tensor<4>, factors: Tensor<4>) -> Tensor<4> {
    let [images, channels, ..] = x.dims();
    let rows = factors.dims()[0];
    assert!(
        rows == 1 || rows == images,
        "factors of {rows} images for maps of {images}"
    );
    assert_eq!(
        factors.dims(),
        [rows, channels, 1, 1],
        "factors of channels"
    );
    Tensor::from_dispatch(Dispatch::kernel_scale_channels(
        x.into_dispatch(),
        factors.into_dispatch(),
    ))
}

/// Normalisation of the channels at each position to mean 0 and variance 1, then times gamma, plus beta.
///
/// # Shapes
/// - `x`: `[images, channels, height, width]`
/// - `gamma`, `beta`: `[channels]`
/// - output: as `x`
///
/// # Panics
/// As [`conv2d`].
pub fn layer_norm(x: Tensor<4>, [gamma, beta]: [Tensor<1>; 2], epsilon: f64) -> Tensor<4> {
    let channels = x.dims()[1];
    assert_eq!(gamma.dims(), [channels], "gamma of a layer norm");
    assert_eq!(beta.dims(), [channels], "beta of a layer norm");
    Tensor::from_dispatch(Dispatch::kernel_layer_norm(
        x.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        epsilon,
    ))
}

/// Its example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
