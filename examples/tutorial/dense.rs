//! Step 8: a dense layer on all values, and its cost.

use crate::steps::Steps;
use receptive_model::{
    Activation, Conv2dLayer, FlattenLayer, GlobalAvgPool2dLayer, LayerConfig, LinearLayer,
    MaxPool2dLayer, ModelConfig, Padding,
};
use std::error::Error;

pub(crate) fn head(steps: &mut Steps) -> Result<(), Box<dyn Error>> {
    steps.say("\n== 8. Flatten and Dense: planned, not built");
    let flat = show(steps, FlattenLayer::default())?;
    steps.say(format!(
        "213 x 320 x 32 = 2181120 values, each with 64 weights, and 64 biases: {flat}"
    ));
    steps.say(format!(
        "as 32-bit floats: {:.0} MiB",
        flat as f64 * 4.0 / f64::from(1 << 20)
    ));
    steps.say("\nThe same after a global average pool:");
    let pooled = show(steps, GlobalAvgPool2dLayer::default())?;
    steps.say(format!(
        "32 values, each with 64 weights, and 64 biases: {pooled}"
    ));
    if [flat, pooled] != [139_591_744, 2_112] {
        return Err(format!("{flat} and {pooled} instead of 139591744 and 2112").into());
    }
    Ok(())
}

/// Prints a network that ends in this layer and a dense one; returns the dense layer's parameters.
fn show(steps: &mut Steps, before: impl Into<LayerConfig>) -> Result<usize, Box<dyn Error>> {
    let plan = ModelConfig::new(3, 427, 640)
        .with_classes(10)
        .layer(
            Conv2dLayer::new(32, 3)
                .with_padding(Padding::Same)
                .with_activation(Activation::Relu),
        )
        .layer(MaxPool2dLayer::new(2))
        .layer(before)
        .layer(LinearLayer::new(64).with_activation(Activation::Relu))
        .layer(LinearLayer::classes())
        .plan()?;
    steps.say(format!(
        "{:<18} {:>11} {:>12} {:>9}",
        "layer", "output", "parameters", "field"
    ));
    for layer in &plan.layers {
        let [height, width] = layer.trf.map(|field| field.size());
        steps.say(format!(
            "{:<18} {:>11} {:>12} {:>9}",
            layer.kind,
            layer.output.to_string(),
            layer.params,
            format!("{height}x{width}")
        ));
    }
    Ok(plan.layers[3].params)
}
