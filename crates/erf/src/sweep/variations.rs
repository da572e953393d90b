//! The networks of a sweep.

use receptive_model::{
    Activation, Conv2dLayer, DropoutLayer, GlobalAvgPool2dLayer, LayerConfig, LinearLayer,
    ModelConfig, Padding, ResidualLayer,
};
use serde::Serialize;

/// The varied property.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "snake_case")]
pub enum Variation {
    /// The number of 3x3 convolutions.
    Depth,
    /// The kernel size of five convolutions.
    Kernel,
    /// The number of convolutions with stride 2 out of 15.
    Stride,
    /// The dilations of three out of 15 convolutions.
    Dilation,
    /// The activation after each of 20 convolutions.
    Activation,
    /// 20 convolutions in a chain, or in pairs with a shortcut.
    Skip,
    /// The rate of dropout after each of 10 convolutions, in training.
    Dropout,
}

/// One network of a variation.
#[derive(Debug, Clone)]
pub struct SweepNetwork {
    /// The family it belongs to.
    pub family: String,
    /// The varied value, as text.
    pub label: String,
    /// The varied value as a number, if it is one.
    pub x: f64,
    /// The network; its image is enlarged so that the field fits.
    pub config: ModelConfig,
    /// Whether dropout is on. Its masks come from one generator in the order of the passes, so such
    /// a network is measured on a single thread.
    pub is_training: bool,
}

impl Variation {
    /// All variations.
    pub const ALL: [Self; 7] = [
        Self::Depth,
        Self::Kernel,
        Self::Stride,
        Self::Dilation,
        Self::Activation,
        Self::Skip,
        Self::Dropout,
    ];

    /// The title.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Depth => "depth, 3x3 convolutions",
            Self::Kernel => "kernel of 5 convolutions",
            Self::Stride => "stride 2 in some of 15 convolutions",
            Self::Dilation => "dilation in three of 15 convolutions",
            Self::Activation => "activation after each of 20 convolutions",
            Self::Skip => "20 convolutions with and without shortcuts",
            Self::Dropout => "dropout after each of 10 convolutions, training",
        }
    }

    /// Its networks, family by family, with `filters` filters per convolution; `depths` is for
    /// [`Variation::Depth`].
    pub fn networks(self, depths: &[usize], filters: usize) -> Vec<SweepNetwork> {
        let conv = |kernel| Conv2dLayer::new(filters, kernel).with_padding(Padding::Same);
        let relu = |kernel| conv(kernel).with_activation(Activation::Relu);
        let chain = |layer: Conv2dLayer, count: usize| vec![LayerConfig::from(layer); count];
        match self {
            Self::Depth => [("random", conv(3)), ("random + ReLU", relu(3))]
                .into_iter()
                .flat_map(|(family, layer)| {
                    depths.iter().map(move |depth| {
                        let layers = vec![LayerConfig::from(layer.clone()); *depth];
                        network(family, &depth.to_string(), *depth as f64, layers)
                    })
                })
                .collect(),
            Self::Kernel => [3, 5, 7, 9]
                .into_iter()
                .map(|kernel| {
                    let label = format!("{kernel}x{kernel}");
                    network(
                        "random + ReLU",
                        &label,
                        kernel as f64,
                        chain(relu(kernel), 5),
                    )
                })
                .collect(),
            Self::Stride => (0..=3)
                .map(|strided: usize| {
                    // The 4th, 8th and 12th, spread out as in Luo et al.
                    let layers = (1..=15)
                        .map(|place: usize| {
                            let is_strided = place.is_multiple_of(4) && place / 4 <= strided;
                            relu(3).with_strides(if is_strided { 2 } else { 1 }).into()
                        })
                        .collect();
                    network(
                        "random + ReLU",
                        &strided.to_string(),
                        strided as f64,
                        layers,
                    )
                })
                .collect(),
            Self::Dilation => [[1, 1, 1], [2, 2, 2], [2, 4, 8]]
                .into_iter()
                .map(|dilations: [usize; 3]| {
                    let layers = (1..=15)
                        .map(|place: usize| {
                            let dilation = place
                                .is_multiple_of(4)
                                .then(|| dilations.get(place / 4 - 1))
                                .flatten();
                            relu(3).with_dilation(*dilation.unwrap_or(&1)).into()
                        })
                        .collect();
                    let label = dilations.map(|d| d.to_string()).join(", ");
                    network("random + ReLU", &label, dilations[2] as f64, layers)
                })
                .collect(),
            Self::Activation => {
                let all = [
                    None,
                    Some(Activation::Relu),
                    Some(Activation::LEAKY_RELU),
                    Some(Activation::Gelu),
                    Some(Activation::Tanh),
                    Some(Activation::Sigmoid),
                ];
                all.into_iter()
                    .map(|activation| {
                        let layer = match activation {
                            Some(activation) => conv(3).with_activation(activation),
                            None => conv(3),
                        };
                        let label = activation.map_or("none", Activation::name);
                        network("random", label, 0.0, chain(layer, 20))
                    })
                    .collect()
            }
            Self::Skip => {
                let block = ResidualLayer::new().layer(relu(3)).layer(conv(3));
                let mut blocks = vec![LayerConfig::from(conv(1))];
                blocks.extend(vec![LayerConfig::from(block); 10]);
                vec![
                    network("random + ReLU", "chain", 0.0, chain(relu(3), 20)),
                    network("random + ReLU", "shortcuts", 1.0, blocks),
                ]
            }
            Self::Dropout => [0.0, 0.2, 0.5]
                .into_iter()
                .map(|rate| {
                    let layers = (0..10)
                        .flat_map(|_| [relu(3).into(), LayerConfig::from(DropoutLayer { rate })])
                        .collect();
                    SweepNetwork {
                        is_training: true,
                        ..network("random + ReLU", &rate.to_string(), rate, layers)
                    }
                })
                .collect(),
        }
    }
}

fn network(family: &str, label: &str, x: f64, layers: Vec<LayerConfig>) -> SweepNetwork {
    // Small, since the sweep enlarges it.
    let mut config = ModelConfig::new(1, 8, 8).with_classes(2);
    for layer in layers {
        config = config.layer(layer);
    }
    SweepNetwork {
        family: family.into(),
        label: label.into(),
        x,
        config: config
            .layer(GlobalAvgPool2dLayer::default())
            .layer(LinearLayer::classes()),
        is_training: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{MAX_GROWN, default_layer, plan_that_fits};

    #[test]
    fn every_network_fits_and_has_the_field_that_its_label_says() {
        let trf = |network: &SweepNetwork| {
            let plan = plan_that_fits(&network.config, None, MAX_GROWN).unwrap();
            default_layer(&plan).unwrap().trf[0].size()
        };
        let fields = |variation: Variation| -> Vec<i64> {
            variation.networks(&[5, 10], 4).iter().map(trf).collect()
        };
        assert_eq!(fields(Variation::Depth), [11, 21, 11, 21]);
        assert_eq!(fields(Variation::Kernel), [11, 21, 31, 41]);
        // 15 layers of 3x3 see 31 pixels, plus 2 (d - 1) for each dilated one.
        assert_eq!(fields(Variation::Dilation), [31, 37, 31 + 2 + 6 + 14]);
        // 4 layers with step 1, 4 with 2, 4 with 4, 3 with 8.
        assert_eq!(fields(Variation::Stride)[3], 1 + 2 * (4 + 8 + 16 + 24));
        assert_eq!(fields(Variation::Activation), [41; 6]);
        assert_eq!(fields(Variation::Skip), [41, 41]);
        assert_eq!(fields(Variation::Dropout), [21; 3]);
    }
}
