//! A run's optimizer from burn, with groups of parameters and a momentum that schedules can change.

mod one_pass;

use crate::config::{Optimizer, TrainConfig};
use burn::module::{Module, ModuleVisitor, Param, ParamGroup, ParamId};
use burn::optim::decay::WeightDecayConfig;
use burn::optim::lr_scheduler::module_lr_scheduler::ModuleLearningRate;
use burn::optim::{
    GradientsParams, LearningRate, LionConfig, ModuleOptimizer, Optimizer as Algorithm,
    RmsPropConfig, SgdConfig,
};
use burn::tensor::{Device, Tensor};
use one_pass::{OnePassAdamW, OnePassSgd};
use receptive_model::Classifier;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The optimizer of a model.
#[derive(Clone)]
pub(crate) struct RunOptimizer {
    pub(crate) burn: ModuleOptimizer,
    momentum: Momentum,
}

impl RunOptimizer {
    /// An optimizer without state for this model's parameters.
    pub(crate) fn new(config: &TrainConfig, model: &Classifier) -> Self {
        let momentum = Momentum::new(config.optimizer.momentum());
        let groups = Groups {
            momentum: &momentum,
            decay: config.optimizer.weight_decay(),
            undecayed: match config.decay_norm_and_bias {
                true => Vec::new(),
                false => norms_and_biases(model),
            },
        };
        let penalty = |decay: f64| (decay > 0.0).then(|| WeightDecayConfig::new(decay as f32));
        let burn = match config.optimizer {
            Optimizer::Sgd {
                momentum, nesterov, ..
            } if momentum > 0.0 => groups.optimize(move |momentum, decay| OnePassSgd {
                momentum: momentum as f32,
                nesterov,
                penalty: (decay > 0.0).then_some(decay as f32),
            }),
            Optimizer::Sgd { .. } => groups.optimize(move |_, decay| {
                SgdConfig::new().with_weight_decay(penalty(decay)).build()
            }),
            Optimizer::AdamW { .. } => groups.optimize(OnePassAdamW::new),
            Optimizer::Lion { beta_2, .. } => groups.optimize(move |momentum, decay| {
                LionConfig::new()
                    .with_beta_1(momentum as f32)
                    .with_beta_2(beta_2 as f32)
                    .with_weight_decay(decay as f32)
                    .build()
            }),
            Optimizer::RmsProp { alpha, epsilon, .. } => groups.optimize(move |momentum, decay| {
                RmsPropConfig::new()
                    .with_momentum(momentum as f32)
                    .with_alpha(alpha as f32)
                    .with_epsilon(epsilon as f32)
                    .with_weight_decay(penalty(decay))
                    .build()
            }),
        };
        Self { burn, momentum }
    }

    /// Updates the weights. `momentum`, if given, replaces the optimizer's own from this step on.
    pub(crate) fn step(
        &mut self,
        rates: ModuleLearningRate,
        momentum: Option<f64>,
        model: Classifier,
        gradients: GradientsParams,
    ) -> Classifier {
        if let Some(momentum) = momentum {
            self.momentum.set(momentum);
        }
        self.burn.step(rates, model, gradients)
    }
}

/// Groups of parameters that are optimized alike.
struct Groups<'a> {
    momentum: &'a Momentum,
    decay: f64,
    /// Those without weight decay.
    undecayed: Vec<ParamId>,
}

impl Groups<'_> {
    /// `make` builds burn's optimizer for a momentum and a weight decay.
    fn optimize<A: Algorithm>(
        &self,
        make: impl Fn(f64, f64) -> A + Clone + Send + Sync + 'static,
    ) -> ModuleOptimizer {
        let with_decay = |decay: f64| {
            let make = make.clone();
            WithMomentum {
                momentum: self.momentum.clone(),
                make: move |momentum| make(momentum, decay),
            }
        };
        let all = ModuleOptimizer::from(with_decay(self.decay));
        if self.undecayed.is_empty() || self.decay == 0.0 {
            return all;
        }
        let group = ParamGroup::from_ids(self.undecayed.clone());
        all.with_group(group, with_decay(0.0), None)
    }
}

/// The momentum of the next step, shared by the optimizers of all groups.
#[derive(Debug, Clone)]
struct Momentum(Arc<AtomicU64>);

