//! The losses of fifty training steps agree.

use crate::{backends, check};
use burn::tensor::Device;
use receptive_data::NoProgress;
use receptive_model::{
    Activation, BatchNormLayer, Conv2dLayer, DropoutLayer, FlattenLayer, LinearLayer,
    MaxPool2dLayer, ModelConfig, Padding,
};
use receptive_train::config::{AverageConfig, AverageStatistics, MachineConfig, MicroBatch};
use receptive_train::{
    Compute, InputFrom, Recorder, RunConfig, RunDirectory, RunSetup, Step, Stop, TrainError,
    TrainResult, prepare, resume, train,
};
use std::path::Path;

pub(crate) const STEPS: usize = 50;
const BATCH: usize = 32;

/// Batch norm, dropout, overlapping pools, augmentation and momentum at once.
pub(crate) fn config() -> RunConfig {
    let model = ModelConfig::new(1, 28, 28)
        .layer(Conv2dLayer::new(8, 3).with_padding(Padding::Same))
        .layer(MaxPool2dLayer::new(3).with_strides(2))
        .layer(BatchNormLayer::default())
        .layer(Activation::Relu)
        .layer(
            Conv2dLayer::new(16, 3)
                .with_strides(2)
                .with_activation(Activation::Relu),
        )
        .layer(FlattenLayer::default())
        .layer(DropoutLayer { rate: 0.2 })
        .layer(LinearLayer::classes());
    let mut config = RunConfig::new(model);
    config.data.limit = Some(STEPS * BATCH * 10 / 9);
    config.train.epochs = 1;
    config.train.batch_size = BATCH;
    config.train.micro_batch = MicroBatch::Images(BATCH / 2);
    config.machine.threads = 1;
    config
}

#[derive(Default)]
struct Losses(Vec<f64>);

impl Recorder for Losses {
    fn step(&mut self, step: &Step) -> Result<(), TrainError> {
        self.0.extend(step.loss);
        Ok(())
    }
}

fn compute(setup: &RunSetup, device: &Device) -> Compute {
    Compute::new(device.clone(), setup.config.machine.thread_count()).unwrap()
}

/// The loss of each step that is read, every `interval` steps, and the run's result.
pub(crate) fn run(path: &Path, device: &Device, interval: usize) -> (Vec<f64>, TrainResult) {
    let prepared = prepare(config(), InputFrom::Data, &NoProgress).unwrap();
    let compute = compute(&prepared, device).with_loss_interval(interval);
    run_on(path, &prepared, &compute)
}

fn run_on(path: &Path, prepared: &RunSetup, compute: &Compute) -> (Vec<f64>, TrainResult) {
    let directory = RunDirectory::create(path).unwrap();
    let mut losses = Losses::default();
    let stop = Stop::default();
    let trained = train(prepared, &directory, compute, &stop, &mut [&mut losses]).unwrap();
    (losses.0, trained)
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
fn a_checkpoint_of_one_backend_is_continued_on_another() {
    let parent = tempfile::tempdir().unwrap();
    let flex = Device::flex();
    let (losses, whole) = run(&parent.path().join("flex"), &flex, 1);
    let prepared = prepare(config(), InputFrom::Data, &NoProgress).unwrap();
    let of = |device: &Device| compute(&prepared, device).with_loss_interval(1);
    for (backend, device) in backends() {
        for (name, from, to) in [("from flex", &flex, &device), ("to flex", &device, &flex)] {
            let path = parent.path().join(format!("{backend} {name}"));
            let directory = RunDirectory::create(&path).unwrap();
            let stop = Stop::default();
            let half = STEPS as u64 / 2;
            let mut observer = StopAfter(half, stop.clone());
            train(
                &prepared,
                &directory,
                &of(from),
                &stop,
                &mut [&mut observer],
            )
            .unwrap();
            let mut rest = Losses::default();
            let never = Stop::default();
            let trained = resume(&prepared, &directory, &of(to), &never, &mut [&mut rest]).unwrap();
            let apart = losses[half as usize..].iter().zip(&rest.0);
            let apart = apart.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert_eq!(rest.0.len(), losses.len() - half as usize);
            check(backend, &format!("checkpoint {name}: loss"), apart, 1e-3);
            let top1 = |trained: &TrainResult| trained.test.as_ref().unwrap().top1;
            check(
                backend,
                &format!("checkpoint {name}: top-1"),
                (top1(&trained) - top1(&whole)).abs(),
                1e-2,
            );
        }
    }
}

#[test]
fn fifty_steps_follow_the_same_losses() {
    let directory = tempfile::tempdir().unwrap();
    let (flex, _) = run(&directory.path().join("flex"), &Device::flex(), 1);
    assert!(flex.len() >= STEPS, "{}", flex.len());
    assert!(
        flex[STEPS - 1] < 0.7 * flex[0],
        "it did not learn: {flex:?}"
    );
    for (backend, device) in backends() {
        // Each loss is read at once, as on a CPU ...
        let path = directory.path().join(backend);
        let (losses, at_once) = run(&path, &device, 1);
        let apart = flex.iter().zip(&losses).map(|(a, b)| (a - b).abs());
        check(backend, "50 steps: loss", apart.fold(0.0, f64::max), 1e-3);
        // ... or rarely, as on a GPU: the run is the same.
        let path = directory.path().join(format!("{backend}-seldom"));
        let (_, seldom) = run(&path, &device, 50);
        let loss = |trained: &TrainResult| trained.epochs[0].train_loss;
        check(
            backend,
            "50 steps: losses read seldom",
            (loss(&at_once) - loss(&seldom)).abs(),
            1e-4,
        );
    }
}

/// Each shard of a step on another device: gradients and the statistics of batch norm travel, and so do those of averaged
/// weights.
#[test]
fn two_devices_share_the_steps_of_one() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = config();
    config.train.average = Some(AverageConfig {
        epochs: 1,
        statistics: AverageStatistics::default(),
        rate: None,
    });
    let prepared = prepare(config, InputFrom::Data, &NoProgress).unwrap();
    let alone = compute(&prepared, &Device::flex());
    let (flex, whole) = run_on(&directory.path().join("flex"), &prepared, &alone);
    for (backend, _) in backends() {
        for devices in [["flex", backend], [backend, "flex"]] {
            let path = directory.path().join(devices.join(","));
            let machine = MachineConfig {
                devices: devices.map(String::from).into(),
                ..prepared.config.machine.clone()
            };
            let compute = machine.compute().unwrap().with_loss_interval(1);
            assert_eq!(compute.devices().count(), 2);
            let (losses, trained) = run_on(&path, &prepared, &compute);
            let apart = flex.iter().zip(&losses).map(|(a, b)| (a - b).abs());
            let name = format!("50 steps on {}: loss", devices.join(","));
            check(backend, &name, apart.fold(0.0, f64::max), 1e-3);
            let top1 = |trained: &TrainResult| trained.test.as_ref().unwrap().top1;
            let apart = (top1(&trained) - top1(&whole)).abs();
            check(backend, &name.replace("loss", "top-1"), apart, 1e-2);
        }
    }
}
