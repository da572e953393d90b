//! The recipe: what a run leaves open is chosen from its data and from what it starts with.

use super::fine_tuning::{MIN_EPOCHS, photographs};
use super::{Auto, EarlyStopping, HeadStart, MicroBatch, Monitor, RunConfig};
use crate::backend::Backend;
use receptive_core::text::counted;
use receptive_data::{Augment, DataSet};

/// The settings that nobody has given, which the recipe may choose. Their values in the config are what
/// they are without a reason to choose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Open {
    /// `train.epochs`
    pub epochs: bool,
    /// `train.batch_size`, and with it `train.micro_batch`
    pub batch_size: bool,
    /// `train.monitor` and `train.early_stopping`
    pub monitor: bool,
    /// `train.augment`
    pub augment: bool,
    /// `start.head`
    pub head: bool,
}

/// The numbers of images that the recipe goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Training images.
    train: usize,
    /// Validation images.
    val: usize,
    /// Training images of the average class.
    per_class: usize,
    /// Whether they may be photographs.
    are_coloured: bool,
}

/// Fewer training images than this come in small batches.
const SMALL_BATCHES: usize = 500;
/// Fewer training images than this are few for a network that starts from random weights.
const FEW_FROM_SCRATCH: usize = 3000;
/// Up to so many images a class only the head learns (Kim et al. 2022).
const HEAD_ONLY: usize = 2;
/// Of fewer validation images the 95 % interval of a 90 % top-1 is more than four points to each side:
/// wider than what epochs differ by, so the best of them would be chosen by luck.
const JUDGES: usize = 200;
/// Steps that fine-tuning takes at least.
const MIN_STEPS: usize = 60;
/// Steps that training from scratch takes at least, in no more epochs than `MAX_EPOCHS`.
const MIN_STEPS_FROM_SCRATCH: usize = 1500;
const MAX_EPOCHS: usize = 200;
/// Images of a shard where no batch norm sees them.
const FROZEN_SHARD: usize = 8;

impl Counts {
    pub(crate) fn of(data: &DataSet) -> Self {
        Self {
            train: data.train.len(),
            val: data.val.len(),
            per_class: data.train.len() / data.classes.len().max(1),
            are_coloured: data.natural_size().is_none_or(|size| size.channels == 3),
        }
    }
}

impl Open {
    /// All but those of which `is_given` says that somebody has decided.
    pub fn except(is_given: impl Fn(&str) -> bool) -> Self {
        let is_open = |settings: &[&str]| !settings.iter().any(|setting| is_given(setting));
        Self {
            epochs: is_open(&["train.epochs"]),
            batch_size: is_open(&["train.batch_size"]),
            monitor: is_open(&["train.monitor", "train.early_stopping"]),
            augment: is_open(&["train.augment"]),
            head: is_open(&["start.head"]),
        }
    }

