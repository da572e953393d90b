//! What several commands take.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Where data comes from.
#[derive(Debug, Clone, Args)]
pub(crate) struct SourceArgs {
    /// Look here first for data sets known by name, and download them here
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// What to do about damaged images: `fail` names them all, `skip` goes on without
    #[arg(long, value_name = "POLICY")]
    pub(crate) bad_images: Option<Policy>,
    /// Use at most N training images; other splits shrink in proportion
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Policy {
    Fail,
    Skip,
}

/// Where it runs.
#[derive(Debug, Clone, Args)]
pub(crate) struct MachineArgs {
    /// Compute on this backend: flex, ndarray, wgpu, cuda:1, ... [default: $BURN_DEVICE, or flex]
    #[arg(long, value_name = "NAME[:INDEX]")]
    pub(crate) backend: Option<String>,
    /// Compute with N threads; 0 for all cores. Never changes the result
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
}
