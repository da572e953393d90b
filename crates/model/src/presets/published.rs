//! Networks with published weights: layers with exactly their epsilons and paddings, the input that
//! the weights were trained with, and the layer names in files.

use super::stack::Stack;
use crate::artifact::InputSpec;
use crate::layers::LayerConfig;
use receptive_core::{Fit, ImageSize, Interpolation, Resize};

/// The naming scheme of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// timm's, `conv_stem.weight`: <https://github.com/huggingface/pytorch-image-models>.
    Timm,
    /// torchvision's, `features.0.0.weight`.
    Torchvision,
    /// That of Luke Melas-Kyriazi's `EfficientNet-PyTorch` and its derivatives,
    /// `_conv_stem.weight`.
    Lukemelas,
    /// That of the code published by the network's authors.
    Official,
}

impl Scheme {
    /// The name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Timm => "timm",
            Self::Torchvision => "torchvision",
            Self::Lukemelas => "lukemelas",
            Self::Official => "official",
        }
    }
}

/// The preprocessing of published weights: the shorter side resized to `size / crop_fraction`, a
/// centre crop, pixels in 0..1 minus `mean`, divided by `std`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Preparation {
    /// Height and width of the input, in pixels.
    pub size: usize,
    /// Interpolation when resizing.
    pub interpolation: Interpolation,
    /// The crop fraction.
    pub crop_fraction: f64,
    /// Means of red, green and blue, in 0..1.
    pub mean: [f32; 3],
    /// Standard deviations of red, green and blue, in 0..1.
    pub std: [f32; 3],
}

impl Preparation {
    /// timm's default: 224 of 256 pixels, bicubic, ImageNet's mean and standard deviation.
    pub const BICUBIC: Self = Self {
        size: 224,
        interpolation: Interpolation::Bicubic,
        crop_fraction: 0.875,
        mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225],
    };

    /// torchvision's: like `BICUBIC` but bilinear.
    pub const BILINEAR: Self = Self {
        interpolation: Interpolation::Bilinear,
        ..Self::BICUBIC
    };

    /// Sets the size.
    pub const fn with_size(self, size: usize) -> Self {
        Self { size, ..self }
    }

    /// Sets the crop fraction.
    pub(crate) const fn with_crop(self, crop_fraction: f64) -> Self {
        Self {
            crop_fraction,
            ..self
        }
    }

    /// Sets mean and standard deviation to 0.5: values from -1 to 1.
    pub const fn centred(self) -> Self {
        Self {
            mean: [0.5; 3],
            std: [0.5; 3],
            ..self
        }
    }

    /// The input spec, with three channels.
    pub fn input(&self) -> InputSpec {
        InputSpec::new(ImageSize::new(3, self.size, self.size))
            .with_fit(Fit {
                resize: Resize::Crop,
                interpolation: self.interpolation,
                crop_fraction: Some(self.crop_fraction),
            })
            .with_normalization(self.mean, self.std)
    }
}

/// Published weights, recognised by the hash of their file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KnownWeights {
    /// The publisher's name: `resnet18-f37072fd`, `timm/resnet18.a1_in1k`.
    pub name: &'static str,
    /// The first digits of the file's SHA-256, in hexadecimal; empty if only the name is known.
    pub sha256: &'static str,
    /// The licence of the weights.
    pub licence: &'static str,
    /// The input they were trained with.
    pub preparation: Preparation,
}

impl KnownWeights {
    /// Weights under torchvision's licence; `sha256` is the end of their file's name.
    pub(super) const fn torchvision(
        name: &'static str,
        sha256: &'static str,
        preparation: Preparation,
    ) -> Self {
        Self {
            name,
            sha256,
            licence: "BSD-3-Clause",
            preparation,
        }
    }

    /// timm's weights under the licence that most of them have; `sha256` is the end of the `.pth`
    /// file's name, or empty.
    pub(super) const fn timm(
        name: &'static str,
        sha256: &'static str,
        preparation: Preparation,
    ) -> Self {
        Self {
            name,
            sha256,
            licence: "Apache-2.0",
            preparation,
        }
    }

    /// Sets another licence.
    pub(super) const fn with_licence(self, licence: &'static str) -> Self {
        Self { licence, ..self }
    }
}

/// One form in which a network's weights are published. The forms of a network may differ in more
/// than names: torchvision's MobileNetV3 has a different epsilon from timm's.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedForm {
    /// The naming scheme.
    pub scheme: Scheme,
    /// The network; the number of classes decides the last layer's units.
    pub layers: Vec<LayerConfig>,
    /// The name in a file of each layer with weights, in the order of the plan's rows.
    pub names: Vec<String>,
    /// Prefixes of parts that are used in training only and are ignored, such as `AuxLogits.`.
    pub auxiliary: &'static [&'static str],
    /// The preprocessing, unless the weights are known to use another.
    pub input: InputSpec,
    /// The known weights of this form.
    pub weights: Vec<KnownWeights>,
}

impl PublishedForm {
    /// A network whose input is that of the first of these weights.
    pub(super) fn new(scheme: Scheme, stack: Stack, weights: impl Into<Vec<KnownWeights>>) -> Self {
        let weights = weights.into();
        let preparation = weights
            .first()
            .map_or(Preparation::BICUBIC, |first| first.preparation);
        Self {
            scheme,
            layers: stack.layers,
            names: stack.names,
            auxiliary: &[],
            input: preparation.input(),
            weights,
        }
    }

    /// Sets the prefixes of the parts of a file that are ignored.
    pub(super) fn with_auxiliary(self, auxiliary: &'static [&'static str]) -> Self {
        Self { auxiliary, ..self }
    }

    /// The weights whose file has this SHA-256, in hexadecimal.
    pub fn weights_of(&self, sha256: &str) -> Option<&KnownWeights> {
        self.weights
            .iter()
            .find(|weights| !weights.sha256.is_empty() && sha256.starts_with(weights.sha256))
    }
}
