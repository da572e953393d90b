//! Resuming a run with other settings: changes that are possible within a run are applied, recorded
//! and reported; others are rejected by name.

use crate::{compute, prepared, tiny_run};
use burn::tensor::Device;
use receptive_train::config::{EarlyStopping, Monitor, Sampling, ScheduleKind};
use receptive_train::{
    Outcome, Recorder, ResumePoint, RunConfig, RunDirectory, RunLog, Step, Stop, TrainError,
    TrainResult, resume, train,
};
use std::fs;
use std::path::Path;

/// What the recorders receive.
#[derive(Default)]
struct Told {
    resumed: Option<ResumePoint>,
    steps: Vec<Step>,
    /// Requests a stop after this step.
    stop: Option<(u64, Stop)>,
}

impl Recorder for Told {
    fn resumed(&mut self, from: &ResumePoint) -> Result<(), TrainError> {
        self.resumed = Some(from.clone());
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<(), TrainError> {
        self.steps.push(*step);
        if let Some((last, stop)) = &self.stop
            && *last == step.step
        {
            stop.request(2);
        }
        Ok(())
    }
}

/// Trains, or resumes an existing run.
fn drive(
    path: &Path,
    config: RunConfig,
    stop: Option<u64>,
) -> (Result<TrainResult, TrainError>, Told) {
    let setup = prepared(config).unwrap();
    let compute = compute(&setup, &Device::flex());
    let signal = Stop::default();
    let mut told = Told {
        stop: stop.map(|step| (step, signal.clone())),
        ..Told::default()
    };
    let result = match RunDirectory::open(path) {
        Ok(run) => resume(&setup, &run, &compute, &signal, &mut [&mut told]),
        Err(_) => {
            let run = RunDirectory::create(path).unwrap();
            train(&setup, &run, &compute, &signal, &mut [&mut told])
        }
    };
    (result, told)
}

/// Steps of one epoch of the tiny run: 200 images in batches of 32.
const PER_EPOCH: u64 = 7;

#[test]
fn a_finished_run_goes_on_for_more_epochs() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("run");
    let (two, _) = drive(&path, tiny_run(), None);
    let two = two.unwrap();
    let mut config = tiny_run();
    config.train.epochs = 4;
    let (four, told) = drive(&path, config.clone(), None);
    let four = four.unwrap();

    assert_eq!(four.outcome, Outcome::Finished);
    let steps: Vec<u64> = told.steps.iter().map(|step| step.step).collect();
    assert_eq!(
        steps,
        (2 * PER_EPOCH + 1..=4 * PER_EPOCH).collect::<Vec<_>>()
    );
    assert_eq!(four.epochs.len(), 4);
    let losses = |result: &TrainResult| -> Vec<f64> {
        result
            .epochs
            .iter()
            .take(2)
            .map(|epoch| epoch.train_loss)
            .collect()
    };
    assert_eq!(
        losses(&four),
        losses(&two),
        "the first two are the old ones"
    );

    // One of the three epochs of cosine decay after a one-epoch warm-up is over.
    let share = config
        .train
        .schedule
        .share(2 * PER_EPOCH, 4 * PER_EPOCH, PER_EPOCH);
    let rate = config.train.optimizer.learning_rate() * share;
    assert_eq!(told.steps[0].learning_rate, rate);
    let point = told.resumed.unwrap();
    assert_eq!(point.next_learning_rate, Some(rate));
    assert_eq!(point.ended, None);
    let changes: Vec<String> = point.changes.iter().map(ToString::to_string).collect();
    assert_eq!(changes, ["train.epochs: 2 -> 4"]);

    let csv = fs::read_to_string(path.join("metrics.csv")).unwrap();
    let numbers: Vec<&str> = csv
        .lines()
        .skip(1)
        .map(|line| line.split(',').next().unwrap())
        .collect();
    assert_eq!(numbers, ["1", "2", "3", "4"]);
    let log = fs::read_to_string(path.join("log.jsonl")).unwrap();
    let change = r#""changes":[{"setting":"train.epochs","old":"2","new":"4"}]"#;
    assert!(log.contains(change), "{log}");
    let run = RunDirectory::open(&path).unwrap();
    assert_eq!(RunLog::read(&run).unwrap().epochs.len(), 4);
    assert_eq!(run.config().unwrap().train.epochs, 4);
    assert!(path.join(RunDirectory::CURVES).is_file());

    // Again with the same settings: no steps remain.
    let (again, told) = drive(&path, config, None);
    assert_eq!(told.steps.len(), 0);
    assert_eq!(told.resumed.unwrap().ended, Some(Outcome::Finished));
    assert_eq!(again.unwrap().weights_sha256, four.weights_sha256);
}

