//! Training with convolutions and dense layers in 16 bits.

use crate::kinds::cases::{Case, SIDE, cases};
use crate::resume::{in_pieces, prepared, whole};
use crate::{run, run_in, tiny_run};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, FloatDType, Gradients, Tensor, TensorData};
use receptive_model::{
    Classifier, DropoutKey, FlattenLayer, LayerConfig, LinearLayer, ModelConfig, Plan, Precision,
};
use receptive_train::{Interval, RunConfig, RunDirectory, Stop, TrainError};
use std::collections::{BTreeMap, BTreeSet};

const KEY: DropoutKey = DropoutKey {
    seed: 1,
    step: 2,
    first_row: 0,
};

/// The gradients of all parameters of a module, with their paths.
struct Named<'a> {
    gradients: &'a Gradients,
    path: Vec<String>,
    found: Vec<(String, Vec<f32>)>,
}

impl ModuleVisitor for Named<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = param.val().grad(self.gradients) {
            let values = gradient.into_data().iter().collect();
            self.found.push((self.path.join("."), values));
        }
    }
}

/// The gradients of a fixed function of the logits with respect to the image and every parameter.
fn gradients(model: &Classifier, precision: Precision, device: &Device) -> Vec<(String, Vec<f32>)> {
    let fixed = |count: usize, step: f32| -> Vec<f32> {
        (0..count).map(|i| (step * i as f32).sin()).collect()
    };
    let shape = [3, 3, SIDE, SIDE];
    // Positive, so that sums over the maps are not differences of large numbers.
    let images = fixed(shape.iter().product(), 1.7).into_iter();
    let images: Vec<f32> = images.map(|value| value + 1.0).collect();
    let images = TensorData::new(images, shape);
    let images = Tensor::<4>::from_data(images, device).require_grad();
    let (logits, _) = model.forward_keyed_in(precision, images.clone(), KEY);
    // Quarters are exact in any format.
    let factors = fixed(12, 0.9).into_iter();
    let factors: Vec<f32> = factors.map(|value| (4.0 * value).round() / 4.0).collect();
    let factors = TensorData::new(factors, [3, 4]);
    let loss = (logits * Tensor::from_data(factors, device)).sum();
    let gradients = loss.backward();
    let image = images.grad(&gradients).unwrap().into_data();
    let mut named = Named {
        gradients: &gradients,
        path: Vec::new(),
        found: vec![("image".into(), image.iter().collect())],
    };
    model.visit(&mut named);
    named.found
}

/// The largest absolute value; 0 if there are none.
fn largest(values: impl Iterator<Item = f32>) -> f32 {
    values.map(f32::abs).fold(0.0, f32::max)
}

/// Rounds one parameter to bfloat16, which makes it exact in every format.
struct Rounded<'a> {
    name: &'a str,
    path: Vec<String>,
}

impl ModuleMapper for Rounded<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.path.join(".") != self.name {
            return param;
        }
        param.map(|value| {
            let rounded = value.clone().cast(FloatDType::BF16).cast(FloatDType::F32);
            let device = value.device();
            Tensor::from_data(rounded.into_data(), &device).require_grad()
        })
    }
}

/// The layer of a case as the first of a network, followed by a dense layer on all its values. Its
/// input is exact in any format, and no rectifier before it can switch sides. `None` for a
/// convolution that is the head.
fn network(case: &Case) -> Option<Plan> {
    let flatten = || LayerConfig::from(FlattenLayer::default());
    let config = ModelConfig::new(3, SIDE, SIDE).with_classes(4);
    let config = match case.kind {
        "linear" => config
            .layer(flatten())
            .layer(case.layer.clone())
            .layers(case.head.clone()),
        _ => config
            .layer(case.layer.clone())
            .layer(flatten())
            .layer(LinearLayer::classes()),
    };
    config.plan().ok()
}

