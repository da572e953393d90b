//! The same seed gives bit-identical results, whatever the machine does in parallel.

use crate::{run, tiny_run};
use burn::tensor::Device;
use receptive_train::config::Sampling;

#[test]
fn threads_and_workers_never_change_a_bit_of_the_weights() {
    let device = Device::flex();
    let hash = |threads, workers| {
        let mut config = tiny_run();
        config.machine.threads = threads;
        config.machine.workers = workers;
        run(config, &device).unwrap().weights_sha256
    };
    let first = hash(1, 0);
    let others = [
        (1, 0),
        (2, 0),
        (1, 1),
        (2, 1),
        (1, 4),
        (2, 4),
        (3, 0),
        (4, 2),
        (5, 1),
        (6, 3),
        (7, 2),
        (16, 3),
        (2, 0),
    ];
    let equal = others
        .into_iter()
        .filter(|&(t, w)| hash(t, w) == first)
        .count();
    assert_eq!(equal, 13, "{equal} of 13 pairs have equal weights");
}

#[test]
fn clipping_and_class_weights_keep_the_bits_too() {
    let device = Device::flex();
    let hash = |threads| {
        let mut config = tiny_run();
        config.train.clip_norm = Some(0.5);
        config.train.class_weights = receptive_train::config::ClassWeights::Rule(
            receptive_train::config::WeightRule::Balanced,
        );
        config.train.optimizer = receptive_train::config::Optimizer::AdamW {
            learning_rate: 1e-3,
            weight_decay: 0.01,
        };
        config.machine.threads = threads;
        run(config, &device).unwrap().weights_sha256
    };
    assert_eq!(hash(1), hash(2));
}

/// The operations of published networks: Winograd's filtering, a padded pool, depthwise, grouped and dilated
/// convolutions, a gate, SiLU, a residual sum in the batch norm's kernel, a layer norm.
const OPERATIONS: &str = r#"
classes = 10
input = { channels = 1, height = 28, width = 28 }
layers = [
    { type = "conv2d", filters = 20, kernel_size = 7, strides = 2, padding = "same", bias = false },
    { type = "batch_norm" },
    { type = "activation", activation = "silu" },
    { type = "max_pool2d", pool_size = 3, strides = 2, padding = "same" },
    { type = "residual", activation = "relu", layers = [
        { type = "conv2d", filters = 20, kernel_size = 3, padding = "same", bias = false },
        { type = "batch_norm" },
    ] },
    { type = "conv2d", filters = 40, kernel_size = 1, bias = false },
    { type = "batch_norm" },
    { type = "activation", activation = "relu6" },
    { type = "conv2d", filters = 40, kernel_size = 5, padding = "same", groups = 40 },
    { type = "squeeze_excite" },
    { type = "conv2d", filters = 24, kernel_size = 3, padding = "same", dilation = 2, groups = 4 },
    { type = "layer_norm" },
    { type = "global_avg_pool2d" },
    { type = "linear" },
]
"#;

#[test]
fn the_operations_of_published_networks_keep_the_bits_with_any_batch() {
    let device = Device::flex();
    let hash = |batch_size, threads| {
        let mut config = tiny_run();
        config.model = receptive_model::ModelConfig::from_toml(OPERATIONS).unwrap();
        config.data.limit = Some(100);
        config.train.epochs = 1;
        config.train.batch_size = batch_size;
        config.train.micro_batch = receptive_train::config::TrainConfig::default().micro_batch;
        config.machine.threads = threads;
        run(config, &device).unwrap().weights_sha256
    };
    for batch_size in [5, 16, 33, 100] {
        let first = hash(batch_size, 1);
        for threads in [2, 3, 7, 16] {
            let found = hash(batch_size, threads);
            assert_eq!(found, first, "batch size {batch_size}, {threads} threads");
        }
    }
}

/// What the backward pass computes again has the bits that it had.
#[test]
fn checkpointing_keeps_the_bits_too() {
    let device = Device::flex();
    let hash = |checkpointing| {
        let mut config = tiny_run();
        config.train.checkpointing = checkpointing;
        run(config, &device).unwrap().weights_sha256
    };
    assert_eq!(hash(false), hash(true));
}

#[test]
fn balanced_sampling_keeps_the_bits_too() {
    let device = Device::flex();
    let hash = |threads, workers, sampling| {
        let mut config = tiny_run();
        config.train.sampling = sampling;
        config.machine.threads = threads;
        config.machine.workers = workers;
        run(config, &device).unwrap().weights_sha256
    };
    let first = hash(1, 0, Sampling::Balanced);
    for (threads, workers) in [(2, 0), (1, 3), (3, 1)] {
        assert_eq!(hash(threads, workers, Sampling::Balanced), first);
    }
    assert_ne!(hash(1, 0, Sampling::All), first);
}

#[test]
fn mixed_batches_keep_the_bits_too() {
    let device = Device::flex();
    let hash = |threads, workers, mixup| {
        let mut config = tiny_run();
        config.train.augment.randaugment = Some(receptive_data::RandAugment::default());
        (config.train.augment.mixup, config.train.augment.cutmix) = (mixup, 1.0);
        config.machine.threads = threads;
        config.machine.workers = workers;
        run(config, &device).unwrap().weights_sha256
    };
    let first = hash(1, 0, 0.4);
    for (threads, workers) in [
        (1, 1),
        (2, 0),
        (2, 2),
        (3, 1),
        (4, 3),
        (5, 4),
        (6, 0),
        (7, 2),
    ] {
        assert_eq!(
            hash(threads, workers, 0.4),
            first,
            "{threads} threads, {workers} workers"
        );
    }
    assert_ne!(hash(1, 0, 0.0), first);
}

#[test]
fn another_seed_gives_other_weights() {
    let device = Device::flex();
    let hash = |seed| {
        let mut config = tiny_run();
        config.train.seed = seed;
        run(config, &device).unwrap().weights_sha256
    };
    assert_ne!(hash(1), hash(2));
}

#[test]
fn without_batch_norm_the_shards_size_is_only_rounding() {
    use receptive_model::{FlattenLayer, LinearLayer, ModelConfig};
    let device = Device::flex();
    let losses = |shard| {
        let mut config = tiny_run();
        config.model = ModelConfig::new(1, 28, 28)
            .layer(FlattenLayer::default())
            .layer(receptive_model::DropoutLayer { rate: 0.3 })
            .layer(LinearLayer::classes());
        config.train.micro_batch = receptive_train::config::MicroBatch::Images(shard);
        config.train.optimizer = receptive_train::config::Optimizer::Sgd {
            learning_rate: 0.01,
            momentum: 0.9,
            nesterov: true,
            weight_decay: 0.0,
        };
        let epochs = run(config, &device).unwrap().epochs;
        epochs
            .iter()
            .map(|epoch| epoch.train_loss)
            .collect::<Vec<_>>()
    };
    for (whole, shards) in losses(32).into_iter().zip(losses(5)) {
        assert!(
            (whole - shards).abs() < 1e-4 * whole,
            "{whole} and {shards}"
        );
    }
}
