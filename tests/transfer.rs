//! Training may start from a trained model: for the same classes or others, with its first layers
//! frozen.

use burn::tensor::Device;
use receptive_data::NoProgress;
use receptive_model::{Artifact, Classifier};
use receptive_report::{Report, ReportOptions, Watch};
use receptive_train::config::{HeadStart, Monitor};
use receptive_train::trial::{RangeTest, lr_find};
use receptive_train::{
    InputFrom, Outcome, RunConfig, RunDirectory, RunLog, StartConfig, Stop, TrainConfig,
    TrainError, TrainResult, prepare, prepare_again, resume, train,
};
use std::path::Path;

fn trained_in(path: &Path, config: RunConfig) -> Result<TrainResult, TrainError> {
    let prepared = prepare(config, InputFrom::Model, &NoProgress)?;
    let run = RunDirectory::create(path)?;
    let compute = crate::compute(&prepared, &Device::flex());
    train(&prepared, &run, &compute, &Stop::default(), &mut [])
}

fn model(run: &Path) -> Classifier {
    let artifact = Artifact::load(&run.join("model"), &Device::flex());
    artifact.unwrap().model
}

/// A finished run, and a config that starts from it with `freeze` layers frozen.
fn first_run(parent: &Path, freeze: usize) -> RunConfig {
    let first = parent.join("first");
    trained_in(&first, crate::tiny_run()).unwrap();
    let mut config = crate::tiny_run();
    config.train.epochs = 1;
    config.start = Some(StartConfig {
        freeze,
        ..StartConfig::new(first.join("model"))
    });
    config
}

#[test]
fn frozen_layers_keep_their_bits_and_the_others_learn() {
    let parent = tempfile::tempdir().unwrap();
    let config = first_run(parent.path(), 2); // the convolution and its batch norm
    let second = parent.path().join("second");
    trained_in(&second, config).unwrap();
    let (before, after) = (model(&parent.path().join("first")), model(&second));
    for number in ["1", "2"] {
        assert_eq!(
            before.values(number),
            after.values(number),
            "layer {number}"
        );
    }
    for number in ["7", "9"] {
        assert_ne!(
            before.values(number),
            after.values(number),
            "layer {number}"
        );
    }
}

#[test]
fn the_recipe_keeps_batch_norms_statistics_and_changes_the_stem_least() {
    let parent = tempfile::tempdir().unwrap();
    let mut config = first_run(parent.path(), 0);
    let from = config.start.take().unwrap().from;
    config.start = Some(StartConfig::fine_tuning(from));
    config.train.optimizer = TrainConfig::fine_tuning().optimizer;
    let run = |name: &str, threads: usize| {
        let mut config = config.clone();
        config.train.micro_batch = receptive_train::config::MicroBatch::Images(4);
        config.machine.threads = threads;
        trained_in(&parent.path().join(name), config).unwrap()
    };
    let (one, three) = (run("one", 1), run("three", 3));
    assert_eq!(one.weights_sha256, three.weights_sha256);

    let (before, after) = (
        model(&parent.path().join("first")),
        model(&parent.path().join("one")),
    );
    let value = |model: &Classifier, number: &str| model.values(number).unwrap();
    let (old, new) = (value(&before, "2"), value(&after, "2"));
    assert_eq!((&old.mean, &old.variance), (&new.mean, &new.variance));
    assert_ne!(old.gamma, new.gamma);
    // Adam's steps have the size of the rate: a hundredth of it at the stem, all of it at the head.
    let moved = |number: &str| {
        let (old, new) = (value(&before, number).weight, value(&after, number).weight);
        let pairs = old.iter().zip(&new);
        let sum: f32 = pairs.clone().map(|(a, b)| (a - b).abs()).sum();
        sum / pairs.len() as f32
    };
    let (stem, head) = (moved("1"), moved("9"));
    assert!(stem > 0.0 && 20.0 * stem < head, "{stem} {head}");
}

