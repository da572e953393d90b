//! T1 and T3 of docs/reliability.md: a run that was stopped or killed at any point ends
//! bit-identical to one that was not.
//!
//! With AdamW, a schedule with warm-up, dropout, augmentation, batch norm, early stopping, shards
//! and gradient clipping enabled.

use burn::tensor::Device;
use receptive_data::NoProgress;
use receptive_model::store::Moment;
use receptive_model::{Artifact, weights_sha256};
use receptive_train::config::{EarlyStopping, HeadStart, Monitor};
use receptive_train::{
    Compute, InputFrom, Interval, Outcome, Recorder, ResumePoint, RunConfig, RunDirectory,
    RunSetup, StartConfig, Step, Stop, TrainError, TrainResult, prepare, resume, train,
};
use std::path::Path;
use std::process::Command;

/// 60 steps in 10 epochs.
const STEPS: u64 = 60;

pub(crate) fn config() -> RunConfig {
    let mut config = crate::tiny_run();
    config.data.limit = Some(180);
    config.train.epochs = 10;
    config.train.optimizer =
        toml::from_str("kind = \"adamw\"\nlearning_rate = 3e-3\nweight_decay = 0.02").unwrap();
    config.train.clip_norm = Some(1.0);
    config.train.early_stopping = Some(EarlyStopping {
        metric: Monitor::ValTop1,
        patience: 8,
    });
    config.machine.threads = 1;
    config
}

pub(crate) fn flex(setup: &RunSetup) -> Compute {
    crate::compute(setup, &Device::flex())
}

pub(crate) fn prepared(config: RunConfig) -> RunSetup {
    prepare(config, InputFrom::Data, &NoProgress).unwrap()
}

/// Requests a stop after a step.
pub(crate) struct StopAfter(pub(crate) u64, pub(crate) Stop);

impl Recorder for StopAfter {
    fn step(&mut self, step: &Step) -> std::result::Result<(), TrainError> {
        if step.step == self.0 {
            self.1.request(2);
        }
        Ok(())
    }
}

#[derive(Default)]
struct Remember(Option<ResumePoint>);

impl Recorder for Remember {
    fn resumed(&mut self, from: &ResumePoint) -> std::result::Result<(), TrainError> {
        self.0 = Some(from.clone());
        Ok(())
    }
}

/// Everything in a run that must not depend on interruptions.
#[derive(Debug, PartialEq)]
pub(crate) struct Result {
    best: String,
    last: String,
    epochs: Vec<String>,
    csv: Vec<String>,
    top1: Option<f64>,
}

fn result(path: &Path, trained: &TrainResult) -> Result {
    let last = Artifact::load(&path.join("last"), &Device::flex()).unwrap();
    let csv = std::fs::read_to_string(path.join("metrics.csv")).unwrap();
    let clock = ["images_per_second", "data_wait", "seconds"];
    let names: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    assert!(clock.iter().all(|name| names.contains(name)), "{names:?}");
    let line = |line: &str| -> String {
        let fields = line.split(',').zip(&names);
        let kept = fields.filter(|(_, name)| !clock.contains(name));
        kept.map(|(field, _)| format!("{field},")).collect()
    };
    Result {
        best: trained.weights_sha256.clone(),
        last: weights_sha256(&last.model),
        epochs: trained
            .epochs
            .iter()
            .map(|e| {
                format!(
                    "{} {} {:?} {}",
                    e.train_loss, e.train_top1, e.val_loss, e.best
                )
            })
            .collect(),
        csv: csv.lines().map(line).collect(),
        top1: trained.test.as_ref().map(|test| test.top1),
    }
}

pub(crate) fn whole(parent: &Path, prepared: &RunSetup) -> Result {
    let path = parent.join("whole");
    let run = RunDirectory::create(&path).unwrap();
    let compute = flex(prepared);
    let trained = train(prepared, &run, &compute, &Stop::default(), &mut []).unwrap();
    assert_eq!(trained.outcome, Outcome::Finished);
    result(&path, &trained)
}

