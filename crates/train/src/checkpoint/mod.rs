//! A run's state: one directory, committed by a single rename and verified when read.

mod load;
mod save;
mod settings;
mod state;
#[cfg(all(test, feature = "flex"))]
mod tests;

pub(crate) use load::{
    Checkpoint, Files, changes_since_config, input, newest, parse, rejected_changes,
};
pub(crate) use save::{Contents, has_checkpoint, is_finite, save};
pub(crate) use settings::{changes, execution, settings, settings_sha256};
pub(crate) use state::{Position, State, Totals, TrainingHistory};

const FORMAT: &str = "receptive-checkpoint";
const VERSION: u32 = 2;
const MODEL: &str = "model.bpk";
/// Averaged weights, if the run has them.
const AVERAGED: &str = "averaged.bpk";
const OPTIMIZER: &str = "optimizer.bpk";
const STATE: &str = "state.json";
