//! AdamW and SGD with momentum, which update each parameter in a single pass where the kernels support it, and
//! otherwise by tensor operations. Results are bit-identical to those of burn's own optimizers, and records are
//! compatible.

use burn::optim::{
    AdamW, AdamWConfig, AdamWState, LearningRate, Optimizer, RecordState, StateSink, StateSource,
};
use burn::tensor::{Device, Tensor};
#[cfg(feature = "flex")]
use receptive_kernels::{AdamWStep, SgdStep, adamw_step, runs_on, sgd_step};

/// AdamW's settings, burn's defaults.
const BETA_2: f32 = 0.999;
const EPSILON: f32 = 1e-5;

/// burn's AdamW.
#[derive(Clone)]
pub(super) struct OnePassAdamW {
    burn: AdamW,
    beta_1: f32,
    decay: f32,
}

impl OnePassAdamW {
    pub(super) fn new(beta_1: f64, decay: f64) -> Self {
        let [beta_1, decay] = [beta_1, decay].map(|value| value as f32);
        let config = AdamWConfig::new()
            .with_beta_1(beta_1)
            .with_beta_2(BETA_2)
            .with_epsilon(EPSILON)
            .with_weight_decay(decay);
        Self {
            burn: config.build(),
            beta_1,
            decay,
        }
    }

    #[cfg(feature = "flex")]
    fn settings(&self, rate: LearningRate, step: i32) -> AdamWStep {
        let betas = [self.beta_1, BETA_2];
        AdamWStep {
            learning_rate: rate as f32,
            keep: (1.0 - rate * f64::from(self.decay)) as f32,
            betas,
            corrections: betas.map(|beta| 1.0 - beta.powi(step)),
            epsilon: EPSILON,
        }
    }
}

impl Optimizer for OnePassAdamW {
    type State<const D: usize> = AdamWState<D>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        tensor: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<AdamWState<D>>,
    ) -> (Tensor<D>, Option<AdamWState<D>>) {
        #[cfg(feature = "flex")]
        let state = match state {
            Some(AdamWState { mut momentum }) if runs_on(&tensor.device()) => {
                momentum.time += 1;
                let step = self.settings(rate, momentum.time as i32);
                let moments = [momentum.moment_1, momentum.moment_2];
                let (tensor, moments) = adamw_step(tensor, gradient, moments, step);
                [momentum.moment_1, momentum.moment_2] = moments;
                return (tensor, Some(AdamWState { momentum }));
            }
            first => first,
        };
        self.burn.step(rate, tensor, gradient, state)
    }

    fn to_device<const D: usize>(state: AdamWState<D>, device: &Device) -> AdamWState<D> {
        AdamW::to_device(state, device)
    }
}

/// burn's SGD with momentum, without dampening, as in PyTorch.
#[derive(Debug, Clone, Copy)]
pub(super) struct OnePassSgd {
    pub(super) momentum: f32,
    pub(super) nesterov: bool,
    pub(super) penalty: Option<f32>,
}

/// The state of SGD with momentum.
#[derive(Debug, Clone)]
pub(super) struct Velocity<const D: usize>(Tensor<D>);

/// The name of the state in the record of burn's own SGD.
const MOMENTUM: &str = "momentum";
const VELOCITY: &str = "velocity";

impl<const D: usize> RecordState for Velocity<D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        let prefix = format!("{prefix}.{MOMENTUM}");
        out.push_tensor(&prefix, VELOCITY, self.0.clone().into_data());
    }

    fn state_unflatten(prefix: &str, from: &mut StateSource, device: &Device) -> Option<Self> {
        let data = from.take_tensor(&format!("{prefix}.{MOMENTUM}"), VELOCITY)?;
        Some(Self(Tensor::from_data(data, device)))
    }
}

