//! `receptive train`.

use super::NetworkArgs;
use clap::{Args, ValueEnum};
use receptive_train::Every;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    /// See each training image N times
    #[arg(long, value_name = "N")]
    pub(crate) epochs: Option<usize>,
    /// Write the run here instead of runs/NNN
    #[arg(long, value_name = "DIR")]
    pub(crate) run_dir: Option<PathBuf>,
    /// Go on with a run that was stopped or killed, from its newest whole checkpoint
    #[arg(
        long,
        value_name = "RUN",
        conflicts_with_all = [
            "data", "preset", "config", "from", "set", "epochs", "batch_size", "seed", "run_dir",
            "track_erf", "bad_images", "limit", "dry_run", "overfit", "tensorboard",
        ]
    )]
    pub(crate) resume: Option<PathBuf>,
    /// Save the run's state this often: 50steps, 2epochs, 60s [default: 1epochs]
    #[arg(long, value_name = "DISTANCE")]
    pub(crate) checkpoint_every: Option<Every>,
    /// Measure the effective receptive field before, during and after training: adds columns to
    /// metrics.csv and a filmstrip, erf.png
    #[arg(long)]
    pub(crate) track_erf: bool,
    /// Write events for TensorBoard as well, to RUN/tensorboard
    #[arg(long)]
    pub(crate) tensorboard: bool,
    /// Try one batch of everything, estimate time and memory of the run, and leave nothing behind
    #[arg(long, conflicts_with = "overfit")]
    pub(crate) dry_run: bool,
    /// See whether the network can learn N training images by heart, without augmentation and
    /// regularisation; at most 300 passes over them, or --epochs. Leaves nothing behind
    #[arg(
        long,
        value_name = "N",
        conflicts_with_all = ["from", "run_dir", "track_erf", "tensorboard", "checkpoint_every"]
    )]
    pub(crate) overfit: Option<usize>,
    /// The live view; by default on a terminal, unless NO_COLOR, CI or TERM=dumb is set
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = TuiName::Auto)]
    pub(crate) tui: TuiName,
    /// End standard output with one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TuiName {
    /// On a terminal
    Auto,
    /// On any terminal, whatever the environment says
    On,
    /// Plain lines
    Off,
}
