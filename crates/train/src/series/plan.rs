//! The plan of a series: its settings, and its runs.

use super::{FORMAT, VERSION};
use crate::config::{OpenSettings, RunConfig};
use crate::prepare::InputFrom;
use receptive_core::hash::ContentHash;
use receptive_data::Fold;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What differs between the runs of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SeriesKind {
    /// Their seeds, from `first` on, to show how much results vary by chance.
    Seeds {
        /// The seed of the first run.
        first: u64,
        /// Number of runs.
        count: usize,
    },
    /// The fold that is tested: a cross-validation.
    Folds {
        /// Number of folds.
        count: usize,
    },
}

/// One run of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedRun {
    /// Its directory within the series.
    pub name: String,
    /// Its config, with which it can also be trained on its own.
    pub config: RunConfig,
}

impl SeriesKind {
    /// The word for one run: `seed` or `fold`.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Seeds { .. } => "seed",
            Self::Folds { .. } => "fold",
        }
    }

    /// The runs in order; `base` is the config of all.
    pub fn runs(self, base: &RunConfig) -> Vec<PlannedRun> {
        let planned = |name: String, change: &dyn Fn(&mut RunConfig)| {
            let mut config = base.clone();
            change(&mut config);
            PlannedRun { name, config }
        };
        match self {
            Self::Seeds { first, count } => (0..count as u64)
                .map(|n| first.saturating_add(n))
                .map(|seed| planned(format!("seed-{seed}"), &|config| config.train.seed = seed))
                .collect(),
            Self::Folds { count: of } => (1..=of)
                .map(|number| {
                    let fold = Some(Fold { number, of });
                    planned(format!("fold-{number}"), &|config| config.data.fold = fold)
                })
                .collect(),
        }
    }
}

/// The content of `series.json`; runs and results are in other files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeriesFile {
    pub(super) format: String,
    pub(super) version: u32,
    pub(super) input_from: InputFrom,
    /// The settings that the recipe may choose for each run.
    pub(super) open: OpenSettings,
    pub(super) kind: SeriesKind,
    /// A hash of the other fields and of `base.toml`, so that an edit is noticed; `None` in a series that an
    /// older version began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) settings_sha256: Option<String>,
    /// What an older version wrote instead, which depended on the names of its fields.
    #[serde(default, skip_serializing)]
    sha256: Option<String>,
}

impl SeriesFile {
    pub(super) fn new(kind: SeriesKind, input_from: InputFrom, open: OpenSettings) -> Self {
        Self {
            format: FORMAT.into(),
            version: VERSION,
            input_from,
            open,
            kind,
            settings_sha256: None,
            sha256: None,
        }
    }
}

/// The hash of the fields that a series' file has, and of its `base.toml`; `None` if the file is not JSON.
pub(super) fn settings_hash(file: &str, base: &str) -> Option<String> {
    // Not of `SeriesFile`, which in a later version may have more fields.
    let mut file: Value = serde_json::from_str(file).ok()?;
    file.as_object_mut()?.remove("settings_sha256");
    Some(ContentHash::of(format!("{file}\n{base}").as_bytes()).to_string())
}
