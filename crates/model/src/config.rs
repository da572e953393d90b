//! A network's configuration: TOML, JSON or Rust.

use crate::ModelError;
use crate::layers::LayerConfig;
use receptive_core::ImageSize;
use receptive_core::plain;
use receptive_core::text::Printable;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Maximum size of a config file, in bytes.
const CONFIG_BYTES: u64 = 4 << 20;

/// A network's configuration: its input and its layers.
///
/// ```
/// # fn main() -> Result<(), receptive_model::ModelError> {
/// let config = receptive_model::ModelConfig::from_toml(
///     r#"
///     classes = 10
///     [input]
///     channels = 1
///     height = 28
///     width = 28
///     [[layers]]
///     type = "conv2d"
///     filters = 16
///     kernel_size = 3
///     padding = "same"
///     activation = "relu"
///     [[layers]]
///     type = "global_avg_pool2d"
///     [[layers]]
///     type = "linear"
///     "#,
/// )?;
/// assert_eq!(config.plan()?.total.params, 160 + 170);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Number of classes. Set by the data set; optional in a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<usize>,
    /// Whether a window that does not divide its feature map evenly is an error instead of a
    /// warning.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict_shapes: bool,
    /// The input images.
    pub input: ImageSize,
    /// The layers, in order. The last one outputs the logits.
    pub layers: Vec<LayerConfig>,
}

impl ModelConfig {
    /// A network without layers.
    pub fn new(channels: usize, height: usize, width: usize) -> Self {
        Self {
            classes: None,
            strict_shapes: false,
            input: ImageSize {
                channels,
                height,
                width,
            },
            layers: Vec::new(),
        }
    }

    /// Sets the number of classes.
    pub fn with_classes(self, classes: usize) -> Self {
        Self {
            classes: Some(classes),
            ..self
        }
    }

    /// Appends a layer.
    pub fn layer(mut self, layer: impl Into<LayerConfig>) -> Self {
        self.layers.push(layer.into());
        self
    }

    /// Appends several layers.
    pub fn layers(mut self, layers: impl IntoIterator<Item = LayerConfig>) -> Self {
        self.layers.extend(layers);
        self
    }

    /// The index of the head in `layers`: the last layer with weights, which outputs the logits.
    ///
    /// # Errors
    /// [`ModelError::Model`] if that layer is neither a `linear` nor a `conv2d`.
    pub fn head(&self) -> Result<usize, ModelError> {
        let last = self.layers.iter().rposition(LayerConfig::has_weights);
        match last.map(|at| (at, &self.layers[at])) {
            Some((at, LayerConfig::Linear(_) | LayerConfig::Conv2d(_))) => Ok(at),
            last => Err(no_head(last)),
        }
    }

    /// Whether the network ends with a `linear` head without an activation, whose weights can be
    /// fitted to features in closed form.
    pub fn has_linear_head(&self) -> bool {
        matches!(self.layers.last(), Some(LayerConfig::Linear(linear)) if linear.activation.is_none())
    }

    /// Lets the number of classes decide the number of the head's outputs, and returns the index of
    /// the head.
    ///
    /// # Errors
    /// As [`head`](Self::head).
    pub fn open_head(&mut self) -> Result<usize, ModelError> {
        let head = self.head()?;
        match &mut self.layers[head] {
            LayerConfig::Linear(linear) => linear.units = None,
            LayerConfig::Conv2d(conv) => conv.filters = None,
            other => return Err(no_head(Some((head, other)))),
        }
        Ok(head)
    }

    /// Reads TOML.
    ///
    /// # Errors
    /// [`ModelError::Config`] with the parser's message.
    pub fn from_toml(text: &str) -> Result<Self, ModelError> {
        toml::from_str(text).map_err(|error| parse_error("(TOML)", &error))
    }

