//! Entry point for `fuzz/`: parses a checkpoint's files without the hashes that protect them.

use crate::checkpoint::{Files, parse};
use crate::error::TrainError;
use crate::prepare::RunSetup;
use burn::tensor::Device;
use std::path::Path;

/// Reads state, model, optimizer and averaged weights like `resume` after checking the hashes.
///
/// # Errors
/// If the files do not make a valid checkpoint of this run.
pub fn checkpoint(
    [state, model, optimizer, averaged]: [Vec<u8>; 4],
    setup: &RunSetup,
    device: &Device,
) -> Result<(), TrainError> {
    // Without autodiff, since burn 0.22.1 keeps a few KiB for each tensor that requires gradients and
    // never sees a backward pass: nothing for one model, too much for a million.
    let new = setup.plan.init_seeded(0, device);
    let files = Files {
        state,
        model,
        optimizer,
        averaged: Some(averaged),
    };
    parse(Path::new("fuzzed"), files, setup, None, new).map(|_| ())
}
