//! Reading a checkpoint back.

use super::save::all;
use super::settings::{self, hash_alone, is_applied};
use super::{
    AVERAGED, FORMAT, MODEL, OPTIMIZER, STATE, State, VERSION, is_finite, settings_sha256,
};
use crate::averaged::WeightAverage;
use crate::config::RunConfig;
use crate::error::{SettingChange, TrainError};
use crate::optimizer::RunOptimizer;
use crate::prepare::RunSetup;
use crate::records::InvalidCheckpoint;
use crate::run::RunDirectory;
use burn::module::Module;
use burn::store::ModuleRecord;
use burn::tensor::Bytes;
use receptive_core::panic::catch;
use receptive_core::text::Printable;
use receptive_model::store;
use receptive_model::{Classifier, InputSpec, ModelError};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Maximum size of a file of a checkpoint, in bytes.
const MAX_FILE_BYTES: u64 = 48 << 30;
/// Maximum number of bytes that burn's format adds to the values: names, shapes, alignment.
const RECORD_OVERHEAD: usize = 16 << 20;
/// Maximum number of values that an optimizer keeps per weight.
const MAX_MOMENTS: usize = 3;

/// A checkpoint read back.
pub(crate) struct Checkpoint {
    pub(crate) path: PathBuf,
    pub(crate) model: Classifier,
    pub(crate) optimizer: RunOptimizer,
    /// Averaged weights, if any.
    pub(crate) averaged: Option<WeightAverage>,
    pub(crate) state: State,
    /// The settings that differ from those in the checkpoint; all of these can be applied.
    pub(crate) changes: Vec<SettingChange>,
    /// The differing settings that do not affect the weights.
    pub(crate) execution: Vec<SettingChange>,
}

/// The latest valid checkpoint of this run, and the newer ones that are not valid. The tensors are loaded into
/// `model`, a new model of the run on its device.
///
/// # Errors
/// No checkpoint can be used, or a setting has changed that cannot change within a run.
pub(crate) fn newest(
    run: &RunDirectory,
    setup: &RunSetup,
    model: &Classifier,
) -> Result<(Option<Checkpoint>, Vec<InvalidCheckpoint>), TrainError> {
    let mut invalid = Vec::new();
    let written = run.config().ok();
    for path in all(&run.checkpoints())? {
        let loaded = load(&path, setup, written.as_ref(), model.clone());
        match loaded {
            Ok(checkpoint) => return Ok((Some(checkpoint), invalid)),
            Err(error @ TrainError::Setting { .. }) => return Err(error),
            Err(TrainError::Resume { changes, .. }) => {
                let path = run.path().into();
                return Err(TrainError::Resume { path, changes });
            }
            Err(error) => invalid.push(InvalidCheckpoint {
                path,
                reason: error.to_string(),
            }),
        }
    }
    if invalid.is_empty() {
        return Ok((None, invalid));
    }
    Err(TrainError::Lost {
        path: run.checkpoints(),
        reason: format!("no checkpoint can be resumed. {}", reasons(&invalid)),
        config: run.path().join("config.toml"),
    })
}

/// Why each cannot be used; common reasons are given only once.
fn reasons(invalid: &[InvalidCheckpoint]) -> String {
    let mut said: Vec<(String, Vec<&InvalidCheckpoint>)> = Vec::new();
    for one in invalid {
        let directory = one.path.printable();
        let reason = one.reason.replace(&*directory, "");
        match said.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, same)) => same.push(one),
            None => said.push((reason, vec![one])),
        }
    }
    let sentences: Vec<String> = said
        .into_iter()
        .map(|(_, same)| {
            let first = &same[0].reason;
            let others: Vec<_> = same[1..].iter().map(|one| one.path.printable()).collect();
            match others.len() {
                0 => first.clone(),
                _ => format!("{first}; the same applies to {}", others.join(", ")),
            }
        })
        .collect();
    sentences.join(". ")
}

/// The input spec, from the latest checkpoint that has it.
pub(crate) fn input(run: &RunDirectory) -> Option<InputSpec> {
    all(&run.checkpoints()).ok()?.into_iter().find_map(|path| {
        let mut files = store::read_directory(&path, FORMAT, VERSION, MAX_FILE_BYTES).ok()?;
        let state: State = serde_json::from_slice(&files.remove(STATE)?).ok()?;
        state.input
    })
}

/// The settings of a config that cannot change within the run but differ from its latest checkpoint; empty if
/// no checkpoint stores them. Settings derived during preparation are ignored.
pub(crate) fn rejected_changes(run: &RunDirectory, config: &RunConfig) -> Vec<SettingChange> {
    let newest = || {
        let path = all(&run.checkpoints()).ok()?.into_iter().next()?;
        let text = store::read_text(&path.join(STATE), MAX_FILE_BYTES).ok()?;
        let state: State = serde_json::from_str(&text).ok()?;
        let new = settings::settings(config).ok()?;
        settings::changes(&state.settings?, &new).ok()
    };
    let mut changes = newest().unwrap_or_default();
    changes.retain(|change| !is_applied(change));
    changes
}