impl Optimizer for OnePassSgd {
    type State<const D: usize> = Velocity<D>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        tensor: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<Velocity<D>>,
    ) -> (Tensor<D>, Option<Velocity<D>>) {
        #[cfg(feature = "flex")]
        let state = match state {
            Some(Velocity(velocity)) if runs_on(&tensor.device()) => {
                let step = SgdStep {
                    learning_rate: rate as f32,
                    penalty: self.penalty,
                    momentum: self.momentum,
                    nesterov: self.nesterov,
                };
                let (tensor, velocity) = sgd_step(tensor, gradient, velocity, step);
                return (tensor, Some(Velocity(velocity)));
            }
            first => first,
        };
        let gradient = match self.penalty {
            Some(penalty) => tensor.clone().mul_scalar(penalty).add(gradient),
            None => gradient,
        };
        let velocity = match state {
            Some(Velocity(before)) => gradient.clone().add(before.mul_scalar(self.momentum)),
            None => gradient.clone(),
        };
        let direction = match self.nesterov {
            true => velocity.clone().mul_scalar(self.momentum).add(gradient),
            false => velocity.clone(),
        };
        (
            tensor - direction.mul_scalar(rate),
            Some(Velocity(velocity)),
        )
    }

    fn to_device<const D: usize>(state: Velocity<D>, device: &Device) -> Velocity<D> {
        Velocity(state.0.to_device(device))
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use burn::optim::decay::WeightDecayConfig;
    use burn::optim::momentum::MomentumConfig;
    use burn::optim::{Sgd, SgdConfig};
    use burn::tensor::TensorData;

    /// Values from -1 to 1, more than one thread processes at a time.
    fn values(seed: usize) -> Tensor<2> {
        let value = |i: usize| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.0 - 1.0;
        let values: Vec<f32> = (0..300 * 101).map(value).collect();
        Tensor::from_data(TensorData::new(values, [300, 101]), &Device::flex())
    }

    /// Weights and record after five steps.
    fn after_steps<O: Optimizer>(optimizer: &O) -> (Vec<u32>, Vec<(String, Vec<u32>)>) {
        let (mut weights, mut state) = (values(0), None);
        for step in 1..=5 {
            let rate = 0.1 / step as f64;
            (weights, state) = optimizer.step(rate, weights, values(step), state);
        }
        let bits = |data: TensorData| data.iter::<f32>().map(f32::to_bits).collect();
        let mut record = StateSink::default();
        if let Some(state) = state {
            state.state_flatten("layer", &mut record);
        }
        let tensors = record.tensors.into_iter();
        let record = tensors.map(|(name, data)| (name, bits(data))).collect();
        (bits(weights.into_data()), record)
    }

    #[test]
    fn adamw_has_the_bits_and_the_records_of_burns() {
        for decay in [0.0, 0.01] {
            let burn = AdamWConfig::new()
                .with_beta_1(0.85)
                .with_weight_decay(decay)
                .build();
            let own = OnePassAdamW::new(0.85, f64::from(decay));
            assert!(after_steps(&own) == after_steps(&burn), "decay {decay}");
        }
    }

    #[test]
    fn sgd_has_the_bits_and_the_records_of_burns() {
        for (nesterov, penalty) in [(false, None), (true, Some(5e-4)), (false, Some(0.1))] {
            let momentum = MomentumConfig::new()
                .with_momentum(0.9)
                .with_dampening(0.0)
                .with_nesterov(nesterov);
            let burn: Sgd = SgdConfig::new()
                .with_momentum(Some(momentum))
                .with_weight_decay(penalty.map(WeightDecayConfig::new))
                .build();
            let own = OnePassSgd {
                momentum: 0.9,
                nesterov,
                penalty,
            };
            assert!(
                after_steps(&own) == after_steps(&burn),
                "{nesterov} {penalty:?}"
            );
        }
    }

    #[test]
    fn weights_that_another_model_shares_are_left_as_they_are() {
        let (weights, shared) = (values(0), values(0));
        let kept = weights.clone();
        let optimizer = OnePassAdamW::new(0.9, 0.01);
        let (weights, state) = optimizer.step(0.1, weights, values(1), None);
        let before = weights.clone();
        let (after, _) = optimizer.step(0.1, weights, values(2), state);
        assert!(kept.into_data() == shared.into_data());
        assert!(before.into_data() != after.into_data());
    }
}