impl Momentum {
    fn new(value: f64) -> Self {
        Self(Arc::new(AtomicU64::new(value.to_bits())))
    }

    fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::SeqCst);
    }

    fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::SeqCst))
    }
}

/// One of burn's optimizers with a momentum that may change between steps. Its state is that of burn.
#[derive(Clone)]
struct WithMomentum<F> {
    momentum: Momentum,
    make: F,
}

impl<F, A> Algorithm for WithMomentum<F>
where
    F: Fn(f64) -> A + Clone + Send + Sync + 'static,
    A: Algorithm,
{
    type State<const D: usize> = A::State<D>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        tensor: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        (self.make)(self.momentum.get()).step(rate, tensor, gradient, state)
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &Device) -> Self::State<D> {
        A::to_device(state, device)
    }
}

/// All one-dimensional parameters: biases, and the scale and shift of norms. timm uses the same rule.
fn norms_and_biases(model: &Classifier) -> Vec<ParamId> {
    struct Vectors(Vec<ParamId>);
    impl ModuleVisitor for Vectors {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if D == 1 {
                self.0.push(param.id);
            }
        }
    }
    let mut vectors = Vectors(Vec::new());
    model.visit(&mut vectors);
    vectors.0
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use burn::module::ModuleMapper;
    use burn::tensor::TensorData;
    use receptive_model::{FlattenLayer, LinearLayer, ModelConfig};

    /// Four weights and two biases with the same values as in tests/python/optimizers.py.
    struct ValueMapper {
        seed: usize,
        at: usize,
    }

    impl ValueMapper {
        fn next<const D: usize>(&mut self, of: &Tensor<D>) -> Tensor<D> {
            // A linear layer's bias may be visited before its weight.
            let count = of.dims().iter().product::<usize>();
            let first = if D == 1 { 4 } else { 0 };
            self.at += count;
            let values =
                (first..first + count).map(|place| ((self.seed + place) as f64).sin() as f32);
            let data = TensorData::new(values.collect::<Vec<f32>>(), of.dims());
            Tensor::from_data(data, &of.device())
        }
    }

    impl ModuleMapper for ValueMapper {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|tensor| self.next(&tensor))
        }
    }

    struct GradientVisitor(ValueMapper, GradientsParams);

    impl ModuleVisitor for GradientVisitor {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let gradient = self.0.next(&param.val().without_autodiff());
            self.1.register(param.id, gradient);
        }
    }

    #[test]
    fn steps_are_pytorchs_and_biases_can_be_left_out_of_the_decay() {
        type Case = (&'static str, Option<[f64; 3]>, [f32; 6]);
        let cases: [Case; 7] = include!("pytorch.golden");
        for (optimizer, momenta, expected) in cases {
            let config = TrainConfig {
                optimizer: toml::from_str(optimizer).unwrap(),
                decay_norm_and_bias: false,
                ..TrainConfig::default()
            };
            let plan = ModelConfig::new(1, 1, 2)
                .layer(FlattenLayer::default())
                .layer(LinearLayer::classes());
            let plan = plan.with_classes(2).plan().unwrap();
            let device = Device::flex().autodiff();
            let mut model = plan
                .init(&device)
                .valid()
                .map(&mut ValueMapper { seed: 1, at: 0 });
            model = model.train();
            let mut optimizer_of_run = RunOptimizer::new(&config, &model);
            for step in 0..3 {
                let values = ValueMapper {
                    seed: 10 * (step + 1),
                    at: 0,
                };
                let mut gradients = GradientVisitor(values, GradientsParams::new());
                model.visit(&mut gradients);
                assert_eq!(gradients.0.at, 6);
                let rate = config.optimizer.learning_rate();
                let momentum = momenta.map(|momenta| momenta[step]);
                model = optimizer_of_run.step(rate.into(), momentum, model, gradients.1);
            }
            let values = model.valid().values("2").unwrap();
            let found = [values.weight, values.bias].concat();
            for (found, expected) in found.iter().zip(&expected) {
                assert!(
                    (found - expected).abs() < 2e-6 * expected.abs().max(1.0),
                    "{optimizer} {momenta:?}: {found}, expected {expected}"
                );
            }
        }
    }
}
