//! One step back through layers that scale each channel, or each value, separately.

use super::Propagation;
use crate::theory::planes::Planes;
use receptive_model::{LocalResponseNormOp, PlannedLayer, PreluOp};

impl Propagation<'_> {
    pub(super) fn batch_norm(
        &mut self,
        layer: &PlannedLayer,
        epsilon: f64,
        mut units: Planes,
    ) -> Planes {
        let Some(values) = self.values(layer) else {
            let scale = 1.0 / (1.0 + epsilon);
            units.scale(if self.is_ones() { scale.sqrt() } else { scale });
            return units;
        };
        let is_shifted = values
            .beta
            .iter()
            .chain(&values.mean)
            .any(|value| *value != 0.0);
        if is_shifted {
            self.caveat("a batch norm that shifts: a ReLU is no longer sign-symmetric");
        }
        let scales: Vec<f64> = values
            .gamma
            .iter()
            .zip(&values.variance)
            .map(|(gamma, variance)| f64::from(*gamma).powi(2) / (f64::from(*variance) + epsilon))
            .collect();
        units.scale_each(&scales);
        units
    }

    /// The statistics are those of the image itself, so they depend on every channel.
    pub(super) fn layer_norm(
        &mut self,
        layer: &PlannedLayer,
        epsilon: f64,
        mut units: Planes,
    ) -> Planes {
        self.caveat("a layer norm: its means are treated as constants, its variances as 1");
        let scale = 1.0 / (1.0 + epsilon);
        units.scale(if self.is_ones() { scale.sqrt() } else { scale });
        if let Some(values) = self.values(layer) {
            units.scale_each(&squares(&values.gamma));
        }
        units
    }

    pub(super) fn local_response_norm(
        &mut self,
        op: &LocalResponseNormOp,
        mut units: Planes,
    ) -> Planes {
        self.caveat("a local response norm: its divisor is treated as constant, as for zero input");
        let scale = op.k.powf(-op.beta);
        units.scale(if self.is_ones() { scale } else { scale * scale });
        units
    }

    /// As exact as for a ReLU: a sign flip swaps the two slopes.
    pub(super) fn prelu(
        &mut self,
        layer: &PlannedLayer,
        op: &PreluOp,
        mut units: Planes,
    ) -> Planes {
        if self.is_ones() {
            return units; // all values are positive
        }
        let slopes = match self.values(layer) {
            Some(values) => squares(&values.weight),
            None => vec![op.initial * op.initial],
        };
        let factors: Vec<f64> = slopes.iter().map(|square| (1.0 + square) / 2.0).collect();
        match factors.as_slice() {
            [one] => units.scale(*one),
            each => units.scale_each(each),
        }
        units
    }

    pub(super) fn channel_scale(
        &mut self,
        layer: &PlannedLayer,
        initial: f64,
        mut units: Planes,
    ) -> Planes {
        match self.values(layer) {
            Some(values) => units.scale_each(&squares(&values.weight)),
            None if self.is_ones() => units.scale(initial.abs()),
            None => units.scale(initial * initial),
        }
        units
    }
}

fn squares(values: &[f32]) -> Vec<f64> {
    values
        .iter()
        .map(|value| f64::from(*value).powi(2))
        .collect()
}
