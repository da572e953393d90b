//! A trained network as another one's start.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, Tolerance};
use receptive_model::{
    Activation, BatchNormLayer, Classifier, Conv2dLayer, DropoutKey, FlattenLayer,
    GlobalAvgPool2dLayer, LayerValues, LinearLayer, ModelConfig, Padding, ResidualLayer,
};

/// A convolution and a batch norm, a residual with both, a head.
fn config() -> ModelConfig {
    let conv = || Conv2dLayer::new(3, 3).with_padding(Padding::Same);
    ModelConfig::new(1, 8, 8)
        .with_classes(4)
        .layer(conv())
        .layer(BatchNormLayer::default())
        .layer(Activation::Relu)
        .layer(
            ResidualLayer::new()
                .layer(conv())
                .layer(BatchNormLayer::default()),
        )
        .layer(GlobalAvgPool2dLayer::default())
        .layer(LinearLayer::classes())
}

fn model(device: &Device) -> Classifier {
    config().plan().unwrap().init_seeded(5, device)
}

fn images(device: &Device) -> Tensor<4> {
    Tensor::ones([2, 1, 8, 8], device)
}

fn values(model: &Classifier, numbers: &[&str]) -> Vec<LayerValues> {
    let of = |number: &&str| model.values(number).unwrap();
    numbers.iter().map(of).collect()
}

/// How many parameters get a gradient.
fn learning(model: &Classifier, gradients: &Gradients) -> usize {
    struct Count<'a>(&'a Gradients, usize);
    impl ModuleVisitor for Count<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.1 += usize::from(param.val().grad(self.0).is_some());
        }
    }
    let mut count = Count(gradients, 0);
    model.visit(&mut count);
    count.1
}

#[test]
fn another_head_leaves_the_body_as_it_was() {
    let device = Device::flex();
    let old = model(&device);
    let new = old.with_classes(7, 1).unwrap();
    assert_eq!(new.classes(), 7);
    assert_eq!(new.forward(images(&device)).dims(), [2, 7]);
    let body = ["1", "2", "4.1", "4.2"];
    assert_eq!(values(&new, &body), values(&old, &body));
    // Another seed, another head.
    let other = old.with_classes(7, 2).unwrap();
    assert_ne!(values(&new, &["6"]), values(&other, &["6"]));
}

/// As SqueezeNet ends: a 1x1 convolution, a ReLU, a global pool.
#[test]
fn a_head_may_be_a_convolution_with_layers_behind_it() {
    let device = Device::flex();
    let config = ModelConfig::new(1, 8, 8)
        .with_classes(4)
        .layer(Conv2dLayer::new(6, 3))
        .layer(Activation::Relu)
        .layer(Conv2dLayer::classes(1))
        .layer(Activation::Relu)
        .layer(GlobalAvgPool2dLayer::default());
    assert_eq!(config.head().unwrap(), 2);
    let old = config.plan().unwrap().init_seeded(5, &device);
    let new = old.with_classes(7, 1).unwrap();
    assert_eq!(new.forward(images(&device)).dims(), [2, 7]);
    assert_eq!(values(&new, &["1"]), values(&old, &["1"]));
    assert_eq!(new.plan().find("3").unwrap().params, 7 * 7);
    // Features are the means of the maps that the head gets.
    let features = new.forward_features(images(&device));
    let maps = new.forward_first(images(&device), 2).into_map().unwrap();
    let means = maps.mean_dims(&[2, 3]).flatten::<2>(1, 3);
    let tolerance = Tolerance::<f32>::absolute(1e-6);
    features
        .to_data()
        .assert_approx_eq(&means.to_data(), tolerance);
    let frozen = new.freeze_first(2).unwrap();
    assert!(frozen.freeze_first(3).is_err());
}

#[test]
fn a_network_may_end_with_weights_that_are_no_head() {
    let config = ModelConfig::new(1, 8, 8)
        .layer(LinearLayer::new(4))
        .layer(BatchNormLayer::default());
    let error = config.head().unwrap_err().to_string();
    assert!(
        error.contains("layer 2 (batch_norm), not `linear` or `conv2d`"),
        "{error}"
    );
}

