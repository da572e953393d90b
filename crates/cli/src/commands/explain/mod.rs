//! `receptive explain`: one layer's arithmetic, each value with its formula.

mod layers;
mod picture;
mod window;

use crate::args::{numbers, parse_positive, parse_size};
use crate::error::{CliError, Exit};
use clap::{Args, Subcommand, ValueEnum};
use receptive_model::explain::{Nearest, SlidingAxis};
use receptive_model::{ImageSize, Padding, PlannedLayer};
use serde::Serialize;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    #[command(subcommand)]
    layer: Layer,
}

#[derive(Debug, Subcommand)]
enum Layer {
    /// Explain a convolution
    Conv(ConvArgs),
    /// Explain a max, average or global average pool
    Pool(PoolArgs),
    /// Explain a dense (linear) layer
    Dense(DenseArgs),
}

/// A window that slides over a map.
#[derive(Debug, Clone, Args)]
struct WindowArgs {
    /// Input size: N for a square, or HxW
    #[arg(long, value_name = "N|HxW", default_value = "5", value_parser = parse_size)]
    input: [usize; 2],
    /// Padding: same, valid, or a number of pixels
    #[arg(
        long,
        value_name = "same|valid|N",
        default_value = "valid",
        value_parser = parse_padding
    )]
    padding: Padding,
    /// Dilation: distance between neighbouring taps of the kernel
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = parse_positive::<usize>,
        allow_negative_numbers = true
    )]
    dilation: usize,
    /// Number of input channels
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = parse_positive::<usize>,
        allow_negative_numbers = true
    )]
    channels: usize,
    /// Draw the input pixels that each output reads, to this PNG or SVG file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ConvArgs {
    /// Kernel size
    #[arg(
        long,
        value_name = "N",
        default_value_t = 3,
        value_parser = parse_positive::<usize>,
        allow_negative_numbers = true
    )]
    kernel: usize,
    /// Stride
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = parse_positive::<usize>,
        allow_negative_numbers = true
    )]
    stride: usize,
    /// Number of filters
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = parse_positive::<usize>,
        allow_negative_numbers = true
    )]
    filters: usize,
    #[command(flatten)]
    window: WindowArgs,
}

#[derive(Debug, Args)]
struct PoolArgs {
    /// Kind of pool; `global` averages the whole feature map
    #[arg(long, value_enum, value_name = "KIND", default_value_t = PoolKind::Max)]
    kind: PoolKind,
    /// Kernel size [default: 2]
    #[arg(
        long,
        value_name = "N",
        value_parser = parse_positive::<usize>,
        allow_negative_numbers = true
    )]
    kernel: Option<usize>,
    /// Stride [default: the kernel size]
    #[arg(
        long,
        value_name = "N",
        value_parser = parse_positive::<usize>,
        allow_negative_numbers = true
    )]
    stride: Option<usize>,
    #[command(flatten)]
    window: WindowArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PoolKind {
    Max,
    Avg,
    Global,
}

#[derive(Debug, Args)]
struct DenseArgs {
    /// Input: a number of values, or CxHxW, which is flattened
    #[arg(
        long,
        value_name = "N|CxHxW",
        default_value = "64x7x7",
        value_parser = parse_dense_input
    )]
    input: ImageSize,
    /// Number of units (outputs)
    #[arg(
        long,
        value_name = "N",
        default_value_t = 128,
        value_parser = parse_positive::<usize>,
        allow_negative_numbers = true
    )]
    units: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn parse_padding(text: &str) -> Result<Padding, String> {
    match text {
        "same" => Ok(Padding::Same),
        "valid" => Ok(Padding::Valid),
        pixels => {
            let pixels = pixels.parse::<usize>();
            let problem = "expected same, valid or a number of pixels";
            pixels.map(Padding::from).map_err(|_| problem.into())
        }
    }
}

fn parse_dense_input(text: &str) -> Result<ImageSize, String> {
    match numbers(text, 'x').as_deref() {
        Some([values]) => Ok(ImageSize::new(*values, 1, 1)),
        Some([channels, height, width]) => Ok(ImageSize::new(*channels, *height, *width)),
        _ => Err("expected N or CxHxW, such as 3136 or 64x7x7".into()),
    }
}

/// The output of `--json`.
#[derive(Serialize)]
struct Json {
    layer: &'static str,
    output: Vec<usize>,
    formula: String,
    /// Height and width; a single axis if they are equal.
    axes: Vec<SlidingAxis>,
    /// The output sizes with `valid` padding, one per axis.
    valid: Vec<usize>,
    /// The output sizes with `same` padding, one per axis.
    same: Vec<usize>,
    params: usize,
    macs: usize,
    field: [i64; 2],
    step: [i64; 2],
    nearest: Vec<Nearest>,
}

impl Json {
    /// A layer without a sliding window.
    fn new(layer: &'static str, planned: &PlannedLayer, formula: String) -> Self {
        Self {
            layer,
            output: planned.output.dims(),
            formula,
            axes: Vec::new(),
            valid: Vec::new(),
            same: Vec::new(),
            params: planned.params,
            macs: planned.macs,
            field: planned.trf.map(|field| field.size()),
            step: planned.trf.map(|field| field.stride),
            nearest: Vec::new(),
        }
    }
}

pub(super) fn run(arguments: &ExplainArgs) -> Result<Exit, CliError> {
    match &arguments.layer {
        Layer::Conv(arguments) => layers::conv(arguments)?,
        Layer::Pool(arguments) => layers::pool(arguments)?,
        Layer::Dense(arguments) => layers::dense(arguments)?,
    }
    Ok(Exit::Done)
}
