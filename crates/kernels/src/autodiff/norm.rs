//! The backward passes of batch norms, alone and with what follows them.

use super::operation::{Operation, tracked, tracked_output};
use crate::dispatch::{NormGradients, NormOps};
use crate::norm::{BatchNormOptions, NormSettings, Statistics};
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend};

/// A batch norm with its moments, `[2, channels]`.
#[derive(Debug, Clone)]
struct BatchNorm<F> {
    moments: F,
    settings: NormSettings,
}

impl<B: NormOps + NormGradients> Operation<B, 3> for BatchNorm<FloatTensor<B>> {
    fn forward(self, [x, gamma, beta]: [FloatTensor<B>; 3]) -> FloatTensor<B> {
        B::kernel_batch_norm(x, gamma, beta, self.moments, self.settings)
    }

    fn gradients(
        self,
        [x, gamma, beta]: [FloatTensor<B>; 3],
        grad: FloatTensor<B>,
    ) -> [FloatTensor<B>; 3] {
        B::batch_norm_gradients(x, gamma, beta, self.moments, grad, self.settings)
    }
}

/// A batch norm, the maps that are added to it, and the activation of the sum. The sum is not kept; the added maps are
/// usually the input of a residual block, which is kept anyway.
#[derive(Debug, Clone)]
struct BatchNormAdd<F>(BatchNorm<F>);

impl<B: NormOps + NormGradients> Operation<B, 4> for BatchNormAdd<FloatTensor<B>> {
    fn forward(self, [x, gamma, beta, added]: [FloatTensor<B>; 4]) -> FloatTensor<B> {
        let BatchNorm { moments, settings } = self.0;
        B::kernel_batch_norm_add(x, gamma, beta, added, moments, settings)
    }

    fn gradients(
        self,
        [x, gamma, beta, added]: [FloatTensor<B>; 4],
        grad: FloatTensor<B>,
    ) -> [FloatTensor<B>; 4] {
        let BatchNorm { moments, settings } = self.0;
        B::batch_norm_add_gradients(x, gamma, beta, added, moments, grad, settings)
    }
}

impl<B, C> NormOps for Autodiff<B, C>
where
    B: NormOps + NormGradients,
    C: CheckpointStrategy,
{
    fn kernel_moments(x: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::from_inner(B::kernel_moments(x.into_primitive()))
    }

    fn kernel_batch_norm_train(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        options: BatchNormOptions,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let inputs = [x, gamma, beta];
        let [x, gamma, beta] = inputs.clone().map(|tensor| tensor.into_primitive());
        let (y, moments) = B::kernel_batch_norm_train(x, gamma, beta, options);
        let norm = BatchNorm {
            moments: moments.clone(),
            settings: NormSettings {
                options,
                statistics: Statistics::Own,
            },
        };
        let y = tracked_output::<_, B, C, 3>(norm, inputs, |_| y);
        (y, Self::from_inner(moments))
    }

    fn kernel_batch_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        moments: FloatTensor<Self>,
        settings: NormSettings,
    ) -> FloatTensor<Self> {
        let moments = moments.into_primitive();
        let norm = BatchNorm { moments, settings };
        tracked::<_, B, C, 3>(norm, [x, gamma, beta])
    }

    fn kernel_batch_norm_add(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        added: FloatTensor<Self>,
        moments: FloatTensor<Self>,
        settings: NormSettings,
    ) -> FloatTensor<Self> {
        let moments = moments.into_primitive();
        let norm = BatchNorm { moments, settings };
        tracked::<_, B, C, 4>(BatchNormAdd(norm), [x, gamma, beta, added])
    }
}
