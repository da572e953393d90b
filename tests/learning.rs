//! Training learns, selects a model, stops early and rejects settings as documented.

use crate::{prepared, run, run_in, tiny_run};
use burn::tensor::Device;
use receptive_data::NoProgress;
use receptive_model::Artifact;
use receptive_train::config::{EarlyStopping, Monitor, Optimizer, ScheduleKind};
use receptive_train::{Compute, Outcome, RunDirectory, Stop, TrainError, unwatched};

#[test]
fn a_few_epochs_beat_chance_and_the_artifact_predicts_as_the_run_did() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run");
    let device = Device::flex();
    let mut config = tiny_run();
    config.data.limit = Some(1_000);
    config.train.epochs = 4;
    config.train.augment = Default::default();
    let trained = run_in(&path, config, &device, &mut [], &Stop::default()).unwrap();
    let test = trained.test.unwrap();
    assert!(test.top1 > 0.5, "top-1 is {}", test.top1);
    assert!(trained.epochs[3].train_loss < trained.epochs[0].train_loss);

    let run = RunDirectory::open(&path).unwrap();
    let artifact = Artifact::load(&run.model(), &device).unwrap();
    let again = prepared(run.config().unwrap()).unwrap();
    let evaluation = receptive_train::evaluate(
        &artifact.model,
        &artifact.input,
        &again.test.unwrap(),
        &Compute::new(device.clone(), 1).unwrap(),
        &mut unwatched,
    )
    .unwrap();
    assert_eq!(evaluation, test);
    assert_eq!(evaluation.confusion.total(), evaluation.images);
    assert_eq!(
        receptive_model::weights_sha256(&artifact.model),
        trained.weights_sha256
    );
    for file in [
        "config.toml",
        "classes.txt",
        "metrics.csv",
        "log.jsonl",
        "curves.png",
    ] {
        assert!(path.join(file).metadata().unwrap().len() > 0, "{file}");
    }
    let csv = std::fs::read_to_string(path.join("metrics.csv")).unwrap();
    assert_eq!(csv.lines().count(), 5, "{csv}");
    assert!(
        csv.starts_with("epoch,train_loss,train_top1,val_loss"),
        "{csv}"
    );
}

#[test]
fn a_config_file_repeats_a_run_bit_for_bit() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run");
    let device = Device::flex();
    let first = run_in(&path, tiny_run(), &device, &mut [], &Stop::default()).unwrap();
    let config = RunDirectory::open(&path).unwrap().config().unwrap();
    let prepared =
        receptive_train::prepare(config, receptive_train::InputFrom::Model, &NoProgress).unwrap();
    let again = RunDirectory::create(&directory.path().join("again")).unwrap();
    let second = receptive_train::train(
        &prepared,
        &again,
        &crate::compute(&prepared, &device),
        &Stop::default(),
        &mut [],
    )
    .unwrap();
    assert_eq!(first.weights_sha256, second.weights_sha256);
}

#[test]
fn early_stopping_waits_for_its_patience() {
    let mut config = tiny_run();
    // Nothing improves with a learning rate too small to change the weights.
    config.train.optimizer = Optimizer::Sgd {
        learning_rate: 1e-30,
        momentum: 0.0,
        nesterov: false,
        weight_decay: 0.0,
    };
    config.train.schedule.kind = ScheduleKind::Constant;
    // Batch norm's running statistics would still change, and with them the validation loss.
    config.model.layers.remove(1);
    config.train.epochs = 20;
    config.train.early_stopping = Some(EarlyStopping {
        metric: Monitor::ValLoss,
        patience: 3,
    });
    let trained = run(config, &Device::flex()).unwrap();
    assert_eq!(trained.outcome, Outcome::StoppedEarly);
    assert_eq!((trained.epochs.len(), trained.best_epoch), (4, 1));
}

