//! Layers that are computed at once give what they give one by one; and exactly means exactly.

use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::pool::AvgPool2dConfig;
use burn::tensor::{Device, Distribution, Tensor};
use receptive_model::{
    Activation, AvgPool2dLayer, BatchNormLayer, Classifier, Conv2dLayer, DropoutKey, FlattenLayer,
    LinearLayer, MaxPool2dLayer, ModelConfig, Padding, ResidualLayer, exactly, presets,
};

const KEY: DropoutKey = DropoutKey {
    seed: 1,
    step: 0,
    first_row: 0,
};

fn classifier(name: &str, device: &Device) -> Classifier {
    let config = presets::preset(name, presets::default_input(name)).unwrap();
    let plan = config.with_classes(10).plan().unwrap();
    plan.init_seeded(3, device)
}

fn images(model: &Classifier, device: &Device) -> Tensor<4> {
    let input = model.input();
    let shape = [6, input.channels, input.height, input.width];
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), device)
}

/// The largest difference, relative to the largest value.
fn difference<const D: usize>(left: Tensor<D>, right: Tensor<D>) -> f32 {
    let largest: f32 = right.clone().abs().max().into_scalar();
    let far: f32 = (left - right).abs().max().into_scalar();
    far / largest
}

/// The difference of the gradients of `x` through two outputs.
fn gradient_difference<const D: usize>(x: &Tensor<4>, left: Tensor<D>, right: Tensor<D>) -> f32 {
    let pull = Tensor::random(left.dims(), Distribution::Default, &x.device());
    let [left, right] = [left, right].map(|y| {
        let grads = (y * pull.clone()).sum().backward();
        x.grad(&grads).unwrap()
    });
    difference(left, right)
}

/// A network whose batch norms have seen something, so that their statistics matter.
fn trained(name: &str) -> Classifier {
    let device = Device::flex().autodiff();
    let model = classifier(name, &device);
    let x = images(&model, &device).mul_scalar(2.0).add_scalar(0.5);
    let (_, statistics) = model.forward_keyed(x, KEY);
    let model = model.merge_statistics(&[(1.0, statistics)]);
    model.valid()
}

#[test]
fn what_is_computed_at_once_outside_training_changes_no_logit() {
    for name in ["tutorial", "small", "accurate", "vgg", "resnet"] {
        let model = trained(name);
        let x = images(&model, &Device::flex());
        // A layer whose output is wanted is computed one by one with all before it.
        let last = model.plan().layers.last().unwrap().number.clone();
        let one_by_one = model.forward_until(x.clone(), &last).unwrap().into_flat();
        let far = difference(model.forward(x), one_by_one);
        assert!(far < 1e-5, "{name}: {far}");
    }
}

/// Pools that halve an odd size, that overlap and that are padded; a ReLU within the convolution, as a layer
/// of its own, and after a batch norm.
#[test]
fn a_relu_taken_after_its_pool_changes_no_gradient() {
    let device = Device::flex().autodiff();
    let config = ModelConfig::new(2, 27, 25)
        .layer(Conv2dLayer::new(8, 3).with_activation(Activation::Relu))
        .layer(MaxPool2dLayer::new(2))
        .layer(Conv2dLayer::new(20, 3).with_padding(Padding::Same))
        .layer(Activation::Relu)
        .layer(
            MaxPool2dLayer::new(3)
                .with_strides(2)
                .with_padding(Padding::Same),
        )
        .layer(BatchNormLayer::default())
        .layer(Activation::Relu)
        .layer(MaxPool2dLayer::new(2))
        .layer(FlattenLayer::default())
        .layer(LinearLayer::classes())
        .with_classes(4);
    let model = config.plan().unwrap().init_seeded(7, &device);
    let x = images(&model, &device);
    let pull = Tensor::<2>::random([6, 4], Distribution::Default, &device);
    let gradient = |forward: &dyn Fn(Tensor<4>) -> Tensor<2>| {
        let x = Tensor::from_data(x.to_data(), &device).require_grad();
        let y = forward(x.clone());
        let gradient = x
            .grad(&(y.clone() * pull.clone()).sum().backward())
            .unwrap();
        (y.without_autodiff(), gradient)
    };
    let last = model.plan().layers.last().unwrap().number.clone();
    let (logits, fused) = gradient(&|x| model.forward_keyed(x, KEY).0);
    let (expected, one_by_one) = gradient(&|x| model.forward_until(x, &last).unwrap().into_flat());
    let far = difference(logits, expected);
    assert!(far < 1e-5, "logits: {far}");
    let far = difference(fused, one_by_one);
    assert!(far < 1e-5, "input gradient: {far}");
}

#[test]
fn exact_convolutions_leave_zeros_where_nothing_depends() {
    let device = Device::flex().autodiff();
    let input = receptive_model::ImageSize {
        channels: 3,
        height: 24,
        width: 24,
    };
    let config = presets::preset("plain-4", input).unwrap().with_classes(2);
    let model = config.plan().unwrap().init_seeded(5, &device);
    let outside = |gradient: Tensor<4>| {
        let field = Tensor::<4>::ones([1, 3, 9, 9], &gradient.device());
        // The field of four 3x3 convolutions around the middle is 9x9.
        let field = Tensor::<4>::zeros([1, 3, 24, 24], &gradient.device())
            .slice_assign([0..1, 0..3, 8..17, 8..17], field);
        let outside = gradient.abs() * field.sub_scalar(1.0).abs();
        outside.sum().into_scalar::<f32>()
    };
    let gradient = |forward: &dyn Fn(Tensor<4>) -> Tensor<4>| {
        let x = Tensor::<4>::random([1, 3, 24, 24], Distribution::Default, &device).require_grad();
        let middle = forward(x.clone()).slice([0..1, 0..32, 12..13, 12..13]);
        x.grad(&middle.sum().backward()).unwrap()
    };
    let map = |x| {
        model
            .forward_until(x, "conv2d_4")
            .unwrap()
            .into_map()
            .unwrap()
    };
    let exact = gradient(&|x| exactly(|| map(x)));
    assert_eq!(outside(exact), 0.0);
    // Else there would be no need for it.
    assert!(outside(gradient(&map)) > 0.0);
}

