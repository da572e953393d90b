//! The settings of training.

use super::{AverageConfig, EmaConfig, Monitor, Optimizer, Schedule};
use crate::compute::backend::Hardware;
use crate::error::TrainError;
use burn::tensor::Device;
use receptive_data::Augment;
use receptive_model::Precision;
use serde::{Deserialize, Serialize};

/// How a model is trained. Every value that affects the weights is here or in
/// [`DataConfig`](super::DataConfig).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// The seed of initial weights, shuffling, augmentation and dropout.
    pub seed: u64,
    /// Number of passes over the training images.
    pub epochs: usize,
    /// Images per batch, and per step unless `accumulate` is above 1.
    pub batch_size: usize,
    /// Gradient accumulation: batches per optimizer step.
    #[serde(skip_serializing_if = "is_one")]
    pub accumulate: usize,
    /// Images per shard of a step: the batch of batch norm, and the unit of work of a thread.
    pub micro_batch: MicroBatch,
    /// Whether every step computes convolutions as plain sums of products, as by
    /// [`exactly`](receptive_model::exactly). Otherwise flex uses the fastest algorithm, with rounding errors
    /// up to about 5e-6 of the largest value.
    pub exact_convolutions: bool,
    /// The number format of convolutions and dense layers in training steps. Everything else, including
    /// evaluation, is computed in f32.
    #[serde(skip_serializing_if = "Precision::is_f32")]
    pub precision: Precision,
    /// Whether the backward pass computes the outputs of norms, activations and sums again instead of keeping
    /// them (gradient checkpointing). Takes less memory and more time, and does not change the weights.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub checkpointing: bool,
    /// The optimizer.
    pub optimizer: Optimizer,
    /// Whether weight decay also applies to biases and to the scale and shift of norms (all one-dimensional
    /// parameters), as in PyTorch's optimizers; timm excludes them.
    #[serde(skip_serializing_if = "Clone::clone")]
    pub decay_norm_and_bias: bool,
    /// The learning-rate schedule.
    pub schedule: Schedule,
    /// Label smoothing (Szegedy et al. 2016).
    pub label_smoothing: f32,
    /// The class weights of the loss.
    pub class_weights: ClassWeights,
    /// How an epoch samples the images of each class.
    #[serde(skip_serializing_if = "Sampling::is_all")]
    pub sampling: Sampling,
    /// Maximum norm of all gradients together; if exceeded, they are scaled down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Maximum absolute value of each gradient; larger ones are clamped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_value: Option<f64>,
    /// An exponential moving average (EMA) of the weights, validated and kept instead of the trained weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ema: Option<EmaConfig>,
    /// The mean of the weights of the last epochs (SWA), validated and kept instead of the trained weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average: Option<AverageConfig>,
    /// The drop rate of the last residual block (stochastic depth), with linearly smaller rates towards 0 in
    /// the first. `None`: as in the network's layers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stochastic_depth: Option<f64>,
    /// The metric that selects the best epoch.
    pub monitor: Monitor,
    /// When to stop before the last epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStopping>,
    /// Augmentation of the training images.
    pub augment: Augment,
}

/// Images per shard of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a number of images, or \"auto\"")]
pub enum MicroBatch {
    /// A fixed number.
    Images(usize),
    /// 16 on a CPU backend, the whole batch on a GPU.
    Auto(Auto),
}

/// The value `auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Auto {
    /// The only value.
    Auto,
}

/// The class weights of the loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "\"none\", \"balanced\", or a list with one number per class"
)]
pub enum ClassWeights {
    /// Computed by a rule.
    Rule(WeightRule),
    /// A list, in the order of the classes.
    Given(Vec<f32>),
}

impl TrainConfig {
    /// Whether classes are balanced or weighted.
    pub fn balances_classes(&self) -> bool {
        self.class_weights != ClassWeights::default() || self.sampling != Sampling::default()
    }

    /// Whether the class weights follow from the numbers of images.
    pub(super) fn has_balanced_weights(&self) -> bool {
        self.class_weights == ClassWeights::Rule(WeightRule::Balanced)
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
    /// Equal weights.
    None,
    /// Inverse class frequency: `images / (classes * n)`.
    Balanced,
}

/// How an epoch samples the images of each class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sampling {
    /// Every image once per epoch.
    #[default]
    All,
    /// The same number of images from every class, and in total as many as there are: images of small classes
    /// several times with different augmentation, and only some of large classes.
    Balanced,
}

impl Sampling {
    fn is_all(&self) -> bool {
        *self == Self::All
    }
}

