//! The trained model that a run starts from, and the recipe of fine-tuning it.

use super::{Auto, MicroBatch, Optimizer, RunConfig, TrainConfig};
use crate::backend::Backend;
use crate::error::TrainError;
use receptive_core::text::counted;
use receptive_data::Augment;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The trained model that a run starts from (fine-tuning).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartConfig {
    /// The directory of an artifact, such as `runs/001/model`.
    pub from: PathBuf,
    /// How many of the first layers keep their weights (as `receptive summary` numbers them).
    #[serde(default)]
    pub freeze: usize,
    /// Whether batch norms use and keep the statistics that the model was trained with, while their
    /// scale and shift learn.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub freeze_statistics: bool,
    /// The learning rate of the layer before the head, as a share of the head's, which is
    /// `train.optimizer.learning_rate`.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub body_rate: f64,
    /// The learning rate of the first layer, as a share of the head's; those between lie on a
    /// geometric series from here to `body_rate`.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub stem_rate: f64,
    /// The hash of the artifact's weights; filled in when the run starts, and compared when it is
    /// repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights_sha256: Option<String>,
}

fn one() -> f64 {
    1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_one(value: &f64) -> bool {
    *value == 1.0
}

impl StartConfig {
    /// All layers trained alike.
    pub fn new(from: impl Into<PathBuf>) -> Self {
        Self {
            from: from.into(),
            freeze: 0,
            freeze_statistics: false,
            body_rate: 1.0,
            stem_rate: 1.0,
            weights_sha256: None,
        }
    }

    /// The recipe's: a tenth of the head's rate before the head, a hundredth at the first layer, and
    /// batch norm's statistics kept.
    pub fn fine_tuning(from: impl Into<PathBuf>) -> Self {
        Self {
            freeze_statistics: true,
            body_rate: 0.1,
            stem_rate: 0.01,
            ..Self::new(from)
        }
    }

    pub(super) fn check(&self) -> Result<(), TrainError> {
        for (setting, rate) in [
            ("start.body_rate", self.body_rate),
            ("start.stem_rate", self.stem_rate),
        ] {
            if !(rate > 0.0 && rate <= 1.0) {
                return Err(TrainError::setting(
                    setting,
                    format!(
                        "it is {rate}; use a share above 0 and up to 1 of the head's learning rate, or \
                         freeze layers with start.freeze"
                    ),
                ));
            }
        }
        Ok(())
    }

    /// The learning rate of each layer as a share of the head's. `has_weights` says of each layer
    /// whether it has any; the last that has is the head.
    pub(crate) fn rates(&self, has_weights: &[bool]) -> Vec<f64> {
        let with_weights = has_weights.iter().filter(|has| **has).count();
        let body = with_weights.saturating_sub(1);
        let mut at = 0;
        let mut rates = Vec::with_capacity(has_weights.len());
        for &has_weights in has_weights {
            rates.push(if at >= body {
                1.0
            } else if body == 1 {
                self.body_rate
            } else {
                let share = at as f64 / (body - 1) as f64;
                self.stem_rate.powf(1.0 - share) * self.body_rate.powf(share)
            });
            at += usize::from(has_weights);
        }
        rates
    }
}

impl TrainConfig {
    /// The recipe for training on from pretrained weights: AdamW, and images
    /// changed as photographs may be. The number of epochs and the batch size are left open, as 0, for
    /// the number of images to decide.
    pub fn fine_tuning() -> Self {
        Self {
            epochs: 0,
            batch_size: 0,
            optimizer: Optimizer::AdamW {
                learning_rate: 1e-3,
                weight_decay: 0.01,
            },
            augment: Augment {
                crop: 0.5,
                flip: true,
                brightness: 0.2,
                contrast: 0.2,
                ..Augment::default()
            },
            ..Self::default()
        }
    }
}

/// Fewer training images than this come in small batches.
const FEW_IMAGES: usize = 500;
/// Steps that a run takes at least where the number of epochs is left open.
const MIN_STEPS: usize = 60;
/// Epochs that a run takes at least where their number is left open.
const MIN_EPOCHS: usize = 8;
/// Images of a shard where no batch norm sees them.
const FROZEN_SHARD: usize = 8;

/// What a config leaves to the number of images.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenSettings {
    epochs: bool,
    batch_size: bool,
}

impl OpenSettings {
    /// Of a config that fine-tunes; valid numbers take their place until the images are counted.
    pub(crate) fn take(config: &mut RunConfig) -> Self {
        let is_open = |value: usize| config.start.is_some() && value == 0;
        let open = Self {
            epochs: is_open(config.train.epochs),
            batch_size: is_open(config.train.batch_size),
        };
        for (is_open, value) in [
            (open.epochs, &mut config.train.epochs),
            (open.batch_size, &mut config.train.batch_size),
        ] {
            if is_open {
                *value = 1;
            }
        }
        open
    }

