//! Writing a checkpoint.

use super::{AVERAGED, FORMAT, MODEL, OPTIMIZER, STATE, State, VERSION};
use crate::compute::reads::Reads;
use crate::error::TrainError;
use crate::run::RunDirectory;
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::ModuleOptimizer;
use burn::tensor::{Tensor, TensorData};
use receptive_model::store::{self, Moment};
use receptive_model::{Classifier, ModelError};
use std::fs;
use std::path::{Path, PathBuf};

/// The tensors of a checkpoint.
pub(crate) struct Contents<'a> {
    pub(crate) model: &'a Classifier,
    pub(crate) optimizer: &'a ModuleOptimizer,
    /// Averaged weights in addition to the model's.
    pub(crate) averaged: Option<&'a Classifier>,
}

/// Writes `checkpoints/NNNNNNN/` and then deletes all but the latest `keep`. `passes` is called at each point
/// of the writing.
///
/// # Errors
/// A weight is not finite (then nothing is written), or an I/O error.
pub(crate) fn save(
    run: &RunDirectory,
    contents: &Contents<'_>,
    mut state: State,
    keep: usize,
    passes: &mut dyn FnMut(Moment),
) -> Result<(), TrainError> {
    let path = run.checkpoints().join(format!("{:07}", state.at.step));
    let reject = |reason: String| ModelError::Artifact {
        path: path.clone(),
        reason,
    };
    let Contents {
        model,
        optimizer,
        averaged,
    } = contents;
    if !is_finite(*model) || averaged.is_some_and(|averaged| !is_finite(averaged)) {
        return Err(reject("a weight is NaN or infinite, so it is not saved".into()).into());
    }
    let bytes = |model: &Classifier| {
        let record = model.valid().into_record();
        record
            .into_bytes()
            .map_err(|error| reject(error.to_string()))
    };
    let weights = bytes(model)?;
    let averaged = averaged.map(bytes).transpose()?;
    let moments = optimizer.to_record();
    state.optimizer_tensors = moments.len();
    let moments = moments
        .into_bytes()
        .map_err(|error| reject(error.to_string()))?;
    let state = serde_json::to_string_pretty(&state).map_err(|error| reject(error.to_string()))?;
    let mut files: Vec<(&str, &[u8])> = vec![
        (MODEL, &weights),
        (OPTIMIZER, &moments),
        (STATE, state.as_bytes()),
    ];
    files.extend(averaged.as_ref().map(|bytes| (AVERAGED, &bytes[..])));
    store::write_directory_watched(&path, FORMAT, VERSION, &files, passes)?;
    keep_newest(run, keep)
}

fn keep_newest(run: &RunDirectory, keep: usize) -> Result<(), TrainError> {
    let all = all(&run.checkpoints())?;
    for path in all.iter().skip(keep) {
        fs::remove_dir_all(path).map_err(TrainError::io(path, "delete"))?;
    }
    Ok(())
}

/// Whether the run can be resumed from a checkpoint.
pub(crate) fn has_checkpoint(run: &RunDirectory) -> bool {
    all(&run.checkpoints()).is_ok_and(|all| !all.is_empty())
}

/// All checkpoints, latest first; none if the directory does not exist.
pub(super) fn all(checkpoints: &Path) -> Result<Vec<PathBuf>, TrainError> {
    let entries = match fs::read_dir(checkpoints) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(TrainError::io(checkpoints, "list")(error)),
    };
    let mut steps: Vec<(u64, PathBuf)> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let step: u64 = path.file_name()?.to_str()?.parse().ok()?;
            Some((step, path))
        })
        .collect();
    steps.sort();
    Ok(steps.into_iter().rev().map(|(_, path)| path).collect())
}

/// Whether every weight and running statistic is finite.
pub(crate) fn is_finite<M: Module>(model: &M) -> bool {
    struct FloatVisitor<'a, F>(&'a mut Reads<F>);
    impl<F: FnMut(&TensorData)> ModuleVisitor for FloatVisitor<'_, F> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.add(param.val());
        }
    }
    let mut finite = true;
    let mut reads = Reads::new(|data: &TensorData| {
        finite &= data.iter::<f32>().all(f32::is_finite);
    });
    model.visit(&mut FloatVisitor(&mut reads));
    reads.finish();
    finite
}