/// With `train.checkpointing`.
#[test]
fn every_kind_has_the_same_gradients_if_its_outputs_are_computed_again() {
    let keeping = Device::flex().autodiff();
    let computing_again = keeping.clone().gradient_checkpointing();
    let mut seen = 0;
    for case in cases() {
        let Some(plan) = network(&case) else { continue };
        let of = |device: &Device| {
            let model = plan.init_seeded(1, device);
            let gradients = gradients(&model, Precision::F32, device).into_iter();
            let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect();
            let gradients = gradients.map(|(name, values)| (name, bits(values)));
            gradients.collect::<Vec<(String, Vec<u32>)>>()
        };
        assert!(of(&keeping) == of(&computing_again), "{}", case.kind);
        seen += 1;
    }
    assert!(seen > 20, "{seen} cases");
}

#[test]
fn every_kind_has_gradients_within_a_few_roundings_of_those_in_32_bits() {
    let device = Device::flex().autodiff();
    let mut seen = BTreeSet::new();
    for case in cases() {
        let Some(plan) = network(&case) else { continue };
        seen.insert(case.kind);
        let model = plan.init_seeded(1, &device);
        let expected = gradients(&model, Precision::F32, &device);
        let all = largest(
            expected
                .iter()
                .flat_map(|(_, values)| values.iter().copied()),
        );
        // The unit roundoff: half the relative distance of two neighbouring numbers.
        for (precision, roundoff) in [
            (Precision::Bf16, 1.0 / 256.0),
            (Precision::F16, 1.0 / 2048.0),
        ] {
            // Branches and gates contain several layers in a row.
            let is_single = !matches!(case.kind, "branches" | "squeeze_excite");
            let roundings = if is_single { 4.0 } else { 32.0 };
            let found = gradients(&model, precision, &device);
            assert_eq!(found.len(), expected.len(), "{}", case.kind);
            for ((name, found), (_, expected)) in found.iter().zip(&expected) {
                let apart = largest(found.iter().zip(expected).map(|(a, b)| a - b));
                // A gradient that is only rounding error is compared with the network's largest
                // gradient.
                let scale = match largest(expected.iter().copied()) {
                    own if own < 1e-3 * all => all,
                    own => own,
                };
                // Other tensors are sums over whole maps, whose terms cancel.
                let is_product = ["image", "Conv2d.weight", "Linear.weight"]
                    .iter()
                    .any(|end| name.ends_with(end));
                let bar = match precision {
                    Precision::Bf16 if is_single && is_product => 1e-2,
                    Precision::F16 if is_single && is_product => 2e-3,
                    _ => roundings * roundoff,
                };
                println!("{} {precision} {name}: {:.1e}", case.kind, apart / scale);
                assert!(
                    apart <= bar * scale,
                    "{} in {precision}: {name} differs by {apart:e} of {scale:e}",
                    case.kind
                );
            }
        }
        // Rounding does take place.
        if case.kind == "conv2d" || case.kind == "linear" {
            assert_ne!(
                gradients(&model, Precision::Bf16, &device),
                expected,
                "{}",
                case.kind
            );
        }
    }
}

/// The layer itself: the dense layer after it adds no rounding, because its weights and the gradient
/// of its output are exact in any format.
#[test]
fn every_layer_alone_has_gradients_within_a_hundredth_in_bfloat16_and_a_fifth_of_it_in_float16() {
    let device = Device::flex().autodiff();
    let mut worst: BTreeMap<(&str, &str), f32> = BTreeMap::new();
    for case in cases() {
        // They contain several layers in a row.
        if matches!(case.kind, "branches" | "residual" | "squeeze_excite") {
            continue;
        }
        let Some(plan) = network(&case) else { continue };
        for seed in 0..20 {
            let model = plan.init_seeded(seed, &device);
            let names = gradients(&model, Precision::F32, &device).into_iter();
            let mut names = names.map(|(name, _)| name).rev();
            // A dense layer is its own head.
            let head = names.find(|name| name.ends_with("Linear.weight") && case.kind != "linear");
            assert_eq!(head.is_some(), case.kind != "linear", "{}", case.kind);
            let head = head.unwrap_or_default();
            let mut rounded = Rounded {
                name: &head,
                path: Vec::new(),
            };
            let model = model.map(&mut rounded);
            let expected = gradients(&model, Precision::F32, &device);
            for (precision, bar) in [(Precision::Bf16, 1e-2), (Precision::F16, 2e-3)] {
                let found = gradients(&model, precision, &device);
                for ((name, found), (_, expected)) in found.iter().zip(&expected) {
                    if *name == head {
                        continue;
                    }
                    let apart = largest(found.iter().zip(expected).map(|(a, b)| a - b));
                    let apart = apart / largest(expected.iter().copied()).max(f32::MIN_POSITIVE);
                    assert!(
                        apart <= bar,
                        "{} in {precision}, seed {seed}: {name} differs by {apart:e}",
                        case.kind
                    );
                    let worst = worst.entry((precision.name(), case.kind)).or_default();
                    *worst = worst.max(apart);
                }
            }
        }
    }
    println!("{worst:?}");
    assert!(worst.len() > 30, "{worst:?}");
    // Layers without products do not round at all.
    let of = |kind| worst[&("bf16", kind)];
    assert_eq!(of("batch_norm"), 0.0);
    assert!(of("conv2d") > 1e-4 && of("linear") > 1e-4, "{worst:?}");
}

