//! A requested stop ends the run after the current step, with everything saved.

use crate::{run_in, tiny_run};
use burn::tensor::Device;
use receptive_model::Artifact;
use receptive_train::{Outcome, Recorder, RunDirectory, Step, Stop, TrainError};

struct StopAt {
    step: u64,
    last: u64,
    stop: Stop,
}

impl Recorder for StopAt {
    fn step(&mut self, step: &Step) -> Result<(), TrainError> {
        self.last = step.step;
        if step.step == self.step {
            self.stop.request(2);
        }
        Ok(())
    }
}

#[test]
fn a_stop_at_any_step_saves_a_checkpoint_and_after_an_epoch_a_model() {
    let device = Device::flex();
    let directory = tempfile::tempdir().unwrap();
    for step in [1, 3, 6, 7, 11] {
        let path = directory.path().join(step.to_string());
        let stop = Stop::default();
        let mut observer = StopAt {
            step,
            last: 0,
            stop: stop.clone(),
        };
        let trained = run_in(&path, tiny_run(), &device, &mut [&mut observer], &stop).unwrap();
        assert_eq!(trained.outcome, Outcome::Interrupted { signal: 2 });
        assert_eq!(observer.last, step, "no step may follow");
        let run = RunDirectory::open(&path).unwrap();
        let state = run
            .checkpoints()
            .join(format!("{step:07}"))
            .join("state.json");
        let state: serde_json::Value =
            serde_json::from_slice(&std::fs::read(state).unwrap()).unwrap();
        assert_eq!(state["at"]["step"], step);
        let has_epoch = state["at"]["epochs_done"].as_u64() > Some(0);
        assert_eq!(has_epoch, step > 7, "{state}");
        if has_epoch {
            Artifact::load(&run.model(), &device).unwrap();
        } else {
            assert!(!run.model().exists() && trained.best_epoch == 0);
            let error = run.kept_model().unwrap_err().to_string();
            assert!(error.contains("no model yet"), "{error}");
        }
        let scratch = std::fs::read_dir(&path)
            .unwrap()
            .filter(|entry| {
                entry
                    .as_ref()
                    .unwrap()
                    .file_name()
                    .to_string_lossy()
                    .starts_with(".tmp")
            })
            .count();
        assert_eq!(scratch, 0, "temporary files are left");
    }
}
