//! The command line: one file a command.

mod attend;
mod backends;
mod bench;
mod completions;
mod data;
mod erf;
mod evaluate;
mod explain;
mod export;
mod features;
mod import;
mod lr_find;
mod man;
mod network;
mod predict;
mod report;
mod shared;
mod summary;
mod train;

pub(crate) use attend::AttendArgs;
pub(crate) use backends::BackendsArgs;
pub(crate) use bench::BenchArgs;
pub(crate) use completions::CompletionsArgs;
pub(crate) use data::DataArgs;
pub(crate) use erf::{
    AggregateName, Compat, ErfArgs, ErfExperiment, MethodName, SweepArgs, SweepName, WeightsName,
};
pub(crate) use evaluate::EvaluateArgs;
pub(crate) use explain::{
    ExplainArgs, ExplainConv, ExplainDense, ExplainLayer, ExplainPool, ExplainWindow, PoolKind,
};
pub(crate) use export::{ExportArgs, ExportFormat};
pub(crate) use features::FeaturesArgs;
pub(crate) use import::ImportArgs;
pub(crate) use lr_find::LrFindArgs;
pub(crate) use man::ManArgs;
pub(crate) use network::NetworkArgs;
pub(crate) use predict::PredictArgs;
pub(crate) use report::ReportArgs;
pub(crate) use shared::{MachineArgs, Policy, SourceArgs};
pub(crate) use summary::SummaryArgs;
pub(crate) use train::{TrainArgs, TuiName};

use clap::{Parser, Subcommand};

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
    /// Find a learning rate: train once with growing rates until the loss flies off
    LrFind(LrFindArgs),
    /// Measure a trained model on a data set
    Evaluate(EvaluateArgs),
    /// Write a run as one HTML page: curves, mistakes, feature maps, receptive field
    Report(ReportArgs),
    /// Name the most probable classes of images
    Predict(PredictArgs),
    /// Draw what the network makes of an image: feature maps, and the first layer's filters
    Features(FeaturesArgs),
    /// Show where the network looks in an image to find a class: Grad-CAM and input gradients
    Attend(AttendArgs),
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
    /// Print a shell's completion script
    Completions(CompletionsArgs),
    /// Print a manual page, or write those of all commands
    Man(ManArgs),
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