#[test]
fn a_head_alone_is_fitted_to_frozen_features_and_can_be_trained_on() {
    let parent = tempfile::tempdir().unwrap();
    let mut config = first_run(parent.path(), 0);
    config.start.as_mut().unwrap().head = HeadStart::Only;
    config.train.epochs = 0;
    let run = |name: &str, threads: usize| {
        let mut config = config.clone();
        config.machine.threads = threads;
        trained_in(&parent.path().join(name), config).unwrap()
    };
    let (one, three) = (run("one", 1), run("three", 3));
    assert_eq!(one.weights_sha256, three.weights_sha256);
    assert_eq!((one.outcome, one.epochs.len()), (Outcome::Finished, 0));

    let first = model(&parent.path().join("first"));
    let fitted = model(&parent.path().join("one"));
    assert_eq!(first.values("7"), fitted.values("7"));
    assert_ne!(first.values("9"), fitted.values("9"));
    // The network with the fitted head equals the head applied to the features, up to rounding.
    let gain = one.gain.unwrap();
    assert_eq!(gain.split, "test");
    assert!(gain.gained + gain.lost <= 1, "{gain:?}");
    assert!(gain.head_only.top1 > 0.3, "{gain:?}");
    let [low, high] = gain.head_only.interval;
    assert!(low < gain.head_only.top1 && gain.head_only.top1 < high);

    let directory = RunDirectory::open(&parent.path().join("one")).unwrap();
    let kept = RunLog::read(&directory).unwrap().end.unwrap().gain.unwrap();
    assert_eq!((kept.gained, kept.lost), (gain.gained, gain.lost));
    let mut watch = Watch {
        data: &NoProgress,
        evaluation: &mut |_, _, _| (),
        field: &|_, _, _| (),
    };
    let options = ReportOptions {
        samples: 10,
        ..ReportOptions::default()
    };
    let report = Report::new(&directory, &options, Device::flex(), &mut watch).unwrap();
    assert!(report.html().contains("nearest class mean"));
    assert!(report.figures().gain.is_some());

    // With one more epoch the head learns from augmented images, and nothing else changes.
    let mut config = directory.config().unwrap();
    config.train.epochs = 1;
    let setup = prepare_again(config, &directory, &NoProgress).unwrap();
    let compute = crate::compute(&setup, &Device::flex());
    let more = resume(&setup, &directory, &compute, &Stop::default(), &mut []).unwrap();
    assert_eq!((more.epochs.len(), more.best_epoch), (1, 1));
    let trained = model(&parent.path().join("one"));
    assert_eq!(first.values("7"), trained.values("7"));
    assert_ne!(fitted.values("9"), trained.values("9"));
}

#[test]
fn the_last_epoch_is_kept_where_no_epoch_is_chosen() {
    let parent = tempfile::tempdir().unwrap();
    let mut config = crate::tiny_run();
    config.train.epochs = 3;
    config.train.monitor = Monitor::Last;
    // It gets worse from epoch to epoch, and is kept nevertheless.
    config.train.optimizer =
        toml::from_str("kind = \"adamw\"\nlearning_rate = 0.3\nweight_decay = 0.0").unwrap();
    let result = trained_in(&parent.path().join("run"), config).unwrap();
    assert_eq!(result.best_epoch, 3);
    let run = parent.path().join("run");
    let last = Artifact::load(&run.join("last"), &Device::flex()).unwrap();
    assert_eq!(model(&run).values("9"), last.model.values("9"));
}

#[test]
fn the_config_names_the_initial_model_and_repeats_the_run() {
    let parent = tempfile::tempdir().unwrap();
    let mut config = first_run(parent.path(), 1);
    config.machine.threads = 1;
    let second = parent.path().join("second");
    let first = trained_in(&second, config).unwrap();
    let mut written = RunDirectory::open(&second).unwrap().config().unwrap();
    written.machine.threads = 3;
    let again = trained_in(&parent.path().join("third"), written.clone()).unwrap();
    assert_eq!(first.weights_sha256, again.weights_sha256);

    // The run was not made from the other weights that are now at the same path.
    let other = Artifact::load(&second.join("model"), &Device::flex()).unwrap();
    other.save(&written.start.as_ref().unwrap().from).unwrap();
    let error = trained_in(&parent.path().join("fourth"), written).unwrap_err();
    assert!(error.to_string().contains("have changed since"), "{error}");
}

