//! `receptive man`.

use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The command, as `erf sweep`; the program itself where none is named
    #[arg(value_name = "COMMAND", conflicts_with = "out")]
    pub(crate) command: Vec<String>,
    /// Write the pages of all commands here
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}
