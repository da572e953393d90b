//! A recorder of a caller, outside the crate, resumes with the state that it stored.

use crate::resume::{StopAfter, config, flex, prepared};
use receptive_train::{
    Recorder, RecorderState, ResumePoint, RunDirectory, Step, Stop, TrainError, resume, train,
};

/// A caller's recorder: the sum of all losses, over every stop.
#[derive(Default)]
struct SumOfLosses {
    sum: f64,
}

impl Recorder for SumOfLosses {
    fn step(&mut self, step: &Step) -> Result<(), TrainError> {
        self.sum += step.loss.unwrap_or_default();
        Ok(())
    }

    fn saving(&mut self, state: &mut RecorderState) -> Result<(), TrainError> {
        state.set("sum of losses", &self.sum)
    }

    fn resumed(&mut self, from: &ResumePoint) -> Result<(), TrainError> {
        self.sum = from.state.get("sum of losses")?.unwrap_or_default();
        Ok(())
    }
}

#[test]
fn a_caller_s_recorder_keeps_its_state_over_a_stop() {
    let parent = tempfile::tempdir().unwrap();
    let prepared = prepared(config());
    let compute = flex(&prepared);
    let run = |name: &str| RunDirectory::create(&parent.path().join(name)).unwrap();
    let mut whole = SumOfLosses::default();
    train(
        &prepared,
        &run("whole"),
        &compute,
        &Stop::default(),
        &mut [&mut whole],
    )
    .unwrap();
    let (pieces, stop) = (run("pieces"), Stop::default());
    let mut first = SumOfLosses::default();
    let mut stops = StopAfter(23, stop.clone());
    let recorders: &mut [&mut dyn Recorder] = &mut [&mut first, &mut stops];
    train(&prepared, &pieces, &compute, &stop, recorders).unwrap();
    let mut second = SumOfLosses::default();
    resume(
        &prepared,
        &pieces,
        &compute,
        &Stop::default(),
        &mut [&mut second],
    )
    .unwrap();
    assert!(first.sum > 0.0 && first.sum < whole.sum);
    assert_eq!(second.sum, whole.sum);
}
