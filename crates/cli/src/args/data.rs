//! `receptive data`.

use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    /// A name or a path, as for `train`
    #[arg(default_value = "fashion-mini")]
    pub(crate) data: String,
    /// Look here first for data sets known by name, and download them here
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
