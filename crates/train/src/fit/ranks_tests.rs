//! Tests of runs with several ranks, which are threads here.
// The lint spares test functions, not what they call.
#![allow(clippy::unwrap_used)]

use super::{resume, train};
use crate::compute::Compute;
use crate::config::{EmaConfig, FieldConfig, MicroBatch, RunConfig};
use crate::error::TrainError;
use crate::fit::replica::RankDirectory;
use crate::prepare::{InputFrom, RunSetup, prepare};
use crate::ranks::Ranks;
use crate::ranks::threads::on_ranks;
use crate::recorders::Recorder;
use crate::records::{Outcome, Step, TrainResult};
use crate::run::RunDirectory;
use crate::stop::Stop;
use receptive_data::NoProgress;
use receptive_model::{
    Activation, BatchNormLayer, Conv2dLayer, DropoutLayer, FlattenLayer, LinearLayer, ModelConfig,
};
use std::path::Path;
use std::sync::Arc;

/// With batch norm, dropout, mixup, a moving average and clipping, and shards that cannot be divided evenly
/// among the ranks.
pub(crate) fn config() -> RunConfig {
    let model = ModelConfig::new(1, 28, 28)
        .layer(Conv2dLayer::new(3, 3).with_strides(3))
        .layer(BatchNormLayer::default())
        .layer(Activation::Relu)
        .layer(DropoutLayer { rate: 0.2 })
        .layer(FlattenLayer::default())
        .layer(LinearLayer::classes());
    let mut config = RunConfig::new(model);
    config.data.limit = Some(150);
    config.train.epochs = 2;
    config.train.batch_size = 30;
    config.train.accumulate = 2;
    config.train.micro_batch = MicroBatch::Images(4);
    config.train.augment.mixup = 0.4;
    config.train.clip_norm = Some(0.5);
    config.train.ema = Some(EmaConfig::default());
    config.machine.workers = 0;
    config
}

fn prepared(config: RunConfig) -> RunSetup {
    prepare(config, InputFrom::Data, &NoProgress).unwrap()
}

/// Requests a stop after this step of a run.
pub(crate) struct StopAfter(pub(crate) u64, pub(crate) Stop);

impl Recorder for StopAfter {
    fn step(&mut self, step: &Step) -> Result<(), TrainError> {
        if step.step == self.0 {
            self.1.request(15);
        }
        Ok(())
    }
}

/// The compute of a rank; ranks have different numbers of threads.
pub(crate) fn compute_of(rank: usize, ranks: &Arc<Ranks>) -> Compute {
    let compute = Compute::on(&"flex".parse().unwrap(), 1 + rank % 2).unwrap();
    compute.with_ranks(Arc::clone(ranks)).unwrap()
}

/// Trains or resumes the run at `path` with this many ranks, which have different numbers of threads. A stop is
/// requested from rank 0 after a step.
fn trained(path: &Path, setup: &RunSetup, ranks: usize, stop_after: u64) -> Vec<TrainResult> {
    let is_new = !path.exists();
    on_ranks(ranks, |rank, ranks| {
        let directory = match is_new {
            true => RankDirectory::new(Some(&ranks), || RunDirectory::create(path)),
            false => RankDirectory::open(Some(&ranks), path),
        };
        let directory = directory.unwrap();
        let compute = compute_of(rank, &ranks);
        let stop = Stop::default();
        let mut recorder = StopAfter(stop_after, stop.clone());
        let drive = if is_new { train } else { resume };
        let result = drive(
            setup,
            directory.run(),
            &compute,
            &stop,
            &mut [&mut recorder],
        );
        let result = result.unwrap();
        ranks.end(None).unwrap();
        result
    })
}

fn alone(setup: &RunSetup) -> TrainResult {
    let directory = tempfile::tempdir().unwrap();
    let run = RunDirectory::create(&directory.path().join("run")).unwrap();
    let compute = Compute::on(&"flex".parse().unwrap(), 1).unwrap();
    train(setup, &run, &compute, &Stop::default(), &mut []).unwrap()
}

#[test]
fn any_number_of_ranks_gives_the_bits_of_one_process() {
    let setup = prepared(config());
    let expected = alone(&setup);
    for ranks in [1, 2, 3, 5, 7] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run");
        for result in trained(&path, &setup, ranks, u64::MAX) {
            assert_eq!(
                result.weights_sha256, expected.weights_sha256,
                "{ranks} ranks"
            );
            assert_eq!(result.test, expected.test, "{ranks} ranks");
            let losses = |result: &TrainResult| -> Vec<f64> {
                result.epochs.iter().map(|epoch| epoch.train_loss).collect()
            };
            assert_eq!(losses(&result), losses(&expected), "{ranks} ranks");
        }
        assert!(path.join("metrics.csv").is_file() && path.join("curves.png").is_file());
    }
}

