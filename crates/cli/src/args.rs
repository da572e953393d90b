//! Arguments shared by several commands, and parsers of their values.

use crate::error::CliError;
pub(crate) use crate::machine::{DeviceArgs, MachineArgs};
pub(crate) use crate::parse::{
    numbers, parse_directory, parse_number, parse_positive, parse_precision, parse_shape,
    parse_size, parse_whole,
};
use clap::{ArgGroup, Args, ValueEnum};
use receptive_core::text::Printable;
use receptive_data::{Augment, BadImages, DecodeLimits};
use receptive_model::Precision;
use receptive_train::RunDirectory;
use receptive_train::config::OptimizerKind;
use std::path::{Path, PathBuf};

/// Labels and groups of image files.
#[derive(Debug, Clone, Args)]
pub(crate) struct LabelArgs {
    /// Label list: a CSV file with the class of each image, and optionally its split and group
    #[arg(long, value_name = "FILE")]
    pub(crate) labels: Option<PathBuf>,
    /// Class column of the label list, by name or number [default: found by name and content]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) label_column: Option<String>,
    /// Keep images of one patient, plant or video in one split: a column of the label list, or a
    /// regular expression on file names whose first capture group is the group, such as
    /// '^(p[0-9]+)_'
    #[arg(long, value_name = "PATTERN")]
    pub(crate) group: Option<String>,
}

impl LabelArgs {
    /// The arguments as shell words, each preceded by a space, for a command that can be pasted.
    pub(crate) fn words(&self) -> String {
        let labels = self.labels.as_deref().map(Printable::shell_word);
        let mut words = String::new();
        for (argument, value) in [
            ("--labels", labels),
            (
                "--label-column",
                self.label_column.as_deref().map(Printable::shell_word),
            ),
            ("--group", self.group.as_deref().map(Printable::shell_word)),
        ] {
            words.extend(value.map(|value| format!(" {argument} {value}")));
        }
        words
    }
}

/// Where data comes from.
#[derive(Debug, Clone, Args)]
pub(crate) struct SourceArgs {
    #[command(flatten)]
    pub(crate) labels: LabelArgs,
    /// Directory for named data sets; searched first, and used for downloads
    #[arg(long, value_name = "DIR", value_parser = parse_directory)]
    pub(crate) data_dir: Option<PathBuf>,
    /// How to handle damaged images
    #[arg(long, value_enum, value_name = "POLICY")]
    pub(crate) bad_images: Option<BadImages>,
    /// Use at most N training images; the other splits shrink in proportion
    #[arg(
        long,
        value_name = "N",
        value_parser = parse_whole::<usize>,
        allow_negative_numbers = true
    )]
    pub(crate) limit: Option<usize>,
}

/// The maximum size of an image.
#[derive(Debug, Clone, Args)]
pub(crate) struct PixelArgs {
    /// Maximum pixels per image; larger images are rejected [default: as trained, or 268435456]
    #[arg(
        long,
        value_name = "N",
        value_parser = parse_positive::<u64>,
        allow_negative_numbers = true
    )]
    pub(crate) max_pixels: Option<u64>,
}

impl PixelArgs {
    /// The limits for images to which a trained run is applied: the run's own, unless the argument is given.
    pub(crate) fn limits(&self, run: &Path) -> Result<DecodeLimits, CliError> {
        let own = || -> Result<Option<u64>, CliError> {
            let run = RunDirectory::around(run).map(|run| run.config());
            Ok(run.transpose()?.map(|config| config.data.max_pixels))
        };
        let pixels = match self.max_pixels {
            Some(pixels) => Some(pixels),
            None => own()?,
        };
        let default = DecodeLimits::default();
        Ok(DecodeLimits {
            pixels: pixels.unwrap_or(default.pixels),
            ..default
        })
    }
}

/// The arguments that define a new run. `--resume` takes these values from the run itself, so it conflicts with
/// this group; each argument declares that it belongs to it.
pub(crate) const NEW_RUN: &str = "new_run";