#[test]
fn a_longer_run_is_the_same_wherever_it_was_interrupted() {
    let parent = tempfile::tempdir().unwrap();
    let longer = || {
        let mut config = tiny_run();
        config.train.epochs = 3;
        config.train.sampling = Sampling::Balanced;
        // With a constant schedule the rates before the change equal those of the longer run.
        config.train.schedule.kind = ScheduleKind::Constant;
        config
    };
    let shorter = RunConfig {
        train: receptive_train::TrainConfig {
            epochs: 2,
            ..longer().train
        },
        ..longer()
    };
    let whole = drive(&parent.path().join("whole"), longer(), None)
        .0
        .unwrap();
    for stop in [None, Some(3), Some(PER_EPOCH), Some(PER_EPOCH + 4)] {
        let path = parent.path().join(format!("{stop:?}"));
        drive(&path, shorter.clone(), stop).0.unwrap();
        let (result, _) = drive(&path, longer(), None);
        assert_eq!(
            result.unwrap().weights_sha256,
            whole.weights_sha256,
            "{stop:?}"
        );
    }
}

#[test]
fn a_run_that_stopped_early_goes_on_with_more_patience_or_more_epochs() {
    let parent = tempfile::tempdir().unwrap();
    let config = |patience: usize, epochs: usize| {
        let mut config = tiny_run();
        config.train.epochs = epochs;
        config.train.early_stopping = Some(EarlyStopping {
            metric: Monitor::ValTop1,
            patience,
        });
        // Nothing improves without learning.
        config.train.optimizer = toml::from_str("kind = \"adamw\"\nlearning_rate = 1e-12").unwrap();
        config
    };
    let path = parent.path().join("run");
    let trained = |config: RunConfig| {
        let (result, told) = drive(&path, config, None);
        let result = result.unwrap();
        (
            result.outcome,
            result.epochs.len(),
            told.steps.len() as u64 / PER_EPOCH,
        )
    };
    assert_eq!(trained(config(2, 9)), (Outcome::StoppedEarly, 3, 3));
    assert_eq!(trained(config(2, 9)), (Outcome::StoppedEarly, 3, 0));
    assert_eq!(trained(config(3, 9)), (Outcome::StoppedEarly, 4, 1));
    assert_eq!(
        trained(config(3, 10)),
        (Outcome::StoppedEarly, 7, 3),
        "the count starts again"
    );
}

#[test]
fn another_learning_rate_is_applied_and_recorded() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("run");
    drive(&path, tiny_run(), Some(9)).0.unwrap();
    let mut config = tiny_run();
    config.train.optimizer = toml::from_str("kind = \"sgd\"\nlearning_rate = 0.01").unwrap();
    let (result, told) = drive(&path, config, None);
    result.unwrap();
    assert!(told.steps.iter().all(|step| step.learning_rate <= 0.01));
    let change = told.resumed.unwrap().changes;
    assert_eq!(
        change[0].to_string(),
        "train.optimizer.learning_rate: 0.05 -> 0.01"
    );
    let run = RunDirectory::open(&path).unwrap();
    let rate = run.config().unwrap().train.optimizer.learning_rate();
    assert_eq!(rate, 0.01);
}

#[test]
fn another_monitor_leaves_the_kept_epoch_to_beat() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("run");
    drive(&path, tiny_run(), None).0.unwrap();
    let mut config = tiny_run();
    config.train.epochs = 4;
    config.train.monitor = Monitor::ValTop1;
    let (result, _) = drive(&path, config, None);
    let epochs = result.unwrap().epochs;
    let mut kept = epochs[..2]
        .iter()
        .rev()
        .find(|epoch| epoch.best)
        .unwrap()
        .val_top1;
    for epoch in &epochs[2..] {
        assert_eq!(epoch.best, epoch.val_top1 > kept, "epoch {}", epoch.epoch);
        if epoch.best {
            kept = epoch.val_top1;
        }
    }
}

