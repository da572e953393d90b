//! Several devices in one process: on CPUs the results are bit-identical to those of one.

use crate::resume::prepared;
use receptive_train::config::{Auto, EmaConfig, MicroBatch, with_overrides};
use receptive_train::{
    Compute, Outcome, Recorder, RunConfig, RunDirectory, RunSetup, Step, Stop, TrainError,
    TrainResult, evaluate, resume, train, unwatched,
};

/// Batch norm, dropout, mixup, CutMix, a moving average and clipping; seven shards per step, fewer
/// in the last step of an epoch.
fn config() -> RunConfig {
    let mut config = crate::tiny_run();
    config.train.batch_size = 28;
    config.train.micro_batch = MicroBatch::Images(4);
    (config.train.augment.mixup, config.train.augment.cutmix) = (0.4, 1.0);
    config.train.ema = Some(EmaConfig {
        decay: 0.9,
        ..EmaConfig::default()
    });
    config.train.clip_norm = Some(0.5);
    config
}

/// Devices, and the total number of their threads.
const LANES: [(&str, usize); 6] = [
    ("flex", 1),
    ("flex", 3),
    ("flex,flex", 1),
    ("flex,flex", 5),
    ("flex,flex,flex,flex,flex,flex,flex", 7),
    ("flex,flex,flex,flex,flex,flex,flex", 16),
];

fn compute((devices, threads): (&str, usize)) -> Compute {
    Compute::on(&devices.parse().unwrap(), threads).unwrap()
}

fn trained(setup: &RunSetup, lanes: (&str, usize)) -> TrainResult {
    let directory = tempfile::tempdir().unwrap();
    let run = RunDirectory::create(&directory.path().join("run")).unwrap();
    train(setup, &run, &compute(lanes), &Stop::default(), &mut []).unwrap()
}

#[test]
fn any_number_of_cpu_devices_gives_the_same_bits() {
    let setup = prepared(config());
    let results = LANES.map(|lanes| trained(&setup, lanes));
    for (result, lanes) in results.iter().zip(LANES) {
        assert_eq!(
            result.weights_sha256, results[0].weights_sha256,
            "{lanes:?}"
        );
        assert_eq!(result.test, results[0].test, "{lanes:?}");
    }
}

#[test]
fn accumulated_batches_are_one_tree_with_one_large_batch() {
    let mut small = config();
    // Mixing does not go beyond a batch.
    (small.train.augment.mixup, small.train.augment.cutmix) = (0.0, 0.0);
    small.train.batch_size = 12;
    small.train.accumulate = 3;
    let large = with_overrides(
        &small,
        &["train.batch_size=36".into(), "train.accumulate=1".into()],
    );
    let [small, large] = [small, large.unwrap()].map(prepared);
    let expected = trained(&large, ("flex", 2)).weights_sha256;
    for lanes in LANES {
        assert_eq!(trained(&small, lanes).weights_sha256, expected, "{lanes:?}");
    }
}

/// Requests a stop after a step.
struct StopAfter(u64, Stop);

impl Recorder for StopAfter {
    fn step(&mut self, step: &Step) -> Result<(), TrainError> {
        if step.step == self.0 {
            self.1.request(2);
        }
        Ok(())
    }
}

#[test]
fn a_run_is_resumed_on_another_number_of_devices_with_the_same_bits() {
    let setup = prepared(config());
    let expected = trained(&setup, LANES[0]);
    let directory = tempfile::tempdir().unwrap();
    let run = RunDirectory::create(&directory.path().join("run")).unwrap();
    let mut result = None;
    for (piece, lanes) in LANES.into_iter().enumerate() {
        let stop = Stop::default();
        // Every third step; the last stop is beyond the end.
        let last = piece + 1 == LANES.len();
        let step = if last {
            u64::MAX
        } else {
            3 * (piece as u64 + 1) - 1
        };
        let mut recorder = StopAfter(step, stop.clone());
        let drive = if piece == 0 { train } else { resume };
        let found = drive(&setup, &run, &compute(lanes), &stop, &mut [&mut recorder]).unwrap();
        let is_whole = found.outcome == Outcome::Finished;
        result = Some(found);
        if is_whole {
            break;
        }
    }
    let result = result.unwrap();
    assert_eq!(result.outcome, Outcome::Finished);
    assert_eq!(result.weights_sha256, expected.weights_sha256);
    assert_eq!(result.test, expected.test);
}

#[test]
fn an_evaluation_does_not_depend_on_the_devices() {
    let setup = prepared(config());
    let on = |lanes| {
        let compute = compute(lanes);
        let model = setup.plan.init_seeded(3, compute.device());
        evaluate(&model, &setup.input, &setup.train, &compute, &mut unwatched).unwrap()
    };
    let expected = on(LANES[0]);
    assert_eq!(expected.images, setup.train.len());
    for lanes in LANES {
        assert_eq!(on(lanes), expected, "{lanes:?}");
    }
}

#[test]
fn a_batch_is_divided_among_gpus_and_the_config_says_so() {
    let mut config = crate::tiny_run();
    config.train.micro_batch = MicroBatch::Auto(Auto::Auto);
    config.machine.devices = vec!["cuda:0".into(), "cuda:1".into(), "cuda:2".into()];
    let setup = prepared(config.clone());
    assert_eq!(setup.config.train.micro_batch, MicroBatch::Images(11));
    assert!(
        setup
            .data
            .notes
            .iter()
            .any(|note| note.contains("train.micro_batch is 11"))
    );
    config.machine.devices = vec!["flex".into(); 3];
    let setup = prepared(config);
    assert_eq!(setup.config.train.micro_batch, MicroBatch::Auto(Auto::Auto));
}
