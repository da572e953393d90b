//! A network and the data it learns from: what `train` and `lr-find` take alike.

use super::{MachineArgs, SourceArgs};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Clone, Args)]
pub(crate) struct NetworkArgs {
    /// A name (fashion-mini, fashion-mnist, mnist, cifar10, cifar100) or a path to an image
    /// folder, IDX or CIFAR files [default: fashion-mini]
    pub(crate) data: Option<String>,
    /// The network, by name: tutorial, small, accurate, vgg, resnet, plain-N
    /// [default: small]
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
    /// Change any setting, such as train.optimizer.learning_rate=0.01; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Images per step
    #[arg(long, value_name = "N")]
    pub(crate) batch_size: Option<usize>,
    /// Seed of weights, order, augmentation and dropout
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Load images with N threads; 0 loads between steps. Never changes the result
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<usize>,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
}
