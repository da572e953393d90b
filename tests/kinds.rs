//! Every kind of layer is handled wherever a network is traversed: planning, forward and backward
//! passes, cones, theory and export. The list of kinds is the config's own, so a new kind without a
//! case here fails.

pub(crate) mod cases;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Distribution, Gradients, Tensor, Tolerance};
use cases::{Case, SIDE, cases};
use receptive_erf::theory::{PredictedField, Seeds, WeightAssumption, predict};
use receptive_interchange::{OnnxInput, to_onnx, to_python};
use receptive_model::{Artifact, Features, InputSpec, LayerConfig, ModelConfig};

fn images(device: &Device) -> Tensor<4> {
    Tensor::random([3, 2, SIDE, SIDE], Distribution::Normal(0.0, 1.0), device)
}

/// The parameters that get no gradient, and those with a gradient that is not finite.
fn without_gradient<M: Module>(module: &M, gradients: &Gradients) -> Vec<String> {
    struct Visitor<'a> {
        gradients: &'a Gradients,
        path: Vec<String>,
        bad: Vec<String>,
    }
    impl ModuleVisitor for Visitor<'_> {
        fn enter_module(&mut self, name: &str, _container: &str) {
            self.path.push(name.into());
        }
        fn exit_module(&mut self, _name: &str, _container: &str) {
            self.path.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if !param.is_require_grad() {
                return; // running statistics
            }
            let gradient = param.val().grad(self.gradients);
            let sum = gradient.map(|gradient| gradient.abs().sum().into_scalar::<f32>());
            if !sum.is_some_and(f32::is_finite) {
                self.bad.push(format!("{}: {sum:?}", self.path.join(".")));
            }
        }
    }
    let mut visitor = Visitor {
        gradients,
        path: Vec::new(),
        bad: Vec::new(),
    };
    module.visit(&mut visitor);
    visitor.bad
}

#[test]
fn every_kind_is_planned_under_its_own_name() {
    for case in cases() {
        let plan = case.plan();
        let layer = plan.find(case.number()).unwrap();
        assert_eq!(layer.kind, case.kind);
        assert!(layer.name.starts_with(case.kind), "{}", layer.name);
        let has_weights = case.layer.has_weights();
        assert_eq!(has_weights, layer.params > 0, "{}", case.kind);
        let text = plan.config.to_toml().unwrap();
        assert_eq!(ModelConfig::from_toml(&text).unwrap(), plan.config);
    }
}

/// The number of layers in a layer's config, including itself.
fn written(value: &serde_json::Value) -> usize {
    let inside: usize = match value {
        serde_json::Value::Array(values) => values.iter().map(written).sum(),
        serde_json::Value::Object(fields) => fields.values().map(written).sum(),
        _ => 0,
    };
    let kind = value.get("type").and_then(serde_json::Value::as_str);
    let is_layer = kind.is_some_and(|kind| LayerConfig::KINDS.contains(&kind));
    inside + usize::from(is_layer)
}

#[test]
fn every_kind_lists_the_layers_within_it() {
    fn listed(layer: &mut LayerConfig) -> usize {
        let branches = layer.branches_mut().into_iter();
        1 + branches.flatten().map(listed).sum::<usize>()
    }
    for mut case in cases() {
        let value = serde_json::to_value(&case.layer).unwrap();
        assert_eq!(listed(&mut case.layer), written(&value), "{}", case.kind);
    }
}

#[test]
fn every_kind_runs_forward_and_every_parameter_gets_a_gradient() {
    let device = Device::flex().autodiff();
    for case in cases() {
        let plan = case.plan();
        let model = plan.init_seeded(1, &device);
        let logits = model.forward(images(&device));
        assert_eq!(logits.dims(), [3, 4], "{}", case.kind);
        let shape = model.forward_until(images(&device), case.number()).unwrap();
        let planned = plan.find(case.number()).unwrap().output.dims();
        assert_eq!(shape.dims()[1..], planned, "{}", case.kind);
        let loss = logits.powi_scalar(2).sum();
        assert!(
            loss.clone().into_scalar::<f32>().is_finite(),
            "{}",
            case.kind
        );
        let bad = without_gradient(&model, &loss.backward());
        assert!(bad.is_empty(), "{}: {bad:?}", case.kind);
    }
}

#[test]
fn every_kind_has_the_same_logits_when_the_network_is_prepared() {
    let device = Device::flex();
    for case in cases() {
        let model = case.plan().init_seeded(1, &device);
        let x = images(&device);
        let prepared = model.prepare(&device).forward(x.clone());
        let expected = model.forward(x).into_data();
        let tolerance = Tolerance::<f32>::absolute(1e-4).set_relative(1e-4);
        prepared.into_data().assert_approx_eq(&expected, tolerance);
    }
}

