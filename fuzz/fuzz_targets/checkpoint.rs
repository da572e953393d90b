//! Any bytes as one of the files of a checkpoint or of a model, the others being whole: what a
//! manifest with fitting hashes would let through.
#![no_main]

use burn::tensor::Device;
use libfuzzer_sys::fuzz_target;
use receptive_data::NoProgress;
use receptive_model::{
    Artifact, BatchNormLayer, Conv2dLayer, FlattenLayer, LinearLayer, ModelConfig,
};
use receptive_train::config::EmaConfig;
use receptive_train::{
    Compute, InputFrom, RunConfig, RunDirectory, RunSetup, Stop, fuzzing, prepare, train,
};
use std::fs;
use std::sync::LazyLock;

struct Whole {
    prepared: RunSetup,
    checkpoint: [Vec<u8>; 4],
    spec: Vec<u8>,
    weights: Vec<u8>,
}

static WHOLE: LazyLock<Whole> = LazyLock::new(|| {
    let model = ModelConfig::new(1, 28, 28)
        .layer(Conv2dLayer::new(2, 3).with_strides(5))
        .layer(BatchNormLayer::default())
        .layer(FlattenLayer::default())
        .layer(LinearLayer::classes());
    let mut config = RunConfig::new(model);
    config.data.limit = Some(20);
    config.train.epochs = 1;
    config.train.ema = Some(EmaConfig::default());
    config.machine.threads = 1;
    config.machine.workers = 0;
    let prepared = prepare(config, InputFrom::Data, &NoProgress).expect("a run");
    let directory = tempfile::tempdir().expect("a directory");
    let run = RunDirectory::create(directory.path()).expect("a run directory");
    let stop = Stop::default();
    let compute = Compute::new(Device::flex(), 1).expect("a thread");
    train(&prepared, &run, &compute, &stop, &mut []).expect("a trained run");
    let checkpoint = fs::read_dir(run.checkpoints()).expect("checkpoints");
    let checkpoint = checkpoint.last().expect("one").expect("one").path();
    let read = |name: &str| fs::read(checkpoint.join(name)).expect("a file");
    Whole {
        prepared,
        checkpoint: ["state.json", "model.bpk", "optimizer.bpk", "averaged.bpk"].map(read),
        spec: fs::read(run.model().join("model.json")).expect("a file"),
        weights: fs::read(run.model().join("weights.bpk")).expect("a file"),
    }
});

fuzz_target!(init: receptive_core::panic::silence_caught(), |bytes: &[u8]| {
    let Some((&which, bytes)) = bytes.split_first() else {
        return;
    };
    let whole = &*WHOLE;
    let device = Device::flex();
    match which % 6 {
        // Those of the model keep the numbers that the corpus has for them.
        file @ (0..=2 | 5) => {
            let mut files = whole.checkpoint.clone();
            files[usize::from(file).min(3)] = bytes.to_vec();
            let _ = fuzzing::checkpoint(files, &whole.prepared, &device);
        }
        3 => {
            let weights = whole.weights.clone();
            let _ = Artifact::from_files("fuzzed".as_ref(), bytes, weights, &device);
        }
        _ => {
            let _ = Artifact::from_files("fuzzed".as_ref(), &whole.spec, bytes.to_vec(), &device);
        }
    }
});
