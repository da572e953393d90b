//! Checking that a data set still has the images that a run is trained on.

use crate::config::RunConfig;
use crate::error::TrainError;
use receptive_core::text::Printable;
use receptive_data::{DataSet, UnavailableImages, enumerate};

/// A run must be resumed with the same images in the same classes: with fewer, its epochs would have other
/// steps, and its record would list images that the weights have not seen.
pub(crate) fn check_same_images(config: &RunConfig, data: &DataSet) -> Result<(), TrainError> {
    let Some(comparison) = &data.comparison else {
        return Ok(());
    };
    let source = config.data.source.printable();
    let UnavailableImages { train, val, test } = comparison.missing;
    if comparison.unreadable.total() > 0 {
        return Err(TrainError::setting(
            "data.source",
            format!(
                "images of the run in {source} can no longer be read, so it cannot be resumed: \
                 {}; repair or restore them, or start a new run from its model",
                data.damaged_sentence()
            ),
        ));
    }
    let problem = match (comparison.missing.total(), &comparison.relabelled[..]) {
        (0, []) => return Ok(()),
        (0, relabelled) => format!(
            "images of the run are now in another class of {source}, so it cannot be resumed: {}; \
             move them back, or start a new run from its model",
            enumerate(relabelled)
        ),
        _ => format!(
            "images of the run are no longer in {source} or have changed ({train} train, {val} \
             val, {test} test), so it cannot be resumed: {}{}; restore them, or start a new run \
             from its model",
            enumerate(&comparison.missing_paths),
            match &comparison.missing_classes[..] {
                [] => String::new(),
                classes => format!(" (no images are left of {})", enumerate(classes)),
            }
        ),
    };
    Err(TrainError::setting("data.source", problem))
}
