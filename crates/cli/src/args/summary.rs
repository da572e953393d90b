//! `receptive summary`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct SummaryArgs {
    /// A preset, a config file or a run's directory
    #[arg(default_value = receptive_model::presets::DEFAULT)]
    pub(crate) network: String,
    /// The input's shape, for a preset or a config file
    #[arg(long, value_name = "CHANNELSxHEIGHTxWIDTH")]
    pub(crate) input: Option<String>,
    /// How many classes, for a preset or a config file
    #[arg(long, value_name = "N")]
    pub(crate) classes: Option<usize>,
    /// Estimate the memory of a training step on this many images
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub(crate) batch_size: usize,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