/// Trains, stopping after each of these steps and resuming; the last one is beyond the end.
pub(crate) fn in_pieces(prepared: &RunSetup, run: &RunDirectory, stops: &[u64]) -> Result {
    let compute = flex(prepared);
    let mut trained = None;
    for (piece, &step) in stops.iter().enumerate() {
        let stop = Stop::default();
        let mut observer = StopAfter(step, stop.clone());
        let drive = if piece == 0 { train } else { resume };
        trained = Some(drive(prepared, run, &compute, &stop, &mut [&mut observer]).unwrap());
    }
    result(run.path(), &trained.unwrap())
}

#[test]
fn t1_a_stop_after_any_step_changes_no_bit() {
    let parent = tempfile::tempdir().unwrap();
    let mut prepared = prepared(config());
    let expected = whole(parent.path(), &prepared);
    assert_eq!(expected.epochs.len() as u64 * 6, STEPS);
    let mut equal = 0;
    for step in 1..=STEPS {
        let path = parent.path().join(step.to_string());
        let run = RunDirectory::create(&path).unwrap();
        let stop = Stop::default();
        let mut observer = StopAfter(step, stop.clone());
        let compute = flex(&prepared);
        let stopped = train(&prepared, &run, &compute, &stop, &mut [&mut observer]).unwrap();
        assert_eq!(
            stopped.outcome,
            Outcome::Interrupted { signal: 2 },
            "step {step}"
        );
        // Any number of threads and loaders may continue the run.
        prepared.config.machine.threads = 1 + step as usize % 3;
        prepared.config.machine.workers = step as usize % 2;
        let mut seen = Remember::default();
        let compute = flex(&prepared);
        let resumed = resume(
            &prepared,
            &run,
            &compute,
            &Stop::default(),
            &mut [&mut seen],
        )
        .unwrap();
        assert_eq!(seen.0.unwrap().step, step);
        equal += u64::from(result(&path, &resumed) == expected);
        std::fs::remove_dir_all(path).unwrap();
    }
    println!("T1: {equal} of {STEPS} equal");
    assert_eq!(equal, STEPS);
}

#[test]
fn a_run_can_be_stopped_and_resumed_repeatedly() {
    let parent = tempfile::tempdir().unwrap();
    let mut config = config();
    config.checkpoint.every = Interval::Steps(4);
    let prepared = prepared(config);
    let expected = whole(parent.path(), &prepared);
    let run = RunDirectory::create(&parent.path().join("pieces")).unwrap();
    let stops = [5, 6, 7, 23, 24, 41, 99];
    assert_eq!(in_pieces(&prepared, &run, &stops), expected);
    // Resuming a finished run changes nothing.
    let compute = flex(&prepared);
    let again = resume(&prepared, &run, &compute, &Stop::default(), &mut []).unwrap();
    assert_eq!(result(run.path(), &again), expected);
    let left = std::fs::read_dir(run.checkpoints()).unwrap().count();
    assert_eq!(left, prepared.config.checkpoint.keep);
}

#[test]
fn fine_tuning_resumes_to_the_same_bits() {
    let parent = tempfile::tempdir().unwrap();
    let mut config = config();
    config.train.epochs = 2;
    let first = whole(&parent.path().join("first"), &prepared(config.clone()));
    config.train.augment.crop = 0.5;
    for (name, head) in [("all", HeadStart::Fitted), ("head", HeadStart::Only)] {
        config.start = Some(StartConfig {
            head,
            ..StartConfig::fine_tuning(parent.path().join("first/whole/model"))
        });
        let prepared = prepare(config.clone(), InputFrom::Model, &NoProgress).unwrap();
        let expected = whole(&parent.path().join(name), &prepared);
        assert_ne!(expected.last, first.last);
        let run = RunDirectory::create(&parent.path().join(name).join("pieces")).unwrap();
        assert_eq!(in_pieces(&prepared, &run, &[3, 8, 99]), expected);
    }
}

