//! The images that a trained run is applied to.

use super::{paragraph, policy};
use crate::args::SourceArgs;
use crate::error::CliError;
use crate::render::{DataProgress, say};
use receptive_data::{DataSet, Split};
use receptive_model::Artifact;
use receptive_train::{ImagesOf, SplitName};
use std::path::Path;

/// The images, with the name of the part they are.
pub(super) struct Chosen {
    pub(super) data: DataSet,
    pub(super) split: Split,
    pub(super) name: &'static str,
}

/// What a command asks for: `data` and `split` where they were named, else the run's own images
/// that are most like a test.
pub(super) fn images_of<'a>(
    run: &'a Path,
    remedy: String,
    data: Option<&'a str>,
    split: Option<SplitName>,
    source: &'a SourceArgs,
) -> ImagesOf<'a> {
    ImagesOf {
        data,
        split,
        data_dir: source.data_dir.as_deref(),
        bad_images: source.bad_images.map(policy),
        limit: source.limit,
        ..ImagesOf::own(run, remedy)
    }
}

/// Finds the images; remarks about the data go to standard error.
pub(super) fn choose(wanted: &ImagesOf<'_>, artifact: &Artifact) -> Result<Chosen, CliError> {
    let images = wanted.open(artifact, &DataProgress::default())?;
    for note in &images.data.notes {
        say(paragraph("note     ", note));
    }
    if !images.data.damaged.is_empty() {
        let note = format!("{} damaged images are left out", images.data.damaged.len());
        say(paragraph("note     ", &note));
    }
    let (split, name) = images.choose(wanted.split)?;
    Ok(Chosen {
        split: split.clone(),
        name,
        data: images.data,
    })
}
