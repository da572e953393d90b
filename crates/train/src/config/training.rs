//! The settings of training.

use super::{Optimizer, Schedule};
use crate::error::TrainError;
use receptive_data::Augment;
use serde::{Deserialize, Serialize};

/// How a model is trained. Every number that has an influence on the weights is here or in
/// [`DataConfig`](super::DataConfig).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Of the first weights, the order of the images, their augmentation and the dropout.
    pub seed: u64,
    /// Passes over the training images.
    pub epochs: usize,
    /// Images per step.
    pub batch_size: usize,
    /// Images per shard of a step: what batch norm sees, and what one thread computes at a time.
    pub micro_batch: MicroBatch,
    /// Whether convolutions are plain sums of products in every step, as
    /// [`exactly`](receptive_model::exactly) makes them; else flex takes the fastest way, whose rounding
    /// errors reach about 5e-6 of the largest value.
    pub exact_convolutions: bool,
    /// What follows the gradient.
    pub optimizer: Optimizer,
    /// How the learning rate moves.
    pub schedule: Schedule,
    /// The share of each label that is spread over all classes (Szegedy et al. 2016).
    pub label_smoothing: f32,
    /// How much an image of each class counts in the loss.
    pub class_weights: ClassWeights,
    /// How often an epoch draws the images of each class.
    #[serde(skip_serializing_if = "Sampling::is_all")]
    pub sampling: Sampling,
    /// The largest norm of all gradients together; larger ones are scaled down to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// What makes one epoch better than another.
    pub monitor: Monitor,
    /// When to stop before the last epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStopping>,
    /// Random changes of the training images.
    pub augment: Augment,
}

/// Images per shard of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a number of images, or \"auto\"")]
pub enum MicroBatch {
    /// This many.
    Images(usize),
    /// 16 on a CPU backend, the whole batch on a GPU.
    Auto(Auto),
}

/// The value `auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Auto {
    /// The only one.
    Auto,
}

/// How much an image of each class counts in the loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "\"none\", \"balanced\", or a list with a number for each class"
)]
pub enum ClassWeights {
    /// By a rule.
    Rule(WeightRule),
    /// These, in the order of the classes.
    Given(Vec<f32>),
}

impl TrainConfig {
    /// Whether classes of different sizes get the same influence, or one that is set.
    pub fn balances_classes(&self) -> bool {
        self.class_weights != ClassWeights::default() || self.sampling != Sampling::default()
    }
}

impl Default for ClassWeights {
    fn default() -> Self {
        Self::Rule(WeightRule::None)
    }
}

/// A rule for the weight of each class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WeightRule {
    /// All the same.
    None,
    /// So that each class counts the same however many images it has: `images / (classes * n)`.
    Balanced,
}

/// How often an epoch draws the images of each class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sampling {
    /// Every image once.
    #[default]
    All,
    /// As many images as there are, the same number of each class: those of small classes several
    /// times, with other random changes each time, those of large classes in part.
    Balanced,
}

impl Sampling {
    fn is_all(&self) -> bool {
        *self == Self::All
    }
}

/// What makes one epoch better than another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Monitor {
    /// A lower loss on the validation split: the default, since it uses every image's probability
    /// and so varies less than a count of right answers.
    #[default]
    ValLoss,
    /// A higher share of right answers on the validation split.
    ValTop1,
    /// A higher mean over the classes of the share of their images that are recognised (balanced
    /// accuracy): every class counts the same, however many images it has.
    ValMeanRecall,
    /// None: the last epoch is kept, whatever the validation says. Of few images it says little.
    Last,
}

impl Monitor {
    /// Its name in settings and columns.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ValLoss => "val_loss",
            Self::ValTop1 => "val_top1",
            Self::ValMeanRecall => "val_mean_recall",
            Self::Last => "last",
        }
    }

    /// Whether `value` beats `best`; a value that is NaN never does.
    pub fn is_better(self, value: f64, best: f64) -> bool {
        match self {
            Self::ValLoss => value < best,
            Self::ValTop1 | Self::ValMeanRecall => value > best,
            Self::Last => !value.is_nan(),
        }
    }
}