#[test]
fn a_nan_loss_stops_the_run_with_its_step_and_keeps_the_last_good_model() {
    let directory = tempfile::tempdir().unwrap();
    let device = Device::flex();
    let mut caught = 0;
    for step in 0..20u32 {
        let path = directory.path().join(step.to_string());
        let mut config = tiny_run();
        config.train.epochs = 4;
        config.train.schedule.kind = ScheduleKind::Constant;
        config.train.schedule.warmup_epochs = 0.0;
        config.model.layers.remove(1);
        config.train.optimizer = Optimizer::Sgd {
            learning_rate: 10f64.powi(3 + step as i32 % 5 * 6),
            momentum: 0.9,
            nesterov: true,
            weight_decay: 0.0,
        };
        config.train.seed = u64::from(step);
        let ended = run_in(&path, config, &device, &mut [], &Stop::default());
        match ended {
            Err(TrainError::Diverged {
                step, files, kept, ..
            }) => {
                assert!(step >= 1);
                assert!(files.contains("train["), "{files}");
                // With 32 images the message lists only a few; the log lists all.
                let log = std::fs::read_to_string(path.join("log.jsonl")).unwrap();
                let last: serde_json::Value =
                    serde_json::from_str(log.lines().last().unwrap()).unwrap();
                assert_eq!(last["event"], "diverged");
                assert_eq!(
                    (
                        last["step"].as_u64(),
                        last["files"].as_array().unwrap().len()
                    ),
                    (Some(step), 32)
                );
                let has_model = RunDirectory::open(&path).unwrap().has_model();
                assert_eq!(kept.contains("there is no model"), !has_model, "{kept}");
                caught += 1;
            }
            Err(TrainError::Run { reason, .. }) => {
                assert!(reason.contains("validation loss"), "{reason}");
            }
            // A very large rate may also end in a dead network with a finite loss.
            Ok(trained) => assert!(trained.epochs.iter().all(|e| e.train_loss.is_finite())),
            Err(other) => panic!("{other}"),
        }
        // In any case, a saved model is complete and finite.
        let model = RunDirectory::open(&path).unwrap().model();
        if model.exists() {
            let artifact = Artifact::load(&model, &device).unwrap();
            let images = burn::tensor::Tensor::<4>::ones([1, 1, 28, 28], &device);
            let logits: Vec<f32> = artifact.model.forward(images).into_data().iter().collect();
            assert!(
                logits.iter().all(|logit| logit.is_finite()),
                "run {step}: {logits:?}"
            );
        }
    }
    assert!(caught >= 10, "only {caught} of 20 runs diverged");
}

#[test]
fn class_weights_make_a_class_matter() {
    let mut config = tiny_run();
    config.train.class_weights = receptive_train::config::ClassWeights::Given(vec![1.0, 2.0]);
    let error = run(config, &Device::flex()).unwrap_err().to_string();
    assert!(
        error.contains("expected 10 weights, one per class, found 2"),
        "{error}"
    );

    // All weight on one class: the others' images hardly matter, so that class is predicted for
    // every image.
    let mut weights = vec![1e-6; 10];
    weights[3] = 1.0;
    let mut config = tiny_run();
    config.train.epochs = 3;
    config.train.class_weights = receptive_train::config::ClassWeights::Given(weights);
    let trained = run(config, &Device::flex()).unwrap();
    let confusion = trained.test.unwrap().confusion;
    let predicted: usize = confusion.predictions()[3];
    assert!(
        2 * predicted > confusion.total(),
        "{predicted} of {}",
        confusion.total()
    );
}

#[test]
fn invalid_settings_are_named() {
    let rejected = |change: fn(&mut receptive_train::RunConfig)| {
        let mut config = tiny_run();
        change(&mut config);
        prepared(config).unwrap_err().to_string()
    };
    for (error, word) in [
        (rejected(|config| config.train.epochs = 0), "train.epochs"),
        (
            rejected(|config| config.train.batch_size = 0),
            "train.batch_size",
        ),
        (
            rejected(|config| config.train.label_smoothing = 1.0),
            "train.label_smoothing",
        ),
        (
            rejected(|config| config.train.clip_norm = Some(-1.0)),
            "train.clip_norm",
        ),
        (rejected(|config| config.train.augment.erase = 2.0), "erase"),
        (
            rejected(|config| config.data.source = "fashion-mnit".into()),
            "fashion-mnist",
        ),
        (rejected(|config| config.data.val_fraction = 1.5), "val"),
    ] {
        assert!(error.contains(word), "`{word}` is not in: {error}");
    }
}

#[test]
fn without_a_validation_split_the_last_epoch_is_the_model() {
    let mut config = tiny_run();
    config.data.val_fraction = 0.0;
    let trained = run(config, &Device::flex()).unwrap();
    assert_eq!(trained.best_epoch, 2);
    assert!(trained.val.is_none() && trained.epochs[1].val_loss.is_none());
}

#[test]
fn a_run_without_validation_that_diverges_names_the_model_it_saved() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run");
    let mut config = tiny_run();
    config.data.val_fraction = 0.0;
    // Epoch 1 is harmless; from epoch 2 on the learning rate makes training diverge.
    config.train.epochs = 3;
    config.train.schedule.kind = ScheduleKind::Step;
    config.train.schedule.warmup_epochs = 0.0;
    config.train.schedule.step_epochs = 1.0;
    config.train.schedule.gamma = 1e30;
    let ended = run_in(&path, config, &Device::flex(), &mut [], &Stop::default());
    let message = ended.unwrap_err().to_string();
    assert!(RunDirectory::open(&path).unwrap().has_model());
    assert!(
        message.contains("The model of epoch 1 is kept"),
        "{message}"
    );
}
