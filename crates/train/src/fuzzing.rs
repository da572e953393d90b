//! Entry point for `fuzz/`: parses a checkpoint's files without verifying their hashes.

use crate::checkpoint::{Files, parse};
use crate::error::TrainError;
use crate::prepare::RunSetup;
use burn::tensor::Device;
use std::path::Path;

/// Parses state, model, optimizer and averaged weights as `resume` does after verifying the hashes.
///
/// # Errors
/// The files are not a valid checkpoint of this run.
pub fn checkpoint(
    [state, model, optimizer, averaged]: [Vec<u8>; 4],
    setup: &RunSetup,
    device: &Device,
) -> Result<(), TrainError> {
    // Without autodiff, because burn 0.22.1 leaks a few KiB for each tensor that requires gradients but has no
    // backward pass: negligible for one model, too much for a million.
    let new = setup.plan.init_seeded(0, device);
    let files = Files {
        state,
        model,
        optimizer,
        averaged: Some(averaged),
    };
    parse(Path::new("fuzzed"), files, setup, None, new).map(|_| ())
}
