//! Integration tests across crates, one module per promise.
#![recursion_limit = "256"]
// The lint exempts test functions only, not the functions they call.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod attend;
mod determinism;
mod devices;
mod divergence;
mod field;
mod interchange;
mod interruption;
mod kinds;
mod learning;
mod lite;
mod longer;
mod lost_data;
mod networks;
mod onnx;
mod onnx_hostile;
mod photos;
mod pictures;
mod precision;
mod published;
mod recorder_state;
mod report;
mod resume;
mod steps;
mod tensorboard;
mod transfer;
mod trial;

use burn::tensor::Device;
use receptive_data::NoProgress;
use receptive_model::{
    Activation, BatchNormLayer, Conv2dLayer, DropoutLayer, FlattenLayer, LinearLayer,
    MaxPool2dLayer, ModelConfig, Padding,
};
use receptive_train::{
    Compute, InputFrom, Recorder, RunConfig, RunDirectory, RunSetup, Stop, TrainError, TrainResult,
};
use std::path::Path;

/// A network with batch norm and dropout that trains in a moment.
fn tiny() -> ModelConfig {
    ModelConfig::new(1, 28, 28)
        .layer(
            Conv2dLayer::new(4, 3)
                .with_strides(2)
                .with_padding(Padding::Same),
        )
        .layer(BatchNormLayer::default())
        .layer(Activation::Relu)
        .layer(MaxPool2dLayer::new(2))
        .layer(DropoutLayer { rate: 0.2 })
        .layer(FlattenLayer::default())
        .layer(LinearLayer::new(16).with_activation(Activation::Relu))
        .layer(DropoutLayer { rate: 0.2 })
        .layer(LinearLayer::classes())
}

/// A run of two epochs over 200 images with every kind of randomness enabled.
fn tiny_run() -> RunConfig {
    let mut config = RunConfig::new(tiny());
    config.data.limit = Some(200);
    config.train.epochs = 2;
    config.train.batch_size = 32;
    config.train.micro_batch = receptive_train::config::MicroBatch::Images(8);
    config.train.augment.shift = 2;
    config.train.augment.rotation = 10.0;
    config.train.augment.brightness = 0.2;
    config.train.augment.contrast = 0.2;
    config.train.augment.erase = 0.5;
    config.machine.threads = 2;
    config
}

fn prepared(config: RunConfig) -> Result<RunSetup, TrainError> {
    receptive_train::prepare(config, InputFrom::Data, &NoProgress)
}

/// The device with the config's number of threads.
fn compute(setup: &RunSetup, device: &Device) -> Compute {
    Compute::new(device.clone(), setup.config.machine.thread_count()).expect("threads")
}

fn run_in(
    path: &Path,
    config: RunConfig,
    device: &Device,
    recorders: &mut [&mut dyn Recorder],
    stop: &Stop,
) -> Result<TrainResult, TrainError> {
    let run = RunDirectory::create(path)?;
    let setup = prepared(config)?;
    let compute = compute(&setup, device);
    receptive_train::train(&setup, &run, &compute, stop, recorders)
}

fn run(config: RunConfig, device: &Device) -> Result<TrainResult, TrainError> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    run_in(
        &directory.path().join("run"),
        config,
        device,
        &mut [],
        &Stop::default(),
    )
}
