//! Batch norms, alone and with what follows them, as a burn backend extension, and their implementation for flex.

use super::tensors::{dims, owned, tensor, values, values_mut};
use crate::norm::{self, BatchNormOptions, Moments, NormSettings, NormSizes};
use crate::profile::{Kernel, timed};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Flex, backend_extension};
use burn_flex::FlexTensor;

/// The kernels as called by burn's dispatch. Use [`batch_norm_train`](crate::batch_norm_train) and
/// [`BatchNormInput`](crate::BatchNormInput) instead.
#[backend_extension(Autodiff, Flex)]
pub trait NormOps: Backend {
    /// Mean and variance of each channel, without a gradient: `[2, channels]`.
    fn kernel_moments(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Batch normalisation with the values' own mean and variance, and those, without a gradient: `[2, channels]`.
    fn kernel_batch_norm_train(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        options: BatchNormOptions,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// Batch normalisation with `moments`, `[2, channels]`, which are those of `x` itself or given.
    fn kernel_batch_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        moments: FloatTensor<Self>,
        settings: NormSettings,
    ) -> FloatTensor<Self>;

    /// Batch normalisation, plus other maps, then the nonlinearity.
    fn kernel_batch_norm_add(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        added: FloatTensor<Self>,
        moments: FloatTensor<Self>,
        settings: NormSettings,
    ) -> FloatTensor<Self>;
}

/// The gradients of [`NormOps`].
pub(crate) trait NormGradients: Backend {
    /// Gradients of `x`, gamma and beta.
    fn batch_norm_gradients(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        moments: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        settings: NormSettings,
    ) -> [FloatTensor<Self>; 3];

    /// Gradients of `x`, gamma, beta and the added maps.
    fn batch_norm_add_gradients(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        added: FloatTensor<Self>,
        moments: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        settings: NormSettings,
    ) -> [FloatTensor<Self>; 4];
}

impl NormOps for Flex {
    fn kernel_moments(x: FlexTensor) -> FlexTensor {
        let sizes = NormSizes::new(dims(&x));
        let x = x.to_contiguous();
        let (mut mean, variance) = timed(Kernel::BatchNorm, || norm::moments(&sizes, values(&x)));
        mean.extend(variance);
        tensor(mean, [2, sizes.channels])
    }

    fn kernel_batch_norm_train(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        options: BatchNormOptions,
    ) -> (FlexTensor, FlexTensor) {
        let shape = dims(&x);
        let sizes = NormSizes::new(shape);
        let [x, gamma, beta] = [x, gamma, beta].map(|tensor| tensor.to_contiguous());
        let (y, (mut mean, variance)) = timed(Kernel::BatchNorm, || {
            let parameters = [values(&gamma), values(&beta)];
            norm::forward_in_training(&sizes, values(&x), parameters, options)
        });
        mean.extend(variance);
        (tensor(y, shape), tensor(mean, [2, sizes.channels]))
    }

    fn kernel_batch_norm(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        moments: FlexTensor,
        settings: NormSettings,
    ) -> FlexTensor {
        let shape = dims(&x);
        let sizes = NormSizes::new(shape);
        let [x, gamma, beta, moments] =
            [x, gamma, beta, moments].map(|tensor| tensor.to_contiguous());
        let y = timed(Kernel::BatchNorm, || {
            norm::forward(
                &sizes,
                values(&x),
                [values(&gamma), values(&beta)],
                Moments::new(values(&moments), settings.options.epsilon as f32),
                settings.options.nonlinearity,
            )
        });
        tensor(y, shape)
    }

    fn kernel_batch_norm_add(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        added: FlexTensor,
        moments: FlexTensor,
        settings: NormSettings,
    ) -> FlexTensor {
        let shape = dims(&x);
        let sizes = NormSizes::new(shape);
        let [x, gamma, beta, added, moments] =
            [x, gamma, beta, added, moments].map(|tensor| tensor.to_contiguous());
        let y = timed(Kernel::BatchNorm, || {
            norm::forward_added(
                &sizes,
                values(&x),
                values(&added),
                [values(&gamma), values(&beta)],
                Moments::new(values(&moments), settings.options.epsilon as f32),
                settings.options.nonlinearity,
            )
        });
        tensor(y, shape)
    }
}

impl NormGradients for Flex {
    fn batch_norm_gradients(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        moments: FlexTensor,
        grad: FlexTensor,
        settings: NormSettings,
    ) -> [FlexTensor; 3] {
        let sizes = NormSizes::new(dims(&x));
        let [x, gamma, beta, moments] =
            [x, gamma, beta, moments].map(|tensor| tensor.to_contiguous());
        // Modified in place if no other tensor shares the memory, else copied.
        let mut grad = owned(grad);
        let (dgamma, dbeta) = timed(Kernel::BatchNormGradient, || {
            norm::gradients(
                &sizes,
                values(&x),
                values_mut(&mut grad),
                [values(&gamma), values(&beta)],
                Moments::new(values(&moments), settings.options.epsilon as f32),
                settings,
            )
        });
        let of_channels = |values| tensor(values, [sizes.channels]);
        [grad, of_channels(dgamma), of_channels(dbeta)]
    }

    fn batch_norm_add_gradients(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        added: FlexTensor,
        moments: FlexTensor,
        grad: FlexTensor,
        settings: NormSettings,
    ) -> [FlexTensor; 4] {
        let shape = dims(&x);
        let sizes = NormSizes::new(shape);
        let [x, gamma, beta, added, moments] =
            [x, gamma, beta, added, moments].map(|tensor| tensor.to_contiguous());
        // Modified in place if no other tensor shares the memory, else copied.
        let mut grad = owned(grad);
        let (dx, dgamma, dbeta) = timed(Kernel::BatchNormGradient, || {
            norm::gradients_added(
                &sizes,
                values(&x),
                values(&added),
                values_mut(&mut grad),
                [values(&gamma), values(&beta)],
                Moments::new(values(&moments), settings.options.epsilon as f32),
                settings,
            )
        });
        let of_channels = |values| tensor(values, [sizes.channels]);
        [
            tensor(dx, shape),
            of_channels(dgamma),
            of_channels(dbeta),
            grad,
        ]
    }
}
