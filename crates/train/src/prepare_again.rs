//! Preparing a run that exists, to resume it: the same images, network and input.

use crate::backend::default_device;
use crate::checkpoint;
use crate::config::{Open, RunConfig};
use crate::error::TrainError;
use crate::prepare::{InputFrom, RunSetup, prepare_with};
use crate::run::RunDirectory;
use receptive_core::text::{Printable, counted};
use receptive_data::{Gone, Progress, RecordUse, enumerate};
use receptive_model::{Artifact, InputSpec};
use std::path::Path;

/// As [`prepare`](crate::prepare) of a run that exists: with its config, which may name another place
/// of the data, and the split that it recorded.
///
/// # Errors
/// As [`prepare`](crate::prepare); also when the record cannot be read.
pub fn prepare_again(
    config: RunConfig,
    run: &RunDirectory,
    progress: &dyn Progress,
) -> Result<RunSetup, TrainError> {
    config.data.check_labels("")?;
    let record = run
        .split_record()?
        .map(|record| (record, RecordUse::Follow));
    let given = config.clone();
    let setup = prepare_with(
        config,
        Open::default(),
        InputFrom::Model,
        record,
        Some(&|| own_input(run)),
        progress,
    )?;
    check_same_images(&setup)?;
    check_network(&given, &setup, run)?;
    Ok(setup)
}

/// A run is resumed with the images that it used, each in its class.
fn check_same_images(setup: &RunSetup) -> Result<(), TrainError> {
    let Some(comparison) = &setup.data.comparison else {
        return Ok(());
    };
    let source = setup.config.data.source.printable();
    let Gone { train, val, test } = comparison.gone;
    let problem = match (comparison.gone.total(), &comparison.relabelled[..]) {
        (0, []) => return Ok(()),
        (0, relabelled) => format!(
            "images of the run are in another class of {source} now, so it cannot be resumed: {}; move \
             them back, or start a new run from its model",
            enumerate(relabelled)
        ),
        _ => format!(
            "images that the run uses are no longer in {source} or have changed ({train} train, {val} \
             val, {test} test), so it cannot be resumed; put them back, or start a new run from \
             its model"
        ),
    };
    Err(TrainError::setting("data.source", problem))
}

/// The data decide these settings of the network, so a value of one's own would be ignored.
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
                "it is {classes}, but the data have {}: this number follows from the data and cannot \
                 be set",
                counted(setup.data.classes.len(), "class")
            ),
        ));
    }
    let written = run.config()?;
    let is_sized = |config: &RunConfig| (config.data.image_size, config.data.grey);
    if wanted.input != found.input && is_sized(given) == is_sized(&written) {
        return Err(TrainError::setting(
            "model.input",
            "the input of a run cannot change: it follows from data.image_size and data.grey",
        ));
    }
    Ok(())
}

/// How the run's images become inputs, by one of its models or else by its latest checkpoint.
fn own_input(run: &RunDirectory) -> Option<InputSpec> {
    let device = default_device().ok()?;
    let of_model = |path: &Path| Some(Artifact::load(path, &device).ok()?.input);
    of_model(&run.last())
        .or_else(|| of_model(&run.model()))
        .or_else(|| checkpoint::input(run))
}
