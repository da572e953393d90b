//! The gradients and batch statistics of one training step.

use crate::{noise, read};
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use receptive_model::{Classifier, DropoutKey, Plan};

/// The results of a training step and of inference.
pub(crate) struct Answers {
    /// The logits with dropout and the batch's own statistics.
    pub(crate) trained: Vec<f32>,
    /// The logits with neither.
    pub(crate) inferred: Vec<f32>,
    /// The gradients with respect to the images.
    pub(crate) images: Vec<f32>,
    /// The gradients with respect to each parameter, in the module's order.
    pub(crate) weights: Vec<Vec<f32>>,
    /// The mean and the variance of each batch norm.
    pub(crate) statistics: Vec<Vec<f32>>,
}

/// How images lie in memory.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Stored {
    /// `[n, channels, height, width]`, as values that a CPU normalised.
    ChannelsFirst,
    /// `[n, height, width, channels]`, as bytes that the device normalised.
    ChannelsLast,
}

impl Stored {
    /// `[n, channels, height, width]`
    fn images(self, plan: &Plan, batch: usize, device: &Device) -> Tensor<4> {
        let input = plan.input();
        let (channels, height, width) = (input.channels, input.height, input.width);
        match self {
            Self::ChannelsFirst => noise([batch, channels, height, width], device),
            Self::ChannelsLast => {
                let images = noise([batch, height, width, channels], device);
                images.permute([0, 3, 1, 2])
            }
        }
    }
}

pub(crate) fn answers(plan: &Plan, batch: usize, stored: Stored, device: &Device) -> Answers {
    let training = device.clone().autodiff();
    let model = plan.init_seeded(1, &training);
    let images = stored.images(plan, batch, &training).require_grad();
    let key = DropoutKey {
        seed: 2,
        step: 3,
        first_row: 0,
    };
    let (logits, statistics) = model.forward_keyed(images.clone(), key);
    // Weights of both signs and different size, so that nothing cancels.
    let factors: Vec<f32> = (0..batch * plan.classes)
        .map(|i| (i * 37 % 19) as f32 / 9.0 - 1.0)
        .collect();
    let factors = TensorData::new(factors, [batch, plan.classes]);
    let loss = (logits.clone() * Tensor::from_data(factors, &training)).sum();
    let gradients = loss.backward();
    let inferring = model.valid();
    Answers {
        trained: read(logits.without_autodiff()),
        inferred: read(inferring.forward(stored.images(plan, batch, device))),
        images: read(images.grad(&gradients).expect("an input gradient")),
        weights: of_weights(&model, &gradients),
        statistics: statistics
            .into_iter()
            .flat_map(|seen| [read(seen.mean), read(seen.variance)])
            .collect(),
    }
}

fn of_weights(model: &Classifier, gradients: &Gradients) -> Vec<Vec<f32>> {
    struct Visitor<'a>(&'a Gradients, Vec<Vec<f32>>);
    impl ModuleVisitor for Visitor<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            // Running statistics have no gradient.
            if let Some(gradient) = param.val().grad(self.0) {
                self.1.push(read(gradient));
            }
        }
    }
    let mut visitor = Visitor(gradients, Vec::new());
    model.visit(&mut visitor);
    visitor.1
}
