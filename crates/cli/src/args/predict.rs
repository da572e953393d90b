//! `receptive predict`.

use super::MachineArgs;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct PredictArgs {
    /// The run's directory
    pub(crate) run: PathBuf,
    /// Image files, or directories of them
    #[arg(required = true, value_name = "IMAGE")]
    pub(crate) images: Vec<PathBuf>,
    /// Name the K most probable classes
    #[arg(long, value_name = "K", default_value_t = 3)]
    pub(crate) top: usize,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    /// Print one JSON object per image
    #[arg(long)]
    pub(crate) json: bool,
}
