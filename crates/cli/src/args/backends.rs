//! `receptive backends`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct BackendsArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
