//! Optimizer steps that process each parameter with its gradient and state in one pass, where
//! composed tensor operations need one pass over memory each. The arithmetic is that of burn's
//! optimizers, so results are bit-identical.

use crate::dispatch::{owned, values, values_mut};
use crate::profile::{Kernel, slice, timed};
use crate::simd::vectorized;
use crate::threads::CHUNK;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use burn_flex::FlexTensor;
use rayon::prelude::*;

/// One step of AdamW (Loshchilov and Hutter 2019).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWStep {
    /// The learning rate.
    pub learning_rate: f32,
    /// The factor on the weights before the step: 1 minus the decay.
    pub keep: f32,
    /// The decay rates of the two moments.
    pub betas: [f32; 2],
    /// The bias corrections by which the moments are divided: `1 - beta^t` in step `t`, counted
    /// from 1.
    pub corrections: [f32; 2],
    /// Added to the square root of the second moment.
    pub epsilon: f32,
}

impl AdamWStep {
    #[inline(always)]
    fn apply(self, weights: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32]) {
        let [beta_1, beta_2] = self.betas;
        let [share_1, share_2] = [1.0 - beta_1, 1.0 - beta_2];
        let moments = first.iter_mut().zip(second);
        for ((weight, gradient), (first, second)) in weights.iter_mut().zip(gradient).zip(moments) {
            *first = *first * beta_1 + gradient * share_1;
            *second = *second * beta_2 + gradient * gradient * share_2;
            let root = (*second / self.corrections[1]).sqrt() + self.epsilon;
            let direction = *first / self.corrections[0] / root;
            *weight = *weight * self.keep - direction * self.learning_rate;
        }
    }
}

/// One step of stochastic gradient descent with momentum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SgdStep {
    /// The learning rate.
    pub learning_rate: f32,
    /// The factor of the L2 penalty; `None` for no penalty.
    pub penalty: Option<f32>,
    /// The momentum: the factor on the previous velocity.
    pub momentum: f32,
    /// Whether to use Nesterov momentum.
    pub nesterov: bool,
}

impl SgdStep {
    #[inline(always)]
    fn apply(self, weights: &mut [f32], gradient: &[f32], velocity: &mut [f32]) {
        let values = weights.iter_mut().zip(gradient).zip(velocity);
        for ((weight, gradient), velocity) in values {
            let gradient = match self.penalty {
                Some(penalty) => *weight * penalty + gradient,
                None => *gradient,
            };
            *velocity = gradient + *velocity * self.momentum;
            let direction = match self.nesterov {
                true => *velocity * self.momentum + gradient,
                false => *velocity,
            };
            *weight -= direction * self.learning_rate;
        }
    }
}

/// The steps as called by burn's dispatch. Use [`adamw_step`] and [`sgd_step`] instead.
#[backend_extension(Flex)]
pub trait OptimizerOps: Backend {
    /// The weights and both moments after a step.
    fn kernel_adamw(
        weights: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        step: AdamWStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// The weights and the velocity after a step.
    fn kernel_sgd(
        weights: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        velocity: FloatTensor<Self>,
        step: SgdStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
}

impl OptimizerOps for Flex {
    fn kernel_adamw(
        weights: FlexTensor,
        gradient: FlexTensor,
        first: FlexTensor,
        second: FlexTensor,
        step: AdamWStep,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        // Modified in place if no other tensor shares the memory, else copied.
        let [mut weights, mut first, mut second] = [weights, first, second].map(owned);
        let gradient = gradient.to_contiguous();
        timed(Kernel::Optimizer, || {
            values_mut(&mut weights)
                .par_chunks_mut(CHUNK)
                .zip(values(&gradient).par_chunks(CHUNK))
                .zip(values_mut(&mut first).par_chunks_mut(CHUNK))
                .zip(values_mut(&mut second).par_chunks_mut(CHUNK))
                .for_each(|(((weights, gradient), first), second)| {
                    let _slice = slice();
                    vectorized!(step.apply(weights, gradient, first, second));
                });
        });
        (weights, first, second)
    }

    fn kernel_sgd(
        weights: FlexTensor,
        gradient: FlexTensor,
        velocity: FlexTensor,
        step: SgdStep,
    ) -> (FlexTensor, FlexTensor) {
        let [mut weights, mut velocity] = [weights, velocity].map(owned);
        let gradient = gradient.to_contiguous();
        timed(Kernel::Optimizer, || {
            values_mut(&mut weights)
                .par_chunks_mut(CHUNK)
                .zip(values(&gradient).par_chunks(CHUNK))
                .zip(values_mut(&mut velocity).par_chunks_mut(CHUNK))
                .for_each(|((weights, gradient), velocity)| {
                    let _slice = slice();
                    vectorized!(step.apply(weights, gradient, velocity));
                });
        });
        (weights, velocity)
    }
}

/// The weights and both moments after a step of AdamW, without autodiff.
///
/// # Shapes
/// All tensors have the same shape.
///
/// # Panics
/// If shapes differ, the tensors are not 32-bit floats, or [`runs_on`](crate::runs_on) is false for
/// their device.
pub fn adamw_step<const D: usize>(
    weights: Tensor<D>,
    gradient: Tensor<D>,
    moments: [Tensor<D>; 2],
    step: AdamWStep,
) -> (Tensor<D>, [Tensor<D>; 2]) {
    let [first, second] = moments;
    for (tensor, what) in [
        (&gradient, "gradient"),
        (&first, "first moment"),
        (&second, "second moment"),
    ] {
        assert_eq!(tensor.dims(), weights.dims(), "{what} of an AdamW step");
    }
    let (weights, first, second) = Dispatch::kernel_adamw(
        weights.into_dispatch(),
        gradient.into_dispatch(),
        first.into_dispatch(),
        second.into_dispatch(),
        step,
    );
    let [first, second] = [first, second].map(Tensor::from_dispatch);
    (Tensor::from_dispatch(weights), [first, second])
}

/// The weights and the velocity after a step of gradient descent, without autodiff.
///
/// # Shapes
/// All tensors have the same shape.
///
/// # Panics
/// As [`adamw_step`].
pub fn sgd_step<const D: usize>(
    weights: Tensor<D>,
    gradient: Tensor<D>,
    velocity: Tensor<D>,
    step: SgdStep,
) -> (Tensor<D>, Tensor<D>) {
    for (tensor, what) in [(&gradient, "gradient"), (&velocity, "velocity")] {
        assert_eq!(tensor.dims(), weights.dims(), "{what} of an SGD step");
    }
    let (weights, velocity) = Dispatch::kernel_sgd(
        weights.into_dispatch(),
        gradient.into_dispatch(),
        velocity.into_dispatch(),
        step,
    );
    (
        Tensor::from_dispatch(weights),
        Tensor::from_dispatch(velocity),
    )
}