#[test]
fn what_cannot_change_within_a_run_is_rejected_by_its_name() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("run");
    let mut first = tiny_run();
    first.train.epochs = 3;
    drive(&path, first.clone(), Some(9)).0.unwrap();
    let before = fs::read_to_string(path.join("config.toml")).unwrap();
    let rejected = |change: fn(&mut RunConfig), wanted: &[&str]| {
        let mut config = first.clone();
        change(&mut config);
        let error = drive(&path, config, None).0.unwrap_err();
        assert!(error.is_usage(), "{error}");
        for wanted in wanted {
            assert!(error.to_string().contains(wanted), "{wanted}: {error}");
        }
    };
    rejected(
        |c| c.data.limit = Some(150),
        &["`data.limit`: 200 -> 150", "from its model"],
    );
    rejected(
        |c| c.train.batch_size = 16,
        &["`train.batch_size`: 32 -> 16"],
    );
    rejected(|c| c.train.seed = 5, &["`train.seed`: 0 -> 5"]);
    rejected(
        |c| c.train.optimizer = toml::from_str("kind = \"adamw\"").unwrap(),
        &["`train.optimizer.kind`: \"sgd\" -> \"adamw\""],
    );
    rejected(
        |c| {
            c.data.image_size = Some(receptive_model::Pair {
                height: 20,
                width: 20,
            })
        },
        &["`data.image_size`: not set -> "],
    );
    // Two changes at once: both are named, and the one that could be applied is not.
    rejected(
        |c| {
            c.train.seed = 5;
            c.train.batch_size = 16;
            c.train.epochs = 9;
        },
        &["`train.seed`", "`train.batch_size`"],
    );
    rejected(
        |c| c.train.epochs = 1,
        &["`train.epochs`: it is 1", "epoch 2"],
    );
    let after = fs::read_to_string(path.join("config.toml")).unwrap();
    assert_eq!(after, before, "a rejected change leaves the run as it was");
}

#[test]
fn a_finished_run_without_checkpoints_is_not_trained_over() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("run");
    drive(&path, tiny_run(), None).0.unwrap();
    fs::remove_dir_all(path.join("checkpoints")).unwrap();
    let mut config = tiny_run();
    config.train.epochs = 4;
    let error = drive(&path, config, None).0.unwrap_err().to_string();
    assert!(
        error.contains("checkpoints were deleted") && error.contains("from its model"),
        "{error}"
    );
}

#[test]
fn a_change_that_the_weights_cannot_see_any_more_is_rejected_and_not_recorded() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("run");
    drive(&path, tiny_run(), None).0.unwrap();
    let files = ["config.toml", "log.jsonl", "metrics.csv"];
    let read = || files.map(|file| fs::read_to_string(path.join(file)).unwrap());
    let before = read();
    let mut config = tiny_run();
    config.train.label_smoothing = 0.25;
    config.train.augment.shift = 3;
    let error = drive(&path, config.clone(), None).0.unwrap_err();
    assert!(error.is_usage());
    let error = error.to_string();
    for wanted in [
        "finished its 2 epochs",
        "train.label_smoothing: 0.1 -> 0.25",
        "train.augment.shift",
        "train.epochs above 2",
    ] {
        assert!(error.contains(wanted), "{wanted}: {error}");
    }
    assert_eq!(read(), before);
    config.train.epochs = 3;
    let (result, told) = drive(&path, config, None);
    assert_eq!(result.unwrap().epochs.len(), 3);
    assert_eq!(told.resumed.unwrap().changes.len(), 3);
}

#[test]
fn what_changes_where_and_how_a_run_is_computed_is_told_and_logged() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("run");
    let mut first = tiny_run();
    first.machine.workers = 1;
    drive(&path, first.clone(), Some(9)).0.unwrap();
    let mut config = first.clone();
    config.machine.workers = 0;
    config.data.cache_mb = 7;
    config.checkpoint.keep = 5;
    config.tensorboard = true;
    let (result, told) = drive(&path, config.clone(), None);
    result.unwrap();
    let point = told.resumed.unwrap();
    assert_eq!(point.changes, []);
    let told: Vec<String> = point.execution.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "checkpoint.keep: 2 -> 5",
            "data.cache_mb: 2048 -> 7",
            "machine.workers: 1 -> 0",
            "tensorboard: not set -> true"
        ]
    );
    let log = fs::read_to_string(path.join("log.jsonl")).unwrap();
    let resumed = log.lines().find(|line| line.contains("resumed")).unwrap();
    for change in &point.execution {
        assert!(resumed.contains(&change.setting), "{resumed}");
    }
    // The weights are those of an uninterrupted run, and a finished run accepts such changes.
    drive(&path, first, None).0.unwrap();
}

#[test]
fn a_run_that_has_no_checkpoint_yet_tells_its_changes_too() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("run");
    drive(&path, tiny_run(), Some(1)).0.unwrap();
    fs::remove_dir_all(path.join("checkpoints")).unwrap();
    let mut config = tiny_run();
    config.train.seed = 5;
    let (result, told) = drive(&path, config, None);
    result.unwrap();
    let point = told.resumed.unwrap();
    assert_eq!((point.path, point.step), (None, 0));
    assert_eq!(point.changes[0].to_string(), "train.seed: 0 -> 5");
}
