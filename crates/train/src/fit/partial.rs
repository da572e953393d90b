//! The contribution of some shards to a step.

use crate::compute::backend::is_cpu;
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
        let mut others = other.moments.into_iter();
        let mut moments: Vec<BatchMoments> = self
            .moments
            .into_iter()
            .map(|own| match others.next() {
                Some(other) => BatchMoments {
                    mean: added(own.mean, other.mean),
                    square: added(own.square, other.square),
                },
                None => own,
            })
            .collect();
        moments.extend(others);
        Self {
            gradients: self.gradients,
            moments,
            loss: added(self.loss, other.loss),
            correct: added(self.correct, other.correct),
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

/// `a + b` on the device of `a`; on a GPU in new memory. There burn 0.22.1 adds in the memory of a tensor that nothing else
/// uses, and loses that sum if another thread computed the tensor.
fn added<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    let device = a.device();
    let b = b.to_device(&device);
    let _in_use = (!is_cpu(&device)).then(|| (a.clone(), b.clone()));
    a + b
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
            Some(sum) => added(sum, other),
            None => other,
        };
        self.sum.register(param.id, sum);
    }
}
