//! `receptive lr-find`.

use super::NetworkArgs;
use clap::Args;
use receptive_train::trial::RangeTest;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct LrFindArgs {
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    /// The first learning rate
    #[arg(long, value_name = "RATE", default_value_t = RangeTest::default().from)]
    pub(crate) from_rate: f64,
    /// The last one, unless the loss flies off before
    #[arg(long, value_name = "RATE", default_value_t = RangeTest::default().to)]
    pub(crate) to_rate: f64,
    /// Steps from one to the other
    #[arg(long, value_name = "N", default_value_t = RangeTest::default().steps)]
    pub(crate) steps: usize,
    /// Write lr.png and lr.csv here
    #[arg(long, value_name = "DIR", default_value = "lr-find")]
    pub(crate) out: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
