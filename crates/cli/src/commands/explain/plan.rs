//! The layer in a network around it.

use crate::error::CliError;
use receptive_model::{FlattenLayer, LayerConfig, LinearLayer, ModelConfig, Plan};

/// The layer with the head that a classifier needs; a layer that does not fit is refused with its
/// formula.
pub(super) fn plan(
    channels: usize,
    [height, width]: [usize; 2],
    layer: impl Into<LayerConfig>,
) -> Result<Plan, CliError> {
    let config = ModelConfig::new(channels, height, width)
        .with_classes(2)
        .layer(layer)
        .layer(FlattenLayer::default())
        .layer(LinearLayer::classes());
    Ok(config.plan()?)
}