#[test]
fn a_stop_of_one_rank_stops_all_and_any_number_of_ranks_resumes() {
    let setup = prepared(config());
    let expected = alone(&setup);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run");
    for (ranks, stop_after) in [(3, 1), (2, 3), (1, 4), (4, u64::MAX)] {
        for result in trained(&path, &setup, ranks, stop_after) {
            if stop_after < u64::MAX {
                assert_eq!(result.outcome, Outcome::Interrupted { signal: 15 });
            } else {
                assert_eq!(result.weights_sha256, expected.weights_sha256);
            }
        }
    }
}

#[test]
fn a_field_during_training_is_measured_by_all_ranks_with_the_result_of_one() {
    let mut config = config();
    config.track_erf = Some(FieldConfig {
        times: 3,
        samples: 30,
        ..FieldConfig::default()
    });
    let setup = prepared(config);
    let fields = |result: &TrainResult| -> Vec<_> {
        let epochs = result.epochs.iter();
        epochs.map(|epoch| epoch.erf.unwrap()).collect()
    };
    let expected = fields(&alone(&setup));
    assert!(expected.len() == 2 && expected[1].sigma > 0.0);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run");
    // Resumed within the first epoch, by another number of ranks.
    trained(&path, &setup, 3, 1);
    for result in trained(&path, &setup, 2, u64::MAX) {
        assert_eq!(fields(&result), expected);
    }
    assert!(path.join("erf.png").is_file());
}

/// The errors of ranks that start with these configs.
fn rejected(configs: [RunConfig; 2]) -> Vec<String> {
    let setups = configs.map(prepared);
    on_ranks(2, |rank, ranks| {
        let compute = Compute::on(&"flex".parse().unwrap(), 1).unwrap();
        let compute = compute.with_ranks(ranks).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let run = RunDirectory::create(directory.path()).unwrap();
        let error = train(&setups[rank], &run, &compute, &Stop::default(), &mut []);
        error.unwrap_err().to_string()
    })
}

#[test]
fn ranks_that_would_train_something_else_are_rejected_by_name() {
    let with = |change: fn(&mut RunConfig)| {
        let mut other = config();
        change(&mut other);
        [config(), other]
    };
    for (configs, wanted) in [
        (with(|other| other.train.seed = 5), "train.seed"),
        (
            with(|other| other.train.clip_norm = Some(0.25)),
            "train.clip_norm: 0.5 -> 0.25",
        ),
    ] {
        for error in rejected(configs) {
            assert!(
                error.contains("rank 1 on here") && error.contains(wanted),
                "{error}"
            );
        }
    }
    let mut few = config();
    few.train.micro_batch = MicroBatch::Images(30);
    few.train.accumulate = 1;
    for error in rejected([few.clone(), few]) {
        assert!(
            error.contains("train.micro_batch") && error.contains("2 ranks"),
            "{error}"
        );
    }
}

#[test]
fn an_error_of_one_rank_is_that_of_all() {
    /// Fails on the first rank, the only one with recorders.
    struct Full;

    impl Recorder for Full {
        fn step(&mut self, step: &Step) -> Result<(), TrainError> {
            match step.step {
                2 => Err(TrainError::Ranks("the disk is full".into())),
                _ => Ok(()),
            }
        }
    }

    let setup = prepared(config());
    let errors = on_ranks(3, |rank, ranks| {
        let compute = Compute::on(&"flex".parse().unwrap(), 1).unwrap();
        let compute = compute.with_ranks(Arc::clone(&ranks)).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let run = RunDirectory::create(directory.path()).unwrap();
        let recorders: &mut [&mut dyn Recorder] = match rank {
            0 => &mut [&mut Full],
            _ => &mut [],
        };
        let error = train(&setup, &run, &compute, &Stop::default(), recorders).unwrap_err();
        ranks.end(Some((error.to_string(), false))).unwrap();
        error.to_string()
    });
    assert_eq!(
        errors,
        [
            "the disk is full",
            "rank 0 on here: the disk is full",
            "rank 0 on here: the disk is full"
        ]
    );
}
