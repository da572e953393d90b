//! The networks to time.

use super::fields::Fields;
use crate::error::CliError;
use receptive_model::{
    Activation, Conv2dLayer, FlattenLayer, GlobalAvgPool2dLayer, ImageSize, LinearLayer,
    MaxPool2dLayer, ModelConfig, ModelError, Padding, Plan, presets,
};
use serde::{Serialize, Serializer};

/// Convolutions of the network `erf`.
const ERF_LAYERS: usize = 20;

/// The operation to time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// Forward and backward pass, a step of AdamW, and reading the loss back.
    Train,
    /// Forward pass, and reading the logits back.
    Infer,
    /// The gradient of one unit of these layers with respect to one image.
    Erf(Fields),
}

impl Serialize for Work {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Train => "train",
            Self::Infer => "infer",
            Self::Erf(_) => "erf",
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BenchNetwork {
    /// Two convolutions with pooling on 28x28 grey pixels, then 128 and 10 units.
    Fashion,
    /// The preset `vgg` on 32x32 pixels: six convolutions with batch norm.
    Vgg,
    /// One convolution with pooling on photographs of 427x640 pixels; inference only.
    Photo,
    /// Receptive fields of 20 convolutions on 128x128 pixels.
    Erf,
    /// A preset with 10 classes, for images of its default size or of this height and width.
    Preset(String, Option<usize>),
    /// The same for a network with published weights, with 1,000 classes.
    Published(String, Option<usize>),
}

impl Serialize for BenchNetwork {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl BenchNetwork {
    /// Networks defined by this program.
    pub(super) const OWN: [Self; 4] = [Self::Fashion, Self::Vgg, Self::Photo, Self::Erf];

    /// The network with this name.
    ///
    /// # Errors
    /// There is none; the error has similar names.
    pub(super) fn named(name: &str) -> Result<Self, ModelError> {
        let own = Self::OWN.into_iter().find(|known| known.name() == name);
        if let Some(own) = own {
            return Ok(own);
        }
        presets::preset(name, presets::default_input(name))?;
        let is_published = presets::published_names().any(|known| known == name);
        Ok(match is_published {
            true => Self::Published(name.into(), None),
            false => Self::Preset(name.into(), None),
        })
    }

    /// The network for images of this height and width; `None` if its image size is fixed.
    pub(super) fn with_size(self, side: usize) -> Option<Self> {
        match self {
            Self::Vgg => Some(Self::Preset("vgg".into(), Some(side))),
            Self::Preset(name, _) => Some(Self::Preset(name, Some(side))),
            Self::Published(name, _) => Some(Self::Published(name, Some(side))),
            _ => None,
        }
    }

    /// The name on the command line.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Fashion => "fashion",
            Self::Vgg => "vgg",
            Self::Photo => "photo",
            Self::Erf => "erf",
            Self::Preset(name, _) | Self::Published(name, _) => name,
        }
    }

    pub(super) const fn default_work(&self) -> Work {
        match self {
            Self::Fashion | Self::Vgg | Self::Preset(..) | Self::Published(..) => Work::Train,
            Self::Photo => Work::Infer,
            Self::Erf => Work::Erf(Fields::Last),
        }
    }

    /// The batch size used for the other frameworks.
    pub(super) const fn default_batch(&self, work: Work) -> usize {
        match (work, self) {
            (Work::Erf(_), _) | (_, Self::Erf) => 1,
            (_, Self::Fashion | Self::Vgg | Self::Preset(..)) => 64,
            (_, Self::Published(..)) => 32,
            (_, Self::Photo) => 2,
        }
    }

    pub(super) fn plan(&self) -> Result<Plan, CliError> {
        let conv = |filters| {
            Conv2dLayer::new(filters, 3)
                .with_padding(Padding::Same)
                .with_activation(Activation::Relu)
        };
        let config = match self {
            Self::Fashion => ModelConfig::new(1, 28, 28)
                .layer(conv(32))
                .layer(MaxPool2dLayer::new(2))
                .layer(conv(64))
                .layer(MaxPool2dLayer::new(2))
                .layer(FlattenLayer::default())
                .layer(LinearLayer::new(128).with_activation(Activation::Relu))
                .layer(LinearLayer::classes()),
            Self::Vgg => presets::preset("vgg", presets::default_input("vgg"))?,
            Self::Photo => ModelConfig::new(3, 427, 640)
                .layer(conv(32))
                .layer(MaxPool2dLayer::new(2))
                .layer(GlobalAvgPool2dLayer::default())
                .layer(LinearLayer::classes()),
            Self::Erf => {
                presets::preset(&format!("plain-{ERF_LAYERS}"), ImageSize::new(3, 128, 128))?
            }
            Self::Preset(name, side) | Self::Published(name, side) => {
                let own = presets::default_input(name);
                let size = side.map_or(own, |side| ImageSize::new(own.channels, side, side));
                presets::preset(name, size)?
            }
        };
        let classes = match self {
            Self::Published(..) => 1000,
            _ => 10,
        };
        config
            .with_classes(classes)
            .plan()
            .map_err(|error| match self {
                Self::Preset(_, Some(_)) | Self::Published(_, Some(_)) => {
                    CliError::argument("--size", format!("{error}"))
                }
                _ => error.into(),
            })
    }

    /// Number of layers timed in inference: for `photo`, the other frameworks end with the pooling.
    pub(super) fn inference_layers(&self, plan: &Plan) -> usize {
        match self {
            Self::Photo => 2,
            _ => plan.layers.len(),
        }
    }
}
