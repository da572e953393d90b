//! A dense layer.

use super::shown::Shown;
use crate::args::ExplainDense;
use crate::commands::{not_understood, numbers, paragraph, print, print_json};
use crate::error::CliError;
use receptive_model::{FlattenLayer, LinearLayer, ModelConfig};
use receptive_plot::grouped;

pub(super) fn explain(arguments: &ExplainDense) -> Result<(), CliError> {
    let refuse = || {
        not_understood(
            "--input",
            format!(
                "`{}` is no shape; write a number, or channels x height x width, as 64x7x7",
                arguments.input
            ),
        )
    };
    let shape = numbers(arguments.input.split('x')).ok_or_else(refuse)?;
    let (channels, height, width) = match shape[..] {
        [values] => (values, 1, 1),
        [channels, height, width] => (channels, height, width),
        _ => return Err(refuse()),
    };
    let config = ModelConfig::new(channels, height, width)
        .with_classes(2)
        .layer(FlattenLayer::default())
        .layer(LinearLayer::new(arguments.units))
        .layer(LinearLayer::classes());
    let plan = config.plan()?;
    let planned = &plan.layers[1];
    let (inputs, units) = (planned.input.values(), arguments.units);
    if arguments.json {
        let formula = format!("{inputs} x {units} + {units} = {}", planned.params);
        return print_json(&Shown::of("dense", planned, formula));
    }
    if shape.len() > 1 {
        print(format!(
            "flatten  {channels}x{height}x{width} is laid out as one row of {}",
            grouped(inputs)
        ))?;
    }
    print(format!(
        "size     {} in, {} out",
        grouped(inputs),
        grouped(units)
    ))?;
    print(paragraph(
        "params   ",
        &format!(
            "inputs x units + units = {inputs} x {units} + {units} = {}",
            grouped(planned.params)
        ),
    ))?;
    print(format!(
        "MACs     inputs x units = {} an image",
        grouped(planned.macs)
    ))?;
    print(paragraph(
        "field    ",
        "the whole image: each output reads every input, so nothing is shared between places and the \
         number of parameters grows with the image",
    ))?;
    if shape.len() > 1 {
        beside(channels, units)?;
    }
    Ok(())
}

/// What would do with fewer parameters.
fn beside(channels: usize, units: usize) -> Result<(), CliError> {
    let kernel = 3;
    print(paragraph(
        "beside   ",
        &format!(
            "a 3x3 convolution of as many filters on {channels} channels has {}, and a dense layer \
             after a global average pool {}, on an image of any size",
            grouped(units * (channels * kernel * kernel + 1)),
            grouped(channels * units + units),
        ),
    ))
}