#[test]
fn other_classes_get_a_new_head_and_the_old_input() {
    let parent = tempfile::tempdir().unwrap();
    let mut config = first_run(parent.path(), 3);
    // Three classes of noise, each with its own brightness.
    let folder = parent.path().join("shades");
    for class in 0..3u8 {
        let directory = folder.join(format!("shade-{class}"));
        std::fs::create_dir_all(&directory).unwrap();
        for number in 0..20u8 {
            let picture = image::GrayImage::from_fn(28, 28, |x, y| {
                let noise = (x * 7 + y * 13 + u32::from(number) * 29) % 40;
                image::Luma([class * 90 + noise as u8])
            });
            picture
                .save(directory.join(format!("{number}.png")))
                .unwrap();
        }
    }
    config.data = receptive_train::DataConfig {
        source: folder.to_string_lossy().into_owned(),
        ..receptive_train::DataConfig::default()
    };
    let second = parent.path().join("second");
    let again = config.clone();
    trained_in(&second, config).unwrap();
    let load = |run: &Path| Artifact::load(&run.join("model"), &Device::flex()).unwrap();
    let (before, after) = (load(&parent.path().join("first")), load(&second));
    assert_eq!(after.classes, ["shade-0", "shade-1", "shade-2"]);
    assert_eq!(after.model.classes(), 3);
    assert_eq!(after.input, before.input);
    assert_eq!(after.model.values("1"), before.model.values("1"));

    // The new head begins with a fit to the frozen features; one step with a negligible rate does
    // not change that.
    let mut fitted = again.clone();
    fitted.start.as_mut().unwrap().head = HeadStart::Fitted;
    fitted.train.optimizer =
        toml::from_str("kind = \"adamw\"\nlearning_rate = 1e-12\nweight_decay = 0.0").unwrap();
    let result = trained_in(&parent.path().join("third"), fitted).unwrap();
    let gain = result.gain.unwrap();
    assert!(gain.gained + gain.lost <= 1, "{gain:?}");

    // A range test begins with that head too: its first loss is that of the first step.
    let mut one_step = again;
    one_step.train.batch_size = 64;
    let first_losses = |head| {
        let mut config = one_step.clone();
        config.start.as_mut().unwrap().head = head;
        let prepared = prepare(config.clone(), InputFrom::Model, &NoProgress).unwrap();
        let compute = crate::compute(&prepared, &Device::flex());
        let test = RangeTest {
            steps: 20,
            ..RangeTest::default()
        };
        let found = lr_find(&prepared, test, &compute, &mut |_| ()).unwrap();
        let run = parent.path().join(format!("{head:?}"));
        let trained = trained_in(&run, config).unwrap();
        [found.tried[0].loss, trained.epochs[0].train_loss]
    };
    let [random, fitted] = [HeadStart::Random, HeadStart::Fitted].map(first_losses);
    for [found, trained] in [random, fitted] {
        assert!((found - trained).abs() < 1e-6, "{found} {trained}");
    }
    assert!((random[0] - fitted[0]).abs() > 0.1, "{random:?} {fitted:?}");
}

#[test]
fn another_network_and_freezing_every_layer_are_rejected() {
    let parent = tempfile::tempdir().unwrap();
    let config = first_run(parent.path(), 0);
    let mut other = config.clone();
    other.model.layers.remove(3);
    let error = trained_in(&parent.path().join("a"), other).unwrap_err();
    assert!(
        error.to_string().contains("not the one in the config"),
        "{error}"
    );
    let mut frozen = config;
    frozen.start.as_mut().unwrap().freeze = 9;
    let error = trained_in(&parent.path().join("b"), frozen).unwrap_err();
    assert!(
        error.to_string().contains("nothing left to train"),
        "{error}"
    );
}
