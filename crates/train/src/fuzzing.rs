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
    let model = prepared.plan.init_seeded(0, &device.clone().autodiff());
    let optimizer = prepared.config.train.optimizer.init();
    parse(Path::new("fuzzed"), files, prepared, model, optimizer).map(|_| ())
}