    /// Reads JSON.
    ///
    /// # Errors
    /// [`ModelError::Config`] with the parser's message.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        serde_json::from_str(text).map_err(|error| parse_error("(JSON)", &error))
    }

    /// Reads a `.toml` or `.json` file.
    ///
    /// # Errors
    /// When the file cannot be read, is larger than 4 MiB, or is not a model config.
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        let text = crate::store::read_text(path, CONFIG_BYTES)?;
        let json = path
            .extension()
            .is_some_and(|extension| extension == "json");
        let origin = path.printable().into_owned();
        if json {
            serde_json::from_str(&text).map_err(|error| parse_error(&origin, &error))
        } else {
            toml::from_str(&text).map_err(|error| parse_error(&origin, &error))
        }
    }

    /// Writes TOML that [`from_toml`](Self::from_toml) reads back.
    ///
    /// # Errors
    /// When a number does not fit TOML's signed 64 bits.
    pub fn to_toml(&self) -> Result<String, ModelError> {
        toml::to_string(self).map_err(|error| parse_error("(TOML)", &error))
    }

    /// Writes JSON that [`from_json`](Self::from_json) reads back.
    ///
    /// # Errors
    /// Never for a config made of finite numbers.
    pub fn to_json(&self) -> Result<String, ModelError> {
        serde_json::to_string_pretty(self).map_err(|error| parse_error("(JSON)", &error))
    }
}

fn parse_error(origin: &str, error: &dyn std::fmt::Display) -> ModelError {
    ModelError::Config {
        origin: origin.into(),
        reason: plain(error.to_string().trim()),
    }
}

/// `last` is the last layer with weights and its position.
fn no_head(last: Option<(usize, &LayerConfig)>) -> ModelError {
    let problem = match last {
        Some((at, layer)) => format!(
            "its last layer with weights is layer {} ({}), not `linear` or `conv2d`, so there is no head to replace",
            at + 1,
            layer.kind()
        ),
        None => "no layer has weights, so there is no head to replace".into(),
    };
    ModelError::model(
        problem,
        "end the network with `linear`, or keep the classes it was trained for",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Padding;
    use crate::layers::{
        Activation, AvgPool2dLayer, BatchNormLayer, Conv2dLayer, DropoutLayer, FlattenLayer,
        GlobalAvgPool2dLayer, LinearLayer, MaxPool2dLayer, ResidualLayer,
    };

    fn example() -> ModelConfig {
        ModelConfig::new(3, 32, 48)
            .layer(
                Conv2dLayer::new(8, [3, 5])
                    .with_padding(Padding::Same)
                    .with_bias(false),
            )
            .layer(BatchNormLayer::default())
            .layer(Activation::LEAKY_RELU)
            .layer(MaxPool2dLayer::new(3).with_strides(2).with_padding(1))
            .layer(
                ResidualLayer::new()
                    .layer(
                        Conv2dLayer::new(16, 3)
                            .with_padding(Padding::Same)
                            .with_groups(2),
                    )
                    .projection(Conv2dLayer::new(16, 1))
                    .with_activation(Activation::Relu),
            )
            .layer(AvgPool2dLayer::new(2))
            .layer(GlobalAvgPool2dLayer::default())
            .layer(FlattenLayer::default())
            .layer(DropoutLayer { rate: 0.25 })
            .layer(LinearLayer::classes())
    }

    #[test]
    fn toml_and_json_read_back_what_was_written() {
        let config = example();
        assert_eq!(
            ModelConfig::from_toml(&config.to_toml().unwrap()).unwrap(),
            config
        );
        assert_eq!(
            ModelConfig::from_json(&config.to_json().unwrap()).unwrap(),
            config
        );
    }

    #[test]
    fn a_misspelt_field_and_an_unknown_type_are_named() {
        let base = "[input]\nchannels=1\nheight=8\nwidth=8\n[[layers]]\n";
        let error =
            ModelConfig::from_toml(&format!("{base}type=\"conv2d\"\nfilter=3")).unwrap_err();
        assert!(
            error.to_string().contains("unknown setting `filter`"),
            "{error}"
        );
        let error = ModelConfig::from_toml(&format!("{base}type=\"conv3d\"")).unwrap_err();
        assert!(
            error.to_string().contains("unknown value `conv3d`"),
            "{error}"
        );
        let error = ModelConfig::from_toml(&format!(
            "{base}type=\"conv2d\"\nfilters=3\nkernel_size=3\npadding=\"some\""
        ))
        .unwrap_err();
        assert!(error.to_string().contains("\"same\", \"valid\""), "{error}");
    }
}