    /// What is open in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            epochs: self.epochs && other.epochs,
            batch_size: self.batch_size && other.batch_size,
            monitor: self.monitor && other.monitor,
            augment: self.augment && other.augment,
            head: self.head && other.head,
        }
    }

    /// Chooses by the images of a data set, and says in a note what and why.
    pub fn choose_for(self, config: &mut RunConfig, data: &DataSet) -> Vec<String> {
        self.choose(config, Counts::of(data))
    }

    /// Chooses, and says in one note what and why.
    pub(crate) fn choose(self, config: &mut RunConfig, counts: Counts) -> Vec<String> {
        let mut choices = Vec::new();
        let is_few = counts.train < FEW_FROM_SCRATCH;
        match config.start {
            Some(_) => {
                choices.extend(self.choose_head(config, counts));
                choices.extend(self.choose_steps(config, counts));
            }
            // A limit is for a trial of a larger set.
            None if is_few && config.data.limit.is_none() => {
                choices.extend(self.choose_from_scratch(config, counts));
            }
            None => return choices,
        }
        let is_few_from_scratch = config.start.is_none() && !choices.is_empty();
        choices.extend(self.choose_epoch(config, counts));
        if choices.is_empty() {
            return choices;
        }
        let images = counted(counts.train, "training image");
        let choices = choices.join("; ");
        let mut notes = vec![format!(
            "chosen for {images}, and written to config.toml: {choices}"
        )];
        if is_few_from_scratch && counts.are_coloured {
            notes.push(
                "from so few images a network that was pretrained on photographs learns far more: \
                 start.from = \"hf:timm/tf_efficientnet_lite0.in1k\""
                    .into(),
            );
        }
        notes
    }

    fn choose_head(self, config: &mut RunConfig, counts: Counts) -> Option<String> {
        let start = config.start.as_mut().filter(|_| self.head && self.epochs)?;
        if counts.per_class > HEAD_ONLY || !config.model.has_linear_head() {
            return None;
        }
        start.head = HeadStart::Only;
        config.train.epochs = 0;
        Some(format!(
            "the head alone is fitted, to frozen features, since {} a class is too little for the other \
             layers (start.head = \"only\")",
            counted(counts.per_class, "image")
        ))
    }

    /// Few images come in small batches, and in as many epochs as give [`MIN_STEPS`].
    fn choose_steps(self, config: &mut RunConfig, counts: Counts) -> Option<String> {
        let start = config.start.as_ref()?;
        if start.head == HeadStart::Only && self.epochs {
            return None;
        }
        let keeps_statistics = start.freeze_statistics;
        let start_head = start.head;
        let rates = [start.stem_rate, start.body_rate];
        let images = counts.train;
        let mut chosen = Vec::new();
        if self.batch_size {
            let is_small = images < SMALL_BATCHES;
            config.train.batch_size = if is_small { 16 } else { 64 };
            // So that several threads share a small batch: what batch norm keeps does not depend on it.
            let backend = config.machine.backend.parse::<Backend>();
            if is_small
                && keeps_statistics
                && config.train.micro_batch == MicroBatch::Auto(Auto::Auto)
                && backend.is_ok_and(Backend::is_cpu)
            {
                config.train.micro_batch = MicroBatch::Images(FROZEN_SHARD);
            }
            let size = counted(config.train.batch_size, "image");
            chosen.push(format!("batches of {size}"));
        }
        if self.epochs {
            let steps = images.div_ceil(config.train.batch_size.max(1)).max(1);
            config.train.epochs = MIN_STEPS.div_ceil(steps).max(MIN_EPOCHS);
            chosen.insert(0, counted(config.train.epochs, "epoch"));
        }
        if chosen.is_empty() {
            return None;
        }
        let rate = config.train.optimizer.learning_rate();
        let [stem, body] = rates.map(|share| shown(rate * share));
        let fitted = match start_head {
            HeadStart::Fitted => ", which is fitted first",
            HeadStart::Random | HeadStart::Only => "",
        };
        let changes = match config.train.augment.crop > 0.0 && config.train.augment.hue > 0.0 {
            true => "; random crops and colour jitter, since images are few",
            false => "",
        };
        let statistics = match keeps_statistics {
            true => "batch norm keeps its statistics",
            false => "batch norm's statistics are trained too",
        };
        Some(format!(
            "{}; {}, rate {rate} for the head{fitted}, and {stem} to {body} for the layers before it, which \
             need little change; {statistics}{changes}",
            chosen.join(" in "),
            config.train.optimizer.name(),
        ))
    }

    /// Few images are changed more, and seen more often.
    fn choose_from_scratch(self, config: &mut RunConfig, counts: Counts) -> Option<String> {
        let images = counts.train;
        let train = &mut config.train;
        let mut chosen = Vec::new();
        if self.batch_size && images < SMALL_BATCHES {
            train.batch_size = 16;
            chosen.push("batches of 16 images".to_string());
        }
        if self.epochs {
            let steps = images.div_ceil(train.batch_size.max(1)).max(1);
            let wanted = MIN_STEPS_FROM_SCRATCH.div_ceil(steps).min(MAX_EPOCHS);
            if wanted > train.epochs {
                train.epochs = wanted;
                chosen.insert(0, counted(wanted, "epoch"));
            }
        }
        if self.augment {
            train.augment = Augment {
                erase: train.augment.erase,
                shift: train.augment.shift,
                randaugment: train.augment.randaugment,
                trivialaugment: train.augment.trivialaugment,
                mixup: train.augment.mixup,
                cutmix: train.augment.cutmix,
                ..photographs()
            };
            chosen.push("random crops and colour jitter".into());
        }
        if self.monitor && counts.val >= JUDGES && train.early_stopping.is_none() {
            let patience = (train.epochs / 4).max(1);
            train.early_stopping = Some(EarlyStopping {
                metric: train.monitor,
                patience,
            });
            let epochs = counted(patience, "epoch");
            chosen.push(format!("stopping after {epochs} without an improvement"));
        }
        if chosen.is_empty() {
            return None;
        }
        Some(format!(
            "{}, since from random weights so few images must be seen more often and changed more",
            chosen.join(", ")
        ))
    }

    /// Few validation images cannot choose an epoch: the last is kept, at which the rate has come down.
    fn choose_epoch(self, config: &mut RunConfig, counts: Counts) -> Option<String> {
        let train = &mut config.train;
        let is_chosen_by_luck = counts.val > 0 && counts.val < JUDGES && train.epochs > 0;
        if !self.monitor || !is_chosen_by_luck || train.early_stopping.is_some() {
            return None;
        }
        train.monitor = Monitor::Last;
        Some(format!(
            "the last epoch is kept, since {} cannot choose one (train.monitor = \"last\")",
            counted(counts.val, "validation image")
        ))
    }
}

