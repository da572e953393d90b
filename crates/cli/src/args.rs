//! Arguments that several commands share, and parsers of their values.

use crate::error::CliError;
use clap::{ArgGroup, Args, ValueEnum};
use receptive_core::ImageSize;
use receptive_core::text::Printable;
use receptive_data::{Augment, BadImages, DecodeLimits};
use receptive_model::Precision;
use receptive_train::{Backend, Compute, MachineConfig, RunDirectory};
use std::num::{IntErrorKind, ParseIntError};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Labels and groups of image files.
#[derive(Debug, Clone, Args)]
pub(crate) struct LabelArgs {
    /// Label list: a CSV file with the class of each image, and optionally its split and group
    #[arg(long, value_name = "FILE")]
    pub(crate) labels: Option<PathBuf>,
    /// Column of the label list that has the classes, by name or number [default: by name and
    /// content]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) label_column: Option<String>,
    /// Keep images of one patient, plant or video in one split: a column of the label list, or a
    /// regular expression on file names with the group in brackets, such as '^(p[0-9]+)_'
    #[arg(long, value_name = "PATTERN")]
    pub(crate) group: Option<String>,
}

impl LabelArgs {
    /// The same arguments for a command that can be pasted into a shell, with a blank before each.
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
    /// Directory of data sets known by name: searched first, and downloads go there
    #[arg(long, value_name = "DIR", value_parser = parse_directory)]
    pub(crate) data_dir: Option<PathBuf>,
    /// What to do about damaged images
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

/// How large an image may be.
#[derive(Debug, Clone, Args)]
pub(crate) struct PixelArgs {
    /// Largest number of pixels of an image; a larger one is not read [default: as trained, or 268435456]
    #[arg(
        long,
        value_name = "N",
        value_parser = parse_positive::<u64>,
        allow_negative_numbers = true
    )]
    pub(crate) max_pixels: Option<u64>,
}

impl PixelArgs {
    /// The limits for images that a trained run is applied to: its own, unless the argument is given.
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

/// Where it runs.
#[derive(Debug, Clone, Args)]
pub(crate) struct MachineArgs {
    /// Backend: flex, ndarray, wgpu, cuda:1, ... [default: $BURN_DEVICE, or flex]
    #[arg(long, value_name = "NAME[:INDEX]")]
    pub(crate) backend: Option<String>,
    /// Number of compute threads; 0 for all cores. Does not change the result
    #[arg(
        long,
        value_name = "N",
        value_parser = parse_whole::<usize>,
        allow_negative_numbers = true
    )]
    pub(crate) threads: Option<usize>,
}

impl MachineArgs {
    /// The backend and the number of threads that a trained run is applied with.
    pub(crate) fn backend(&self) -> Result<(Backend, usize), CliError> {
        let backend = match &self.backend {
            Some(name) => name.parse()?,
            None => Backend::from_env()?,
        };
        let mut machine = MachineConfig::default();
        machine.threads = self.threads.unwrap_or(machine.threads);
        machine.check()?;
        Ok((backend, backend.threads(machine.thread_count())))
    }

    /// The backend, with its device and threads.
    pub(crate) fn compute(&self) -> Result<(Backend, Compute), CliError> {
        let (backend, threads) = self.backend()?;
        Ok((backend, Compute::new(backend.device()?, threads)?))
    }
}

/// The arguments that define a new run. `--resume` takes what they say from the run itself, so it conflicts with
/// this group; each argument names it where it is declared.
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
    /// Fine-tune this run's trained model, or published weights (a file, which --preset may name the
    /// network of, a folder with config.json, or hf:ORG/NAME): its network and input size, with a new
    /// last layer for other classes. Trains on the run's own data unless DATA is given
    #[arg(long, value_name = "RUN|WEIGHTS", group = NEW_RUN)]
    pub(crate) from: Option<PathBuf>,
    /// Fetch nothing: take weights from the cache
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
    /// Batches per training step: their gradients are added up, as if a batch were N times as large
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
    /// Format in which convolutions and dense layers compute in training steps: f32, bf16 or f16; weights,
    /// norms and the loss stay in 32 bits [default: f32]
    #[arg(long, value_name = "FORMAT", value_parser = parse_precision)]
    pub(crate) precision: Option<Precision>,
    /// Stochastic depth: leave out the branches of residual blocks at random, at a rate from 0 in the
    /// first block to RATE in the last
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
    /// Make colour images grey: an input of one channel
    #[arg(long)]
    pub(crate) grey: bool,
    /// Give all classes the same influence, however many images each has: weights in the loss, or
    /// drawing small classes more often
    #[arg(long, value_enum, value_name = "HOW")]
    pub(crate) balance: Option<Balance>,
    #[command(flatten)]
    pub(crate) augment: AugmentArgs,
    /// Seed of weight initialization, shuffling, augmentation and dropout
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
    pub(crate) machine: MachineArgs,
}

/// Random changes of the training images.
#[derive(Debug, Clone, Args)]
pub(crate) struct AugmentArgs {
    /// Change images by a policy, or not at all (--set train.augment.NAME sets single changes)
    #[arg(long, value_enum, value_name = "POLICY")]
    pub(crate) augment: Option<AugmentPolicy>,
    /// Mix images of a batch, and their labels, with mixup of this alpha, such as 0.2; 0 for none
    #[arg(
        long,
        value_name = "ALPHA",
        value_parser = parse_number,
        allow_negative_numbers = true
    )]
    pub(crate) mixup: Option<f64>,
    /// Put rectangles of other images of the batch into images, with CutMix of this alpha, such as 1; 0
    /// for none
    #[arg(
        long,
        value_name = "ALPHA",
        value_parser = parse_number,
        allow_negative_numbers = true
    )]
    pub(crate) cutmix: Option<f64>,
}

