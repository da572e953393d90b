//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use receptive_train::Every;
use std::path::PathBuf;

/// Train convolutional image classifiers and measure what they see.
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = 80,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage or setting, 130 stopped by Ctrl-C \
                  and 143 by SIGTERM (both after saving).\nResults go to standard output, \
                  messages to standard error."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a classifier; leaves a run directory with model, curves and confusion matrix
    Train(TrainArgs),
    /// Measure a trained model on a data set
    Evaluate(EvaluateArgs),
    /// Name the most probable classes of images
    Predict(PredictArgs),
    /// Draw what the network makes of an image: feature maps, and the first layer's filters
    Features(FeaturesArgs),
    /// Measure what a unit sees (its effective receptive field) and test whether it is a Gaussian
    Erf(ErfArgs),
    /// Write a trained model as ONNX, or as safetensors with its network in PyTorch
    Export(ExportArgs),
    /// Make a model of the weights in a safetensors file or a PyTorch checkpoint
    Import(ImportArgs),
    /// Show a network layer by layer: shapes, parameters, receptive fields
    Summary(SummaryArgs),
    /// Work out one layer by hand: size, padding, parameters, what each output reads
    Explain(ExplainArgs),
    /// Show what a data set holds: classes, splits, sizes, damaged files
    Data(DataArgs),
    /// List the backends and the devices found
    Backends(BackendsArgs),
    /// Time training, inference or receptive fields on this machine
    Bench(BenchArgs),
}

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

#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    /// A name (fashion-mini, fashion-mnist, mnist, cifar10, cifar100) or a path to an image
    /// folder, IDX or CIFAR files [default: fashion-mini]
    pub(crate) data: Option<String>,
    /// The network, by name: tutorial, small, vgg, resnet, plain-N [default: small]
    #[arg(long, value_name = "NAME", conflicts_with = "config")]
    pub(crate) preset: Option<String>,
    /// The network, or a whole run's config.toml, from a file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Start from this run's trained model: its network and input, a new last layer for other
    /// classes [its own data by default]
    #[arg(long, value_name = "RUN", conflicts_with = "preset")]
    pub(crate) from: Option<PathBuf>,
    /// Leave the first N layers of that model as they are
    #[arg(long, value_name = "N", requires = "from")]
    pub(crate) freeze: Option<usize>,
    /// Go on with a run that was stopped or killed, from its newest whole checkpoint
    #[arg(
        long,
        value_name = "RUN",
        conflicts_with_all = [
            "data", "preset", "config", "from", "set", "epochs", "batch_size", "seed", "run_dir",
            "track_erf", "bad_images", "limit",
        ]
    )]
    pub(crate) resume: Option<PathBuf>,
    /// Save the run's state this often: 50steps, 2epochs, 60s [default: 1epochs]
    #[arg(long, value_name = "DISTANCE")]
    pub(crate) checkpoint_every: Option<Every>,
    /// Change any setting, such as train.optimizer.learning_rate=0.01; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// See each training image N times
    #[arg(long, value_name = "N")]
    pub(crate) epochs: Option<usize>,
    /// Images per step
    #[arg(long, value_name = "N")]
    pub(crate) batch_size: Option<usize>,
    /// Seed of weights, order, augmentation and dropout
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Write the run here instead of runs/NNN
    #[arg(long, value_name = "DIR")]
    pub(crate) run_dir: Option<PathBuf>,
    /// Measure the effective receptive field before, during and after training: adds columns to
    /// metrics.csv and a filmstrip, erf.png
    #[arg(long)]
    pub(crate) track_erf: bool,
    /// Load images with N threads; 0 loads between steps. Never changes the result
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<usize>,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    /// End standard output with one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EvaluateArgs {
    /// The run's directory
    pub(crate) run: PathBuf,
    /// Another data set than the one it was trained on
    pub(crate) data: Option<String>,
    /// The part of the data to measure on [default: test, or what there is of a data set that
    /// the model was not trained on]
    #[arg(long, value_enum)]
    pub(crate) split: Option<SplitName>,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SplitName {
    Train,
    Val,
    Test,
}

#[derive(Debug, Args)]
pub(crate) struct PredictArgs {
    /// The run's directory
    pub(crate) run: PathBuf,
    /// Image files, or directories of them
    #[arg(required = true, value_name = "IMAGE")]
    pub(crate) images: Vec<PathBuf>,
    /// Name the K most probable classes
    #[arg(long, value_name = "K", default_value_t = 3)]
    pub(crate) top: usize,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    /// Print one JSON object per image
    #[arg(long)]
    pub(crate) json: bool,
}

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
    #[arg(long, value_name = "N", default_value_t = receptive_erf::MOST_SAMPLES)]
    pub(crate) samples: u64,
    /// Stop once noise alone causes no more than this total variation; 0 takes all samples
    #[arg(long, value_name = "TV", default_value_t = receptive_erf::SMALL_NOISE)]
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
    /// Seed of weights and noise
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Write pictures and numbers here
    #[arg(long, value_name = "DIR", default_value = "erf")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
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

#[derive(Debug, Args)]
pub(crate) struct FeaturesArgs {
    /// The run's directory
    pub(crate) run: PathBuf,
    /// The image
    pub(crate) image: PathBuf,
    /// The layer, by number or name as `summary` shows them, or `all` [default: the last one as
    /// fine as the first]
    #[arg(long, value_name = "LAYER")]
    pub(crate) layer: Option<String>,
    /// Draw the N strongest channels
    #[arg(long, value_name = "N", default_value_t = 31)]
    pub(crate) most: usize,
    /// Write the pictures here
    #[arg(long, value_name = "DIR", default_value = "features")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The run's directory
    pub(crate) run: PathBuf,
    /// What to write
    #[arg(long, value_enum)]
    pub(crate) to: ExportFormat,
    /// Let the ONNX model take bytes, channels last, and normalise them itself
    #[arg(long)]
    pub(crate) pixels: bool,
    /// Write the files here
    #[arg(long, value_name = "DIR", default_value = "export")]
    pub(crate) out: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// model.onnx
    Onnx,
    /// model.safetensors in PyTorch's names and layout, and model.py
    Safetensors,
}

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

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    #[command(subcommand)]
    pub(crate) layer: ExplainLayer,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ExplainLayer {
    /// A convolution
    Conv(ExplainConv),
    /// A max pool
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
    /// The window's side
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) kernel: usize,
    #[command(flatten)]
    pub(crate) window: ExplainWindow,
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

#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    /// A name or a path, as for `train`
    #[arg(default_value = "fashion-mini")]
    pub(crate) data: String,
    /// Look here first for data sets known by name, and download them here
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BackendsArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// fashion, vgg, photo or erf: the networks of bench/README.md
    #[arg(default_value = "fashion")]
    pub(crate) network: String,
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
