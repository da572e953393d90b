//! The networks to time, and the timing of receptive fields.

use super::{Bench, Timing};
use crate::error::CliError;
use clap::ValueEnum;
use receptive_erf::{
    MeasureOptions, MeasuredNetwork, Noise, Probe, default_layer, measure_layer, seeing_layers,
};
use receptive_model::{
    Activation, Conv2dLayer, FlattenLayer, GlobalAvgPool2dLayer, ImageSize, LinearLayer,
    MaxPool2dLayer, ModelConfig, Padding, Plan, presets,
};
use receptive_train::{Compute, on_threads};
use serde::{Serialize, Serializer};
use std::time::Instant;

/// Convolutions of the network `erf`.
const ERF_LAYERS: usize = 20;

/// The operation to time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Work {
    /// Forward and backward pass, a step of AdamW, and reading the loss back.
    Train,
    /// Forward pass, and reading the logits back.
    Infer,
    /// The gradient of one unit with respect to one image.
    Erf,
}

/// The layers whose receptive fields are timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Fields {
    /// The last layer with feature maps
    Last,
    /// Every layer with feature maps
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BenchNetwork {
    /// Two convolutions with pooling on 28x28 grey pixels, then 128 and 10 units.
    Fashion,
    /// The preset `vgg` on 32x32 pixels: six convolutions with batch norm.
    Vgg,
    /// One convolution with pooling on photographs of 427x640 pixels; inference only.
    Photo,
    /// Receptive fields of 20 convolutions on 128x128 pixels.
    Erf,
    /// A network with published weights and 1,000 classes, for images of its default size or the given one.
    Published(&'static str, Option<usize>),
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
    pub(super) fn named(name: &str) -> Option<Self> {
        let own = Self::OWN.into_iter().find(|known| known.name() == name);
        own.or_else(|| {
            let mut published = presets::published_names();
            let name = published.find(|known| *known == name)?;
            Some(Self::Published(name, None))
        })
    }

    /// The network for images of this height and width; `None` if its image size is fixed.
    pub(super) fn with_size(self, side: usize) -> Option<Self> {
        match self {
            Self::Published(name, _) => Some(Self::Published(name, Some(side))),
            _ => None,
        }
    }

    /// The name on the command line.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Fashion => "fashion",
            Self::Vgg => "vgg",
            Self::Photo => "photo",
            Self::Erf => "erf",
            Self::Published(name, _) => name,
        }
    }

    pub(super) const fn default_work(self) -> Work {
        match self {
            Self::Fashion | Self::Vgg | Self::Published(..) => Work::Train,
            Self::Photo => Work::Infer,
            Self::Erf => Work::Erf,
        }
    }

    /// The batch size used for the other frameworks.
    pub(super) const fn default_batch(self, is_field: bool) -> usize {
        if is_field {
            return 1;
        }
        match self {
            Self::Fashion | Self::Vgg => 64,
            Self::Published(..) => 32,
            Self::Photo => 2,
            Self::Erf => 1,
        }
    }

    pub(super) fn plan(self) -> Result<Plan, CliError> {
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
            Self::Published(name, side) => {
                let own = presets::default_input(name);
                let side = side.map_or(own, |side| ImageSize::new(own.channels, side, side));
                return Ok(presets::preset(name, side)?.with_classes(1000).plan()?);
            }
        };
        Ok(config.with_classes(10).plan()?)
    }

    /// Number of layers timed in inference: for `photo`, the other frameworks end with the pooling.
    pub(super) fn inference_layers(self, plan: &Plan) -> usize {
        match self {
            Self::Photo => 2,
            _ => plan.layers.len(),
        }
    }
}

impl Bench {
    /// Times receptive fields, layer by layer; the samples of each are divided among the threads. An image is one
    /// sample of one layer.
    pub(super) fn erf(&self, compute: &Compute) -> Result<Timing, CliError> {
        let plan = self.network.plan()?;
        let input = plan.input();
        let noise = Noise {
            shape: [input.channels, input.height, input.width],
            seed: 0,
        };
        let model = plan.init(compute.device());
        let options = MeasureOptions {
            samples: (self.batch * self.steps) as u64,
            noise: 0.0,
            ..MeasureOptions::default()
        };
        let layers = match self.fields {
            Fields::Last => vec![default_layer(&plan)?],
            Fields::All => seeing_layers(&plan),
        };
        let network = MeasuredNetwork::Given(&model);
        let began = Instant::now();
        let mut samples = 0;
        for layer in layers {
            let probe = Probe::central(&plan, &layer.number)?;
            let measurement = on_threads(compute.threads(), || {
                measure_layer(
                    network,
                    &layer.number,
                    &probe,
                    &noise,
                    &options,
                    compute.device(),
                    &mut |_, _, _| (),
                )
            })??;
            samples += measurement.samples;
        }
        let seconds = began.elapsed().as_secs_f64();
        let per_step = seconds * self.batch as f64 / samples as f64;
        Ok(self.timing(vec![per_step]))
    }
}
