//! A network prepared for inference gives the classifier's logits, and the same bits in any batch and on any
//! number of threads.

use burn::module::Module;
use burn::tensor::{Device, Distribution, Tensor};
use rayon::ThreadPoolBuilder;
use receptive_model::{
    Classifier, DropoutKey, ImageSize, InferenceNetwork, KernelThreads, presets,
};

/// The smallest side that the published networks below take.
const SIDE: usize = 64;

/// A network whose batch norms have seen something.
fn trained(name: &str, input: ImageSize) -> Classifier {
    let device = Device::flex().autodiff();
    let config = presets::preset(name, input).unwrap();
    let model = config.with_classes(7).plan().unwrap();
    let model = model.init_seeded(3, &device);
    let key = DropoutKey {
        seed: 1,
        step: 0,
        first_row: 0,
    };
    let (_, statistics) = model.forward_keyed(images(2, input, &device), key);
    model.merge_statistics(&[(1.0, statistics)]).valid()
}

fn images(count: usize, input: ImageSize, device: &Device) -> Tensor<4> {
    let shape = [count, input.channels, input.height, input.width];
    Tensor::random(shape, Distribution::Normal(0.5, 2.0), device)
}

/// What it holds beyond its buffers are copies of the input and short lists. In one thread, since allocations are
/// counted by thread.
#[test]
fn a_prepared_network_allocates_no_maps() {
    let device = Device::flex();
    let one = ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    for (name, side) in [("vgg", 32), ("resnet18", SIDE), ("efficientnet_b0", SIDE)] {
        let input = ImageSize::new(3, side, side);
        let network = trained(name, input).prepare(&device);
        let images = images(4, input, &device);
        let input = images.clone().into_data();
        one.install(|| {
            let _first = network.forward(images.clone());
            let info = allocation_counter::measure(|| drop(network.forward(images.clone())));
            let bound = 2 * input.num_elements() * size_of::<f32>() + (16 << 10);
            println!("{name}: {info:?}, at most {bound}");
            assert!(info.bytes_max < bound as u64, "{name}: {info:?}");
        });
    }
}

fn bits(logits: Tensor<2>) -> Vec<u32> {
    let values = logits.into_data();
    values.iter::<f32>().map(f32::to_bits).collect()
}

/// Residuals with and without a projection, batch norms before and after convolutions, gates, hard-swish and
/// SiLU, concatenation, shuffled channels, layer norm, pools with padding and strides, a dense hidden layer.
#[test]
fn prepared_networks_give_the_logits_of_the_classifier() {
    let device = Device::flex();
    for name in [
        "resnet18",
        "mobilenetv2_100",
        "mobilenetv3_small_100",
        "efficientnet_b0",
        "shufflenet_v2_x1_0",
        "densenet121",
        "squeezenet1_1",
        "vgg",
        "small",
    ] {
        let input = match name {
            "vgg" | "small" => presets::default_input(name),
            _ => ImageSize::new(3, SIDE, SIDE),
        };
        let model = trained(name, input);
        let x = images(3, input, &device);
        let network = model.prepare(&device);
        let (found, expected) = (network.forward(x.clone()), model.forward(x));
        let largest: f32 = expected.clone().abs().max().into_scalar();
        let far: f32 = (found - expected).abs().max().into_scalar();
        assert!(far < 1e-4 * largest, "{name}: {far} of {largest}");
    }
}

#[test]
fn an_image_has_the_same_logits_in_any_batch_and_on_any_number_of_threads() {
    let device = Device::flex();
    for name in ["resnet18", "mobilenetv3_small_100", "small"] {
        let input = match name {
            "small" => presets::default_input(name),
            _ => ImageSize::new(3, SIDE, SIDE),
        };
        let network = trained(name, input).prepare(&device);
        let x = images(5, input, &device);
        let of = |network: &InferenceNetwork, threads: usize| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build();
            pool.unwrap().install(|| bits(network.forward(x.clone())))
        };
        let one = of(&network, 1);
        for threads in [2, 5, 16] {
            assert_eq!(one, of(&network, threads), "{name}, {threads} threads");
        }
        let shared = KernelThreads::new(3).unwrap();
        assert_eq!(one, shared.share(|| of(&network, 1)), "{name}");
        // Again, over the buffers of the calls before, and one by one.
        for (image, expected) in one.chunks(7).enumerate() {
            let x = x.clone().narrow(0, image, 1);
            assert_eq!(bits(network.forward(x)), expected, "{name}, image {image}");
        }
    }
}