pub(super) fn load(
    path: &Path,
    setup: &RunSetup,
    written: Option<&RunConfig>,
    model: Classifier,
) -> Result<Checkpoint, TrainError> {
    let mut files = store::read_directory(path, FORMAT, VERSION, MAX_FILE_BYTES)?;
    let mut take = |name: &str| take(path, &mut files, name);
    let files = Files {
        state: take(STATE)?,
        model: take(MODEL)?,
        optimizer: take(OPTIMIZER)?,
        averaged: files.remove(AVERAGED),
    };
    parse(path, files, setup, written, model)
}

/// The bytes of a checkpoint's files.
pub(crate) struct Files {
    pub(crate) state: Vec<u8>,
    pub(crate) model: Vec<u8>,
    pub(crate) optimizer: Vec<u8>,
    pub(crate) averaged: Option<Vec<u8>>,
}

/// Parses the files of a checkpoint. `written` is the run's config file, for checkpoints that do not store the
/// settings.
pub(crate) fn parse(
    path: &Path,
    files: Files,
    setup: &RunSetup,
    written: Option<&RunConfig>,
    model: Classifier,
) -> Result<Checkpoint, TrainError> {
    let reject = |file: &str, reason: String| -> TrainError {
        let path = path.join(file);
        ModelError::Artifact { path, reason }.into()
    };
    let state: State =
        serde_json::from_slice(&files.state).map_err(|error| reject(STATE, error.to_string()))?;
    let changes = changes(&state, setup, written).map_err(|reason| reject(STATE, reason))?;
    let (changes, rejected): (Vec<_>, Vec<_>) = changes.into_iter().partition(is_applied);
    if !rejected.is_empty() {
        return Err(TrainError::Resume {
            path: path.into(),
            changes: rejected,
        });
    }
    check_epochs(&state, setup, &changes)?;
    check(&state, setup).map_err(|reason| reject(STATE, reason))?;

    // A length in a file must not cause an allocation before the size of the file confirms it.
    let implied = setup.plan.total.weight_bytes();
    let averaged = files.averaged.as_ref();
    let sizes = [
        (MODEL, &files.model, implied),
        (OPTIMIZER, &files.optimizer, MAX_MOMENTS * implied),
    ];
    for (file, bytes, max) in sizes
        .into_iter()
        .chain(averaged.map(|bytes| (AVERAGED, bytes, implied)))
    {
        if bytes.len() > max + RECORD_OVERHEAD {
            return Err(reject(
                file,
                format!(
                    "it has {} bytes, but the network implies {max}",
                    bytes.len()
                ),
            ));
        }
    }
    // It keeps the flags of the run's own model, which records do not contain.
    let average = model.valid();
    let model = load_weights(model, files.model).map_err(|reason| reject(MODEL, reason))?;
    let averaged = match (files.averaged, state.averaged) {
        (Some(bytes), Some(over)) => Some(WeightAverage {
            model: load_weights(average, bytes).map_err(|reason| reject(AVERAGED, reason))?,
            over,
        }),
        (None, None) => None,
        _ => {
            let reason = "it contradicts the state's `averaged`: only one of them exists";
            return Err(reject(AVERAGED, reason.into()));
        }
    };
    let mut optimizer = RunOptimizer::new(&setup.config.train, &model);
    optimizer.burn = catch(|| {
        let empty = optimizer.burn.clone();
        empty
            .from_bytes(Bytes::from_bytes_vec(files.optimizer))
            .map_err(|error| error.to_string())
    })
    .unwrap_or_else(|_| {
        Err("burn could not read it, or its default device (see BURN_DEVICE) does not exist".into())
    })
    .map_err(|reason| reject(OPTIMIZER, reason))?;
    let tensors = optimizer.burn.to_record().len();
    if tensors != state.optimizer_tensors {
        return Err(reject(
            OPTIMIZER,
            format!(
                "{tensors} tensors of the optimizer were read, but {} were written",
                state.optimizer_tensors
            ),
        ));
    }
    let execution =
        changed_execution(&state, setup, written).map_err(|reason| reject(STATE, reason))?;
    Ok(Checkpoint {
        path: path.into(),
        model,
        optimizer,
        averaged,
        state,
        changes,
        execution,
    })
}

