//! The images that a trained run is applied to.

use super::{paragraph, policy};
use crate::args::{SourceArgs, SplitName};
use crate::error::CliError;
use crate::render::{DataProgress, say};
use receptive_data::{DataSet, KNOWN_NAMES, Split};
use receptive_model::Artifact;
use receptive_train::{DataConfig, RunConfig, RunDirectory, TrainError, data_options};
use std::path::Path;

/// What was asked for.
pub(super) struct DataChoice<'a> {
    pub(super) run: &'a Path,
    /// The command that names other data, for messages.
    pub(super) remedy: String,
    /// Another source than the run's own.
    pub(super) data: Option<&'a str>,
    pub(super) split: Option<SplitName>,
    pub(super) source: &'a SourceArgs,
}

/// The images, with the name of the part they are.
pub(super) struct Chosen {
    pub(super) data: DataSet,
    pub(super) split: Split,
    pub(super) name: &'static str,
}

/// What is to be measured on.
struct Wanted {
    config: DataConfig,
    seed: u64,
    /// Whether it is what the run was trained on, cut as it was then.
    is_own: bool,
}

impl DataChoice<'_> {
    /// Finds the images; remarks about the data go to standard error.
    pub(super) fn open(&self, artifact: &Artifact) -> Result<Chosen, CliError> {
        let wanted = self.wanted()?;
        let options = data_options(&wanted.config, wanted.seed, Some(artifact.classes.clone()));
        let data = receptive_data::open(&wanted.config.source, &options, &DataProgress::default())?;
        for note in &data.notes {
            say(paragraph("note     ", note));
        }
        if !data.damaged.is_empty() {
            let note = format!("{} damaged images are left out", data.damaged.len());
            say(paragraph("note     ", &note));
        }
        let (split, name) = choose(&data, self.split, wanted.is_own)?;
        Ok(Chosen {
            split: split.clone(),
            data,
            name,
        })
    }

    fn wanted(&self) -> Result<Wanted, CliError> {
        // `runs/001/last` is an artifact within its run.
        let place = match (Artifact::is_at(self.run), self.run.parent()) {
            (true, Some(parent)) => parent,
            _ => self.run,
        };
        let run = RunDirectory::open(place).and_then(|run| run.config());
        let own = |run: RunConfig| Wanted {
            config: run.data,
            seed: run.train.seed,
            is_own: true,
        };
        let mut wanted = match (self.data, run) {
            (None, Err(_)) => {
                return Err(CliError::Usage(format!(
                    "{path}: this model was copied out of its run and does not know its data; name \
                 some: {}",
                    self.remedy,
                    path = self.run.display()
                )));
            }
            (None, Ok(run)) => {
                let source = &run.data.source;
                if !KNOWN_NAMES.contains(&source.as_str()) && !Path::new(source).exists() {
                    return Err(CliError::Usage(format!(
                        "{source}: what the run was trained on is no longer there; name its new place: \
                     {}",
                        self.remedy
                    )));
                }
                own(run)
            }
            (Some(source), Ok(run)) if is_same(source, &run.data.source) => own(run),
            (Some(source), run) => {
                let (trained, seed) =
                    run.map_or_else(|_| Default::default(), |run| (run.data, run.train.seed));
                // Without `--split` all that there is, else the parts that training would cut.
                let share = |fraction| {
                    if self.split.is_some() { fraction } else { 0.0 }
                };
                Wanted {
                    config: DataConfig {
                        source: source.into(),
                        val_fraction: share(trained.val_fraction),
                        test_fraction: share(trained.test_fraction),
                        ..DataConfig::default()
                    },
                    seed,
                    is_own: false,
                }
            }
        };
        let config = &mut wanted.config;
        config.limit = self.source.limit.or(config.limit);
        config.data_dir = self.source.data_dir.clone().or(config.data_dir.take());
        if let Some(chosen) = self.source.bad_images {
            config.bad_images = policy(chosen);
        }
        Ok(wanted)
    }
}

fn is_same(a: &str, b: &str) -> bool {
    let place = |source: &str| Path::new(source).canonicalize().ok();
    a == b || place(a).is_some_and(|a| Some(a) == place(b))
}

/// The part of the data that was asked for, or else the one most like a test; and its name.
fn choose(
    data: &DataSet,
    split: Option<SplitName>,
    is_own: bool,
) -> Result<(&Split, &'static str), CliError> {
    let test = data.test.as_ref();
    let (val, train) = (Some(&data.val), Some(&data.train));
    let candidates = match split {
        Some(SplitName::Test) => vec![(test, "test")],
        Some(SplitName::Val) => vec![(val, "val")],
        Some(SplitName::Train) => vec![(train, "train")],
        // Accuracy on what a model was trained on says little, so that must be asked for.
        None if is_own => vec![(test, "test"), (val, "val")],
        None => vec![(test, "test"), (val, "val"), (train, "whole")],
    };
    candidates
        .into_iter()
        .find_map(|(split, name)| Some((split.filter(|split| !split.is_empty())?, name)))
        .ok_or_else(|| no_split(data))
}

fn no_split(data: &DataSet) -> CliError {
    let there: Vec<String> = data
        .splits()
        .filter(|split| !split.is_empty())
        .map(|split| format!("--split {}", split.name()))
        .collect();
    CliError::Train(TrainError::Setting {
        setting: "--split".into(),
        problem: format!(
            "{} has no such images; there is {}",
            data.name,
            there.join(", ")
        ),
    })
}
