//! The networks that are timed.

use super::Work;
use crate::TrainError;
use receptive_model::{
    Activation, Conv2dLayer, FlattenLayer, GlobalAvgPool2dLayer, ImageSize, LinearLayer,
    MaxPool2dLayer, ModelConfig, Padding, Plan, presets,
};
use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// Convolutions of the network `erf`.
pub(super) const ERF_LAYERS: usize = 20;

/// The networks there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// Two convolutions and pools on 28x28 grey pixels, then 128 and 10 units.
    Fashion,
    /// The preset `vgg` on 32x32 pixels: six convolutions with batch norm.
    Vgg,
    /// One convolution and pool on photographs of 427x640 pixels; inference alone.
    Photo,
    /// Receptive fields of 20 convolutions on 128x128 pixels.
    Erf,
}

impl Network {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Fashion, Self::Vgg, Self::Photo, Self::Erf];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fashion => "fashion",
            Self::Vgg => "vgg",
            Self::Photo => "photo",
            Self::Erf => "erf",
        }
    }

    /// What it is timed on where nothing else is said.
    pub const fn work(self) -> Work {
        match self {
            Self::Fashion | Self::Vgg => Work::Train,
            Self::Photo => Work::Infer,
            Self::Erf => Work::Erf,
        }
    }

    /// The batch that peers use.
    pub const fn batch(self) -> usize {
        match self {
            Self::Fashion | Self::Vgg => 64,
            Self::Photo => 2,
            Self::Erf => 1,
        }
    }

    pub(super) fn plan(self) -> Result<Plan, TrainError> {
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
                let input = ImageSize {
                    channels: 3,
                    height: 128,
                    width: 128,
                };
                presets::preset(&format!("plain-{ERF_LAYERS}"), input)?
            }
        };
        Ok(config.with_classes(10).plan()?)
    }

    /// How many layers inference goes through: peers' `photo` ends with the pool.
    pub(super) fn inferred(self, plan: &Plan) -> usize {
        match self {
            Self::Photo => 2,
            _ => plan.layers.len(),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Network {
    type Err = TrainError;

    fn from_str(text: &str) -> Result<Self, TrainError> {
        let found = Self::ALL.into_iter().find(|network| network.name() == text);
        found.ok_or_else(|| {
            TrainError::setting(
                "NETWORK",
                format!(
                    "there is no benchmark `{text}`; there are {}",
                    Self::ALL.map(Self::name).join(", ")
                ),
            )
        })
    }
}