#[test]
fn mixed_batches_resume_to_the_same_bits_within_an_epoch() {
    let parent = tempfile::tempdir().unwrap();
    let mut config = config();
    config.train.epochs = 2;
    config.train.augment.trivialaugment = Some(receptive_data::TrivialAugment::default());
    (config.train.augment.mixup, config.train.augment.cutmix) = (0.4, 1.0);
    let mut prepared = prepared(config);
    let expected = whole(parent.path(), &prepared);
    let run = RunDirectory::create(&parent.path().join("pieces")).unwrap();
    prepared.config.machine.threads = 2;
    prepared.config.machine.workers = 2;
    assert_eq!(in_pieces(&prepared, &run, &[2, 7, 99]), expected);
}

#[test]
fn early_stopping_keeps_its_count_across_a_resume() {
    let parent = tempfile::tempdir().unwrap();
    let mut config = config();
    config.train.early_stopping = Some(EarlyStopping {
        metric: Monitor::ValTop1,
        patience: 2,
    });
    // Nothing improves without learning.
    config.train.optimizer = toml::from_str("kind = \"adamw\"\nlearning_rate = 1e-12").unwrap();
    let prepared = prepared(config);
    let compute = flex(&prepared);
    let run = RunDirectory::create(&parent.path().join("run")).unwrap();
    let stop = Stop::default();
    let mut observer = StopAfter(8, stop.clone());
    train(&prepared, &run, &compute, &stop, &mut [&mut observer]).unwrap();
    let drive = || resume(&prepared, &run, &compute, &Stop::default(), &mut []).unwrap();
    let trained = drive();
    assert_eq!(trained.outcome, Outcome::StoppedEarly);
    assert_eq!(trained.epochs.len(), 3);
    let again = drive();
    assert_eq!(again.outcome, Outcome::StoppedEarly);
    assert_eq!(again.weights_sha256, trained.weights_sha256);
}

#[test]
fn field_tracking_resumes_too() {
    let parent = tempfile::tempdir().unwrap();
    let mut config = config();
    config.track_erf = Some(receptive_train::FieldConfig {
        layer: Some("4".into()),
        times: 4,
        samples: 10,
    });
    let prepared = prepared(config);
    let expected = whole(parent.path(), &prepared);
    let path = parent.path().join("pieces");
    let run = RunDirectory::create(&path).unwrap();
    let compute = flex(&prepared);
    let stop = Stop::default();
    let mut observer = StopAfter(31, stop.clone());
    train(&prepared, &run, &compute, &stop, &mut [&mut observer]).unwrap();
    let trained = resume(&prepared, &run, &compute, &Stop::default(), &mut []).unwrap();
    assert_eq!(result(&path, &trained), expected);
    let film = |run: &str| std::fs::read(parent.path().join(run).join("erf.png")).unwrap();
    let names = ["whole", "pieces"].map(film);
    // Apart from the run's name in the title the figures have the same size.
    assert!(names[0].len().abs_diff(names[1].len()) < names[0].len() / 10);
}

#[test]
fn changed_settings_and_data_are_rejected() {
    let parent = tempfile::tempdir().unwrap();
    let first = prepared(config());
    let run = RunDirectory::create(&parent.path().join("run")).unwrap();
    let compute = flex(&first);
    let stop = Stop::default();
    let mut observer = StopAfter(9, stop.clone());
    train(&first, &run, &compute, &stop, &mut [&mut observer]).unwrap();
    let rejected = |config: RunConfig| {
        let prepared = prepared(config);
        let resumed = resume(&prepared, &run, &compute, &Stop::default(), &mut []);
        resumed.unwrap_err().to_string()
    };
    let mut other = config();
    other.data.limit = Some(181);
    assert!(rejected(other).contains("`data.limit`: 180 -> 181"));
    let photos = parent.path().join("photos");
    std::fs::create_dir(&photos).unwrap();
    let mut other = config();
    other.data.data_dir = Some(photos);
    other.data.interpolation = receptive_data::Interpolation::Bicubic;
    assert!(rejected(other).contains("`data.interpolation`"));
}

