//! The contribution of some shards to a step.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use receptive_model::{BatchMoments, Classifier};

/// The contribution of one shard, or the sum of several. All parts are additive.
pub(super) struct Partial {
    pub(super) gradients: GradientsParams,
    /// What each batch norm saw, weighted by the fraction of the step's images.
    pub(super) moments: Vec<BatchMoments>,
    /// The contribution to the step's mean loss, `[1]`.
    pub(super) loss: Tensor<1>,
    /// Correct predictions, `[1]`.
    pub(super) correct: Tensor<1>,
}

impl Partial {
    /// The sum, on the device of `self`. `model` has the parameters of the gradients.
    pub(super) fn add(mut self, other: Self, model: &Classifier) -> Self {
        model.visit(&mut Adder {
            sum: &mut self.gradients,
            other: other.gradients,
        });
        let device = self.loss.device();
        let mut others = other.moments.into_iter();
        let mut moments: Vec<BatchMoments> = self
            .moments
            .into_iter()
            .map(|own| match others.next() {
                Some(other) => own + other.to_device(&device),
                None => own,
            })
            .collect();
        moments.extend(others);
        Self {
            gradients: self.gradients,
            moments,
            loss: self.loss + other.loss.to_device(&device),
            correct: self.correct + other.correct.to_device(&device),
        }
    }

    /// Moves it to another device.
    pub(super) fn on_device(self, device: &Device, model: &Classifier) -> Self {
        if self.loss.device() == *device {
            return self;
        }
        Self {
            gradients: self.gradients.to_device(device, model),
            moments: self
                .moments
                .into_iter()
                .map(|moments| moments.to_device(device))
                .collect(),
            loss: self.loss.to_device(device),
            correct: self.correct.to_device(device),
        }
    }
}

struct Adder<'a> {
    sum: &'a mut GradientsParams,
    other: GradientsParams,
}

impl ModuleVisitor for Adder<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(other) = self.other.remove::<D>(param.id) else {
            return;
        };
        let sum = match self.sum.remove::<D>(param.id) {
            Some(sum) => {
                let device = sum.device();
                sum + other.to_device(&device)
            }
            None => other,
        };
        self.sum.register(param.id, sum);
    }
}
