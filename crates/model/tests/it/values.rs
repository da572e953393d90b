//! Layers compute what their words mean, checked by hand or by PyTorch.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData, Tolerance};
use receptive_model::*;

fn until(config: ModelConfig, image: TensorData, layer: &str) -> TensorData {
    let device = Device::flex();
    let config = config.layer(GlobalAvgPool2dLayer::default());
    let model = config.plan().unwrap().init(&device);
    let features = model
        .forward_until(Tensor::from_data(image, &device), layer)
        .unwrap();
    features.into_map().unwrap().into_data()
}

fn ramp(height: usize, width: usize) -> TensorData {
    let values: Vec<f32> = (0..height * width).map(|value| value as f32).collect();
    TensorData::new(values, [1, 1, height, width])
}

#[test]
fn average_pooling_does_not_count_padding() {
    // torch.nn.AvgPool2d(3, 1, 1, count_include_pad=False) on arange(9).reshape(1, 1, 3, 3).
    let pool = AvgPool2dLayer::new(3)
        .with_strides(1)
        .with_padding(Padding::Same);
    let found = until(ModelConfig::new(1, 3, 3).layer(pool), ramp(3, 3), "1");
    let torch = [2.0f32, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0];
    found.assert_approx_eq::<f32>(
        &TensorData::new(torch.to_vec(), [1, 1, 3, 3]),
        Tolerance::absolute(1e-6),
    );
}

#[test]
fn max_pooling_never_takes_the_padding() {
    let negative: Vec<f32> = (0..9).map(|value| value as f32 - 100.0).collect();
    let pool = MaxPool2dLayer::new(2)
        .with_strides(2)
        .with_padding(Padding::Same);
    let image = TensorData::new(negative, [1, 1, 3, 3]);
    let found = until(ModelConfig::new(1, 3, 3).layer(pool), image, "1");
    let wanted = TensorData::new(vec![-96.0f32, -95.0, -93.0, -92.0], [1, 1, 2, 2]);
    found.assert_approx_eq::<f32>(&wanted, Tolerance::absolute(1e-6));
}

#[test]
fn same_padding_keeps_the_centre_under_dilation_and_strides() {
    // A kernel whose centre tap alone is 1 must give back the pixels it is centred on.
    for (kernel, dilation, stride) in [(3usize, 1usize, 1usize), (3, 3, 1), (5, 2, 1), (3, 2, 2)] {
        let conv = Conv2dLayer::new(1, kernel)
            .with_padding(Padding::Same)
            .with_dilation(dilation)
            .with_strides(stride)
            .with_bias(false);
        let config = ModelConfig::new(1, 9, 9)
            .layer(conv)
            .layer(GlobalAvgPool2dLayer::default());
        let device = Device::flex();
        struct Centre;
        impl burn::module::ModuleMapper for Centre {
            fn map_float<const D: usize>(
                &mut self,
                param: burn::module::Param<Tensor<D>>,
            ) -> burn::module::Param<Tensor<D>> {
                param.map(|weight| {
                    let dims = weight.dims();
                    let values: usize = dims.iter().product();
                    let mut taps = vec![0.0f32; values];
                    taps[values / 2] = 1.0;
                    Tensor::from_data(TensorData::new(taps, dims), &weight.device())
                })
            }
        }
        let model = config.plan().unwrap().init(&device).map(&mut Centre);
        let image = Tensor::<4>::from_data(ramp(9, 9), &device);
        let found: Vec<f32> = model
            .forward_until(image, "conv2d_1")
            .unwrap()
            .into_map()
            .unwrap()
            .into_data()
            .iter()
            .collect();
        let wanted: Vec<f32> = (0..9)
            .step_by(stride)
            .flat_map(|row| {
                (0..9)
                    .step_by(stride)
                    .map(move |column| (9 * row + column) as f32)
            })
            .collect();
        assert_eq!(
            found, wanted,
            "kernel {kernel}, dilation {dilation}, stride {stride}"
        );
    }
}

#[test]
fn a_residual_adds_its_branch_to_its_input() {
    let block = ResidualLayer::new()
        .layer(AvgPool2dLayer::new(1))
        .with_activation(Activation::Relu);
    let found = until(ModelConfig::new(1, 2, 2).layer(block), ramp(2, 2), "1");
    let wanted = TensorData::new(vec![0.0f32, 2.0, 4.0, 6.0], [1, 1, 2, 2]);
    found.assert_approx_eq::<f32>(&wanted, Tolerance::absolute(1e-6));
}