#[test]
fn every_kind_has_the_same_values_in_a_cone() {
    let device = Device::flex();
    for case in cases() {
        let plan = case.plan();
        let model = plan.init_seeded(2, &device);
        let [height, width] = plan.find(case.number()).unwrap().output.map_size();
        let units = [height / 2..height / 2 + 1, width - 1..width];
        let x = images(&device);
        let whole = model.forward_until(x.clone(), case.number()).unwrap();
        let cone = model.cone(case.number(), &units).unwrap();
        let [rows, columns] = cone.pixels().clone();
        let part = cone
            .forward(x.slice([0..3, 0..2, rows, columns]))
            .into_flat();
        let whole = match whole {
            Features::Map(map) => {
                let channels = map.dims()[1];
                let [rows, columns] = units;
                map.slice([0..3, 0..channels, rows, columns]).flatten(1, 3)
            }
            Features::Flat(flat) => flat,
        };
        let tolerance = Tolerance::<f32>::absolute(1e-5);
        part.to_data().assert_approx_eq(&whole.to_data(), tolerance);
    }
}

#[test]
fn every_kind_has_a_predicted_field() {
    let finite = |case: &Case, found: &PredictedField| {
        let total = found.map.total();
        assert!(total.is_finite() && total > 0.0, "{}: {total}", case.kind);
        assert!(found.map.pixels().all(|(_, _, value)| value >= 0.0));
        assert_eq!(found.exact, found.caveats.is_empty());
    };
    for case in cases() {
        let plan = case.plan();
        let number = case.number();
        let [height, width] = plan.find(number).unwrap().output.map_size();
        let unit = [height / 2, width / 2];
        let random = predict(&plan, number, unit, Seeds::All, WeightAssumption::Random).unwrap();
        finite(&case, &random);
        match case.caveat {
            Some(words) => {
                let said = random.caveats.iter().any(|caveat| caveat.contains(words));
                assert!(said, "{}: {:?}", case.kind, random.caveats);
            }
            None => assert!(random.exact, "{}: {:?}", case.kind, random.caveats),
        }
        let ones = predict(&plan, number, unit, Seeds::All, WeightAssumption::Ones).unwrap();
        finite(&case, &ones);
        let model = plan.init_seeded(3, &Device::flex());
        let weights = WeightAssumption::Given(&model);
        let given = predict(&plan, number, unit, Seeds::All, weights).unwrap();
        finite(&case, &given);
    }
}

#[test]
fn every_prediction_is_the_mean_square_over_random_networks() {
    const NETWORKS: u64 = 400;
    let device = Device::flex().autodiff();
    for case in cases() {
        let plan = case.plan();
        let number = case.number();
        let [height, width] = plan.find(number).unwrap().output.map_size();
        let unit = [height / 2, width / 2];
        let mut measured = vec![0.0f64; SIDE * SIDE];
        for seed in 0..NETWORKS {
            let model = plan.init_seeded(seed, &device).freeze();
            let x = images(&device).slice([0..1, 0..2, 0..SIDE, 0..SIDE]);
            let x = x.require_grad();
            let y = match model.forward_until(x.clone(), number).unwrap() {
                Features::Map(map) => {
                    let [_, channels, _, _] = map.dims();
                    let [row, column] = unit;
                    map.slice([0..1, 0..channels, row..row + 1, column..column + 1])
                        .flatten(1, 3)
                }
                Features::Flat(flat) => flat,
            };
            // With random signs, the mean square of the sum is the sum of the channels' squares.
            let coin = Tensor::<2>::random(y.dims(), Distribution::Bernoulli(0.5), &device);
            let gradients = (y * (coin * 2.0 - 1.0)).sum().backward();
            let Some(gradient) = x.grad(&gradients) else {
                continue; // a ReLU that blocks everything
            };
            let squares: Vec<f32> = gradient
                .powi_scalar(2)
                .sum_dim(1)
                .into_data()
                .iter()
                .collect();
            for (sum, square) in measured.iter_mut().zip(squares) {
                *sum += f64::from(square);
            }
        }
        let found = predict(&plan, number, unit, Seeds::All, WeightAssumption::Random).unwrap();
        let at = |i: usize| found.map.at((i / SIDE) as i64, (i % SIDE) as i64);
        let places = 0..SIDE * SIDE;
        let [predicted, total] = [
            places.clone().map(at).sum::<f64>(),
            measured.iter().sum::<f64>(),
        ];
        let variation: f64 = places
            .map(|i| (at(i) / predicted - measured[i] / total).abs() / 2.0)
            .sum();
        // The maximum of a whole map is less often at its border, where padding makes values
        // smaller.
        let bar = if case.kind == "global_max_pool2d" {
            0.2
        } else {
            0.1
        };
        assert!(variation < bar, "{}: {variation}", case.kind);
    }
}

#[test]
fn every_kind_is_exported_under_its_own_name() {
    for case in cases() {
        let plan = case.plan();
        let artifact = Artifact {
            model: plan.init(&Device::flex()),
            classes: (0..4).map(|class| format!("class {class}")).collect(),
            input: InputSpec::new(plan.input()).with_normalization([0.5; 2], [0.2; 2]),
            temperature: None,
        };
        let bytes = to_onnx(&artifact, OnnxInput::Normalised).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        if let Some(node) = case.onnx {
            assert!(text.contains(node), "{}: no {node}", case.kind);
            let name = plan.find(case.number()).unwrap().name.as_str();
            assert!(text.contains(name), "{}: no {name}", case.kind);
        }
        let module = to_python(&artifact, "model.safetensors");
        assert!(module.contains(case.python), "{}: {module}", case.kind);
    }
}
