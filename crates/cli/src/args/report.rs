//! `receptive report`.

use super::MachineArgs;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The run's directory
    pub(crate) run: PathBuf,
    /// Write the page here [default: report.html in the run's directory]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Where the run's data is now, if it was moved; split as it was then
    #[arg(long, value_name = "DATA")]
    pub(crate) data: Option<String>,
    /// Look here first for data sets known by name, and download them here
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Measure the effective receptive field on at most N images
    #[arg(long, value_name = "N", default_value_t = 400)]
    pub(crate) samples: u64,
    /// Show the N images with the largest losses
    #[arg(long, value_name = "N", default_value_t = 24)]
    pub(crate) losses: usize,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
