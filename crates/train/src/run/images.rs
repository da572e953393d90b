//! The images to which a trained run is applied.

use super::{RunDirectory, RunLog};
use crate::config::{DataConfig, Monitor, Remedies, RunConfig};
use crate::error::TrainError;
use receptive_core::text::{Printable, counted, grouped};
use receptive_data::{
    BadImages, Comparison, DataSet, Progress, RecordUse, Split, SplitRecord, UnavailableImages,
};
use receptive_model::presets::imagenet_synsets;
use receptive_model::{Artifact, weights_sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum SplitName {
    /// Images that the weights were trained on.
    Train,
    /// Images on which the best epoch was selected.
    Val,
    /// Images held out until the end.
    Test,
    /// Images added since the run was trained.
    New,
}

/// Where the images are to which a trained run is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataPlace<'a> {
    /// At the path at which the run was trained on them.
    Own,
    /// The run's own data, moved to this path.
    Moved(&'a str),
    /// Any data. Whether they are the run's own is detected by content.
    Other(&'a str),
}

impl<'a> DataPlace<'a> {
    /// From two optional arguments of a command, at most one of which is given.
    pub fn new(moved: Option<&'a str>, other: Option<&'a str>) -> Self {
        match (moved, other) {
            (Some(place), _) => Self::Moved(place),
            (None, Some(place)) => Self::Other(place),
            (None, None) => Self::Own,
        }
    }
}

/// Which images to apply a trained run to.
#[derive(Debug, Clone)]
pub struct ImageQuery<'a> {
    /// The run directory, or the directory of an artifact.
    pub run: &'a Path,
    /// The commands to suggest if the data or their labels were moved.
    pub remedies: Remedies,
    /// Where they are.
    pub place: DataPlace<'a>,
    /// The split; by default the one most like a test split.
    pub split: Option<SplitName>,
    /// Instead of the run's own: the label list.
    pub labels: Option<&'a Path>,
    /// Instead of the run's own: its column of classes.
    pub label_column: Option<&'a str>,
    /// Instead of the run's own: the groups of images.
    pub group: Option<&'a str>,
    /// Instead of the run's own: the directory in which named data sets are searched first.
    pub data_dir: Option<&'a Path>,
    /// Instead of the run's own: how to handle damaged images.
    pub bad_images: Option<BadImages>,
    /// Instead of the run's own: maximum number of training images.
    pub limit: Option<usize>,
}

/// A data set, from the point of view of a trained run.
#[derive(Debug, Clone)]
pub struct RunImages {
    /// The whole data set.
    pub data: DataSet,
    /// Whether these are the data that the run was trained on, split in the same way.
    pub is_own: bool,
    /// Whether the run's best epoch was selected on its validation images.
    pub chose_epoch: bool,
}

/// Which data set is opened, and how.
struct DataSource {
    config: DataConfig,
    seed: u64,
    record: Option<Arc<SplitRecord>>,
    is_own: bool,
    /// Whether its groups are those of the run.
    inherits_group: bool,
    /// Whether the run used only part of its images.
    is_limited: bool,
    /// Whether the run's best epoch was selected on its validation images.
    chose_epoch: bool,
}

impl<'a> ImageQuery<'a> {
    /// A run's own images.
    pub fn new(run: &'a Path, remedies: Remedies) -> Self {
        Self {
            run,
            remedies,
            place: DataPlace::Own,
            split: None,
            labels: None,
            label_column: None,
            group: None,
            data_dir: None,
            bad_images: None,
            limit: None,
        }
    }

    /// Finds the images, with labels by the model's class names.
    ///
    /// # Errors
    /// The run has no record of its data, or the data no longer exist, cannot be read, or have classes that the
    /// model does not have.
    pub fn open(
        &self,
        artifact: &Artifact,
        progress: &dyn Progress,
    ) -> Result<RunImages, TrainError> {
        let DataSource {
            config,
            seed,
            record,
            is_own,
            inherits_group,
            is_limited,
            chose_epoch,
        } = self.source()?;
        let mut options = config.options(seed, Some(artifact.classes.clone()));
        options.class_ids = imagenet_synsets(&artifact.classes);
        let is_complete = record
            .as_ref()
            .is_some_and(|record| !record.is_incomplete());
        options.group_is_inherited = inherits_group;
        options.record_is_limited = is_limited;
        options.record = record.clone().map(|record| match is_own {
            true => (record, RecordUse::Follow),
            false => (record, RecordUse::Recognize),
        });
        let opened = receptive_data::open(&config.source, &options, progress);
        let mut data = opened.map_err(|error| match is_own {
            true => TrainError::from(error).or_moved(&self.remedies.data),
            false => error.into(),
        })?;
        if !is_complete {
            data.notes.push(NO_RECORD.into());
        }
        data.notes.extend(self.foreign_model(artifact));
        // Without the setting, the groups came from a column of the label list.
        let was_grouped = !is_own && record.is_some_and(|record| record.has_groups());
        if was_grouped && config.group.is_none() && !data.has_groups() {
            data.notes.push(NO_GROUPS.into());
        }
        if let Some(comparison) = data.comparison.clone() {
            self.check_found(&config.source, &comparison)?;
            data.notes
                .extend(taken_for_own(is_own, &config.source, &comparison));
            if comparison.validated > 0 {
                let images = counted(comparison.validated, "image");
                let is = if comparison.validated == 1 {
                    "is a validation image"
                } else {
                    "are validation images"
                };
                data.notes.push(match chose_epoch {
                    true => format!(
                        "{images} of these were used to select the best epoch: results on them are \
                         optimistic"
                    ),
                    false => format!("{images} of these {is} of the run"),
                });
            }
        }
        let followed = data.comparison.as_ref().map(|comparison| comparison.is_own);
        Ok(RunImages {
            data,
            is_own: followed.unwrap_or(is_own),
            chose_epoch,
        })
    }

    /// Checks that the run's data are at their new path.
    fn check_found(&self, source: &str, comparison: &Comparison) -> Result<(), TrainError> {
        let missing = comparison.missing.total();
        let is_moved = matches!(self.place, DataPlace::Moved(_));
        if !is_moved || comparison.known > 0 || missing == 0 {
            return Ok(());
        }
        Err(TrainError::setting(
            "data.source",
            format!(
                "none of the run's {} images are in {}, so this is not the new path of its data; \
                 give the new path, or evaluate these images as another data set",
                grouped(missing),
                source.printable(),
            ),
        ))
    }

    /// The note if the run's log is about another model: it was copied here, so the run's record says nothing
    /// about its training images.
    fn foreign_model(&self, artifact: &Artifact) -> Option<String> {
        let end = RunLog::read(&RunDirectory::open(self.run).ok()?)
            .ok()?
            .end?;
        let is_own = end.weights_sha256 == weights_sha256(&artifact.model);
        (!is_own && end.outcome.signal().is_none()).then(|| {
            "the model in the run's directory is not the one that the run trained (its log has another hash), so it \
             may have been trained on some of these images"
                .into()
        })
    }

    fn source(&self) -> Result<DataSource, TrainError> {
        let run = RunDirectory::around(self.run);
        let record = match &run {
            Some(run) => run.split_record()?,
            None => None,
        };
        let config = run.map(|run| run.config()).transpose()?;
        let chose_epoch = config
            .as_ref()
            .is_some_and(|run| run.train.monitor != Monitor::Last);
        let is_limited = config.as_ref().is_some_and(|run| run.data.limit.is_some());
        let own = |mut run: RunConfig, moved| {
            run.data.find(moved, self.labels, &self.remedies)?;
            Ok::<_, TrainError>((run.data, run.train.seed, true))
        };
        let (mut data, seed, is_own) = match (self.place, config) {
            (DataPlace::Own | DataPlace::Moved(_), None) => {
                return Err(TrainError::NotFound {
                    setting: "data.source",
                    problem: format!(
                        "the model {} is not part of a run, so its data is unknown; name the images to apply it to",
                        self.run.printable()
                    ),
                    remedy: self.remedies.other.clone(),
                });
            }
            (DataPlace::Own, Some(run)) => own(run, None)?,
            (DataPlace::Moved(path), Some(run)) => own(run, Some(path))?,
            (DataPlace::Other(path), Some(run)) if is_same(path, &run.data.source) => {
                own(run, None)?
            }
            (DataPlace::Other(path), run) => {
                let (trained, seed) =
                    run.map_or_else(Default::default, |run| (run.data, run.train.seed));
                // All images if no split is requested, else the splits that training would make.
                let share = |fraction| {
                    if self.split.is_some() { fraction } else { 0.0 }
                };
                let other = DataConfig {
                    source: path.into(),
                    labels: self.labels.map(PathBuf::from),
                    val_fraction: share(trained.val_fraction),
                    test_fraction: share(trained.test_fraction),
                    max_pixels: trained.max_pixels,
                    group: trained.group,
                    ..DataConfig::default()
                };
                (other, seed, false)
            }
        };
        data.limit = self.limit.or(data.limit);
        if let Some(column) = self.label_column {
            data.label_column = Some(column.into());
        }
        if let Some(group) = self.group {
            data.group = Some(group.into());
        }
        let inherits_group = !is_own && self.group.is_none();
        let data_dir = self.data_dir.map(PathBuf::from);
        data.data_dir = data_dir.or(data.data_dir.take());
        // One of the run's own images that was damaged since is treated like one that was deleted: neither is
        // evaluated.
        let of_own = match is_own && record.is_some() {
            true => BadImages::Skip,
            false => data.bad_images,
        };
        data.bad_images = self.bad_images.unwrap_or(of_own);
        Ok(DataSource {
            config: data,
            seed,
            record,
            is_own,
            inherits_group,
            is_limited,
            chose_epoch,
        })
    }
}

/// The note if other data turn out to be the run's own: images keep their splits, and not all are evaluated.
fn taken_for_own(was_own: bool, source: &str, comparison: &Comparison) -> Option<String> {
    let Comparison {
        known,
        missing,
        unreadable,
        ..
    } = comparison;
    (comparison.is_own && !was_own).then(|| {
        format!(
            "{} has {} of the run's {} images, so it is treated as the run's own data: each image \
             keeps its split in training, whichever folder it is in now",
            source.printable(),
            grouped(*known),
            grouped(known + missing.total() + unreadable.total()),
        )
    })
}

/// The note if a model, or its pretrained model, has no record of its images.
pub(crate) const NO_RECORD: &str = "it is not known which images the model was trained on, since it has no \
                                    complete split.csv: it may have been trained on some of these";

/// The note if images without groups are evaluated for a run that was split by groups.
const NO_GROUPS: &str = "the images of the run were split by groups, these have none: new images \
                         of a training group are not recognised; set data.group, or use a label \
                         list with a column of groups";

fn is_same(a: &str, b: &str) -> bool {
    let place = |source: &str| Path::new(source).canonicalize().ok();
    a == b || place(a).is_some_and(|a| Some(a) == place(b))
}

impl RunImages {
    /// The requested split and its name; by default the split best suited for testing.
    ///
    /// # Errors
    /// There are no images in it.
    pub fn choose(&self, split: Option<SplitName>) -> Result<(&Split, &'static str), TrainError> {
        let data = &self.data;
        let test = data.test.as_ref();
        let (val, train, new) = (Some(&data.val), Some(&data.train), Some(&data.new));
        let candidates = match split {
            Some(SplitName::Test) => vec![(test, "test")],
            Some(SplitName::Val) => vec![(val, "val")],
            Some(SplitName::Train) => vec![(train, "train")],
            Some(SplitName::New) => vec![(new, "new")],
            // Accuracy on images that the model was trained on says little, so training images are never the
            // default.
            None if self.is_own => vec![(test, "test"), (val, "val"), (new, "new")],
            None => vec![(test, "test"), (val, "val"), (train, "whole")],
        };
        candidates
            .into_iter()
            .find_map(|(split, name)| Some((split.filter(|split| !split.is_empty())?, name)))
            .ok_or_else(|| self.no_split(split))
    }

    /// A note if other images are evaluated by default, because the run's test images are not available.
    pub fn stand_in(&self) -> Option<String> {
        let data = &self.data;
        let has_test = data.test.as_ref().is_some_and(|test| !test.is_empty());
        if !self.is_own || has_test {
            return None;
        }
        let lost = |of: fn(&UnavailableImages) -> usize| {
            let comparison = data.comparison.as_ref();
            comparison.map_or(0, |c| of(&c.missing) + of(&c.unreadable))
        };
        let had = |lost: usize, what: &str| match lost {
            0 => format!("the run has no {what} images"),
            1 => format!("the run's only {what} image is not available"),
            lost => format!("none of the run's {lost} {what} images are available"),
        };
        let test = had(lost(|missing| missing.test), "test");
        if !data.val.is_empty() {
            let chosen = match self.chose_epoch {
                true => ", which also selected the best epoch, so results are optimistic",
                false => "",
            };
            return Some(format!(
                "{test}: the validation images are evaluated instead{chosen}"
            ));
        }
        let val = had(lost(|missing| missing.val), "validation");
        (!data.new.is_empty()).then(|| {
            format!("{test}, and {val}: the images added since training are evaluated instead")
        })
    }

    fn no_split(&self, split: Option<SplitName>) -> TrainError {
        let data = &self.data;
        let existing: Vec<String> = data
            .splits()
            .chain([&data.new])
            .filter(|split| !split.is_empty())
            .map(|split| format!("`{}`", split.name()))
            .collect();
        let left_out = data.comparison.as_ref().map_or(0, |c| c.left_out);
        let problem = match (existing.is_empty(), left_out) {
            (true, 0) => format!("{} has no images", data.name),
            (true, n) => format!(
                "the model was trained on all {n} images of {}, so nothing is left to evaluate; \
                 give images that it has not seen",
                data.name
            ),
            (false, _) if split.is_none() => format!(
                "no validation or test images of the run are available in {}, and results on \
                 training images say little; give other images, or the split {}",
                data.name,
                existing.join(" or ")
            ),
            (false, _) => format!(
                "{} has no images in this split; use {}",
                data.name,
                existing.join(" or ")
            ),
        };
        let setting = split.map_or("data.source", |_| "split");
        TrainError::setting(setting, problem)
    }
}
