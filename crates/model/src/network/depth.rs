//! Stochastic depth with a rate that grows with depth.

use super::Classifier;
use crate::config::ModelConfig;
use crate::layers::{LayerConfig, ResidualLayer, StochasticDepthLayer, adopt};
use crate::plan::Plan;
use burn::module::Module;

impl ModelConfig {
    /// Adds `stochastic_depth` to the end of each residual block's branch, with rates growing
    /// linearly from 0 in the first block to `rate` in the last (timm's `drop_path_rate`); a single
    /// block gets `rate`. Existing rates are replaced. A block within a block is part of it. `None`
    /// if there is no residual block.
    ///
    /// ```
    /// use receptive_model::presets;
    ///
    /// let config = presets::preset("resnet", presets::default_input("resnet")).unwrap();
    /// let config = config.with_stochastic_depth(0.1).unwrap();
    /// assert!(config.to_toml().unwrap().contains("stochastic_depth"));
    /// ```
    pub fn with_stochastic_depth(mut self, rate: f64) -> Option<Self> {
        let mut blocks = Vec::new();
        residuals(&mut self.layers, &mut blocks);
        let count = blocks.len();
        for (at, block) in blocks.into_iter().enumerate() {
            let share = match count {
                1 => 1.0,
                _ => at as f64 / (count - 1) as f64,
            };
            // Added even with rate 0, so that changing the rate changes no layer's number.
            if let Some(LayerConfig::StochasticDepth(_)) = block.last() {
                block.pop();
            }
            block.push(StochasticDepthLayer { rate: rate * share }.into());
        }
        (count > 0).then_some(self)
    }
}

/// The branch of each residual block, in the order of the network.
fn residuals<'a>(layers: &'a mut [LayerConfig], all: &mut Vec<&'a mut Vec<LayerConfig>>) {
    for layer in layers {
        match layer {
            LayerConfig::Residual(ResidualLayer { layers, .. }) => all.push(layers),
            other => {
                for branch in other.branches_mut() {
                    residuals(branch, all);
                }
            }
        }
    }
}

impl Classifier {
    /// These weights in the network of this plan, which may differ only in the rates of stochastic
    /// depth at the ends of residual branches; `None` if anything else differs.
    pub fn with_depth_of(&self, plan: &Plan) -> Option<Self> {
        let bare = |config: &ModelConfig| {
            let mut config = config.clone();
            without_depth(&mut config.layers);
            config
        };
        if bare(self.config()) != bare(&plan.config) {
            return None;
        }
        let device = self.devices().into_iter().next()?;
        let mut new = plan.init_seeded(0, &device);
        adopt(&mut new.layers, &self.layers);
        Some(new)
    }
}

fn without_depth(layers: &mut Vec<LayerConfig>) {
    for layer in layers {
        if let LayerConfig::Residual(ResidualLayer { layers, .. }) = layer
            && let Some(LayerConfig::StochasticDepth(_)) = layers.last()
        {
            layers.pop();
        }
        for branch in layer.branches_mut() {
            without_depth(branch);
        }
    }
}

#[cfg(test)]
#[cfg(feature = "flex")]
mod tests {
    use super::*;
    use crate::layers::{BatchNormLayer, Conv2dLayer, GlobalAvgPool2dLayer, LinearLayer};
    use crate::presets;
    use burn::tensor::{Device, Distribution, Tensor};

    fn rates(config: &ModelConfig) -> Vec<f64> {
        let text = config.to_toml().unwrap();
        let rates = text.lines().filter_map(|line| line.strip_prefix("rate = "));
        rates.map(|rate| rate.parse().unwrap()).collect()
    }

    fn residual(blocks: usize) -> ModelConfig {
        let mut config = ModelConfig::new(1, 4, 4).with_classes(2);
        for _ in 0..blocks {
            let conv = Conv2dLayer::new(1, 1).with_bias(false);
            let block = ResidualLayer::new().layer(conv);
            config = config.layer(block.layer(BatchNormLayer::default()));
        }
        config
            .layer(GlobalAvgPool2dLayer::default())
            .layer(LinearLayer::classes())
    }

    #[test]
    fn rates_rise_linearly_and_are_replaced_not_added() {
        let config = residual(5).with_stochastic_depth(0.2).unwrap();
        // torch.linspace(0, 0.2, 5), as timm's drop_path_rate
        let expected = [0.0, 0.05, 0.1, 0.15, 0.2];
        let near = |found: Vec<f64>, expected: &[f64]| {
            assert_eq!(found.len(), expected.len(), "{found:?}");
            let mut pairs = found.iter().zip(expected);
            assert!(pairs.all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
        };
        near(rates(&config), &expected);
        let again = config.clone().with_stochastic_depth(0.4).unwrap();
        near(rates(&again), &expected.map(|rate| 2.0 * rate));
        assert_eq!(config.clone().with_stochastic_depth(0.2).unwrap(), config);
        near(
            rates(&residual(1).with_stochastic_depth(0.3).unwrap()),
            &[0.3],
        );
        let plain = presets::preset("vgg", presets::default_input("vgg")).unwrap();
        assert!(plain.with_stochastic_depth(0.1).is_none());
    }

    #[test]
    fn trained_weights_stay_where_only_the_rates_differ() {
        let device = Device::flex();
        let model = residual(3).plan().unwrap().init_seeded(7, &device);
        let deep = residual(3).with_stochastic_depth(0.5).unwrap();
        let same = model.with_depth_of(&deep.plan().unwrap()).unwrap();
        assert_eq!(same.config(), &deep.clone().with_classes(2));
        let images = Tensor::random([2, 1, 4, 4], Distribution::Default, &device);
        let logits = |model: &Classifier| model.forward(images.clone()).into_data();
        assert_eq!(logits(&same), logits(&model), "it infers as before");
        // And back again.
        let back = same.with_depth_of(model.plan()).unwrap();
        assert_eq!(logits(&back), logits(&model));
        let other = residual(2).with_stochastic_depth(0.5).unwrap();
        assert!(model.with_depth_of(&other.plan().unwrap()).is_none());
    }
}
