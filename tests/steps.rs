//! Variants of a training step: averages of the weights, accumulated gradients, other optimizers
//! and schedules. Results are bit-identical whatever the threads and interruptions.

use crate::resume::{in_pieces, prepared, whole};
use crate::{run, tiny_run};
use burn::tensor::Device;
use receptive_model::{
    Artifact, BatchNormLayer, Conv2dLayer, FlattenLayer, GlobalAvgPool2dLayer, LinearLayer,
    ModelConfig, Padding, ResidualLayer, weights_sha256,
};
use receptive_train::config::{
    AverageConfig, AverageStatistics, ClassWeights, EmaConfig, ScheduleKind, WeightRule,
};
use receptive_train::{RunConfig, RunDirectory, TrainResult, Weights};

/// A run of 3 epochs with 4 steps each.
fn config() -> RunConfig {
    let mut config = tiny_run();
    config.data.limit = Some(120);
    config.train.epochs = 3;
    config
}

fn set(config: &mut RunConfig, settings: &[&str]) {
    let settings: Vec<String> = settings.iter().map(|text| (*text).into()).collect();
    *config = receptive_train::config::with_overrides(config, &settings).unwrap();
}

/// Small residual blocks, with the tiny run's training settings.
fn residual() -> RunConfig {
    let mut config = config();
    let conv = || {
        Conv2dLayer::new(4, 3)
            .with_padding(Padding::Same)
            .with_bias(false)
    };
    let block = || {
        ResidualLayer::new()
            .layer(conv())
            .layer(BatchNormLayer::default())
    };
    config.model = ModelConfig::new(1, 28, 28)
        .layer(Conv2dLayer::new(4, 4).with_strides(4))
        .layer(block())
        .layer(block())
        .layer(GlobalAvgPool2dLayer::default())
        .layer(FlattenLayer::default())
        .layer(LinearLayer::classes());
    config
}

/// Every variant of a step.
fn all() -> Vec<(&'static str, RunConfig)> {
    let cases: [(&str, &[&str]); 9] = [
        ("ema", &["train.ema.decay=0.9"]),
        (
            "average",
            &["train.average.epochs=2", "train.average.rate=0.5"],
        ),
        (
            "average of statistics",
            &["train.average={ epochs = 3, statistics = \"mean\" }"],
        ),
        ("accumulate", &["train.accumulate=3", "train.batch_size=16"]),
        (
            "lion",
            &["train.optimizer.kind=lion", "train.clip_value=0.01"],
        ),
        (
            "rmsprop",
            &[
                "train.optimizer.kind=rmsprop",
                "train.optimizer.weight_decay=0.01",
                "train.decay_norm_and_bias=false",
            ],
        ),
        ("one_cycle", &["train.schedule.kind=one_cycle"]),
        (
            "one_cycle of adamw",
            &[
                "train.optimizer.kind=adamw",
                "train.schedule.kind=one_cycle",
                "train.decay_norm_and_bias=false",
            ],
        ),
        (
            "plateau",
            &[
                "train.schedule.kind=plateau",
                "train.schedule.plateau={ patience = 0, threshold = 0.9 }",
                "train.epochs=4",
            ],
        ),
    ];
    let mut all: Vec<(&str, RunConfig)> = cases
        .into_iter()
        .map(|(name, settings)| {
            let mut config = config();
            set(&mut config, settings);
            (name, config)
        })
        .collect();
    let mut deep = residual();
    deep.train.stochastic_depth = Some(0.5);
    all.push(("stochastic depth", deep));
    all
}

#[test]
fn no_kind_of_step_depends_on_threads_or_workers() {
    let plain = run(config(), &Device::flex()).unwrap().weights_sha256;
    for (name, mut config) in all() {
        let mut hash = |threads, workers| {
            config.machine.threads = threads;
            config.machine.workers = workers;
            let result = run(config.clone(), &Device::flex()).unwrap();
            result.weights_sha256
        };
        let first = hash(1, 0);
        for (threads, workers) in [(2, 1), (3, 2), (5, 4), (7, 3)] {
            assert_eq!(hash(threads, workers), first, "{name}, {threads} threads");
        }
        assert_ne!(first, plain, "{name} changes nothing");
    }
}

