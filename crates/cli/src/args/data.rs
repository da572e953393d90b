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
    /// Draw training images as the network sees them: resized, and changed at random as `train`
    /// does where nothing says otherwise
    #[arg(long)]
    pub(crate) show: bool,
    /// Draw N images
    #[arg(long, value_name = "N", default_value_t = 32, requires = "show")]
    pub(crate) count: usize,
    /// The seed that `train` is given: of the split, and of the images drawn and their changes
    #[arg(long, value_name = "N", default_value_t = 0, requires = "show")]
    pub(crate) seed: u64,
    /// Write the picture here (PNG or SVG)
    #[arg(
        long,
        value_name = "FILE",
        default_value = "batch.png",
        requires = "show"
    )]
    pub(crate) out: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
