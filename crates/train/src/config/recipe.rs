//! What a preset is trained with where the defaults do not suit it best.

use super::{RunConfig, TrainConfig};
use crate::TrainError;
use receptive_model::presets;

impl RunConfig {
    /// The preset of this name with the settings that suit it; input and classes come from the data.
    ///
    /// # Errors
    /// [`ModelError::UnknownPreset`](receptive_model::ModelError::UnknownPreset) with the names there
    /// are.
    pub fn preset(name: &str) -> Result<Self, TrainError> {
        let mut config = Self::new(presets::preset(name, presets::default_input(name))?);
        if name == "accurate" {
            patient(&mut config.train);
        }
        Ok(config)
    }
}

/// A network that learns its training images by heart in the usual epochs needs more of them, and
/// images that never come twice.
fn patient(train: &mut TrainConfig) {
    train.epochs = 36;
    train.augment.shift = 2;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_preset_that_takes_its_time_departs_from_the_defaults() {
        for name in ["small", "vgg", "plain-20"] {
            let config = RunConfig::preset(name).unwrap();
            assert_eq!(config.train, TrainConfig::default());
        }
        let config = RunConfig::preset("accurate").unwrap();
        assert!(config.train.epochs > TrainConfig::default().epochs);
        assert!(RunConfig::preset("accurat").is_err());
    }
}
