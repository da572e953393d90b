//! `receptive explain`.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    #[command(subcommand)]
    pub(crate) layer: ExplainLayer,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ExplainLayer {
    /// A convolution
    Conv(ExplainConv),
    /// A max, average or global average pool
    Pool(ExplainPool),
    /// A dense (linear) layer
    Dense(ExplainDense),
}

/// What slides over a map.
#[derive(Debug, Clone, Args)]
pub(crate) struct ExplainWindow {
    /// The map's size: 5, or height x width as 5x7
    #[arg(long, value_name = "N|HxW", default_value = "5")]
    pub(crate) input: String,
    /// How far the window moves [default: 1; a pool's own size]
    #[arg(long, value_name = "N")]
    pub(crate) stride: Option<usize>,
    /// same, valid, or a number of pixels
    #[arg(long, value_name = "same|valid|N", default_value = "valid")]
    pub(crate) padding: String,
    /// The distance between neighbouring taps
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) dilation: usize,
    /// The map's channels
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) channels: usize,
    /// Draw what each output reads into this PNG or SVG file
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainConv {
    /// The kernel's side
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) kernel: usize,
    /// How many kernels
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) filters: usize,
    #[command(flatten)]
    pub(crate) window: ExplainWindow,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainPool {
    /// What is taken of each window; `global` is the mean of the whole map
    #[arg(long, value_enum, value_name = "KIND", default_value_t = PoolKind::Max)]
    pub(crate) kind: PoolKind,
    /// The window's side
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) kernel: usize,
    #[command(flatten)]
    pub(crate) window: ExplainWindow,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum PoolKind {
    Max,
    Avg,
    Global,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainDense {
    /// Values that come in: a number, or channels x height x width, which `flatten` lays out
    #[arg(long, value_name = "N|CxHxW", default_value = "64x7x7")]
    pub(crate) input: String,
    /// Values that come out
    #[arg(long, value_name = "N", default_value_t = 128)]
    pub(crate) units: usize,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
