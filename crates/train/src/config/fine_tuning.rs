//! The default settings of fine-tuning.

use super::{ClassWeights, Optimizer, TrainConfig, WeightRule};
use receptive_data::Augment;

/// Minimum number of epochs for fine-tuning.
pub(super) const MIN_EPOCHS: usize = 8;

impl TrainConfig {
    /// Fine-tuning: AdamW, and augmentation for photographs.
    pub fn fine_tuning() -> Self {
        Self {
            epochs: MIN_EPOCHS,
            optimizer: Optimizer::AdamW {
                learning_rate: 3e-4,
                weight_decay: 0.01,
            },
            // As in the fit of the head, which precedes training.
            class_weights: ClassWeights::Rule(WeightRule::Balanced),
            augment: photographs(),
            ..Self::default()
        }
    }
}

/// Augmentation that preserves the content of photographs.
pub(super) fn photographs() -> Augment {
    Augment {
        crop: 0.5,
        flip: true,
        brightness: 0.2,
        contrast: 0.2,
        saturation: 0.2,
        hue: 0.05,
        ..Augment::default()
    }
}