/// A network and its training data, for `train`, `tune` and `lr-find`.
#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new(NEW_RUN).multiple(true))]
pub(crate) struct NetworkArgs {
    /// Data set: a name (fashion-mini, fashion-mnist, mnist, cifar10, cifar100) or the path of an
    /// image folder, IDX or CIFAR files [default: fashion-mini]
    #[arg(group = NEW_RUN)]
    pub(crate) data: Option<String>,
    /// Network by name: tutorial, small, accurate, vgg, resnet, plain-N, or one that `receptive
    /// networks` lists [default: small]
    #[arg(long, value_name = "NAME", group = NEW_RUN, conflicts_with = "config")]
    pub(crate) preset: Option<String>,
    /// Config file: a network, or a whole run's config.toml
    #[arg(long, value_name = "FILE", group = NEW_RUN)]
    pub(crate) config: Option<PathBuf>,
    /// Fine-tune the model of this run, or published weights (a file, with --preset NAME if needed,
    /// a folder with config.json, hf:ORG/NAME, or a network's name, such as efficientnet_lite0). Keeps
    /// network and input size, and replaces the last layer if the classes differ. Trains on the run's
    /// own data unless DATA is given
    #[arg(long, value_name = "RUN|WEIGHTS", group = NEW_RUN)]
    pub(crate) from: Option<PathBuf>,
    /// Do not download; use cached weights only
    #[arg(long, group = NEW_RUN, requires = "from")]
    pub(crate) offline: bool,
    /// Freeze the first N layers of that model
    #[arg(
        long,
        value_name = "N",
        group = NEW_RUN,
        requires = "from",
        value_parser = parse_whole::<usize>,
        allow_negative_numbers = true
    )]
    pub(crate) freeze: Option<usize>,
    /// Override any setting, such as train.optimizer.learning_rate=0.01; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Images per batch
    #[arg(
        long,
        value_name = "N",
        value_parser = parse_positive::<usize>,
        allow_negative_numbers = true
    )]
    pub(crate) batch_size: Option<usize>,
    /// Gradient accumulation: batches per optimizer step
    #[arg(
        long,
        value_name = "N",
        value_parser = parse_positive::<usize>,
        allow_negative_numbers = true
    )]
    pub(crate) accumulate: Option<usize>,
    /// Optimizer, with its default learning rate and weight decay [default: sgd, or adamw with --from]
    #[arg(long, value_enum, value_name = "NAME")]
    pub(crate) optimizer: Option<OptimizerKind>,
    /// Precision of convolutions and dense layers in training steps: f32, bf16 or f16; weights,
    /// norms and the loss stay in f32 [default: f32]
    #[arg(long, value_name = "FORMAT", value_parser = parse_precision)]
    pub(crate) precision: Option<Precision>,
    /// Stochastic depth: drop residual branches at random, with a rate that rises linearly from 0
    /// in the first block to RATE in the last
    #[arg(
        long,
        value_name = "RATE",
        value_parser = parse_number,
        allow_negative_numbers = true
    )]
    pub(crate) stochastic_depth: Option<f64>,
    /// Height and width of the input images: N, or HEIGHTxWIDTH [default: the data's own, or 64 for
    /// photos]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) image_size: Option<[usize; 2]>,
    /// Convert images to greyscale (one input channel)
    #[arg(long)]
    pub(crate) grey: bool,
    /// Balance the classes: weight the loss, or oversample small classes
    #[arg(long, value_enum, value_name = "HOW")]
    pub(crate) balance: Option<Balance>,
    #[command(flatten)]
    pub(crate) augment: AugmentArgs,
    /// Seed of weight initialisation, shuffling, augmentation and dropout
    #[arg(long, value_name = "N", value_parser = parse_whole::<u64>, allow_negative_numbers = true)]
    pub(crate) seed: Option<u64>,
    /// Number of data-loading threads; 0 loads between steps. Does not change the result
    #[arg(
        long,
        value_name = "N",
        value_parser = parse_whole::<usize>,
        allow_negative_numbers = true
    )]
    pub(crate) workers: Option<usize>,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    #[command(flatten)]
    pub(crate) devices: DeviceArgs,
}

/// Augmentation of the training images.
#[derive(Debug, Clone, Args)]
pub(crate) struct AugmentArgs {
    /// Augmentation policy, or `none` (in `train`, --set train.augment.NAME changes single ones)
    #[arg(long, value_enum, value_name = "POLICY")]
    pub(crate) augment: Option<AugmentPolicy>,
    /// Mixup with this alpha, such as 0.2; 0 disables it
    #[arg(
        long,
        value_name = "ALPHA",
        value_parser = parse_number,
        allow_negative_numbers = true
    )]
    pub(crate) mixup: Option<f64>,
    /// CutMix with this alpha, such as 1; 0 disables it
    #[arg(
        long,
        value_name = "ALPHA",
        value_parser = parse_number,
        allow_negative_numbers = true
    )]
    pub(crate) cutmix: Option<f64>,
}

/// An augmentation policy by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AugmentPolicy {
    /// RandAugment: two random operations of one magnitude per image, in addition to the other
    /// augmentations
    Randaugment,
    /// TrivialAugment: one random operation of random magnitude per image, in addition to the other
    /// augmentations
    Trivialaugment,
    /// No augmentation
    None,
}

impl AugmentArgs {
    /// Whether no argument is given.
    pub(crate) fn is_empty(&self) -> bool {
        self.augment.is_none() && self.mixup.is_none() && self.cutmix.is_none()
    }

    /// Whether augmentation is turned off.
    pub(crate) fn is_off(&self) -> bool {
        self.augment == Some(AugmentPolicy::None)
    }

    pub(crate) fn apply(&self, augment: &mut Augment) {
        match self.augment {
            Some(AugmentPolicy::Randaugment) => {
                augment.randaugment = Some(augment.randaugment.unwrap_or_default());
                augment.trivialaugment = None;
            }
            Some(AugmentPolicy::Trivialaugment) => {
                augment.trivialaugment = Some(augment.trivialaugment.unwrap_or_default());
                augment.randaugment = None;
            }
            Some(AugmentPolicy::None) => *augment = Augment::default(),
            None => {}
        }
        augment.mixup = self.mixup.map_or(augment.mixup, |alpha| alpha as f32);
        augment.cutmix = self.cutmix.map_or(augment.cutmix, |alpha| alpha as f32);
    }
}

/// How classes of different sizes are balanced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Balance {
    /// Weight the loss by inverse class frequency
    Weights,
    /// Draw the same number of images from every class in each epoch
    Sample,
    /// No balancing: every image has the same weight
    None,
}
