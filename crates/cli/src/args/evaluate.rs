//! `receptive evaluate`.

use super::{MachineArgs, SourceArgs};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct EvaluateArgs {
    /// The run's directory
    pub(crate) run: PathBuf,
    /// Another data set than the one it was trained on
    pub(crate) data: Option<String>,
    /// The part of the data to measure on [default: test, or what there is of a data set that
    /// the model was not trained on]
    #[arg(long, value_enum)]
    pub(crate) split: Option<SplitName>,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SplitName {
    Train,
    Val,
    Test,
}

impl From<SplitName> for receptive_train::SplitName {
    fn from(name: SplitName) -> Self {
        match name {
            SplitName::Train => Self::Train,
            SplitName::Val => Self::Val,
            SplitName::Test => Self::Test,
        }
    }
}
