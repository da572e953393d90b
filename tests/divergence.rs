//! T13 of docs/reliability.md: a loss that becomes NaN or infinite is detected at once, and such weights
//! are never saved.

use burn::module::{Module, ModuleVisitor, Param};
use burn::store::ModuleRecord;
use burn::tensor::{Bytes, Device, Tensor};
use receptive_model::{Artifact, Classifier};
use receptive_train::{Interval, Recorder, Step, Stop, TrainError};
use std::path::Path;

/// The last step that was reported as valid.
#[derive(Default)]
struct Last(u64);

impl Recorder for Last {
    fn step(&mut self, step: &Step) -> Result<(), TrainError> {
        assert!(
            step.loss.is_some_and(f64::is_finite),
            "a NaN or infinite loss was reported as good"
        );
        self.0 = step.step;
        Ok(())
    }
}

fn is_finite(model: &Classifier) -> bool {
    struct Finite(bool);
    impl ModuleVisitor for Finite {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0 &= param.val().into_data().iter::<f32>().all(f32::is_finite);
        }
    }
    let mut finite = Finite(true);
    model.visit(&mut finite);
    finite.0
}

/// Every model in the run directory, including those of checkpoints.
fn models(run: &Path, plan: &receptive_model::Plan) -> Vec<Classifier> {
    let device = Device::flex();
    let mut models = Vec::new();
    for name in ["model", "last"] {
        if Artifact::is_at(&run.join(name)) {
            models.push(Artifact::load(&run.join(name), &device).unwrap().model);
        }
    }
    let checkpoints = std::fs::read_dir(run.join("checkpoints"));
    for checkpoint in checkpoints.into_iter().flatten() {
        let bytes = std::fs::read(checkpoint.unwrap().path().join("model.bpk")).unwrap();
        let record = ModuleRecord::from_bytes(Bytes::from_bytes_vec(bytes)).unwrap();
        models.push(plan.init(&device).try_load_record(record).unwrap());
    }
    models
}

#[test]
fn t13_nan_and_infinity_are_detected_at_once_and_never_saved() {
    let parent = tempfile::tempdir().unwrap();
    let (mut detected, mut checked) = (0, 0);
    for round in 0..20u64 {
        let mut config = crate::tiny_run();
        config.checkpoint.every = Interval::Steps(1);
        config.checkpoint.keep = 100;
        config.train.seed = round;
        config.train.epochs = 20;
        // From an overflow in the first step to one after many steps.
        let rate = [1e38, 1e30, 1e20, 1e12, 1e9][round as usize % 5];
        let kind = ["sgd", "sgd", "adamw", "sgd"][round as usize % 4];
        config.train.optimizer =
            toml::from_str(&format!("kind = \"{kind}\"\nlearning_rate = {rate:e}")).unwrap();
        let plan = config.model.clone().with_classes(10).plan().unwrap();
        let path = parent.path().join(round.to_string());
        let mut last = Last::default();
        let ended = crate::run_in(
            &path,
            config,
            &Device::flex(),
            &mut [&mut last],
            &Stop::default(),
        );
        match ended {
            Err(TrainError::Diverged { step, .. }) => {
                // The next step, or the end of the epoch whose last step made the weights NaN or
                // infinite.
                assert!(
                    step == last.0 + 1 || step == last.0,
                    "{step} after {}",
                    last.0
                );
                detected += 1;
            }
            Err(error) => panic!("{error}"),
            Ok(trained) => {
                assert!(
                    trained
                        .epochs
                        .iter()
                        .all(|epoch| epoch.train_loss.is_finite())
                );
                detected += 1; // huge, but finite until the end
            }
        }
        for model in models(&path, &plan) {
            checked += 1;
            assert!(is_finite(&model), "round {round} saved NaN or infinity");
        }
    }
    println!("T13: {detected} of 20 detected, {checked} saved models, all finite");
    assert_eq!(detected, 20);
}
