//! `receptive bench`.

use super::MachineArgs;
use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// fashion, vgg, photo or erf: the networks of bench/README.md; or data: files to batches
    #[arg(default_value = "fashion")]
    pub(crate) network: String,
    /// What `bench data` reads: a name or a path, as for `train`
    pub(crate) data: Option<String>,
    /// The side of the images that `bench data` makes
    #[arg(long, value_name = "N", default_value_t = 224)]
    pub(crate) size: usize,
    /// Load images with N threads in `bench data`; 0 loads in the main thread
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) workers: usize,
    /// Time inference instead of training
    #[arg(long)]
    pub(crate) infer: bool,
    /// Images a step [default: 64; 2 for photo, 1 for erf]
    #[arg(long, value_name = "N")]
    pub(crate) batch: Option<usize>,
    /// Time N steps and give the median
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub(crate) steps: usize,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
