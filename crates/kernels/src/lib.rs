//! Convolution and max pooling for burn's flex backend, several times as fast as its own, with
//! their gradients: burn's modules keep the parameters, and these functions take their place in
//! `forward`.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use receptive_kernels::{Conv2dOptions, conv2d, runs_on};
//!
//! let device = Device::flex();
//! assert!(runs_on(&device));
//! let x = Tensor::<4>::ones([1, 3, 8, 8], &device);
//! let weight = Tensor::<4>::ones([4, 3, 3, 3], &device);
//! let options = Conv2dOptions {
//!     strides: [1, 1],
//!     padding: [1, 1, 1, 1],
//!     dilation: [1, 1],
//!     relu: true,
//! };
//! assert_eq!(conv2d(x, weight, None, options).dims(), [1, 4, 8, 8]);
//! ```
//!
//! Results have the same bits on any number of threads: every sum is cut by the sizes alone.

mod autodiff;
mod conv;
mod dispatch;
mod lanes;
mod matrix;
mod pool;
mod scratch;
mod slide;

pub use conv::Conv2dOptions;
pub use dispatch::KernelOps;
pub use pool::MaxPool2dOptions;

use burn::backend::{Dispatch, DispatchDevice};
use burn::tensor::{Device, Tensor};

/// Whether this crate's functions take tensors of this device: flex, with or without autodiff.
pub fn runs_on(device: &Device) -> bool {
    matches!(
        device.clone().inner().as_dispatch(),
        DispatchDevice::Flex(_)
    )
}

/// Convolution of 32-bit floats, plus bias, and ReLU where the options say so.
///
/// # Shapes
/// - `x`: `[images, channels, height, width]`
/// - `weight`: `[filters, channels, kernel height, kernel width]`, as burn's `Conv2d` without groups
/// - `bias`: `[filters]`
/// - output: `[images, filters, out height, out width]`, where each side is
///   `floor((n + padding - dilation * (kernel - 1) - 1) / stride) + 1`
///
/// # Panics
/// When the shapes do not fit each other, the tensors are not of 32-bit floats, or their device is
/// not one that [`runs_on`] names.
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

/// Max pooling of 32-bit floats.
///
/// # Shapes
/// - `x`: `[images, channels, height, width]`
/// - output: `[images, channels, out height, out width]`, sides as in [`conv2d`]
///
/// # Panics
/// As [`conv2d`].
pub fn max_pool2d(x: Tensor<4>, options: MaxPool2dOptions) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::kernel_max_pool2d(x.into_dispatch(), options))
}