/// Several passes at once through layers that burn computes, and whose values it rearranges in parallel: none waits for
/// another for ever.
#[test]
fn passes_at_once_in_one_pool_end() {
    use rayon::prelude::*;
    use receptive_model::{Conv2dLayer, GlobalAvgPool2dLayer, LayerNormLayer, LinearLayer};
    use receptive_model::{ModelConfig, Padding};
    let device = Device::flex();
    // More values than burn copies in one thread.
    let input = ImageSize::new(3, 192, 192);
    let conv = |filters| Conv2dLayer::new(filters, 3).with_padding(Padding::Same);
    let config = ModelConfig::new(input.channels, input.height, input.width)
        .layer(conv(32))
        .layer(LayerNormLayer::default())
        .layer(conv(8))
        .layer(GlobalAvgPool2dLayer::default())
        .layer(LinearLayer::classes());
    let model = config.with_classes(5).plan().unwrap();
    let network = model.init_seeded(3, &device).prepare(&device);
    let x = images(1, input, &device);
    let expected = bits(network.forward(x.clone()));
    let pass = || assert_eq!(bits(network.forward(x.clone())), expected);
    for threads in [2, 3] {
        let helpers = KernelThreads::new(threads).unwrap();
        let pool = ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap()
            .install(|| (0..12).into_par_iter().for_each(|_| pass()));
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| (0..4).for_each(|_| helpers.share(pass)));
            }
        });
    }
}

/// Maps that are multiplied value by value, and a gate of one position whose block has more values than the map.
#[test]
fn products_of_branches_of_any_size() {
    use receptive_model::{BranchesLayer, Conv2dLayer, Join, LayerConfig, ModelConfig};
    let device = Device::flex();
    let conv = |filters, kernel| LayerConfig::from(Conv2dLayer::new(filters, kernel));
    for (side, branches) in [
        (4, vec![vec![conv(16, 1)], vec![conv(16, 1)]]),
        (4, vec![vec![conv(20, 1)], vec![conv(20, 1)]]),
        (2, vec![vec![conv(3, 1)], vec![conv(3, 2)]]),
        (2, vec![vec![conv(3, 2)], vec![conv(3, 1)]]),
        (4, vec![vec![conv(1, 4)], vec![conv(1, 1)]]),
    ] {
        let product = BranchesLayer {
            join: Join::Multiply,
            branches,
            activation: None,
        };
        let config = ModelConfig::new(3, side, side)
            .layer(product)
            .layer(receptive_model::FlattenLayer::default())
            .layer(receptive_model::LinearLayer::classes());
        let model = config.with_classes(5).plan().unwrap();
        let model = model.init_seeded(3, &device);
        let x = images(3, ImageSize::new(3, side, side), &device);
        let (found, expected) = (model.prepare(&device).forward(x.clone()), model.forward(x));
        let far: f32 = (found - expected).abs().max().into_scalar();
        assert!(far < 1e-4, "{side}: {far}");
    }
}

/// What was prepared does not change with the classifier, and a clone shares it.
#[test]
fn a_prepared_network_is_that_of_its_time() {
    let device = Device::flex();
    let input = presets::default_input("small");
    let model = trained("small", input);
    let network = model.prepare(&device);
    let x = images(1, input, &device);
    let before = bits(network.forward(x.clone()));
    drop(model);
    assert_eq!(bits(network.clone().forward(x)), before);
    assert_eq!(network.classifier().classes(), 7);
}