/// T3. The points that the writing of a checkpoint passes.
const MOMENTS: [Moment; 8] = [
    Moment::ScratchMade,
    Moment::FileWritten(0),
    Moment::FileWritten(1),
    Moment::FileWritten(2),
    Moment::ManifestWritten,
    Moment::ScratchFlushed,
    Moment::InPlace,
    Moment::Flushed,
];

/// Ends the process, as a power failure would, the n-th time that a checkpoint passes a point.
struct AbortAt(Moment, usize);

impl Recorder for AbortAt {
    fn checkpoint(&mut self, moment: Moment) -> std::result::Result<(), TrainError> {
        if moment == self.0 {
            if self.1 == 0 {
                std::process::abort();
            }
            self.1 -= 1;
        }
        Ok(())
    }
}

/// Not a test: the process that T3 kills. Its parent says at which point.
#[test]
#[ignore = "only as T3's child"]
fn t3_child() {
    let variable = |name: &str| std::env::var(name).unwrap();
    let path = variable("RECEPTIVE_T3_RUN");
    let moment = MOMENTS[variable("RECEPTIVE_T3_MOMENT").parse::<usize>().unwrap()];
    let mut observer = AbortAt(moment, variable("RECEPTIVE_T3_TIMES").parse().unwrap());
    let run = RunDirectory::create(Path::new(&path)).unwrap();
    let stop = Stop::default();
    let setup = prepared(every_step());
    let compute = flex(&setup);
    let _ = train(&setup, &run, &compute, &stop, &mut [&mut observer]);
}

fn every_step() -> RunConfig {
    let mut config = config();
    config.checkpoint.every = Interval::Steps(1);
    config.train.epochs = 2;
    config
}

fn deaths(each: usize) {
    let parent = tempfile::tempdir().unwrap();
    let prepared = prepared(every_step());
    let expected = whole(parent.path(), &prepared);
    let (mut recovered, mut deaths) = (0, 0);
    for (moment, point) in MOMENTS.into_iter().enumerate() {
        for time in 0..each {
            let path = parent.path().join(format!("{moment}-{time}"));
            let child = Command::new(std::env::current_exe().unwrap())
                .args(["--ignored", "--exact", "resume::t3_child"])
                .env("RECEPTIVE_T3_RUN", &path)
                .env("RECEPTIVE_T3_MOMENT", moment.to_string())
                .env("RECEPTIVE_T3_TIMES", time.to_string())
                .output()
                .unwrap();
            assert_eq!(child.status.code(), None, "it was to die: {child:?}");
            deaths += 1;
            let run = RunDirectory::open(&path).unwrap();
            let compute = flex(&prepared);
            let mut seen = Remember::default();
            let resumed = resume(
                &prepared,
                &run,
                &compute,
                &Stop::default(),
                &mut [&mut seen],
            )
            .unwrap();
            let from = seen.0.unwrap();
            assert!(from.invalid.is_empty(), "{from:?}");
            // At most the step whose checkpoint was not yet in place is lost.
            let in_place = matches!(point, Moment::InPlace | Moment::Flushed);
            assert_eq!(from.step, time as u64 + u64::from(in_place), "{point:?}");
            recovered += usize::from(result(&path, &resumed) == expected);
            let hidden = std::fs::read_dir(run.checkpoints())
                .unwrap()
                .filter(|entry| {
                    let name = entry.as_ref().unwrap().file_name();
                    name.to_string_lossy().starts_with('.')
                });
            assert_eq!(hidden.count(), 0, "temporary files are left");
            std::fs::remove_dir_all(path).unwrap();
        }
    }
    println!("T3: {recovered} of {deaths} recovered");
    assert_eq!(recovered, deaths);
}

#[test]
fn t3_being_killed_at_any_point_of_a_checkpoint_loses_at_most_one_step() {
    deaths(2);
}

#[test]
#[ignore = "the long version: ten deaths at each point"]
fn t3_long() {
    deaths(10);
}
