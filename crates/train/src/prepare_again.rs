//! Preparing an existing run for resuming: the same images, network and input. Not part of `prepare`, because it
//! reads checkpoints, which use `prepare`.

use crate::checkpoint;
use crate::compute::backend::default_device;
use crate::config::{OpenSettings, RunConfig};
use crate::error::TrainError;
use crate::prepare::{InputFrom, KnownImages, RunSetup, prepare_with};
use crate::run::RunDirectory;
use receptive_core::text::counted;
use receptive_data::{Progress, RecordUse, SplitRecord};
use receptive_model::{Artifact, InputSpec};
use std::collections::BTreeSet;
use std::path::Path;

/// Like [`prepare`](crate::prepare), for an existing run: uses its config, in which the path of the data may be
/// new, and its recorded split.
///
/// # Errors
/// As [`prepare`](crate::prepare), or the record cannot be read.
pub fn prepare_again(
    config: RunConfig,
    run: &RunDirectory,
    progress: &dyn Progress,
) -> Result<RunSetup, TrainError> {
    config.data.check_labels("")?;
    check_settings(&config, run)?;
    let record = run.split_record()?;
    let known = KnownImages {
        classes: record.as_ref().and_then(|record| classes(run, record)),
        record: record.map(|record| (record, RecordUse::Follow)),
    };
    let given = config.clone();
    let setup = prepare_with(
        config,
        OpenSettings::default(),
        InputFrom::Model,
        known,
        Some(&|| own_input(run)),
        progress,
    )?;
    check_network(&given, &setup, run)?;
    Ok(setup)
}

/// Rejects changes to settings that cannot change, before a network is planned with them, which could fail with
/// a less helpful error. Those determined by the data are left to [`check_network`].
fn check_settings(config: &RunConfig, run: &RunDirectory) -> Result<(), TrainError> {
    let mut changes = checkpoint::rejected_changes(run, config);
    changes.retain(|change| change.setting != "model.classes");
    if changes
        .iter()
        .any(|change| change.setting.starts_with("model.input."))
    {
        return Err(TrainError::setting("model.input", FIXED_INPUT));
    }
    match changes.is_empty() {
        true => Ok(()),
        false => Err(TrainError::Resume {
            path: run.path().into(),
            changes,
        }),
    }
}

const FIXED_INPUT: &str =
    "the input of a run cannot change: it follows from data.image_size and data.grey";

/// Rejects changes to settings of the network that are determined by the data, and would be ignored.
fn check_network(
    given: &RunConfig,
    setup: &RunSetup,
    run: &RunDirectory,
) -> Result<(), TrainError> {
    let (wanted, found) = (&given.model, &setup.config.model);
    if let Some(classes) = wanted.classes
        && found.classes != wanted.classes
    {
        return Err(TrainError::setting(
            "model.classes",
            format!(
                "it is {classes}, but the data has {}: the number of classes follows from the \
                 data",
                counted(setup.data.classes.len(), "class")
            ),
        ));
    }
    let written = run.config()?;
    let is_sized = |config: &RunConfig| (config.data.image_size, config.data.grey);
    if wanted.input != found.input && is_sized(given) == is_sized(&written) {
        return Err(TrainError::setting("model.input", FIXED_INPUT));
    }
    Ok(())
}

/// The run's classes in their order, so that a new class folder is left out instead of changing the classes.
/// `None` if the list does not match the record.
fn classes(run: &RunDirectory, record: &SplitRecord) -> Option<Vec<String>> {
    let classes = run.classes().ok()?;
    let mut own = record
        .members()
        .iter()
        .filter(|member| member.role.is_own());
    let listed: BTreeSet<&str> = classes.iter().map(String::as_str).collect();
    let is_listed = own.all(|member| listed.contains(member.class.as_str()));
    (is_listed && listed.len() == classes.len()).then_some(classes)
}

/// How the run's images become inputs, from one of its models or else from its latest checkpoint.
fn own_input(run: &RunDirectory) -> Option<InputSpec> {
    let device = default_device().ok()?;
    let of_model = |path: &Path| Some(Artifact::load(path, &device).ok()?.input);
    of_model(&run.last())
        .or_else(|| of_model(&run.model()))
        .or_else(|| checkpoint::input(run))
}
