//! `receptive erf` and `erf sweep`.

use super::MachineArgs;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ErfArgs {
    #[command(subcommand)]
    pub(crate) experiment: Option<ErfExperiment>,
    /// Presets, config files or runs' directories; several are compared in one picture
    #[arg(value_name = "NETWORK", default_value = "plain-20")]
    pub(crate) networks: Vec<String>,
    /// The layer, by number or name as `summary` shows them, or `all` [default: the last map]
    #[arg(long, value_name = "LAYER")]
    pub(crate) layer: Option<String>,
    /// Take at most N samples
    #[arg(long, value_name = "N", default_value_t = receptive_erf::DEFAULT_SAMPLES)]
    pub(crate) samples: u64,
    /// Stop once noise alone causes no more than this total variation; 0 takes all samples
    #[arg(long, value_name = "TV", default_value_t = receptive_erf::DEFAULT_NOISE)]
    pub(crate) noise: f64,
    /// The weights: as they are, drawn anew for each sample, or all equal [default: given for a
    /// run, random for a preset or a config]
    #[arg(long, value_enum)]
    pub(crate) weights: Option<WeightsName>,
    /// What is shown to the network: `noise`, `own` (the images a run was not trained on), or
    /// another data set as for `train` [default: own for a run with given weights, else noise]
    #[arg(long, value_name = "noise|own|DATA")]
    pub(crate) input: Option<String>,
    /// The image's size [default: as trained; for a preset or a config at least so that the field
    /// fits]
    #[arg(long, value_name = "HEIGHTxWIDTH")]
    pub(crate) size: Option<String>,
    /// The unit [default: the one whose theoretical field is nearest the image's centre]
    #[arg(long, value_name = "ROW,COLUMN")]
    pub(crate) unit: Option<String>,
    /// The unit's channels: their sum, random signs (the mean square is then that of all), or one
    #[arg(long, value_name = "sum|signs|INDEX", default_value = "sum")]
    pub(crate) channels: String,
    /// Which mean the verdict, the picture and the first lines speak of
    #[arg(long, value_enum, default_value_t = AggregateName::Abs)]
    pub(crate) aggregate: AggregateName,
    /// How gradients are computed; all ways give the same numbers
    #[arg(long, value_enum, default_value_t = MethodName::Auto)]
    pub(crate) method: MethodName,
    /// Add the numbers as another tool computes them
    #[arg(long, value_enum)]
    pub(crate) compat: Option<Compat>,
    #[command(flatten)]
    pub(crate) measuring: MeasuringArgs,
}

/// What `erf` and its experiments take alike.
#[derive(Debug, Args)]
pub(crate) struct MeasuringArgs {
    /// Seed of weights, noise and signs
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Write pictures (PNG, SVG), numbers (JSON) and maps (NPY) here
    #[arg(long, value_name = "DIR", default_value = "erf")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ErfExperiment {
    /// Grow depth, kernel, stride, dilation ... one at a time and see what the field does
    Sweep(SweepArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SweepArgs {
    /// What is varied; all of them unless named
    #[arg(value_enum, value_name = "WHAT")]
    pub(crate) what: Vec<SweepName>,
    /// Depths, in 3x3 convolutions
    #[arg(long, value_name = "N,N,...", value_delimiter = ',', default_values_t = [5, 10, 20, 40])]
    pub(crate) depths: Vec<usize>,
    /// Draw N networks for each
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub(crate) samples: u64,
    /// Filters of each convolution
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub(crate) filters: usize,
    #[command(flatten)]
    pub(crate) measuring: MeasuringArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SweepName {
    Depth,
    Kernel,
    Stride,
    Dilation,
    Activation,
    Skip,
    Dropout,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WeightsName {
    Given,
    Random,
    Ones,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AggregateName {
    /// The mean absolute gradient
    Abs,
    /// The mean square, which theory predicts
    Square,
    /// The mean of what is positive
    Positive,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MethodName {
    /// The quickest
    Auto,
    /// Whole images, one unit
    Plain,
    /// Whole images, all units whose fields do not touch
    Tiles,
    /// Only what the unit depends on
    Cone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compat {
    /// RepLKNet's squares, measured after a logarithm
    Replknet,
}
