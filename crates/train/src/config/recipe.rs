//! The recipe: choosing unset settings from the data and the initial weights.

mod counts;
mod fine_tuned;

pub(crate) use counts::Counts;

use super::fine_tuning::{MIN_EPOCHS, photographs};
use super::{
    Auto, EarlyStopping, HeadStart, MicroBatch, Monitor, Optimizer, RunConfig, ScheduleKind,
};
use crate::metrics::MIN_CALIBRATION_IMAGES;
use receptive_core::text::counted;
use receptive_data::Augment;

/// The unset settings, which the recipe may choose. The config has defaults for them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenSettings {
    /// `train.epochs`
    pub epochs: bool,
    /// `train.batch_size`, and with it `train.micro_batch`
    pub batch_size: bool,
    /// `train.monitor` and `train.early_stopping`
    pub monitor: bool,
    /// `train.augment.crop`
    #[serde(alias = "augment")]
    pub crop: bool,
    /// `train.augment.brightness`, `contrast`, `saturation` and `hue`; `None` in a file of an older version, where `crop`
    /// stands for both.
    #[serde(default)]
    pub colours: Option<bool>,
    /// `train.label_smoothing`
    #[serde(default)]
    pub label_smoothing: bool,
    /// `train.clip_norm`, and with it `train.clip_value`
    #[serde(default)]
    pub clip_norm: bool,
    /// `start.head`
    pub head: bool,
    /// `data.val_fraction`
    #[serde(default)]
    pub val_fraction: bool,
}

/// The settings of colour jitter.
const COLOURS: [&str; 4] = [
    "train.augment.brightness",
    "train.augment.contrast",
    "train.augment.saturation",
    "train.augment.hue",
];
/// Below this number of training images, batches are small.
const SMALL_BATCHES: usize = 500;
/// Below this number of training images, training from random weights counts as training on few images.
const FEW_FROM_SCRATCH: usize = 3000;
/// Up to this many images per class only the head is trained (Kim et al. 2022).
const HEAD_ONLY: usize = 2;
/// Minimum number of validation images for selecting an epoch. With fewer, the 95 % interval of 90 % top-1
/// extends more than four points to each side, further than the epochs differ, so the best epoch would be
/// chosen by chance.
pub(super) const JUDGES: usize = 200;
/// Minimum number of validation images per class. With fewer, a single image changes the class's recall by more
/// than five points.
const JUDGES_OF_CLASS: usize = 20;
/// Maximum share of a small class in the smoothed target of an image of the largest class, relative to that
/// image's own class. As in PyTorch, each class's share of a smoothed target is multiplied by the class's
/// weight.
const MAX_SMOOTHED: f64 = 0.25;
/// Maximum share of all classes, likewise, with fewer than [`FEW_OF_CLASS`] images per class; with equal weights and
/// a smoothing of 0.1 it is 0.11. Beyond it, 1,000 classes of 11 images were not learned (9 % of the test images in
/// place of 22 %), while 100 classes of 38 images with as large a share were learned better with smoothing (88 and
/// 86 %; `bench/imbalance.py`).
const MAX_SMOOTHED_OF_ALL: f64 = 1.0 / 3.0;
const FEW_OF_CLASS: usize = 20;
/// From this ratio of class weights on, gradients are clipped: a batch with an image more or less of the smallest
/// class has a much larger or smaller gradient, and without clipping SGD diverges to constant outputs.
const CLIPPED_RATIO: f64 = 10.0;
/// Minimum number of steps for fine-tuning.
const MIN_STEPS: usize = 60;
/// Minimum number of steps for training from scratch, within `MAX_EPOCHS`.
const MIN_STEPS_FROM_SCRATCH: usize = 1500;
const MAX_EPOCHS: usize = 200;
/// Shard size if batch norms do not use batch statistics.
const FROZEN_SHARD: usize = 8;