/// Loads the weights of a record into the model.
fn load_weights(model: Classifier, bytes: Vec<u8>) -> Result<Classifier, String> {
    let model = catch(|| {
        let record = ModuleRecord::from_bytes(Bytes::from_bytes_vec(bytes))
            .map_err(|error| error.to_string())?;
        model
            .try_load_record(record)
            .map_err(|error| error.to_string())
    })
    .unwrap_or_else(|_| Err("burn could not read it".into()))?;
    if !is_finite(&model) {
        return Err("a weight is NaN or infinite".into());
    }
    Ok(model)
}

fn take(
    path: &Path,
    files: &mut BTreeMap<String, Vec<u8>>,
    name: &str,
) -> Result<Vec<u8>, ModelError> {
    files.remove(name).ok_or_else(|| ModelError::Artifact {
        path: path.into(),
        reason: format!("its manifest does not list `{name}`"),
    })
}

/// The differences between the settings in the checkpoint and those of the run now.
fn changes(
    state: &State,
    setup: &RunSetup,
    written: Option<&RunConfig>,
) -> Result<Vec<SettingChange>, String> {
    let text = |config: &RunConfig| settings::settings(config).map_err(|error| error.to_string());
    let new = text(&setup.config)?;
    if let Some(old) = &state.settings {
        if settings_sha256(old) != state.settings_sha256 {
            return Err("its settings do not match their stored hash".into());
        }
        return settings::changes(old, &new);
    }
    for config in written.into_iter().chain([&setup.config]) {
        if hash_alone(config).map_err(|error| error.to_string())? == state.settings_sha256 {
            return settings::changes(&text(config)?, &new);
        }
    }
    Err(
        "config.toml has changed since this checkpoint, whose version did not store settings; \
         revert the changes"
            .into(),
    )
}

/// The differences between the run's config.toml and the current settings, for a run without checkpoints: those
/// that affect the weights, and the others.
pub(crate) fn changes_since_config(
    run: &RunDirectory,
    setup: &RunSetup,
) -> Result<(Vec<SettingChange>, Vec<SettingChange>), TrainError> {
    let written = run.config()?;
    let [old, new] = [&written, &setup.config].map(settings::settings);
    let changes =
        settings::changes(&old?, &new?).map_err(|reason| TrainError::run(run.path(), reason))?;
    let [old, new] = [&written, &setup.config].map(settings::execution);
    Ok((changes, settings::differences(&old?, &new?)))
}

/// The differences in settings that do not affect the weights.
fn changed_execution(
    state: &State,
    setup: &RunSetup,
    written: Option<&RunConfig>,
) -> Result<Vec<SettingChange>, String> {
    let all = |config| settings::execution(config).map_err(|error| error.to_string());
    let new = all(&setup.config)?;
    let old = match written {
        _ if !state.execution.is_empty() => state.execution.clone(),
        Some(config) => all(config)?,
        None => return Ok(Vec::new()),
    };
    Ok(settings::differences(&old, &new))
}

/// Rejects a changed number of epochs that is less than the epochs already begun.
fn check_epochs(
    state: &State,
    setup: &RunSetup,
    changes: &[SettingChange],
) -> Result<(), TrainError> {
    let begun = state.at.epochs_done + usize::from(state.at.step_in_epoch > 0);
    let epochs = setup.config.train.epochs;
    if begun > epochs && changes.iter().any(|one| one.setting == "train.epochs") {
        return Err(TrainError::setting(
            "train.epochs",
            format!("it is {epochs}, but the run is already in epoch {begun}; use {begun} or more"),
        ));
    }
    Ok(())
}

/// Checks that it belongs to this run and is consistent.
fn check(state: &State, setup: &RunSetup) -> Result<(), String> {
    if state.classes != setup.data.classes {
        return Err(format!(
            "it was written for the classes {}, but the data has {}",
            state.classes.join(", "),
            setup.data.classes.join(", ")
        ));
    }
    if state.data_fingerprint != setup.data.fingerprint() {
        return Err("it was written for other data (files were added, removed or changed), or by an earlier version of \
                    receptive, which compared files instead of pixels"
            .into());
    }
    if state.loss_scale.is_some_and(|scale| !scale.is_valid()) {
        return Err("its loss scale is out of range".into());
    }
    let train = &setup.config.train;
    let per_epoch = setup.steps_per_epoch();
    let at = state.at;
    let expected = per_epoch
        .checked_mul(at.epochs_done as u64)
        .and_then(|steps| steps.checked_add(at.step_in_epoch));
    let fits = expected == Some(at.step)
        && at.epochs_done <= train.epochs
        && at.step_in_epoch <= per_epoch
        && state.memory.epochs.len() == at.epochs_done;
    if !fits {
        return Err(format!(
            "its counts of {} steps, {} epochs and {} more steps contradict each other",
            at.step, at.epochs_done, at.step_in_epoch
        ));
    }
    Ok(())
}
