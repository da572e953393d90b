//! The settings with which training goes on from pretrained weights.

use super::{ClassWeights, Optimizer, TrainConfig, WeightRule};
use receptive_data::Augment;

/// Epochs that fine-tuning takes at least.
pub(super) const MIN_EPOCHS: usize = 8;

impl TrainConfig {
    /// Training on from pretrained weights: AdamW, and images changed as photographs may be.
    pub fn fine_tuning() -> Self {
        Self {
            epochs: MIN_EPOCHS,
            optimizer: Optimizer::AdamW {
                learning_rate: 3e-4,
                weight_decay: 0.01,
            },
            // As in the fit of the head, with which training begins.
            class_weights: ClassWeights::Rule(WeightRule::Balanced),
            augment: photographs(),
            ..Self::default()
        }
    }
}

/// Changes that leave a photograph what it shows.
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