    /// Decides by the number of training images: few come in small batches and in as many epochs as give
    /// [`MIN_STEPS`]. More epochs than that bought nothing where it was measured (docs/training.md).
    pub(crate) fn fill(self, config: &mut RunConfig, images: usize) {
        let keeps_statistics = config.start.as_ref().is_some_and(|s| s.freeze_statistics);
        if self.batch_size {
            let is_small = images < FEW_IMAGES;
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
        }
        if self.epochs {
            let steps = images.div_ceil(config.train.batch_size.max(1)).max(1);
            config.train.epochs = MIN_STEPS.div_ceil(steps).max(MIN_EPOCHS);
        }
    }

    /// What was chosen and why; `None` where nothing was left open.
    pub(crate) fn note(self, config: &RunConfig, images: usize) -> Option<String> {
        let train = &config.train;
        let chosen: Vec<String> = [
            (self.epochs, counted(train.epochs, "epoch")),
            (
                self.batch_size,
                format!("batches of {}", counted(train.batch_size, "image")),
            ),
        ]
        .into_iter()
        .filter_map(|(is_open, words)| is_open.then_some(words))
        .collect();
        let start = config.start.as_ref()?;
        if chosen.is_empty() {
            return None;
        }
        let rate = train.optimizer.learning_rate();
        let statistics = match start.freeze_statistics {
            true => "batch norm keeps the statistics it was pretrained with",
            false => "batch norm's statistics are trained too",
        };
        Some(format!(
            "fine-tuning {}: {}; learning rate {rate} for the head, {} to {} from the first layer to \
             the last before it, since pretrained layers need little change; {statistics}. The choices \
             are in config.toml",
            counted(images, "image"),
            chosen.join(", "),
            shown(rate * start.stem_rate),
            shown(rate * start.body_rate),
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
    use receptive_model::{LinearLayer, ModelConfig};

    fn fine_tuned() -> RunConfig {
        let model = ModelConfig::new(1, 8, 8).layer(LinearLayer::classes());
        RunConfig {
            train: TrainConfig::fine_tuning(),
            start: Some(StartConfig::fine_tuning("m")),
            ..RunConfig::new(model)
        }
    }

    #[test]
    fn rates_rise_geometrically_from_the_stem_to_the_body_and_the_head_has_all() {
        let start = StartConfig::fine_tuning("m");
        // A pooling layer's rate has no meaning; three layers of the body, then the head.
        let rates = start.rates(&[true, false, true, true, false, true]);
        for (at, expected) in [(0, 0.01), (2, 0.1f64.sqrt() * 0.1), (3, 0.1), (5, 1.0)] {
            assert!((rates[at] - expected).abs() < 1e-12, "{rates:?}");
        }
        assert_eq!(start.rates(&[true, true]), [0.1, 1.0]);
        assert_eq!(start.rates(&[false, true]), [1.0, 1.0]);
        assert_eq!(StartConfig::new("m").rates(&[true; 4]), [1.0; 4]);
    }

    #[test]
    fn the_number_of_images_decides_what_is_left_open_and_nothing_else() {
        let mut config = fine_tuned();
        config.train.epochs = 5;
        let open = OpenSettings::take(&mut config);
        config.check().unwrap();
        open.fill(&mut config, 100);
        assert_eq!((config.train.epochs, config.train.batch_size), (5, 16));
        let note = open.note(&config, 100).unwrap();
        assert!(note.contains("100 images: batches of 16 images;"), "{note}");
        assert!(note.contains("0.00001 to 0.0001 from"), "{note}");
        open.fill(&mut config, 60_000);
        assert_eq!((config.train.epochs, config.train.batch_size), (5, 64));
    }

    #[test]
    fn few_images_get_epochs_enough_for_the_steps() {
        for (images, epochs, batch_size) in [
            (5, 60, 16),
            (93, 10, 16),
            (499, 8, 16),
            (500, 8, 64),
            (60_000, 8, 64),
        ] {
            let mut config = fine_tuned();
            OpenSettings::take(&mut config).fill(&mut config, images);
            let chosen = (config.train.epochs, config.train.batch_size);
            assert_eq!(chosen, (epochs, batch_size), "{images} images");
            let has_shards = config.train.micro_batch == MicroBatch::Images(FROZEN_SHARD);
            assert_eq!(has_shards, batch_size == 16, "{images} images");
        }
    }

    #[test]
    fn without_a_start_nothing_is_left_open() {
        let mut config = fine_tuned();
        config.start = None;
        let open = OpenSettings::take(&mut config);
        assert!(open.note(&config, 100).is_none());
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains("train.epochs"), "{error}");
    }

    #[test]
    fn a_rate_that_is_no_share_is_rejected_by_its_name() {
        for wrong in [0.0, -0.1, 1.5, f64::NAN] {
            let mut config = fine_tuned();
            OpenSettings::take(&mut config);
            config.start.as_mut().unwrap().stem_rate = wrong;
            let error = config.check().unwrap_err().to_string();
            assert!(error.contains("start.stem_rate"), "{error}");
        }
    }
}