#[test]
fn training_with_exact_convolutions_gives_almost_the_same_loss() {
    let device = Device::flex().autodiff();
    let model = classifier("vgg", &device);
    let x = images(&model, &device);
    let (fast, _) = model.forward_keyed(x.clone(), KEY);
    let (exact, _) = exactly(|| model.forward_keyed(x, KEY));
    let far = difference(fast.without_autodiff(), exact.without_autodiff());
    assert!(far > 0.0 && far < 1e-4, "{far}");
}

/// Residual blocks with a projection and with identity, whose sums are computed with the batch norm before them.
#[test]
fn a_sum_computed_with_its_batch_norm_changes_no_gradient() {
    let device = Device::flex().autodiff();
    let conv = |filters, strides| {
        let conv = Conv2dLayer::new(filters, 3).with_padding(Padding::Same);
        conv.with_strides(strides).with_bias(false)
    };
    for activation in [None, Some(Activation::Relu), Some(Activation::Silu)] {
        let block = |block: ResidualLayer| match activation {
            Some(activation) => block.with_activation(activation),
            None => block,
        };
        let config = ModelConfig::new(3, 13, 12)
            .layer(conv(8, 1))
            .layer(block(
                ResidualLayer::new()
                    .layer(conv(8, 1))
                    .layer(BatchNormLayer::default())
                    .layer(Activation::HardSwish)
                    .layer(conv(12, 2))
                    .layer(BatchNormLayer::default())
                    .projection(conv(12, 2))
                    .projection(BatchNormLayer::default()),
            ))
            .layer(block(ResidualLayer::new().layer(BatchNormLayer::default())))
            .layer(FlattenLayer::default())
            .layer(LinearLayer::classes())
            .with_classes(4);
        let model = config.plan().unwrap().init_seeded(7, &device);
        let x = images(&model, &device).require_grad();
        let (fused, statistics) = model.forward_keyed(x.clone(), KEY);
        let merged = model.clone().merge_statistics(&[(1.0, statistics)]);
        let last = model.plan().layers.last().unwrap().number.clone();
        let one_by_one = model.forward_until(x.clone(), &last).unwrap().into_flat();
        let far = difference(fused.clone().inner(), one_by_one.clone().inner());
        assert!(far < 1e-5, "{activation:?}: output {far}");
        let far = gradient_difference(&x, fused, one_by_one);
        assert!(far < 1e-4, "{activation:?}: input gradient {far}");
        // burn's batch norms have updated their running statistics.
        for number in ["2.2", "2.5", "2.p2", "3.1"] {
            let [ours, burns] = [&merged, &model].map(|model| model.values(number).unwrap());
            for (ours, burns) in ours.mean.iter().zip(&burns.mean) {
                assert!(
                    (ours - burns).abs() < 1e-5,
                    "{activation:?}, {number}: mean"
                );
            }
        }
    }
}

/// Those whose windows all have as many values are computed as convolutions.
#[test]
fn average_pools_and_their_gradients_match_burn() {
    let device = Device::flex().autodiff();
    for (size, strides, padded) in [
        ([2, 2], [2, 2], false),
        ([3, 3], [1, 1], true),
        ([3, 2], [2, 1], false),
        ([7, 5], [1, 3], false),
        ([5, 5], [1, 1], true),
    ] {
        let padding = if padded {
            Padding::Same
        } else {
            Padding::Valid
        };
        let pool = AvgPool2dLayer::new(size)
            .with_strides(strides)
            .with_padding(padding);
        let config = ModelConfig::new(20, 13, 12)
            .layer(pool.with_count_include_pad(true))
            .layer(FlattenLayer::default())
            .layer(LinearLayer::classes())
            .with_classes(4);
        let model = config.plan().unwrap().init_seeded(7, &device);
        let x = images(&model, &device).require_grad();
        let [above, left] = size.map(|side| if padded { side / 2 } else { 0 });
        let burns = AvgPool2dConfig::new(size)
            .with_strides(strides)
            .with_padding(PaddingConfig2d::Explicit(above, left, above, left))
            .with_count_include_pad(true)
            .init();
        let what = format!("{size:?}, {strides:?}");
        let ours = model.forward_until(x.clone(), "1").unwrap();
        let [ours, burns] = [ours.into_map().unwrap(), burns.forward(x.clone())];
        let far = difference(ours.clone().inner(), burns.clone().inner());
        assert!(far < 1e-6, "{what}: output {far}");
        let far = gradient_difference(&x, ours, burns);
        assert!(far < 1e-6, "{what}: gradient {far}");
        let model = model.valid();
        let x = images(&model, &Device::flex());
        let far = difference(
            model.prepare(Device::flex()).forward(x.clone()),
            model.forward(x),
        );
        assert!(far < 1e-5, "{what}: prepared {far}");
    }
}
