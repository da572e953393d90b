//! `receptive import`.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// A safetensors file or a PyTorch checkpoint (a state dict)
    pub(crate) weights: PathBuf,
    /// A preset, a config file or a run's directory [default: the file's own, where `export` wrote
    /// it; the same holds for all that follows]
    #[arg(long, value_name = "NETWORK")]
    pub(crate) network: Option<String>,
    /// The input's shape, where the config has another
    #[arg(long, value_name = "CHANNELSxHEIGHTxWIDTH")]
    pub(crate) input: Option<String>,
    /// How many classes, or a file with the name of each on a line
    #[arg(long, value_name = "N|FILE")]
    pub(crate) classes: Option<String>,
    /// What is subtracted from pixels in 0..1: one number, or one for each channel
    #[arg(
        long,
        value_name = "N,...",
        value_delimiter = ',',
        allow_negative_numbers = true
    )]
    pub(crate) mean: Option<Vec<f32>>,
    /// What they are divided by afterwards
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    pub(crate) std: Option<Vec<f32>>,
    /// What is done to pictures of another size
    #[arg(long, value_enum)]
    pub(crate) resize: Option<ResizeName>,
    /// The checkpoint's entry that holds the state dict, such as state_dict
    #[arg(long, value_name = "NAME")]
    pub(crate) key: Option<String>,
    /// Lines of conv2d_1 = "features.0": the network's layers and the file's, where their order
    /// does not say it
    #[arg(long, value_name = "FILE")]
    pub(crate) names: Option<PathBuf>,
    /// Write the model here
    #[arg(long, value_name = "DIR", default_value = "imported")]
    pub(crate) out: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ResizeName {
    /// Both sides to size
    Stretch,
    /// The shorter side to size, the rest cut off
    Crop,
    /// The longer side to size, the rest filled with black
    Pad,
}

impl From<ResizeName> for receptive_model::Resize {
    fn from(name: ResizeName) -> Self {
        match name {
            ResizeName::Stretch => Self::Stretch,
            ResizeName::Crop => Self::Crop,
            ResizeName::Pad => Self::Pad,
        }
    }
}