/// Without the digits that the product of two decimal numbers leaves at its end.
fn shown(rate: f64) -> f64 {
    format!("{rate:.2e}").parse().unwrap_or(rate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{StartConfig, TrainConfig};
    use receptive_model::{LinearLayer, ModelConfig};

    fn config() -> RunConfig {
        let model = ModelConfig::new(1, 8, 8).layer(LinearLayer::classes());
        RunConfig::new(model)
    }

    fn fine_tuned() -> RunConfig {
        RunConfig {
            train: TrainConfig::fine_tuning(),
            start: Some(StartConfig::fine_tuning("m")),
            ..config()
        }
    }

    fn counts(train: usize, val: usize, classes: usize) -> Counts {
        Counts {
            train,
            val,
            per_class: train / classes,
            are_coloured: true,
        }
    }

    const ALL: fn(&str) -> bool = |_| false;

    #[test]
    fn few_images_get_epochs_enough_for_the_steps() {
        for (images, epochs, batch_size) in [
            (9, 60, 16),
            (93, 10, 16),
            (499, 8, 16),
            (500, 8, 64),
            (60_000, 8, 64),
        ] {
            let mut config = fine_tuned();
            Open::except(ALL).choose(&mut config, counts(images, 0, 3));
            let chosen = (config.train.epochs, config.train.batch_size);
            assert_eq!(chosen, (epochs, batch_size), "{images} images");
            let has_shards = config.train.micro_batch == MicroBatch::Images(FROZEN_SHARD);
            assert_eq!(has_shards, batch_size == 16, "{images} images");
            assert_eq!(config.start.unwrap().head, HeadStart::Fitted);
        }
    }

    #[test]
    fn what_is_given_stays_as_it_is() {
        let mut config = fine_tuned();
        config.train.epochs = 5;
        let notes = Open::except(|setting| setting == "train.epochs")
            .choose(&mut config, counts(100, 20, 3));
        assert_eq!((config.train.epochs, config.train.batch_size), (5, 16));
        assert!(
            notes[0].contains("config.toml: batches of 16 images; AdamW"),
            "{notes:?}"
        );
        assert!(notes[0].contains("0.000003 to 0.00003 for"), "{notes:?}");

        for start in [None, Some(StartConfig::fine_tuning("m"))] {
            let mut config = RunConfig {
                start,
                ..config.clone()
            };
            let before = config.clone();
            assert!(
                Open::default()
                    .choose(&mut config, counts(4, 2, 3))
                    .is_empty()
            );
            assert_eq!(config, before);
        }
    }

    #[test]
    fn all_choices_are_one_note_of_a_few_lines() {
        let mut config = fine_tuned();
        let notes = Open::except(ALL).choose(&mut config, counts(93, 15, 3));
        let [note] = &notes[..] else {
            panic!("{notes:?}")
        };
        assert!(note.contains("10 epochs in batches of 16 images"), "{note}");
        assert!(note.contains("15 validation images"), "{note}");
        assert!(note.len() < 420, "{} characters: {note}", note.len());
    }

    #[test]
    fn of_one_or_two_images_a_class_only_the_head_learns() {
        for (images, only) in [(3, true), (8, true), (9, false)] {
            let mut config = fine_tuned();
            Open::except(ALL).choose(&mut config, counts(images, 2, 3));
            let head = config.start.as_ref().unwrap().head;
            assert_eq!(head == HeadStart::Only, only, "{images} images");
            assert_eq!(config.train.epochs == 0, only);
            config.check().unwrap();
        }
        let mut config = fine_tuned();
        config.train.epochs = 5;
        Open::except(|setting| setting == "train.epochs").choose(&mut config, counts(3, 0, 3));
        assert_eq!(config.start.unwrap().head, HeadStart::Fitted);
        let mut config = super::tests::config();
        config.train.epochs = 0;
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains("train.epochs"), "{error}");
    }

    #[test]
    fn few_validation_images_do_not_choose_the_epoch() {
        for (val, is_last) in [(0, false), (15, true), (199, true), (200, false)] {
            let mut config = fine_tuned();
            Open::except(ALL).choose(&mut config, counts(1000, val, 3));
            assert_eq!(config.train.monitor == Monitor::Last, is_last, "{val}");
        }
    }

    #[test]
    fn from_scratch_few_images_are_seen_more_often_and_many_as_before() {
        let mut many = config();
        assert!(
            Open::except(ALL)
                .choose(&mut many, counts(3000, 10, 3))
                .is_empty()
        );
        assert_eq!(many, config());
        let mut trial = config();
        trial.data.limit = Some(100);
        assert!(
            Open::except(ALL)
                .choose(&mut trial, counts(100, 10, 3))
                .is_empty()
        );

        let mut few = config();
        let notes = Open::except(ALL).choose(&mut few, counts(93, 15, 3));
        assert_eq!((few.train.epochs, few.train.batch_size), (200, 16));
        assert_eq!(
            (few.train.augment.crop, few.train.augment.erase),
            (0.5, 0.25)
        );
        assert_eq!(
            (few.train.monitor, few.train.early_stopping),
            (Monitor::Last, None)
        );
        assert!(
            notes[0].contains("200 epochs, batches of 16 images"),
            "{notes:?}"
        );
        assert!(notes[1].contains("start.from"), "{notes:?}");

        let mut some = config();
        Open::except(ALL).choose(&mut some, counts(2000, 250, 3));
        assert_eq!((some.train.epochs, some.train.batch_size), (47, 64));
        assert_eq!(some.train.early_stopping.unwrap().patience, 11);
    }
}
