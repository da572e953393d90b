//! The images that a trained run is applied to.

use super::RunDirectory;
use crate::config::{DataConfig, RunConfig};
use crate::error::TrainError;
use crate::prepare::data_options;
use receptive_core::text::Printable;
use receptive_data::{BadImages, DataSet, KNOWN_NAMES, Progress, Split};
use receptive_model::Artifact;
use std::path::{Path, PathBuf};

/// A part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum SplitName {
    /// Images that the weights were trained on.
    Train,
    /// Images that the best epoch was chosen by.
    Val,
    /// Images held out until the end.
    Test,
}

/// Which images a trained run is applied to.
#[derive(Debug, Clone)]
pub struct ImageQuery<'a> {
    /// The run's directory, or that of an artifact.
    pub run: &'a Path,
    /// The command that names other data, for messages.
    pub remedy: String,
    /// Another source than the run's own.
    pub data: Option<&'a str>,
    /// Whether `data` is the run's own data at another path, to be split in the same way.
    pub is_moved: bool,
    /// The part; that which is most like a test where it is left out.
    pub split: Option<SplitName>,
    /// Other than the run's own: the label list.
    pub labels: Option<&'a Path>,
    /// Other than the run's own: its column of classes.
    pub label_column: Option<&'a str>,
    /// Other than the run's own: what images belong together.
    pub group: Option<&'a str>,
    /// Other than the run's own: where named data sets are looked for first.
    pub data_dir: Option<&'a Path>,
    /// Other than the run's own: what is done about damaged images.
    pub bad_images: Option<BadImages>,
    /// Other than the run's own: at most this many training images.
    pub limit: Option<usize>,
}

/// A data set, seen from a trained run.
#[derive(Debug, Clone)]
pub struct RunImages {
    /// The whole set.
    pub data: DataSet,
    /// Whether it is the data that the run was trained on, split in the same way.
    pub is_own: bool,
}

/// What is opened, and how.
struct DataSource {
    config: DataConfig,
    seed: u64,
    is_own: bool,
}

impl<'a> ImageQuery<'a> {
    /// A run's own images.
    pub fn new(run: &'a Path, remedy: String) -> Self {
        Self {
            run,
            remedy,
            data: None,
            is_moved: false,
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
    /// If the run has no record of its data, or the data no longer exist, cannot be read, or have
    /// classes that the model does not have.
    pub fn open(
        &self,
        artifact: &Artifact,
        progress: &dyn Progress,
    ) -> Result<RunImages, TrainError> {
        let DataSource {
            config,
            seed,
            is_own,
        } = self.source()?;
        let options = data_options(&config, seed, Some(artifact.classes.clone()));
        Ok(RunImages {
            data: receptive_data::open(&config.source, &options, progress)?,
            is_own,
        })
    }

    fn source(&self) -> Result<DataSource, TrainError> {
        // `runs/001/last` is an artifact within its run.
        let place = match (Artifact::is_at(self.run), self.run.parent()) {
            (true, Some(parent)) => parent,
            _ => self.run,
        };
        let run = RunDirectory::open(place).and_then(|run| run.config());
        let own = |run: RunConfig| DataSource {
            config: run.data,
            seed: run.train.seed,
            is_own: true,
        };
        let no_data = |problem: &str| {
            TrainError::setting("data.source", format!("{problem}: {}", self.remedy))
        };
        let mut source = match (self.data, run) {
            // It is there and cannot be read.
            (data, Err(error))
                if (data.is_none() || self.is_moved) && RunDirectory::open(place).is_ok() =>
            {
                return Err(error);
            }
            (None, Err(_)) => {
                return Err(no_data(&format!(
                    "the model {} was copied out of its run and does not know its data; name some",
                    self.run.printable()
                )));
            }
            (None, Ok(run)) => {
                let path = &run.data.source;
                if !KNOWN_NAMES.contains(&path.as_str()) && !Path::new(path).exists() {
                    return Err(no_data(&format!(
                        "the data {} that the run was trained on is no longer there; name its \
                         new place",
                        path.printable()
                    )));
                }
                own(run)
            }
            (Some(path), Ok(mut run)) if self.is_moved => {
                run.data.move_to(path);
                own(run)
            }
            (Some(path), Ok(run)) if is_same(path, &run.data.source) => own(run),
            (Some(path), run) => {
                let (trained, seed) =
                    run.map_or_else(|_| Default::default(), |run| (run.data, run.train.seed));
                // Without a split all images, else the parts that training would cut.
                let share = |fraction| {
                    if self.split.is_some() { fraction } else { 0.0 }
                };
                DataSource {
                    config: DataConfig {
                        source: path.into(),
                        val_fraction: share(trained.val_fraction),
                        test_fraction: share(trained.test_fraction),
                        ..DataConfig::default()
                    },
                    seed,
                    is_own: false,
                }
            }
        };
        let config = &mut source.config;
        config.limit = self.limit.or(config.limit);
        if let Some(labels) = self.labels {
            config.labels = Some(labels.into());
        }
        if let Some(column) = self.label_column {
            config.label_column = Some(column.into());
        }
        if let Some(group) = self.group {
            config.group = Some(group.into());
        }
        let data_dir = self.data_dir.map(PathBuf::from);
        config.data_dir = data_dir.or(config.data_dir.take());
        config.bad_images = self.bad_images.unwrap_or(config.bad_images);
        Ok(source)
    }
}

fn is_same(a: &str, b: &str) -> bool {
    let place = |source: &str| Path::new(source).canonicalize().ok();
    a == b || place(a).is_some_and(|a| Some(a) == place(b))
}

impl RunImages {
    /// This part, or by default the one most like a test; and its name.
    ///
    /// # Errors
    /// When there is no such image.
    pub fn choose(&self, split: Option<SplitName>) -> Result<(&Split, &'static str), TrainError> {
        let data = &self.data;
        let test = data.test.as_ref();
        let (val, train) = (Some(&data.val), Some(&data.train));
        let candidates = match split {
            Some(SplitName::Test) => vec![(test, "test")],
            Some(SplitName::Val) => vec![(val, "val")],
            Some(SplitName::Train) => vec![(train, "train")],
            // Accuracy on what a model was trained on says little, so it is never the default.
            None if self.is_own => vec![(test, "test"), (val, "val")],
            None => vec![(test, "test"), (val, "val"), (train, "whole")],
        };
        candidates
            .into_iter()
            .find_map(|(split, name)| Some((split.filter(|split| !split.is_empty())?, name)))
            .ok_or_else(|| self.no_split())
    }

    fn no_split(&self) -> TrainError {
        let existing: Vec<String> = self
            .data
            .splits()
            .filter(|split| !split.is_empty())
            .map(|split| format!("`{}`", split.name()))
            .collect();
        TrainError::setting(
            "split",
            format!(
                "{} has no images in this split; use {}",
                self.data.name,
                existing.join(" or ")
            ),
        )
    }
}
