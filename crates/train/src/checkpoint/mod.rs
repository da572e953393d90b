//! A run's state: one directory, committed by one rename, checked when it is read.

mod every;
mod load;
mod save;
mod state;
#[cfg(all(test, feature = "flex"))]
mod tests;

pub use every::{CheckpointConfig, Every};
pub use load::Refused;
pub(crate) use load::{Restored, newest, parse};
pub(crate) use save::{is_finite, save};
pub(crate) use state::{Best, FieldFrame, Memory, Position, State, settings_sha256};

const FORMAT: &str = "receptive-checkpoint";
const VERSION: u32 = 2;
const MODEL: &str = "model.bpk";
const OPTIMIZER: &str = "optimizer.bpk";
const STATE: &str = "state.json";