#[test]
fn he_weights_keep_the_signals_size_through_twenty_layers() {
    let device = Device::flex();
    let input = ImageSize {
        channels: 8,
        height: 16,
        width: 16,
    };
    let plan = presets::preset("plain-20", input)
        .unwrap()
        .with_classes(2)
        .plan()
        .unwrap();
    let model = plan.init(&device);
    device.seed(3);
    let noise = burn::tensor::Distribution::Normal(0.0, 1.0);
    let images = Tensor::<4>::random([4, 8, 16, 16], noise, &device);
    let last = model
        .forward_until(images, "20")
        .unwrap()
        .into_map()
        .unwrap();
    let mean_square: f32 = last.square().mean().into_scalar();
    // 1 without borders; zero padding takes a little off in each layer.
    assert!((0.05..3.0).contains(&mean_square), "{mean_square}");
}

#[test]
fn an_unknown_layer_is_rejected_with_those_that_may_be_meant() {
    let device = Device::flex();
    let plan = presets::preset("tutorial", presets::default_input("tutorial"))
        .unwrap()
        .with_classes(2)
        .plan()
        .unwrap();
    let images = Tensor::<4>::zeros([1, 1, 28, 28], &device);
    let error = plan
        .init(&device)
        .forward_until(images, "conv2d_9")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`conv2d_9`") && error.contains("did you mean `conv2d_1`"),
        "{error}"
    );
}

#[test]
fn a_gate_scales_each_channel_by_what_it_makes_of_the_means() {
    let config = ModelConfig::new(2, 2, 3)
        .layer(SqueezeExciteLayer {
            units: Some(1),
            gate: Activation::HardSigmoid,
            ..SqueezeExciteLayer::default()
        })
        .layer(GlobalAvgPool2dLayer::default());
    let plan = config.plan().unwrap();
    // Two weights and a bias, then two weights and two biases.
    assert_eq!(
        (plan.layers[0].params, plan.layers[0].number.as_str()),
        (7, "1")
    );
    assert_eq!(plan.layers[0].summary, "1 units, relu, hard_sigmoid");
    let numbers: Vec<&str> = plan.rows().iter().map(|row| row.number.as_str()).collect();
    assert_eq!(numbers, ["1.b1", "1.b2", "1.b3", "1", "2"]);
    // Every unit sees the whole image.
    for axis in 0..2 {
        let (field, side) = (plan.layers[0].trf[axis], [2, 3][axis]);
        for unit in 0..side {
            assert!(field.first + unit * field.stride <= 0);
            assert!(field.last + unit * field.stride >= side - 1);
        }
    }
    let device = Device::flex();
    let model = plan.init_seeded(5, &device);
    let weights = [
        model.values("1.b2").unwrap().weight,
        model.values("1.b3").unwrap().weight,
    ];
    let values: Vec<f32> = (0..12).map(|i| (i * i % 7) as f32 - 2.0).collect();
    let image = Tensor::<4>::from_data(TensorData::new(values.clone(), [1, 2, 2, 3]), &device);
    let found: Vec<f32> = model
        .forward_until(image, "1")
        .unwrap()
        .into_flat()
        .into_data()
        .iter()
        .collect();
    let mean = |channel: usize| values[6 * channel..][..6].iter().sum::<f32>() / 6.0;
    let hidden = (weights[0][0] * mean(0) + weights[0][1] * mean(1)).max(0.0);
    for (i, value) in found.into_iter().enumerate() {
        let gate = (weights[1][i / 6] * hidden + 3.0).clamp(0.0, 6.0) / 6.0;
        assert!((value - gate * values[i]).abs() < 1e-5, "{i}: {value}");
    }
}

#[test]
fn branches_that_do_not_join_are_rejected_with_their_shapes() {
    let conv = |filters: usize| LayerConfig::from(Conv2dLayer::new(filters, 3));
    for (join, word) in [
        (Join::Add, "added"),
        (Join::Concat, "concatenated"),
        (Join::Multiply, "multiplied"),
    ] {
        let layer = BranchesLayer::new(join).branch([]).branch([conv(4)]);
        let config = ModelConfig::new(3, 8, 8).layer(layer);
        let error = config.plan().unwrap_err().to_string();
        assert!(error.contains("layer 1 (branches)"), "{error}");
        assert!(error.contains("3x8x8 and 4x6x6"), "{error}");
        assert!(
            error.contains(word) && error.contains("give all"),
            "{error}"
        );
    }
    let one = ModelConfig::new(3, 8, 8).layer(BranchesLayer::new(Join::Add).branch([]));
    let error = one.plan().unwrap_err().to_string();
    assert!(error.contains("1 lists of layers"), "{error}");
}