/// When to stop before the last epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyStopping {
    /// The metric that must improve.
    #[serde(default)]
    pub metric: Monitor,
    /// Patience: number of epochs without improvement.
    pub patience: usize,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            epochs: 24,
            batch_size: 64,
            accumulate: 1,
            micro_batch: MicroBatch::Auto(Auto::Auto),
            exact_convolutions: false,
            precision: Precision::F32,
            checkpointing: false,
            optimizer: Optimizer::default(),
            decay_norm_and_bias: true,
            schedule: Schedule::default(),
            label_smoothing: 0.1,
            class_weights: ClassWeights::default(),
            sampling: Sampling::default(),
            clip_norm: None,
            clip_value: None,
            ema: None,
            average: None,
            stochastic_depth: None,
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
    /// Images per shard of a step.
    pub fn shard_size(&self, hardware: Hardware) -> usize {
        match (self.micro_batch, hardware) {
            (MicroBatch::Images(images), _) => images.min(self.batch_size),
            (MicroBatch::Auto(_), Hardware::Cpu) => CPU_SHARD.min(self.batch_size),
            (MicroBatch::Auto(_), Hardware::Gpu) => self.batch_size,
        }
    }

    /// `may_rest` tells whether a run without epochs has a result.
    pub(crate) fn check(&self, may_rest: bool) -> Result<(), TrainError> {
        let micro_batch = match self.micro_batch {
            MicroBatch::Images(images) => images.min(self.batch_size),
            MicroBatch::Auto(_) => self.batch_size,
        };
        for (setting, value, max) in [
            ("train.epochs", self.epochs, 1_000_000),
            ("train.batch_size", self.batch_size, 1 << 20),
            ("train.accumulate", self.accumulate, 1 << 20),
            ("train.micro_batch", micro_batch, 1 << 20),
        ] {
            let is_rest = may_rest && setting == "train.epochs";
            if (value == 0 && !is_rest) || value > max {
                let rest = match setting {
                    "train.epochs" if value == 0 => {
                        ", or fit only the head of a pretrained network (start.head = \"only\")"
                    }
                    _ => "",
                };
                return Err(TrainError::setting(
                    setting,
                    format!("it is {value}; use a number from 1 to {max}{rest}"),
                ));
            }
        }
        // TOML's integers end here; a larger seed in config.toml could not be read back.
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
                    "it is {}; expected at least 0 and less than 1",
                    self.label_smoothing
                ),
            ));
        }
        if self.sampling == Sampling::Balanced && self.has_balanced_weights() {
            return Err(TrainError::setting(
                "train.sampling",
                "it balances the classes, and so does `train.class_weights`: together they \
                 overweight small classes; reset one of them (\"all\", \"none\")",
            ));
        }
        for (setting, limit) in [
            ("train.clip_norm", self.clip_norm),
            ("train.clip_value", self.clip_value),
        ] {
            if let Some(limit) = limit
                && !(limit.is_finite() && limit > 0.0)
            {
                return Err(TrainError::setting(
                    setting,
                    format!("it is {limit}; use a positive number such as 1.0"),
                ));
            }
        }
        if self.clip_norm.is_some() && self.clip_value.is_some() {
            return Err(TrainError::setting(
                "train.clip_value",
                "gradients are already clipped by norm (train.clip_norm); leave one of them out",
            ));
        }
        self.check_averages()?;
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
                "`last` does not rank epochs; use val_loss, val_top1 or val_mean_recall",
            ));
        }
        self.optimizer.check()?;
        self.schedule.check()?;
        Ok(self.augment.check()?)
    }

    fn check_averages(&self) -> Result<(), TrainError> {
        if let Some(ema) = &self.ema {
            ema.check()?;
        }
        if let Some(average) = &self.average {
            average.check()?;
        }
        if self.ema.is_some() && self.average.is_some() {
            return Err(TrainError::setting(
                "train.average",
                "train.ema already averages the weights; leave one of them out",
            ));
        }
        match self.stochastic_depth {
            Some(rate) if !(0.0..1.0).contains(&rate) => Err(TrainError::setting(
                "train.stochastic_depth",
                format!("it is {rate}; expected at least 0 and less than 1, such as 0.1"),
            )),
            _ => Ok(()),
        }
    }

    /// Checks that the device supports the precision.
    ///
    /// # Errors
    /// It does not; the error lists the supported ones.
    pub fn check_precision(&self, device: &Device) -> Result<(), TrainError> {
        if self.precision.runs_on(device) {
            return Ok(());
        }
        let others = Precision::ALL.into_iter().filter(|one| one.runs_on(device));
        let others: Vec<String> = others.map(|one| format!("\"{one}\"")).collect();
        Err(TrainError::setting(
            "train.precision",
            format!(
                "it is \"{}\", which the device does not support; use {}",
                self.precision,
                others.join(" or ")
            ),
        ))
    }

    /// Images per step.
    pub(crate) fn step_images(&self) -> usize {
        self.batch_size.saturating_mul(self.accumulate)
    }

    /// The learning rate of a step (from 0), relative to the peak, before any drop of `plateau`.
    pub(crate) fn share(&self, step: u64, steps: u64, per_epoch: u64) -> f64 {
        let epoch = step / per_epoch.max(1) + 1;
        let averaged = self.average.as_ref();
        let averaged = averaged.filter(|a| a.includes(epoch as usize, self.epochs));
        averaged
            .and_then(|average| average.rate)
            .unwrap_or_else(|| self.schedule.share(step, steps, per_epoch))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_one(value: &usize) -> bool {
    *value == 1
}

/// Small enough for four threads with a batch of 64, large enough for the matrix kernels.
const CPU_SHARD: usize = 16;
