//! Networks by name. Those that receptive trains from scratch consist of layers only: the input
//! size and the classes come from the data. Those with timm's names have published weights, and
//! also come with their input and their layer names in files ([`published`]).

mod alexnet;
mod convnext;
mod densenet;
mod efficientnet;
mod imagenet;
mod inception;
mod inverted;
mod list;
mod mobilenet;
mod own;
mod published;
mod regnet;
mod repvgg;
mod resnet;
mod shufflenet;
mod stack;
mod vgg;

pub use imagenet::{imagenet_classes, imagenet_synsets};
pub use list::{published, repository};
pub use published::{KnownWeights, Preparation, PublishedForm, Scheme};

use crate::ModelError;
use crate::config::ModelConfig;
use crate::layers::LayerConfig;
use own::MAX_PLAIN;
use receptive_core::{ImageSize, did_you_mean, nearest};

/// The default preset.
pub const DEFAULT: &str = "small";

/// The names with a description each. `plain-N` stands for any number of convolutions.
pub const NAMES: [(&str, &str); 6] = [
    (
        "tutorial",
        "one convolution, one pool, two dense layers: small enough to follow by hand",
    ),
    (
        "small",
        "stages of a convolution and a residual block, 16 to 128 filters: minutes (default)",
    ),
    (
        "accurate",
        "small with twice the filters, trained for longer: one to two hours",
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

/// The presets with published weights, by timm's names.
pub fn published_names() -> impl Iterator<Item = &'static str> {
    list::NETWORKS.iter().map(|(name, _)| *name)
}

/// The preset with this name, for images of this size.
///
/// # Errors
/// [`ModelError::UnknownPreset`] with similar names.
pub fn preset(name: &str, input: ImageSize) -> Result<ModelConfig, ModelError> {
    let empty = ModelConfig::new(input.channels, input.height, input.width);
    if let Some(own) = own::network(name, empty.clone()) {
        return Ok(own);
    }
    if let Some(first) = published(name).into_iter().next() {
        return Ok(empty.layers(first.layers));
    }
    Err(ModelError::UnknownPreset {
        name: name.into(),
        known: others(name),
    })
}

/// Similar names or, if there are none, the existing ones, without the long list of networks with
/// published weights.
fn others(name: &str) -> String {
    if name.starts_with("plain-") {
        return format!("in plain-N, N is a number from 1 to {MAX_PLAIN}, such as plain-20");
    }
    let own = || NAMES.iter().map(|(name, _)| *name);
    let meant = nearest(name, own().chain(published_names()));
    did_you_mean(&meant).unwrap_or_else(|| {
        let own: Vec<&str> = own().collect();
        format!(
            "the presets are {}, where N is 1 to {MAX_PLAIN}, and {} networks with published weights",
            own.join(", "),
            published_names().count()
        )
    })
}

/// The preset that has exactly these layers, if any; a published network is recognised in all its
/// forms.
pub fn name_of(config: &ModelConfig) -> Option<String> {
    own_name(config).or_else(|| {
        let is_form = |name: &&str| {
            let forms = published(name);
            forms.iter().any(|form| form.layers == config.layers)
        };
        published_names().find(is_form).map(String::from)
    })
}

fn own_name(config: &ModelConfig) -> Option<String> {
    let convolutions = config
        .layers
        .iter()
        .filter(|layer| matches!(layer, LayerConfig::Conv2d(_)))
        .count();
    let plain = format!("plain-{convolutions}");
    let names = NAMES.iter().map(|(name, _)| *name);
    let input = config.input;
    let empty = ModelConfig::new(input.channels, input.height, input.width);
    let is_own = |name: &&str| {
        own::network(name, empty.clone()).is_some_and(|own| own.layers == config.layers)
    };
    names.chain([plain.as_str()]).find(is_own).map(String::from)
}

/// The config adapted to images of another size, if its layers are those of a preset; `None`
/// otherwise.
pub fn refit(config: &ModelConfig, input: ImageSize) -> Option<ModelConfig> {
    let layers = match own_name(config) {
        Some(own) => preset(&own, input).ok()?.layers,
        // A published network has the same layers for images of any size.
        None => name_of(config).map(|_| config.layers.clone())?,
    };
    Some(ModelConfig {
        input,
        layers,
        ..config.clone()
    })
}

/// The image size used to describe a preset if no data set is given.
pub fn default_input(name: &str) -> ImageSize {
    if let Some(first) = published(name).first() {
        return first.input.size();
    }
    match name {
        "vgg" | "resnet" => ImageSize::new(3, 32, 32),
        _ => ImageSize::new(1, 28, 28),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preset_is_known_by_its_layers_whatever_its_input() {
        let own = ["tutorial", "small", "vgg", "resnet", "plain-7"];
        for name in own.into_iter().chain(published_names()) {
            let config = preset(name, default_input(name)).unwrap().with_classes(3);
            assert_eq!(name_of(&config).as_deref(), Some(name));
        }
        let input = default_input("small");
        let mut changed = preset("small", input).unwrap();
        changed.layers.remove(0);
        assert_eq!(name_of(&changed), None);
    }

    #[test]
    fn an_unknown_name_is_told_the_nearest_and_never_all() {
        let told = |name| preset(name, default_input(name)).unwrap_err().to_string();
        let nearest = "there is no preset `ResNet-50`; did you mean `resnet50`?";
        assert_eq!(told("ResNet-50"), nearest);
        let part = told("mobilenet");
        assert!(
            part.contains("`mobilenetv2_100`, `mobilenetv3_small_100` or"),
            "{part}"
        );
        let other = told("foo");
        assert!(other.contains("plain-N, where N is 1 to 200"), "{other}");
        assert!(other.len() < 200, "{other}");
    }

    #[test]
    fn every_layer_with_weights_has_a_name_of_its_own_in_every_scheme() {
        for name in published_names() {
            let forms = published(name);
            assert!(!forms.is_empty(), "{name}");
            for form in &forms {
                let size = default_input(name);
                let config = ModelConfig::new(size.channels, size.height, size.width);
                let plan = config
                    .layers(form.layers.clone())
                    .with_classes(1000)
                    .plan()
                    .unwrap();
                let rows = plan.rows();
                let weighted = rows
                    .iter()
                    .filter(|row| row.branches().is_empty() && row.params + row.buffers > 0);
                let scheme = form.scheme.name();
                assert_eq!(weighted.count(), form.names.len(), "{name}, {scheme}");
                let mut names = form.names.clone();
                names.sort();
                names.dedup();
                assert_eq!(names.len(), form.names.len(), "{name}, {scheme}");
            }
        }
    }

    #[test]
    fn names_that_are_the_same_in_two_schemes_mean_the_same_layers() {
        for name in published_names() {
            let forms = published(name);
            for (i, form) in forms.iter().enumerate() {
                for other in &forms[i + 1..] {
                    assert_ne!(form.scheme, other.scheme, "{name}");
                    if form.names == other.names {
                        assert_eq!(form.layers, other.layers, "{name}");
                    }
                }
            }
        }
    }
}
