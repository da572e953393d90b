//! The contributions of shards to a step as a flat list of values, as sent between ranks.

use super::partial::Partial;
use crate::compute::reads::Reads;
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use receptive_model::{BatchMoments, Classifier};
use serde::{Deserialize, Serialize};

/// Adding it changes no value, not even the sign of a zero.
const NOTHING: f32 = -0.0;

/// Which values there are, in the order of the model's parameters and batch norms.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Layout {
    /// Whether each parameter has a gradient.
    gradients: Vec<bool>,
    /// The number of channels of each batch norm that saw the images.
    norms: Vec<usize>,
}

impl Layout {
    /// The layout of a contribution to the training of `model`.
    pub(super) fn of(partial: &Partial, model: &Classifier) -> Self {
        let mut presence = Presence {
            of: &partial.gradients,
            gradients: Vec::new(),
        };
        model.visit(&mut presence);
        let norms = partial.moments.iter();
        Self {
            gradients: presence.gradients,
            norms: norms.map(|moments| moments.mean.dims()[0]).collect(),
        }
    }

    /// The union of two layouts.
    pub(super) fn or(mut self, other: Self) -> Self {
        for (own, other) in self.gradients.iter_mut().zip(&other.gradients) {
            *own |= other;
        }
        let known = self.gradients.len().min(other.gradients.len());
        self.gradients.extend_from_slice(&other.gradients[known..]);
        if other.norms.len() > self.norms.len() {
            self.norms = other.norms;
        }
        self
    }

    /// The values of a contribution: gradients, moments, loss and correct predictions.
    pub(super) fn flat(&self, partial: Partial, model: &Classifier) -> Vec<f32> {
        let device = partial.loss.device();
        let mut values = Vec::with_capacity(self.len(model));
        let mut reads = Reads::new(|data: &TensorData| match data.as_slice::<f32>() {
            Ok(slice) => values.extend_from_slice(slice),
            // Of another type.
            Err(_) => values.extend(data.iter::<f32>()),
        });
        model.visit(&mut Writer {
            gradients: partial.gradients,
            has: self.gradients.iter(),
            reads: &mut reads,
            device: &device,
        });
        let mut moments = partial.moments.into_iter();
        for channels in &self.norms {
            match moments.next() {
                Some(BatchMoments { mean, square }) => {
                    reads.add(mean);
                    reads.add(square);
                }
                None => reads.add(nothing(2 * channels, &device)),
            }
        }
        reads.add(partial.loss);
        reads.add(partial.correct);
        reads.finish();
        values
    }

    /// The number of values.
    pub(super) fn len(&self, model: &Classifier) -> usize {
        let mut counter = Counter {
            has: self.gradients.iter(),
            count: 0,
        };
        model.visit(&mut counter);
        counter.count + 2 * self.norms.iter().sum::<usize>() + 2
    }

    /// The contribution with these values, on a device; `None` if there are too few.
    pub(super) fn partial(
        &self,
        values: &[f32],
        model: &Classifier,
        device: &Device,
    ) -> Option<Partial> {
        let mut reader = Reader {
            has: self.gradients.iter(),
            values: Values(values),
            device,
            gradients: Some(GradientsParams::new()),
        };
        model.visit(&mut reader);
        let (gradients, mut values) = (reader.gradients?, reader.values);
        let mut vector = |length: usize| {
            let data = TensorData::new(values.take(length)?.to_vec(), [length]);
            Some(Tensor::<1>::from_data(data, device))
        };
        let norms = self.norms.iter();
        let moments = norms.map(|channels| {
            Some(BatchMoments {
                mean: vector(*channels)?,
                square: vector(*channels)?,
            })
        });
        Some(Partial {
            moments: moments.collect::<Option<_>>()?,
            gradients,
            loss: vector(1)?,
            correct: vector(1)?,
        })
    }
}

/// The values in place of those that a contribution does not have.
fn nothing(count: usize, device: &Device) -> Tensor<1> {
    Tensor::full([count], NOTHING, device)
}

struct Presence<'a> {
    of: &'a GradientsParams,
    gradients: Vec<bool>,
}

impl ModuleVisitor for Presence<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.gradients.push(self.of.get::<D>(param.id).is_some());
    }
}

/// The number of values of a parameter.
fn count<const D: usize>(param: &Param<Tensor<D>>) -> usize {
    param.val().dims().iter().product()
}

struct Writer<'a, F> {
    gradients: GradientsParams,
    has: std::slice::Iter<'a, bool>,
    reads: &'a mut Reads<F>,
    device: &'a Device,
}

impl<F: FnMut(&TensorData)> ModuleVisitor for Writer<'_, F> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.has.next() != Some(&true) {
            return;
        }
        match self.gradients.remove::<D>(param.id) {
            Some(gradient) => self.reads.add(gradient),
            None => self.reads.add(nothing(count(param), self.device)),
        }
    }
}

struct Counter<'a> {
    has: std::slice::Iter<'a, bool>,
    count: usize,
}

impl ModuleVisitor for Counter<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.has.next() == Some(&true) {
            self.count += count(param);
        }
    }
}

/// The values that have not been read yet.
struct Values<'a>(&'a [f32]);

impl<'a> Values<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [f32]> {
        let (taken, left) = self.0.split_at_checked(length)?;
        self.0 = left;
        Some(taken)
    }
}

struct Reader<'a> {
    has: std::slice::Iter<'a, bool>,
    values: Values<'a>,
    device: &'a Device,
    /// `None` once there were too few values.
    gradients: Option<GradientsParams>,
}

impl ModuleVisitor for Reader<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.has.next() != Some(&true) {
            return;
        }
        let shape = param.val().dims();
        let values = self.values.take(shape.iter().product());
        let (Some(gradients), Some(values)) = (&mut self.gradients, values) else {
            self.gradients = None;
            return;
        };
        let data = TensorData::new(values.to_vec(), shape);
        gradients.register(param.id, Tensor::<D>::from_data(data, self.device));
    }
}
