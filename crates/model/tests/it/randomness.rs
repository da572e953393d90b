//! Weights and dropout are functions of their keys, not of a generator's state.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use receptive_model::*;

fn classifier(device: &Device, seed: u64) -> Classifier {
    let config = ModelConfig::new(1, 8, 8)
        .with_classes(3)
        .layer(DropoutLayer { rate: 0.3 })
        .layer(Conv2dLayer::new(4, 3).with_padding(Padding::Same))
        .layer(BatchNormLayer::default())
        .layer(FlattenLayer::default())
        .layer(DropoutLayer { rate: 0.5 })
        .layer(LinearLayer::classes());
    config.plan().unwrap().init_seeded(seed, device)
}

#[test]
fn the_same_seed_gives_the_same_weights() {
    let device = Device::flex();
    let hash = |seed| weights_sha256(&classifier(&device, seed));
    assert_eq!(hash(5), hash(5));
    assert_ne!(hash(5), hash(6));
    device.seed(99);
    assert_eq!(hash(5), hash(5), "the process's generator must not matter");
}

#[test]
fn a_network_built_up_to_a_layer_has_the_whole_networks_weights() {
    let device = Device::flex();
    let config = presets::preset("resnet", presets::default_input("resnet")).unwrap();
    let plan = config.with_classes(10).plan().unwrap();
    let whole = plan.init_seeded(5, &device);
    let images = Tensor::<4>::ones([1, 3, 32, 32], &device);
    let mut params = Vec::new();
    for layer in plan.rows() {
        let part = plan.init_until(&layer.number, 5, &device).unwrap();
        let output = |network: &Classifier| match network
            .forward_until(images.clone(), &layer.name)
            .unwrap()
        {
            Features::Map(map) => map.into_data(),
            Features::Flat(flat) => flat.into_data(),
        };
        assert_eq!(output(&part), output(&whole), "{}", layer.number);
        params.push(part.num_params());
    }
    assert!(params[0] < whole.num_params() && params.is_sorted());
    assert_eq!(params.last(), Some(&whole.num_params()));
    assert!(plan.init_until("99", 5, &device).is_err());
}

#[test]
fn a_shards_dropout_is_the_batchs_own_rows() {
    let device = Device::flex().autodiff();
    // Without batch norm, whose statistics are the shard's.
    let config = ModelConfig::new(1, 8, 8)
        .with_classes(3)
        .layer(DropoutLayer { rate: 0.3 })
        .layer(FlattenLayer::default())
        .layer(LinearLayer::classes());
    let model = config.plan().unwrap().init(&device);
    let images = Tensor::<4>::ones([6, 1, 8, 8], &device);
    let key = DropoutKey {
        seed: 1,
        step: 9,
        first_row: 0,
    };
    let whole: Vec<f32> = model
        .forward_keyed(images.clone(), key)
        .0
        .into_data()
        .iter()
        .collect();
    let shard = images.slice([4..6, 0..1, 0..8, 0..8]);
    let key = DropoutKey {
        first_row: 4,
        ..key
    };
    let rows: Vec<f32> = model
        .forward_keyed(shard, key)
        .0
        .into_data()
        .iter()
        .collect();
    assert_eq!(&whole[12..], rows);
    assert_ne!(
        &whole[..3],
        &whole[3..6],
        "each image has a mask of its own"
    );
}

#[test]
fn dropout_drops_its_share_and_keeps_the_mean() {
    let device = Device::flex().autodiff();
    let config = ModelConfig::new(1, 100, 100)
        .with_classes(10_000)
        .layer(FlattenLayer::default())
        .layer(DropoutLayer { rate: 0.25 });
    let model = config.plan().unwrap().init(&device);
    let images = Tensor::<4>::ones([1, 1, 100, 100], &device);
    let key = DropoutKey {
        seed: 3,
        step: 0,
        first_row: 0,
    };
    let values: Vec<f32> = model
        .forward_keyed(images, key)
        .0
        .into_data()
        .iter()
        .collect();
    let dropped = values.iter().filter(|value| **value == 0.0).count();
    assert!(
        (2_350..2_650).contains(&dropped),
        "{dropped} of 10000 dropped"
    );
    assert!(
        values
            .iter()
            .all(|value| *value == 0.0 || (value - 4.0 / 3.0).abs() < 1e-6)
    );
}

