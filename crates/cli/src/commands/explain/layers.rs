//! The text printed for each kind of layer.

use super::window::{Formulas, Window, explain};
use super::{ConvArgs, DenseArgs, Json, PoolArgs, PoolKind};
use crate::error::CliError;
use crate::render::{line, paragraph, print, print_json};
use receptive_core::text::grouped;
use receptive_model::{
    AvgPool2dLayer, Conv2dLayer, FlattenLayer, GlobalAvgPool2dLayer, LayerConfig, LinearLayer,
    MaxPool2dLayer, ModelConfig, Padding, Plan,
};

/// The plan of the layer followed by a classifier's head; for a layer that does not fit, an error with its
/// formula.
fn plan(
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

pub(super) fn conv(arguments: &ConvArgs) -> Result<(), CliError> {
    let window = Window::new(&arguments.window, arguments.kernel, arguments.stride);
    let layer = Conv2dLayer::new(arguments.filters, arguments.kernel)
        .with_strides(window.stride)
        .with_dilation(window.dilation)
        .with_padding(window.padding);
    let (channels, filters, kernel) = (
        arguments.window.channels,
        arguments.filters,
        arguments.kernel,
    );
    let plan = plan(channels, window.size, layer)?;
    let planned = &plan.layers[0];
    let output = planned.output.dims();
    let formulas = Formulas {
        layer: "conv",
        params: format!(
            "filters x (channels x f x f + 1) = {filters} x ({channels}x{kernel}x{kernel} + 1) = \
             {}, whatever the input's size",
            grouped(planned.params)
        ),
        macs: format!(
            "{filters}x{channels}x{kernel}x{kernel} weights at {}x{} positions = {} per image",
            output[1],
            output[2],
            grouped(planned.macs)
        ),
    };
    explain(&arguments.window, &window, planned, &formulas)
}

pub(super) fn pool(arguments: &PoolArgs) -> Result<(), CliError> {
    let kernel = arguments.kernel.unwrap_or(2);
    let stride = arguments.stride.unwrap_or(kernel);
    let window = Window::new(&arguments.window, kernel, stride);
    let (layer, value, costs): (LayerConfig, _, _) = match arguments.kind {
        PoolKind::Global => return global_pool(arguments),
        PoolKind::Max => {
            let layer = MaxPool2dLayer::new(kernel)
                .with_strides(window.stride)
                .with_dilation(window.dilation)
                .with_padding(window.padding);
            (layer.into(), "largest value", "comparisons")
        }
        PoolKind::Avg if window.dilation > 1 => {
            return Err(CliError::argument(
                "--dilation",
                "an average pool has none; leave it out, or use `--kind max`",
            ));
        }
        PoolKind::Avg => {
            let layer = AvgPool2dLayer::new(kernel)
                .with_strides(window.stride)
                .with_padding(window.padding);
            (layer.into(), "mean", "additions")
        }
    };
    let plan = plan(arguments.window.channels, window.size, layer)?;
    let formulas = Formulas {
        layer: "pool",
        params: format!("none: the {value} of each window, in each channel separately"),
        macs: format!("none, only {costs}"),
    };
    explain(&arguments.window, &window, &plan.layers[0], &formulas)
}

fn global_pool(arguments: &PoolArgs) -> Result<(), CliError> {
    for (argument, is_given) in [
        ("--kernel", arguments.kernel.is_some()),
        ("--stride", arguments.stride.is_some()),
        ("--padding", arguments.window.padding != Padding::Valid),
        ("--dilation", arguments.window.dilation != 1),
        ("--out", arguments.window.out.is_some()),
    ] {
        if is_given {
            return Err(CliError::argument(
                argument,
                "a global pool has no sliding window; leave it out, or use `--kind avg`",
            ));
        }
    }
    let ([height, width], channels) = (arguments.window.input, arguments.window.channels);
    let plan = plan(channels, [height, width], GlobalAvgPool2dLayer::default())?;
    let planned = &plan.layers[0];
    if arguments.window.json {
        let formula = format!("{channels}x{height}x{width} -> {channels}");
        return print_json(&Json::new("pool", planned, formula));
    }
    print(format!(
        "{channels}x{height}x{width} in, {channels} out: the mean of each channel\n"
    ))?;
    line("params", "none")?;
    line("MACs", "none, only additions")?;
    paragraph(
        "field",
        "the whole feature map: position no longer matters, and a network that ends this way \
         accepts images of any size",
    )
}

pub(super) fn dense(arguments: &DenseArgs) -> Result<(), CliError> {
    let (input, units) = (arguments.input, arguments.units);
    let (channels, height, width) = (input.channels, input.height, input.width);
    let config = ModelConfig::new(channels, height, width)
        .with_classes(2)
        .layer(FlattenLayer::default())
        .layer(LinearLayer::new(units))
        .layer(LinearLayer::classes());
    let plan = config.plan()?;
    let planned = &plan.layers[1];
    let inputs = planned.input.values();
    if arguments.json {
        let formula = format!("{inputs} x {units} + {units} = {}", planned.params);
        return print_json(&Json::new("dense", planned, formula));
    }
    let is_map = height * width > 1;
    let (values, params, macs) = (
        grouped(inputs),
        grouped(planned.params),
        grouped(planned.macs),
    );
    if is_map {
        line(
            "flatten",
            format!("{channels}x{height}x{width} becomes a vector of {values}"),
        )?;
    }
    line("size", format!("{values} in, {} out", grouped(units)))?;
    paragraph(
        "params",
        format!("inputs x units + units = {inputs} x {units} + {units} = {params}"),
    )?;
    line("MACs", format!("inputs x units = {macs} per image"))?;
    paragraph(
        "field",
        "the whole image: each output reads every input, so no weights are shared between positions \
         and the number of parameters grows with the image",
    )?;
    if is_map {
        cheaper(channels, units)?;
    }
    Ok(())
}

/// Prints alternatives with fewer parameters.
fn cheaper(channels: usize, units: usize) -> Result<(), CliError> {
    let kernel = 3;
    let conv = grouped(units * (channels * kernel * kernel + 1));
    let pooled = grouped(channels * units + units);
    paragraph(
        "compare",
        format!(
            "a 3x3 convolution with the same number of filters on {channels} channels has {conv}, \
             and a dense layer after a global average pool {pooled}, for images of any size"
        ),
    )
}
