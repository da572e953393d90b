//! `receptive attend`.

use super::MachineArgs;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct AttendArgs {
    /// The run's directory
    pub(crate) run: PathBuf,
    /// The image
    pub(crate) image: PathBuf,
    /// Grad-CAM's layer, by number or name as `summary` shows them [default: the last convolution
    /// that leaves 5x5 units or more, after its batch norm and activation]
    #[arg(long, value_name = "LAYER")]
    pub(crate) layer: Option<String>,
    /// For the K most probable classes
    #[arg(long, value_name = "K", default_value_t = 3)]
    pub(crate) classes: usize,
    /// Average SmoothGrad over N noisy copies; 0 leaves it out
    #[arg(long, value_name = "N", default_value_t = 16)]
    pub(crate) smooth: usize,
    /// Write the picture and the maps here
    #[arg(long, value_name = "DIR", default_value = "attend")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