#[test]
fn no_kind_of_step_is_changed_by_a_stop() {
    for (name, config) in all() {
        let parent = tempfile::tempdir().unwrap();
        let prepared = prepared(config);
        let expected = whole(parent.path(), &prepared);
        // After every step: within epochs, and after the last step of one, before its validation.
        let run = RunDirectory::create(&parent.path().join("pieces")).unwrap();
        let stops: Vec<u64> = (1..=12).chain([99]).collect();
        let pieces = in_pieces(&prepared, &run, &stops);
        assert_eq!(pieces, expected, "{name}");
        let mean_or_ema = ["ema", "average", "average of statistics"].contains(&name);
        let newest = run.checkpoints().read_dir().unwrap();
        let newest = newest.map(|entry| entry.unwrap().path()).max().unwrap();
        assert_eq!(newest.join("averaged.bpk").exists(), mean_or_ema, "{name}");
    }
}

#[test]
fn accumulated_batches_are_one_large_batch() {
    let mut large = config();
    large.train.class_weights = ClassWeights::Rule(WeightRule::Balanced);
    let mut small = large.clone();
    small.train.batch_size = large.train.batch_size / 4;
    small.train.accumulate = 4;
    let [large, small] = [large, small].map(|config| run(config, &Device::flex()).unwrap());
    assert_eq!(small.weights_sha256, large.weights_sha256);
    let figures = |result: &TrainResult| -> Vec<(f64, f64)> {
        let epochs = result.epochs.iter();
        epochs.map(|e| (e.train_loss, e.learning_rate)).collect()
    };
    assert_eq!(figures(&small), figures(&large));
}

#[test]
fn averaged_weights_are_those_that_are_validated_and_kept() {
    for (weights, settings) in [
        (Weights::Ema, "train.ema={ decay = 0.5, warmup = false }"),
        (Weights::Mean, "train.average.epochs=2"),
    ] {
        let mut config = config();
        set(&mut config, &[settings]);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run");
        let stop = receptive_train::Stop::default();
        let result = crate::run_in(&path, config, &Device::flex(), &mut [], &stop).unwrap();
        let found: Vec<Weights> = result.epochs.iter().map(|epoch| epoch.weights).collect();
        let first = match weights {
            Weights::Mean => Weights::Trained,
            _ => weights,
        };
        assert_eq!(found, [first, weights, weights]);
        let csv = std::fs::read_to_string(path.join("metrics.csv")).unwrap();
        assert!(csv.lines().next().unwrap().ends_with(",weights"), "{csv}");
        let last_column = format!(",{}", weights.name());
        assert!(csv.lines().last().unwrap().ends_with(&last_column), "{csv}");
        // The validated model is the one that was kept.
        let last = Artifact::load(&path.join("last"), &Device::flex()).unwrap();
        let best = result.epochs.iter().rev().find(|epoch| epoch.best).unwrap();
        assert_eq!(best.val_loss, result.val.as_ref().map(|val| val.loss));
        if best.epoch == 3 {
            assert_eq!(weights_sha256(&last.model), result.weights_sha256);
        }
    }
}

#[test]
fn recomputed_statistics_are_those_of_all_training_images() {
    // Batch norm directly on the images, so that its statistics are those of the pixels.
    let mut config = tiny_run();
    config.data.limit = Some(60);
    config.train.epochs = 2;
    config.train.augment = receptive_data::Augment::default();
    config.model = ModelConfig::new(1, 28, 28)
        .layer(BatchNormLayer::default())
        .layer(FlattenLayer::default())
        .layer(LinearLayer::classes());
    let statistics = |statistics: AverageStatistics| {
        let mut config = config.clone();
        config.train.average = Some(AverageConfig {
            statistics,
            ..AverageConfig::new(1)
        });
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run");
        let stop = receptive_train::Stop::default();
        crate::run_in(&path, config, &Device::flex(), &mut [], &stop).unwrap();
        let last = Artifact::load(&path.join("last"), &Device::flex()).unwrap();
        let norm = last.model.values("1").unwrap();
        (norm.mean[0], norm.variance[0])
    };
    // Inputs are normalised with the mean and standard deviation of the training images.
    let (mean, variance) = statistics(AverageStatistics::Recompute);
    assert!(
        mean.abs() < 1e-3 && (variance - 1.0).abs() < 1e-3,
        "{mean} {variance}"
    );
    let (running, _) = statistics(AverageStatistics::Mean);
    assert!(
        running.abs() > 1e-4,
        "a moving average of batches is not exact: {running}"
    );
}