#[test]
fn a_head_can_be_replaced_on_a_training_device_too() {
    let device = Device::flex().autodiff();
    let new = model(&device).with_classes(3, 1).unwrap();
    let gradients = new.forward(images(&device)).sum().backward();
    // Weight and bias of three layers, scale and shift of two.
    assert_eq!(learning(&new, &gradients), 10);
}

#[test]
fn a_network_without_a_linear_end_has_no_head_to_replace() {
    let config = ModelConfig::new(1, 4, 4)
        .with_classes(16)
        .layer(Conv2dLayer::new(1, 1))
        .layer(FlattenLayer::default());
    let model = config.plan().unwrap().init(&Device::flex());
    let error = model.with_classes(3, 0).unwrap_err().to_string();
    assert!(error.contains("end the network with `linear`"), "{error}");
}

#[test]
fn frozen_layers_get_no_gradient_and_infer() {
    let device = Device::flex().autodiff();
    for (frozen, left) in [(0, 10), (1, 8), (2, 6), (3, 6), (4, 2), (5, 2)] {
        let model = model(&device).freeze_first(frozen).unwrap();
        let key = DropoutKey {
            seed: 0,
            step: 0,
            first_row: 0,
        };
        // As in training: a fork, a keyed pass, its statistics merged.
        let fork = model.clone().fork(&device);
        let (logits, statistics) = fork.forward_keyed(images(&device), key);
        let gradients = logits.sum().backward();
        assert_eq!(learning(&fork, &gradients), left, "{frozen} frozen");
        let norms = [(2, "2"), (4, "4.2")];
        let learning = norms.iter().filter(|(layer, _)| frozen < *layer).count();
        assert_eq!(statistics.len(), learning);
        let merged = model.clone().merge_statistics(&[(1.0, statistics)]);
        for (layer, number) in norms {
            let [before, after] = [&model, &merged].map(|model| values(model, &[number]));
            let same = before[0].mean == after[0].mean && before[0].variance == after[0].variance;
            assert_eq!(same, frozen >= layer, "{number} with {frozen} frozen");
        }
    }
}

#[test]
fn the_first_layers_alone_give_what_they_give_within() {
    let device = Device::flex();
    let model = model(&device);
    for layers in 0..=6 {
        let first = model.forward_first(images(&device), layers).into_flat();
        let expected = match layers {
            0 => images(&device).flatten(1, 3),
            n => model
                .forward_until(images(&device), &n.to_string())
                .unwrap()
                .into_flat(),
        };
        // A batch norm is a part of the convolution before it, unless the outputs of the layers between are wanted.
        let tolerance = Tolerance::rel_abs(1e-5, 1e-6);
        first
            .into_data()
            .assert_approx_eq::<f32>(&expected.into_data(), tolerance);
    }
    let all = model.forward_first(images(&device), 99).into_flat();
    assert_eq!(all.into_data(), model.forward(images(&device)).into_data());
}

#[test]
fn a_printed_classifier_is_short() {
    let text = model(&Device::flex()).to_string();
    assert!(text.contains("1x8x8 to 4 classes in 6 layers"), "{text}");
    assert!(text.lines().all(|line| line.len() < 200), "{text}");
}

#[test]
fn freezing_everything_is_rejected() {
    for frozen in [6, 100] {
        let error = model(&Device::flex()).freeze_first(frozen).unwrap_err();
        assert!(error.to_string().contains("freeze at most 5"), "{error}");
    }
}

#[test]
fn frozen_stays_frozen_through_validation() {
    let device = Device::flex().autodiff();
    let model = model(&device).freeze_first(4).unwrap();
    let model = model.valid().train();
    let gradients = model.forward(images(&device)).sum().backward();
    assert_eq!(learning(&model, &gradients), 2);
}
