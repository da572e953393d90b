//! `receptive features`.

use super::MachineArgs;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct FeaturesArgs {
    /// The run's directory
    pub(crate) run: PathBuf,
    /// The image
    pub(crate) image: PathBuf,
    /// The layer, by number or name as `summary` shows them, or `all` [default: the last one as
    /// fine as the first]
    #[arg(long, value_name = "LAYER")]
    pub(crate) layer: Option<String>,
    /// Draw the N strongest channels
    #[arg(long, value_name = "N", default_value_t = 31)]
    pub(crate) most: usize,
    /// Write the pictures here
    #[arg(long, value_name = "DIR", default_value = "features")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