#[test]
fn a_plateau_lowers_the_rate_that_is_recorded() {
    let mut config = config();
    set(
        &mut config,
        &[
            "train.schedule.kind=plateau",
            "train.schedule.warmup_epochs=0",
            "train.schedule.plateau={ patience = 0, threshold = 0.9, factor = 0.5 }",
        ],
    );
    assert_eq!(config.train.schedule.kind, ScheduleKind::Plateau);
    let result = run(config.clone(), &Device::flex()).unwrap();
    let rates: Vec<f64> = result.epochs.iter().map(|e| e.learning_rate).collect();
    // The first epoch sets the reference; no later one improves on it enough.
    assert_eq!(rates, [0.05, 0.05, 0.025]);
    config.data.val_fraction = 0.0;
    let error = run(config, &Device::flex()).unwrap_err().to_string();
    assert!(error.contains("train.schedule.kind"), "{error}");
}

#[test]
fn stochastic_depth_needs_residual_blocks_and_fine_tunes_a_network_without() {
    let mut config = config();
    config.train.stochastic_depth = Some(0.1);
    let error = run(config, &Device::flex()).unwrap_err().to_string();
    assert!(error.contains("train.stochastic_depth"), "{error}");

    let directory = tempfile::tempdir().unwrap();
    let first = directory.path().join("first");
    let stop = receptive_train::Stop::default();
    crate::run_in(&first, residual(), &Device::flex(), &mut [], &stop).unwrap();
    let mut tuned = residual();
    tuned.train.stochastic_depth = Some(0.3);
    tuned.start = Some(receptive_train::StartConfig::new(first.join("model")));
    let path = directory.path().join("second");
    crate::run_in(&path, tuned, &Device::flex(), &mut [], &stop).unwrap();
    let written = RunDirectory::open(&path).unwrap().config().unwrap();
    assert!(written.to_toml().unwrap().contains("rate = 0.3"));
}

#[test]
fn settings_that_exclude_each_other_are_rejected_by_name() {
    for (settings, name) in [
        (&["train.ema.decay=1"][..], "train.ema.decay"),
        (
            &["train.ema.decay=0.9", "train.average.epochs=2"],
            "train.average",
        ),
        (&["train.average.epochs=0"], "train.average.epochs"),
        (
            &["train.average={ epochs = 1, rate = 0.0 }"],
            "train.average.rate",
        ),
        (&["train.accumulate=0"], "train.accumulate"),
        (&["train.clip_value=0"], "train.clip_value"),
        (
            &["train.clip_value=1", "train.clip_norm=1"],
            "train.clip_value",
        ),
        (&["train.stochastic_depth=1"], "train.stochastic_depth"),
        (
            &["train.schedule.one_cycle.pct_start=2"],
            "train.schedule.one_cycle.pct_start",
        ),
        (
            &["train.schedule.plateau.factor=1"],
            "train.schedule.plateau.factor",
        ),
        (&["train.schedule.kind=multi_step"], "milestones"),
        (
            &["train.optimizer.kind=lion", "train.optimizer.beta_2=1"],
            "train.optimizer.beta_2",
        ),
        (
            &["train.optimizer.kind=rmsprop", "train.optimizer.epsilon=0"],
            "train.optimizer.epsilon",
        ),
    ] {
        let mut config = config();
        set(&mut config, settings);
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains(name), "{settings:?}: {error}");
    }
    assert_eq!(EmaConfig::default().decay, 0.9998);
}
