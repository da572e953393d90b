//! Files written by one backend are read by another, bit for bit.

use crate::{backends, networks, training};
use burn::tensor::Device;
use receptive_model::{Artifact, weights_sha256};
use std::path::Path;

/// Reads the artifact on one device, writes it on the other, and reads it again.
fn passed_on(path: &Path, from: &Device, to: &Device) -> [String; 2] {
    let first = Artifact::load(path, from).unwrap();
    let copy = path.with_extension("copy");
    first.save(&copy).unwrap();
    let second = Artifact::load(&copy, to).unwrap();
    [weights_sha256(&first.model), weights_sha256(&second.model)]
}

#[test]
fn models_pass_between_backends_unchanged() {
    let flex = Device::flex();
    for (backend, device) in backends() {
        let directory = tempfile::tempdir().unwrap();
        // The latest epoch's model, which belongs to the checkpoint, and the best one.
        training::run(&directory.path().join("there"), &device, 1);
        training::run(&directory.path().join("here"), &flex, 1);
        for model in ["model", "last"] {
            for (run, from, to) in [("there", &device, &flex), ("here", &flex, &device)] {
                let path = directory.path().join(run).join(model);
                let [written, read] = passed_on(&path, from, to);
                assert_eq!(written, read, "{backend}: {run}/{model}");
            }
        }
    }
}

#[test]
fn a_seed_draws_the_same_weights_everywhere() {
    for (backend, device) in backends() {
        for (name, config) in networks::all() {
            let plan = config.plan().unwrap();
            let drawn = |device: &Device| weights_sha256(&plan.init_seeded(9, device));
            assert_eq!(drawn(&device), drawn(&Device::flex()), "{backend}, {name}");
        }
    }
}