#[test]
fn merged_statistics_are_those_of_the_whole_batch() {
    let device = Device::flex().autodiff();
    let config = ModelConfig::new(1, 4, 4)
        .with_classes(2)
        .layer(BatchNormLayer {
            epsilon: 1e-5,
            momentum: 1.0,
        })
        .layer(FlattenLayer::default())
        .layer(LinearLayer::classes());
    let model = config.plan().unwrap().init(&device);
    device.seed(4);
    let noise = burn::tensor::Distribution::Normal(2.0, 3.0);
    let images = Tensor::<4>::random([5, 1, 4, 4], noise, &device);
    let key = DropoutKey {
        seed: 0,
        step: 0,
        first_row: 0,
    };
    let merged = |cuts: &[std::ops::Range<usize>]| {
        let shards: Vec<_> = cuts
            .iter()
            .map(|rows| {
                let shard = images.clone().slice([rows.clone(), 0..1, 0..4, 0..4]);
                (rows.len() as f64 / 5.0, model.forward_keyed(shard, key).1)
            })
            .collect();
        let merged = model.clone().merge_statistics(&shards).valid();
        let zeros = Tensor::<4>::zeros([1, 1, 4, 4], &Device::flex());
        let x = merged
            .forward_until(zeros, "1")
            .unwrap()
            .into_map()
            .unwrap();
        x.into_data().iter::<f32>().next().unwrap()
    };
    // With momentum 1, zero becomes -mean / std of the batch.
    let (mean, variance) = {
        let values: Vec<f32> = images.clone().into_data().iter().collect();
        let mean = values.iter().sum::<f32>() / 80.0;
        (
            mean,
            values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / 80.0,
        )
    };
    let wanted = -mean / (variance + 1e-5).sqrt();
    for cuts in [[0..5, 5..5, 5..5], [0..2, 2..4, 4..5]] {
        let cuts: Vec<_> = cuts.into_iter().filter(|rows| !rows.is_empty()).collect();
        let found = merged(&cuts);
        assert!(
            (found - wanted).abs() < 1e-4,
            "{cuts:?}: {found}, not {wanted}"
        );
    }
    let untouched = model
        .valid()
        .forward_until(Tensor::<4>::zeros([1, 1, 4, 4], &Device::flex()), "1");
    let zero: f32 = untouched
        .unwrap()
        .into_map()
        .unwrap()
        .into_data()
        .iter()
        .next()
        .unwrap();
    assert_eq!(
        zero, 0.0,
        "merging must not reach into the model it was called on a clone of"
    );
}

/// Whole images are dropped, each by its own row, and a frozen layer drops none.
#[test]
fn stochastic_depth_drops_images_as_the_batch_would() {
    let device = Device::flex().autodiff();
    let config = ModelConfig::new(1, 2, 2)
        .with_classes(4)
        .layer(StochasticDepthLayer { rate: 0.25 })
        .layer(FlattenLayer::default());
    let model = config.plan().unwrap().init(&device);
    let images = Tensor::<4>::ones([4000, 1, 2, 2], &device);
    let key = DropoutKey {
        seed: 1,
        step: 9,
        first_row: 0,
    };
    let run = |model: &Classifier, images: Tensor<4>, key| -> Vec<f32> {
        let (values, _) = model.forward_keyed(images, key);
        values.into_data().iter().collect()
    };
    let whole = run(&model, images.clone(), key);
    let mut dropped = 0;
    for image in whole.chunks(4) {
        assert!(image.iter().all(|value| *value == image[0]));
        dropped += usize::from(image[0] == 0.0);
        assert!(image[0] == 0.0 || (image[0] - 4.0 / 3.0).abs() < 1e-6);
    }
    assert!((900..1100).contains(&dropped), "{dropped} of 4000 dropped");
    let shard = images.clone().slice([100..200, 0..1, 0..2, 0..2]);
    let key = DropoutKey {
        first_row: 100,
        ..key
    };
    assert_eq!(run(&model, shard.clone(), key), whole[400..800]);
    let frozen = model.clone().freeze();
    assert!(
        run(&frozen, images.clone(), key)
            .iter()
            .all(|value| *value == 1.0)
    );
    // Without a key burn's generator decides; outside training nothing is dropped.
    let free: Vec<f32> = model.forward(images).into_data().iter().collect();
    assert!(free.contains(&0.0) && free.iter().any(|value| *value > 1.0));
    let inferred = model.valid().forward(shard.inner());
    assert!(inferred.into_data().iter::<f32>().all(|value| value == 1.0));
}
