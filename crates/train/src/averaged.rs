//! Averaged weights, kept in addition to the trained ones. Not part of `fit`, because checkpoints, which `fit`
//! writes, hold them.

use crate::config::EmaConfig;
use crate::records::Weights;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use receptive_model::Classifier;
use serde::{Deserialize, Serialize};

/// The kind of average.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AveragedOver {
    /// An exponential moving average over all steps.
    Steps,
    /// The mean of this many epochs.
    Epochs(u64),
}

/// Averaged weights.
#[derive(Debug, Clone)]
pub(crate) struct WeightAverage {
    /// The averaged model, on a device without autodiff.
    pub(crate) model: Classifier,
    pub(crate) over: AveragedOver,
}

impl WeightAverage {
    /// An exponential moving average that starts at these weights.
    pub(crate) fn moving(model: &Classifier) -> Self {
        Self {
            model: model.valid(),
            over: AveragedOver::Steps,
        }
    }

    /// The moving average updated with the weights after `step` (from 1).
    pub(crate) fn after_step(self, model: &Classifier, config: &EmaConfig, step: u64) -> Self {
        Self {
            model: towards(self.model, model, 1.0 - config.kept(step)),
            ..self
        }
    }

    /// Their name in an epoch's record.
    pub(crate) fn weights(&self) -> Weights {
        match self.over {
            AveragedOver::Steps => Weights::Ema,
            AveragedOver::Epochs(_) => Weights::Mean,
        }
    }

    /// The mean updated with the weights after another epoch.
    pub(crate) fn with_epoch(mean: Option<&Self>, model: &Classifier) -> Self {
        match mean {
            Some(Self {
                model: mean,
                over: AveragedOver::Epochs(epochs),
            }) => Self {
                // `valid` copies the running statistics, so the old mean is not modified.
                model: towards(mean.valid(), model, 1.0 / (*epochs + 1) as f64),
                over: AveragedOver::Epochs(epochs + 1),
            },
            _ => Self {
                model: model.valid(),
                over: AveragedOver::Epochs(1),
            },
        }
    }
}

/// `average + share * (model - average)` for each parameter and running statistic, in the order of operations
/// of `torch.lerp`.
fn towards(average: Classifier, model: &Classifier, share: f64) -> Classifier {
    let mut values = ValueVisitor(GradientsParams::new());
    model.visit(&mut values);
    average.map(&mut Lerp {
        values: values.0,
        share,
    })
}

/// burn's container of tensors by parameter, here used for the parameters themselves.
struct ValueVisitor(GradientsParams);

impl ModuleVisitor for ValueVisitor {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.register(param.id, param.val().without_autodiff());
    }
}

struct Lerp {
    values: GradientsParams,
    share: f64,
}

impl ModuleMapper for Lerp {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(value) = self.values.remove::<D>(param.id) else {
            return param;
        };
        let share = self.share;
        param.map(|average| {
            let way = value.clone() - average.clone();
            if share < 0.5 {
                average + way.mul_scalar(share)
            } else {
                value - way.mul_scalar(1.0 - share)
            }
        })
    }
}

#[cfg(test)]
#[cfg(feature = "flex")]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use receptive_model::{BatchNormLayer, Classifier, FlattenLayer, LinearLayer, ModelConfig};

    /// A network with all parameters and running statistics equal to `value`.
    fn constant(model: &Classifier, value: f32) -> Classifier {
        struct Fill(f32);
        impl ModuleMapper for Fill {
            fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
                param.map(|tensor| tensor.full_like(self.0))
            }
        }
        model.valid().map(&mut Fill(value))
    }

    fn model() -> Classifier {
        let config = ModelConfig::new(1, 2, 2)
            .layer(FlattenLayer::default())
            .layer(BatchNormLayer::default())
            .layer(LinearLayer::classes());
        let plan = config.with_classes(2).plan().unwrap();
        plan.init(&Device::flex().autodiff())
    }

    /// The value of all parameters, which must be equal.
    fn value(model: &Classifier) -> f32 {
        let (norm, linear) = (model.values("2").unwrap(), model.values("3").unwrap());
        let all = [norm.gamma, norm.beta, norm.mean, norm.variance, linear.bias];
        let all: Vec<f32> = all.into_iter().flatten().collect();
        assert!(all.len() >= 18, "{all:?}");
        assert!(all.iter().all(|value| *value == all[0]), "{all:?}");
        all[0]
    }

    #[test]
    fn a_moving_average_follows_a_sequence_computed_by_hand() {
        let model = model();
        let config = EmaConfig {
            decay: 0.75,
            warmup: false,
        };
        let mut ema = WeightAverage::moving(&constant(&model, 9.0));
        // The first step sets it to 4; then 4 + (8 - 4) / 4 = 5, and 5 + (1 - 5) / 4 = 4.
        for (step, weights, expected) in [(1, 4.0, 4.0), (2, 8.0, 5.0), (3, 1.0, 4.0)] {
            ema = ema.after_step(&constant(&model, weights), &config, step);
            assert_eq!(value(&ema.model), expected, "step {step}");
        }
        assert_eq!(ema.over, AveragedOver::Steps);
    }

    #[test]
    fn a_mean_counts_each_epoch_alike_and_leaves_the_mean_before_it() {
        let model = model();
        let first = WeightAverage::with_epoch(None, &constant(&model, 2.0));
        let second = WeightAverage::with_epoch(Some(&first), &constant(&model, 4.0));
        let third = WeightAverage::with_epoch(Some(&second), &constant(&model, 9.0));
        let means = [&first, &second, &third].map(|mean| (value(&mean.model), mean.over));
        let expected = [(2.0, 1), (3.0, 2), (5.0, 3)];
        assert_eq!(means, expected.map(|(v, n)| (v, AveragedOver::Epochs(n))));
    }
}
