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
fn an_unknown_layer_is_refused_with_the_layers_there_are() {
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
        error.contains("conv2d_9") && error.contains("1 conv2d_1"),
        "{error}"
    );
}
