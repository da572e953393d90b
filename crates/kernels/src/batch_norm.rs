//! A batch norm whose statistics are known but which has not been computed yet.

use crate::dispatch::NormOps;
use crate::norm::{BatchNormOptions, NormSettings, Statistics};
use burn::backend::Dispatch;
use burn::tensor::Tensor;

/// The input of a batch norm with everything that determines its output, so that what follows can be computed
/// with it: fewer maps are written, and kept for the backward pass.
#[derive(Debug, Clone)]
pub struct BatchNormInput {
    /// `[images, channels, height, width]`.
    x: Tensor<4>,
    /// `[channels]`.
    gamma: Tensor<1>,
    /// `[channels]`.
    beta: Tensor<1>,
    /// `[2, channels]`: mean and variance, without a gradient of their own.
    moments: Tensor<2>,
    statistics: Statistics,
}

impl BatchNormInput {
    /// With the batch's own mean and variance, through which gradients flow.
    ///
    /// # Shapes
    /// - `x`: `[images, channels, height, width]`
    /// - `parameters`: gamma and beta, `[channels]` each
    ///
    /// # Panics
    /// If the shapes do not match, the tensors are not 32-bit floats, or [`runs_on`](crate::runs_on) is false for
    /// their device.
    pub fn in_training(x: Tensor<4>, parameters: [Tensor<1>; 2]) -> Self {
        let moments = Tensor::from_dispatch(Dispatch::kernel_moments(x.clone().into_dispatch()));
        Self::new(x, parameters, moments, Statistics::Own)
    }

    /// With a given mean and variance, `[channels]` each, such as running statistics. They are constants.
    ///
    /// # Panics
    /// As [`in_training`](Self::in_training).
    pub fn with_statistics(
        x: Tensor<4>,
        parameters: [Tensor<1>; 2],
        statistics: [Tensor<1>; 2],
    ) -> Self {
        let channels = x.dims()[1];
        for (tensor, what) in statistics.iter().zip(["mean", "variance"]) {
            assert_eq!(tensor.dims(), [channels], "{what} of a batch norm");
        }
        let moments = Tensor::stack(statistics.into(), 0); // [2, channels]
        Self::new(x, parameters, moments, Statistics::Given)
    }

    fn new(
        x: Tensor<4>,
        parameters: [Tensor<1>; 2],
        moments: Tensor<2>,
        statistics: Statistics,
    ) -> Self {
        let channels = x.dims()[1];
        for (tensor, what) in parameters.iter().zip(["gamma", "beta"]) {
            assert_eq!(tensor.dims(), [channels], "{what} of a batch norm");
        }
        let [gamma, beta] = parameters;
        Self {
            x,
            gamma,
            beta,
            moments,
            statistics,
        }
    }

    /// Mean and biased variance of each channel, `[channels]` each, without a gradient.
    pub fn moments(&self) -> [Tensor<1>; 2] {
        rows(self.moments.clone())
    }

    /// The normalised values, then the nonlinearity.
    ///
    /// # Shapes
    /// - output: as `x`
    pub fn output(self, options: BatchNormOptions) -> Tensor<4> {
        let settings = self.settings(options);
        Tensor::from_dispatch(Dispatch::kernel_batch_norm(
            self.x.into_dispatch(),
            self.gamma.into_dispatch(),
            self.beta.into_dispatch(),
            self.moments.into_dispatch(),
            settings,
        ))
    }

    /// The normalised values plus these, then the nonlinearity.
    ///
    /// # Shapes
    /// - `added`, output: as `x`
    ///
    /// # Panics
    /// If `added` has another shape than `x`.
    pub fn plus(self, added: Tensor<4>, options: BatchNormOptions) -> Tensor<4> {
        assert_eq!(added.dims(), self.x.dims(), "maps added to a batch norm");
        let settings = self.settings(options);
        Tensor::from_dispatch(Dispatch::kernel_batch_norm_add(
            self.x.into_dispatch(),
            self.gamma.into_dispatch(),
            self.beta.into_dispatch(),
            added.into_dispatch(),
            self.moments.into_dispatch(),
            settings,
        ))
    }

    fn settings(&self, options: BatchNormOptions) -> NormSettings {
        NormSettings {
            options,
            statistics: self.statistics,
        }
    }
}

/// Mean and variance, `[channels]` each and without a gradient, of `[2, channels]`.
pub(crate) fn rows(moments: Tensor<2>) -> [Tensor<1>; 2] {
    let moments = moments.without_autodiff();
    let [_, channels] = moments.dims();
    [0, 1].map(|row| {
        let row = moments.clone().slice([row..row + 1, 0..channels]); // [1, channels]
        row.reshape([channels])
    })
}
