//! Networks by name. A preset is its layers only: input size and classes come from the data.

mod accurate;
mod plain;
mod resnet;
mod small;
mod tutorial;
mod vgg;

use crate::{LayerConfig, ModelConfig, ModelError};
use receptive_core::ImageSize;

/// The preset that is used when none is named.
pub const DEFAULT: &str = "small";

/// The names, with a line on each. `plain-N` stands for any number of convolutions.
pub const NAMES: [(&str, &str); 6] = [
    (
        "tutorial",
        "one convolution, one pool, two dense layers: small enough to follow by hand",
    ),
    (
        "small",
        "the best accuracy that two minutes of two CPU cores buy (default)",
    ),
    (
        "accurate",
        "stages of a convolution and a residual block, 64 to 256 filters: an hour or two",
    ),
    (
        "vgg",
        "three stages of two 3x3 convolutions with batch norm, 64 to 256 filters",
    ),
    (
        "resnet",
        "three stages of residual blocks, 16 to 64 filters",
    ),
    (
        "plain-N",
        "N 3x3 convolutions of 32 filters without pooling, such as plain-20",
    ),
];

/// The most convolutions `plain-N` may have.
const MOST_PLAIN: usize = 200;

/// The preset of this name for images of this shape.
///
/// # Errors
/// [`ModelError::UnknownPreset`] with the names there are.
pub fn preset(name: &str, input: ImageSize) -> Result<ModelConfig, ModelError> {
    let empty = ModelConfig::new(input.channels, input.height, input.width);
    match name {
        "tutorial" => return Ok(tutorial::layers(empty)),
        "small" => return Ok(small::layers(empty)),
        "accurate" => return Ok(accurate::layers(empty)),
        "vgg" => return Ok(vgg::layers(empty)),
        "resnet" => return Ok(resnet::layers(empty)),
        _ => {}
    }
    name.strip_prefix("plain-")
        .and_then(|count| count.parse().ok())
        .filter(|count| (1..=MOST_PLAIN).contains(count))
        .map(|count| plain::layers(empty, count))
        .ok_or_else(|| ModelError::UnknownPreset {
            name: name.into(),
            known: format!(
                "{}, where N is 1 to {MOST_PLAIN}",
                NAMES.map(|(name, _)| name).join(", ")
            ),
        })
}

/// The preset that these layers are, where they are one's.
pub fn name_of(config: &ModelConfig) -> Option<String> {
    let convolutions = config
        .layers
        .iter()
        .filter(|layer| matches!(layer, LayerConfig::Conv2d(_)))
        .count();
    let plain = format!("plain-{convolutions}");
    let names = NAMES.iter().map(|(name, _)| *name);
    names
        .chain([plain.as_str()])
        .find(|name| preset(name, config.input).is_ok_and(|found| found.layers == config.layers))
        .map(String::from)
}

/// The config laid out for images of another shape, where its layers are those of a preset for its
/// own; `None` where they are not.
pub fn refit(config: &ModelConfig, input: ImageSize) -> Option<ModelConfig> {
    let layers = preset(&name_of(config)?, input).ok()?.layers;
    Some(ModelConfig {
        input,
        layers,
        ..config.clone()
    })
}

/// The image shape a preset is described with when no data set is named.
pub const fn usual_input(name: &str) -> ImageSize {
    match name.as_bytes() {
        b"vgg" | b"resnet" => ImageSize {
            channels: 3,
            height: 32,
            width: 32,
        },
        _ => ImageSize {
            channels: 1,
            height: 28,
            width: 28,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preset_is_known_by_its_layers_whatever_its_input() {
        for name in ["tutorial", "small", "vgg", "resnet", "plain-7"] {
            let config = preset(name, usual_input(name)).unwrap().with_classes(3);
            assert_eq!(name_of(&config).as_deref(), Some(name));
        }
        let input = usual_input("small");
        let mut changed = preset("small", input).unwrap();
        changed.layers.remove(0);
        assert_eq!(name_of(&changed), None);
    }
}
