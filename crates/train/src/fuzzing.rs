//! A door for `fuzz/`: a checkpoint's files without the directory whose hashes guard them.

use crate::checkpoint::parse;
use crate::{Prepared, TrainError};
use burn::tensor::Device;
use std::path::Path;

/// Reads state, model and optimizer as `resume` does once the hashes agree.
///
/// # Errors
/// What is wrong with them.
pub fn checkpoint(
    files: [Vec<u8>; 3],
    prepared: &Prepared,
    device: &Device,
) -> Result<(), TrainError> {
    // Without autodiff, since burn 0.22.1 keeps a few KiB for each tensor that asks for gradients and
    // never sees a backward pass: nothing for one model, too much for a million.
    let model = prepared.plan.init_seeded(0, device);
    let optimizer = prepared.config.train.optimizer.init();
    parse(Path::new("fuzzed"), files, prepared, model, optimizer).map(|_| ())
}
