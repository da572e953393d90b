//! A run's state after an epoch: one directory, committed by one rename.

use crate::{RunDirectory, TrainError};
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::ModuleOptimizer;
use burn::tensor::Tensor;
use receptive_model::artifact::store;
use receptive_model::{Classifier, ModelError};
use serde::Serialize;
use std::fs;
use std::path::Path;

const FORMAT: &str = "receptive-checkpoint";
const VERSION: u32 = 1;
/// How many are kept.
const KEEP: usize = 2;

/// Where a run stands. Randomness is a pure function of seed, epoch and step, so this is all that
/// continuing takes beside the tensors.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct State {
    /// Steps done since the start.
    pub(crate) step: u64,
    /// Whole epochs done.
    pub(crate) epochs_done: usize,
    /// Steps done in the epoch after them.
    pub(crate) step_in_epoch: u64,
    pub(crate) best: Option<f64>,
    pub(crate) best_epoch: usize,
    pub(crate) seed: u64,
    pub(crate) classes: Vec<String>,
    pub(crate) data_fingerprint: String,
}

/// Writes `checkpoints/NNNNNNN/` and then deletes all but the newest ones.
///
/// # Errors
/// When a weight is not finite (nothing is written then) or the file system refuses.
pub(crate) fn save(
    run: &RunDirectory,
    model: &Classifier,
    optimizer: &ModuleOptimizer,
    state: &State,
) -> Result<(), TrainError> {
    let path = run.checkpoints().join(format!("{:07}", state.step));
    let refuse = |reason: String| ModelError::Artifact {
        path: path.clone(),
        reason,
    };
    if !is_finite(model) {
        return Err(refuse("a weight is not a finite number, so it is not saved".into()).into());
    }
    let weights = model
        .valid()
        .into_record()
        .into_bytes()
        .map_err(|error| refuse(error.to_string()))?;
    let moments = optimizer
        .into_bytes()
        .map_err(|error| refuse(error.to_string()))?;
    let state = serde_json::to_string_pretty(state).map_err(|error| refuse(error.to_string()))?;
    let files: [(&str, &[u8]); 3] = [
        ("model.bpk", &weights),
        ("optimizer.bpk", &moments),
        ("state.json", state.as_bytes()),
    ];
    store::write_directory(&path, FORMAT, VERSION, &files)?;
    keep_newest(&run.checkpoints())
}

fn keep_newest(checkpoints: &Path) -> Result<(), TrainError> {
    let mut steps: Vec<_> = fs::read_dir(checkpoints)
        .map_err(TrainError::io(checkpoints, "listing"))?
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let step: u64 = path.file_name()?.to_str()?.parse().ok()?;
            Some((step, path))
        })
        .collect();
    steps.sort();
    let old = steps.len().saturating_sub(KEEP);
    for (_, path) in steps.into_iter().take(old) {
        fs::remove_dir_all(&path).map_err(TrainError::io(&path, "deleting the old checkpoint"))?;
    }
    Ok(())
}

/// Whether every weight and running statistic is a number.
pub(crate) fn is_finite<M: Module>(model: &M) -> bool {
    struct Finite(bool);
    impl ModuleVisitor for Finite {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let data = param.val().into_data();
            self.0 &= data.iter::<f32>().all(f32::is_finite);
        }
    }
    let mut finite = Finite(true);
    model.visit(&mut finite);
    finite.0
}