/// Without norms and at this learning rate, the network soon is so confident of wrong classes that
/// the gradients of the scaled loss exceed float16.
fn overflowing(precision: Precision) -> RunConfig {
    let mut config = RunConfig::preset("tutorial").unwrap();
    config.data.limit = Some(60);
    config.train.epochs = 2;
    config.train.batch_size = 2;
    config.train.micro_batch = receptive_train::config::MicroBatch::Images(1);
    config.train.optimizer = toml::from_str(
        "kind = \"sgd\"\nlearning_rate = 0.3\nmomentum = 0.9\nweight_decay = 0.0005",
    )
    .unwrap();
    config.train.precision = precision;
    config
}

#[test]
fn threads_never_change_a_bit_in_16_bits_either() {
    let device = Device::flex();
    for precision in [Precision::Bf16, Precision::F16] {
        let hash = |threads, clip_norm| {
            let mut config = tiny_run();
            config.train.precision = precision;
            config.train.clip_norm = clip_norm;
            config.machine.threads = threads;
            run(config, &device).unwrap().weights_sha256
        };
        let first = hash(1, Some(0.5));
        for threads in 2..=4 {
            assert_eq!(
                hash(threads, Some(0.5)),
                first,
                "{precision}, {threads} threads"
            );
        }
        assert_ne!(hash(1, None), first);
    }
    let hash = |precision| {
        let mut config = tiny_run();
        config.train.precision = precision;
        run(config, &device).unwrap().weights_sha256
    };
    let all: Vec<String> = Precision::ALL.map(hash).to_vec();
    assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2]);
}

#[test]
fn steps_out_of_range_are_left_out_and_told_and_the_run_resumes_to_the_same_bits() {
    let parent = tempfile::tempdir().unwrap();
    let mut config = overflowing(Precision::F16);
    config.checkpoint.every = Interval::Steps(7);
    let setup = prepared(config);
    let expected = whole(parent.path(), &setup);
    let log = std::fs::read_to_string(parent.path().join("whole/log.jsonl")).unwrap();
    assert!(log.contains("whose gradients overflowed float16"), "{log}");

    let run = RunDirectory::create(&parent.path().join("pieces")).unwrap();
    let pieces = in_pieces(&setup, &run, &[1, 2, 3, 4, 9, 31, 32, 999]);
    assert_eq!(pieces, expected);
}

#[test]
fn a_loss_that_no_scale_saves_ends_the_run_with_what_to_try() {
    let parent = tempfile::tempdir().unwrap();
    let mut config = overflowing(Precision::F16);
    config.train.optimizer =
        toml::from_str("kind = \"sgd\"\nlearning_rate = 1e6\nmomentum = 0.0\nnesterov = false")
            .unwrap();
    config.train.schedule.warmup_epochs = 0.0;
    let path = parent.path().join("run");
    let stop = Stop::default();
    let error = run_in(&path, config, &Device::flex(), &mut [], &stop).unwrap_err();
    assert!(matches!(error, TrainError::Diverged { .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains("NaN or infinite in float16"), "{message}");
    assert!(message.contains("train.precision = \"bf16\""), "{message}");
}