/// When to stop before the last epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyStopping {
    /// What must improve.
    #[serde(default)]
    pub metric: Monitor,
    /// How many epochs may pass without an improvement.
    pub patience: usize,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            epochs: 24,
            batch_size: 64,
            micro_batch: MicroBatch::Auto(Auto::Auto),
            exact_convolutions: false,
            optimizer: Optimizer::default(),
            schedule: Schedule::default(),
            label_smoothing: 0.1,
            class_weights: ClassWeights::default(),
            sampling: Sampling::default(),
            clip_norm: None,
            monitor: Monitor::default(),
            early_stopping: None,
            augment: Augment {
                flip: true,
                erase: 0.25,
                ..Augment::default()
            },
        }
    }
}

impl TrainConfig {
    /// Images per shard of a step that is computed on the CPU, or on a GPU.
    pub(crate) fn shard_size(&self, is_cpu: bool) -> usize {
        match self.micro_batch {
            MicroBatch::Images(images) => images.min(self.batch_size),
            MicroBatch::Auto(_) if is_cpu => CPU_SHARD.min(self.batch_size),
            MicroBatch::Auto(_) => self.batch_size,
        }
    }

    /// `may_rest`: whether a run without an epoch has a result all the same.
    pub(crate) fn check(&self, may_rest: bool) -> Result<(), TrainError> {
        let micro_batch = match self.micro_batch {
            MicroBatch::Images(images) => images.min(self.batch_size),
            MicroBatch::Auto(_) => self.batch_size,
        };
        for (setting, value, max) in [
            ("train.epochs", self.epochs, 1_000_000),
            ("train.batch_size", self.batch_size, 1 << 20),
            ("train.micro_batch", micro_batch, 1 << 20),
        ] {
            let is_rest = may_rest && setting == "train.epochs";
            if (value == 0 && !is_rest) || value > max {
                return Err(TrainError::setting(
                    setting,
                    format!("it is {value}; use a number from 1 to {max}"),
                ));
            }
        }
        // TOML has no larger number, so the run's own config.toml could not be read back.
        if i64::try_from(self.seed).is_err() {
            return Err(TrainError::setting(
                "train.seed",
                format!("it is {}; use a number up to {}", self.seed, i64::MAX),
            ));
        }
        if !(0.0..1.0).contains(&self.label_smoothing) {
            return Err(TrainError::setting(
                "train.label_smoothing",
                format!(
                    "it is {}; use a number from 0 to below 1",
                    self.label_smoothing
                ),
            ));
        }
        if self.sampling == Sampling::Balanced
            && self.class_weights == ClassWeights::Rule(WeightRule::Balanced)
        {
            return Err(TrainError::setting(
                "train.sampling",
                "it balances the classes, and so does `train.class_weights`: together they count \
                 small classes twice over; set one of them back (\"all\", \"none\")",
            ));
        }
        if let Some(norm) = self.clip_norm
            && !(norm.is_finite() && norm > 0.0)
        {
            return Err(TrainError::setting(
                "train.clip_norm",
                format!("it is {norm}; use a positive number such as 1.0"),
            ));
        }
        if self
            .early_stopping
            .is_some_and(|stopping| stopping.patience == 0)
        {
            return Err(TrainError::setting(
                "train.early_stopping.patience",
                "use 1 or more",
            ));
        }
        if self
            .early_stopping
            .is_some_and(|stopping| stopping.metric == Monitor::Last)
        {
            return Err(TrainError::setting(
                "train.early_stopping.metric",
                "`last` judges no epoch; use val_loss, val_top1 or val_mean_recall",
            ));
        }
        self.optimizer.check()?;
        self.schedule.check()?;
        Ok(self.augment.check()?)
    }
}

/// Small enough that a batch of 64 feeds four threads, large enough for the matrix kernels.
const CPU_SHARD: usize = 16;