/// A set of random changes by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AugmentPolicy {
    /// Beside the other changes two operations of one strength, drawn for each image (RandAugment)
    Randaugment,
    /// Beside the other changes one operation, drawn for each image with its strength (TrivialAugment)
    Trivialaugment,
    /// No random changes
    None,
}

impl AugmentArgs {
    /// Whether none is given.
    pub(crate) fn is_empty(&self) -> bool {
        self.augment.is_none() && self.mixup.is_none() && self.cutmix.is_none()
    }

    /// Whether nothing is to be changed at random.
    pub(crate) fn is_none(&self) -> bool {
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

/// An optimizer by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OptimizerKind {
    /// Stochastic gradient descent with Nesterov momentum
    Sgd,
    /// Adam with decoupled weight decay
    Adamw,
    /// Steps by the sign of a momentum
    Lion,
    /// Gradients divided by the root of their mean square
    Rmsprop,
}

impl OptimizerKind {
    /// As `train.optimizer.kind` has it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sgd => "sgd",
            Self::Adamw => "adamw",
            Self::Lion => "lion",
            Self::Rmsprop => "rmsprop",
        }
    }
}

/// How classes of different sizes get the same influence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Balance {
    /// The loss of an image counts the more, the fewer images its class has
    Weights,
    /// Each epoch draws as many images of each class
    Sample,
    /// Every image counts the same
    None,
}

/// A number format by its name.
pub(crate) fn parse_precision(text: &str) -> Result<Precision, String> {
    let known = Precision::ALL.into_iter().find(|one| one.name() == text);
    known.ok_or_else(|| "expected f32, bf16 or f16".into())
}

/// A whole number.
pub(crate) fn parse_whole<T>(text: &str) -> Result<T, String>
where
    T: FromStr<Err = ParseIntError>,
{
    text.parse().map_err(|error| whole_problem(&error, 0))
}

/// A whole number of at least 1.
pub(crate) fn parse_positive<T>(text: &str) -> Result<T, String>
where
    T: FromStr<Err = ParseIntError> + PartialOrd + From<u8>,
{
    let number = text.parse().map_err(|error| whole_problem(&error, 1))?;
    if number < T::from(1) {
        return Err("expected a whole number, 1 or more".into());
    }
    Ok(number)
}

fn whole_problem(error: &ParseIntError, min: u8) -> String {
    match error.kind() {
        IntErrorKind::PosOverflow => "expected a smaller whole number".into(),
        _ => format!("expected a whole number, {min} or more"),
    }
}

/// The path of a directory that exists.
pub(crate) fn parse_directory(text: &str) -> Result<PathBuf, String> {
    match PathBuf::from(text) {
        directory if directory.is_dir() => Ok(directory),
        _ => Err("expected a directory that exists".into()),
    }
}

/// A number with or without decimals.
pub(crate) fn parse_number(text: &str) -> Result<f64, String> {
    text.parse()
        .map_err(|_| "expected a number, such as 0.01".into())
}

/// `N` for a square, or `HEIGHTxWIDTH`.
pub(crate) fn parse_size(text: &str) -> Result<[usize; 2], String> {
    match numbers(text, 'x').as_deref() {
        Some(sides) if sides.contains(&0) => Err("expected a side of 1 pixel or more".into()),
        Some([side]) => Ok([*side; 2]),
        Some([height, width]) => Ok([*height, *width]),
        _ => Err("expected N or HEIGHTxWIDTH, such as 64 or 64x48".into()),
    }
}

/// `CHANNELSxHEIGHTxWIDTH`.
pub(crate) fn parse_shape(text: &str) -> Result<ImageSize, String> {
    match numbers(text, 'x').as_deref() {
        Some([channels, height, width]) => Ok(ImageSize::new(*channels, *height, *width)),
        _ => Err("expected CHANNELSxHEIGHTxWIDTH, such as 3x32x32".into()),
    }
}

/// The whole numbers between the separators; `None` if a part is anything else.
pub(crate) fn numbers(text: &str, separator: char) -> Option<Vec<usize>> {
    let parts = text.split(separator);
    parts.map(|part| part.trim().parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_number_is_told_what_is_expected() {
        assert_eq!(parse_whole::<usize>("0"), Ok(0));
        assert_eq!(parse_positive::<u64>("7"), Ok(7));
        assert_eq!(parse_number("1e-3"), Ok(1e-3));
        for text in ["", "-3", "many", "1.5"] {
            let problem = parse_whole::<u64>(text).unwrap_err();
            assert_eq!(problem, "expected a whole number, 0 or more");
        }
        for text in ["0", "-3", "many"] {
            let problem = parse_positive::<usize>(text).unwrap_err();
            assert_eq!(problem, "expected a whole number, 1 or more");
        }
        let problem = parse_whole::<u64>("18446744073709551616").unwrap_err();
        assert_eq!(problem, "expected a smaller whole number");
        assert!(parse_number("fast").unwrap_err().contains("such as"));
    }
}