impl OpenSettings {
    /// All settings except those for which `is_given` returns true.
    pub fn except(is_given: impl Fn(&str) -> bool) -> Self {
        let is_open = |settings: &[&str]| !settings.iter().any(|setting| is_given(setting));
        Self {
            epochs: is_open(&["train.epochs"]),
            batch_size: is_open(&["train.batch_size"]),
            monitor: is_open(&["train.monitor", "train.early_stopping"]),
            crop: is_open(&["train.augment.crop"]),
            colours: Some(is_open(&COLOURS)),
            label_smoothing: is_open(&["train.label_smoothing"]),
            clip_norm: is_open(&["train.clip_norm", "train.clip_value"]),
            head: is_open(&["start.head"]),
            val_fraction: is_open(&["data.val_fraction"]),
        }
    }

    /// The settings that are unset in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            epochs: self.epochs && other.epochs,
            batch_size: self.batch_size && other.batch_size,
            monitor: self.monitor && other.monitor,
            crop: self.crop && other.crop,
            colours: Some(self.chooses_colours() && other.chooses_colours()),
            label_smoothing: self.label_smoothing && other.label_smoothing,
            clip_norm: self.clip_norm && other.clip_norm,
            head: self.head && other.head,
            val_fraction: self.val_fraction && other.val_fraction,
        }
    }

    /// Chooses the settings; returns notes that explain the choices.
    pub(crate) fn choose(self, config: &mut RunConfig, counts: Counts) -> Vec<String> {
        let mut choices = Vec::new();
        let mut is_few_from_scratch = false;
        // Before the lines that name the smoothing.
        let smoothing = self.choose_smoothing(config, counts);
        if config.start.is_some() {
            choices.extend(self.choose_head(config, counts));
            choices.extend(self.choose_steps(config, counts));
            if !self.is_closed() {
                choices.extend(fine_tuned::described(config));
            }
            choices.extend(self.choose_epoch(config, counts, true));
        } else {
            // With a limit the run is probably a trial on part of a larger data set.
            let are_few = counts.train < FEW_FROM_SCRATCH && config.data.limit.is_none();
            // Before early stopping, which uses the metric that it chooses.
            let epoch = self.choose_epoch(config, counts, are_few);
            if are_few {
                let chosen = self.choose_from_scratch(config, counts);
                is_few_from_scratch = !chosen.is_empty();
                choices.extend(chosen);
            }
            choices.extend(epoch);
        }
        choices.extend(smoothing);
        choices.extend(self.choose_clipping(config, counts));
        if choices.is_empty() {
            return choices;
        }
        let images = counted(counts.train, "training image");
        let mut notes = vec![format!(
            "settings chosen for {images}, each of which can be set:"
        )];
        notes.extend(choices.into_iter().map(|choice| format!("- {choice}")));
        if is_few_from_scratch && counts.are_coloured {
            notes.push(
                "with so few images a pretrained network such as efficientnet_lite0 is usually a much better start \
                 (start.from): on five splits of 108 photographs of three classes it reached a mean recall of \
                 89 % instead of 71 %"
                    .into(),
            );
        }
        notes
    }

    /// Without epochs, only the head: if that is given, or for very few images.
    fn choose_head(self, config: &mut RunConfig, counts: Counts) -> Option<String> {
        let start = config.start.as_mut().filter(|_| self.epochs)?;
        if !config.model.has_linear_head() {
            return None;
        }
        if start.head == HeadStart::Only {
            config.train.epochs = 0;
            return Some(
                "no epochs, since only the head is fitted, to features that are computed once (train.epochs)"
                    .into(),
            );
        }
        if !self.head || counts.per_class > HEAD_ONLY {
            return None;
        }
        start.head = HeadStart::Only;
        config.train.epochs = 0;
        Some(format!(
            "only the head is fitted, to features that are computed once, since {} per class on average \
             cannot train the other layers (start.head, train.epochs)",
            counted(counts.per_class, "image")
        ))
    }

    /// Whether the validation images that `data.val_fraction` would hold out serve nothing: a pretrained start with too
    /// few of them to select an epoch or to calibrate. All images train then.
    pub(crate) fn holds_out_in_vain(self, config: &RunConfig, val: usize) -> bool {
        let train = &config.train;
        let needs_val =
            train.early_stopping.is_some() || train.schedule.kind == ScheduleKind::Plateau;
        let are_few = (1..MIN_CALIBRATION_IMAGES).contains(&val);
        self.val_fraction && self.monitor && config.start.is_some() && are_few && !needs_val
    }

    /// For few images: small batches, and enough epochs for [`MIN_STEPS`].
    fn choose_steps(self, config: &mut RunConfig, counts: Counts) -> Vec<String> {
        let images = counts.train;
        let mut chosen = Vec::new();
        let Some(start) = config.start.as_ref().filter(|_| config.train.epochs > 0) else {
            return chosen;
        };
        if self.batch_size {
            let is_small = images < SMALL_BATCHES;
            config.train.batch_size = if is_small { 16 } else { 64 };
            // Smaller shards let several threads share a small batch; frozen batch norm statistics do not
            // depend on them.
            let devices = config.machine.devices();
            let mut shards = None;
            if is_small
                && start.freeze_statistics
                && config.train.micro_batch == MicroBatch::Auto(Auto::Auto)
                && devices.is_ok_and(|devices| devices.are_cpus())
            {
                config.train.micro_batch = MicroBatch::Images(FROZEN_SHARD);
                shards = Some(format!(
                    "shards of {FROZEN_SHARD} images, so that several threads share a batch (train.micro_batch)"
                ));
            }
            let reason = match is_small {
                true => "so that few images give several steps per epoch",
                false => "which give enough steps per epoch",
            };
            let size = counted(config.train.batch_size, "image");
            chosen.push(format!("batches of {size}, {reason} (train.batch_size)"));
            chosen.extend(shards);
        }
        if self.epochs {
            let steps = images.div_ceil(config.train.batch_size.max(1)).max(1);
            let epochs = MIN_STEPS.div_ceil(steps);
            config.train.epochs = epochs.max(MIN_EPOCHS);
            let reason = match epochs > MIN_EPOCHS {
                true => format!(", for at least {MIN_STEPS} steps"),
                false => ", enough for a pretrained network".into(),
            };
            let epochs = counted(config.train.epochs, "epoch");
            chosen.insert(0, format!("{epochs}{reason} (train.epochs)"));
        }
        chosen.extend(self.choose_augmentations(&mut config.train.augment));
        chosen
    }

    /// Whether no setting is open.
    fn is_closed(self) -> bool {
        let others = Self {
            colours: None,
            ..self
        };
        !self.chooses_colours() && others == Self::default()
    }

    /// For few images: more augmentation and more epochs.
    fn choose_from_scratch(self, config: &mut RunConfig, counts: Counts) -> Vec<String> {
        let images = counts.train;
        let train = &mut config.train;
        let mut chosen = Vec::new();
        if self.batch_size && images < SMALL_BATCHES {
            train.batch_size = 16;
            chosen.push(
                "batches of 16 images, so that few images give several steps per epoch \
                 (train.batch_size)"
                    .into(),
            );
        }
        if self.epochs {
            let steps = images.div_ceil(train.batch_size.max(1)).max(1);
            let wanted = MIN_STEPS_FROM_SCRATCH.div_ceil(steps).min(MAX_EPOCHS);
            if wanted > train.epochs {
                train.epochs = wanted;
                let epochs = counted(wanted, "epoch");
                let reason = "since training from random weights on few images needs more";
                chosen.insert(0, format!("{epochs}, {reason} (train.epochs)"));
            }
        }
        chosen.extend(self.choose_augmentations(&mut train.augment));
        let is_judged = counts.val >= JUDGES && train.monitor != Monitor::Last;
        let patience = (train.epochs / 4).max(1);
        let can_stop = is_judged && patience < train.epochs;
        if self.monitor && can_stop && train.early_stopping.is_none() {
            train.early_stopping = Some(EarlyStopping {
                metric: train.monitor,
                patience,
            });
            let epochs = counted(patience, "epoch");
            chosen.push(format!(
                "early stopping with a patience of {epochs} (train.early_stopping)"
            ));
        }
        chosen
    }

    /// Random crops and colour jitter, as for photographs.
    fn choose_augmentations(self, augment: &mut Augment) -> Option<String> {
        let mut chosen = Vec::new();
        let Augment {
            crop,
            brightness,
            contrast,
            saturation,
            hue,
            ..
        } = photographs();
        if self.crop {
            augment.crop = crop;
            chosen.push("random crops");
        }
        if self.chooses_colours() {
            *augment = Augment {
                brightness,
                contrast,
                saturation,
                hue,
                ..augment.clone()
            };
            chosen.push("colour jitter");
        }
        (!chosen.is_empty()).then(|| {
            format!(
                "{} against overfitting (train.augment)",
                chosen.join(" and ")
            )
        })
    }

    fn chooses_colours(self) -> bool {
        self.colours.unwrap_or(self.crop)
    }

    /// Disables label smoothing if the class weights differ too much.
    fn choose_smoothing(self, config: &mut RunConfig, counts: Counts) -> Option<String> {
        let train = &mut config.train;
        if !self.label_smoothing || !train.has_balanced_weights() || train.label_smoothing == 0.0 {
            return None;
        }
        let smoothing = f64::from(train.label_smoothing);
        let added = smoothing / counts.classes.max(1) as f64;
        let of_one = counts.ratio() * added / (1.0 - smoothing + added);
        let of_all = smoothing * counts.mean_ratio / (1.0 - smoothing);
        let is_distorted = of_one > MAX_SMOOTHED
            || of_all > MAX_SMOOTHED_OF_ALL && counts.per_class < FEW_OF_CLASS;
        if !is_distorted {
            return None;
        }
        train.label_smoothing = 0.0;
        let outweighed = match of_one > MAX_SMOOTHED {
            true => "rare labels",
            false => "the labels of classes with so few images",
        };
        Some(format!(
            "no label smoothing, which with class weights of {:.0} to 1 would outweigh {outweighed} \
             (train.label_smoothing = 0)",
            counts.ratio()
        ))
    }

    /// Clips gradients if the class weights differ too much for SGD.
    fn choose_clipping(self, config: &mut RunConfig, counts: Counts) -> Option<String> {
        let train = &mut config.train;
        let is_sgd = matches!(train.optimizer, Optimizer::Sgd { .. });
        let is_clipped = train.clip_norm.is_some() || train.clip_value.is_some();
        if !self.clip_norm
            || !train.has_balanced_weights()
            || !is_sgd
            || is_clipped
            || counts.ratio() < CLIPPED_RATIO
        {
            return None;
        }
        train.clip_norm = Some(1.0);
        Some(format!(
            "gradients are clipped, since class weights of {:.0} to 1 make some of them very large \
             (train.clip_norm = 1; train.sampling = \"balanced\" avoids them)",
            counts.ratio()
        ))
    }

    /// If `needs_many` validation images and there are few, keeps the last epoch, which has a low learning rate.
    /// Otherwise, with balanced classes, selects the epoch by mean recall, since the validation loss is not
    /// balanced.
    fn choose_epoch(
        self,
        config: &mut RunConfig,
        counts: Counts,
        needs_many: bool,
    ) -> Option<String> {
        let train = &mut config.train;
        let is_open = self.monitor && train.early_stopping.is_none();
        if !is_open || counts.val == 0 || train.epochs == 0 || train.monitor == Monitor::Last {
            return None;
        }
        if needs_many && counts.val < JUDGES {
            train.monitor = Monitor::Last;
            return Some(format!(
                "the last epoch is kept, since {} cannot tell which is the best (train.monitor = \"last\")",
                counted(counts.val, "validation image")
            ));
        }
        if !train.balances_classes() {
            return None;
        }
        if counts.val_of_smallest < JUDGES_OF_CLASS {
            train.monitor = Monitor::Last;
            return Some(format!(
                "the last epoch is kept, since the smallest class has {}, too few to choose the best \
                 by recall (train.monitor = \"last\")",
                counted(counts.val_of_smallest, "validation image")
            ));
        }
        train.monitor = Monitor::ValMeanRecall;
        Some(
            "the epoch with the best mean recall is kept, since training balances the classes \
             (train.monitor = \"val_mean_recall\")"
                .into(),
        )
    }
}

#[cfg(test)]
mod tests;
