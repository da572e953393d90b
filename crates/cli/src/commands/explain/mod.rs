//! `receptive explain`: one layer by hand, each number with its formula.

use super::{not_understood, numbers, paragraph, print, print_json};
use crate::args::{ExplainConv, ExplainDense, ExplainLayer, ExplainPool, ExplainWindow};
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::grouped;
use receptive_model::explain::{Nearest, SlidingAxis};
use receptive_model::{
    Conv2dLayer, FlattenLayer, LayerConfig, LinearLayer, MaxPool2dLayer, ModelConfig, Padding, Plan,
};
use serde::Serialize;

/// The widest and highest picture of what is read.
const COLUMNS: usize = 78;
const LINES: usize = 34;

#[derive(Serialize)]
struct Shown {
    layer: &'static str,
    output: Vec<usize>,
    formula: String,
    axes: Vec<SlidingAxis>,
    /// What `valid` and `same` give: height or width, whichever the axes begin with.
    valid: Option<usize>,
    same: Option<usize>,
    params: usize,
    macs: usize,
    field: [i64; 2],
    step: [i64; 2],
    nearest: Vec<Nearest>,
}

pub(super) fn run(layer: &ExplainLayer) -> Result<Exit, CliError> {
    match layer {
        ExplainLayer::Conv(arguments) => conv(arguments)?,
        ExplainLayer::Pool(arguments) => pool(arguments)?,
        ExplainLayer::Dense(arguments) => dense(arguments)?,
    }
    Ok(Exit::Done)
}

/// What the command line says of a window, understood.
struct Site {
    size: [usize; 2],
    padding: Padding,
    kernel: usize,
    stride: usize,
    dilation: usize,
}

impl Site {
    fn of(window: &ExplainWindow, kernel: usize, stride: usize) -> Result<Self, CliError> {
        Ok(Self {
            size: size(&window.input)?,
            padding: padding(&window.padding)?,
            kernel,
            stride: window.stride.unwrap_or(stride),
            dilation: window.dilation,
        })
    }

    fn axis(&self, side: usize, padding: Padding) -> Option<SlidingAxis> {
        SlidingAxis::new(side, self.kernel, self.stride, self.dilation, padding)
    }

    /// Height and width; one where they are the same.
    fn axes(&self) -> Vec<SlidingAxis> {
        let sides = if self.size[0] == self.size[1] {
            &self.size[..1]
        } else {
            &self.size[..]
        };
        let axes = sides
            .iter()
            .filter_map(|side| self.axis(*side, self.padding));
        axes.collect()
    }
}

fn conv(arguments: &ExplainConv) -> Result<(), CliError> {
    let window = &arguments.window;
    let site = Site::of(window, arguments.kernel, 1)?;
    let layer = Conv2dLayer::new(arguments.filters, arguments.kernel)
        .with_strides(site.stride)
        .with_dilation(site.dilation)
        .with_padding(site.padding);
    let plan = plan(window.channels, site.size, layer)?;
    let planned = &plan.layers[0];
    let (channels, filters, kernel) = (window.channels, arguments.filters, arguments.kernel);
    let params = format!(
        "filters x (channels x f x f + 1) = {filters} x ({channels}x{kernel}x{kernel} + 1) = {}, \
         whatever the input's size",
        grouped(planned.params)
    );
    let output = planned.output.dims();
    let macs = format!(
        "{filters}x{channels}x{kernel}x{kernel} weights at {}x{} places = {} an image",
        output[1],
        output[2],
        grouped(planned.macs)
    );
    sliding("conv", window, &site, &plan, &params, &macs)
}

fn pool(arguments: &ExplainPool) -> Result<(), CliError> {
    let window = &arguments.window;
    let site = Site::of(window, arguments.kernel, arguments.kernel)?;
    let layer = MaxPool2dLayer::new(arguments.kernel)
        .with_strides(site.stride)
        .with_dilation(site.dilation)
        .with_padding(site.padding);
    let plan = plan(window.channels, site.size, layer)?;
    let params = "none: the largest value of each window, in each channel by itself";
    sliding(
        "pool",
        window,
        &site,
        &plan,
        params,
        "none, comparisons alone",
    )
}

/// The layer with the head that a classifier needs; a layer that does not fit is refused with its
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

fn sliding(
    layer: &'static str,
    window: &ExplainWindow,
    site: &Site,
    plan: &Plan,
    params: &str,
    macs: &str,
) -> Result<(), CliError> {
    let planned = &plan.layers[0];
    let axes = site.axes();
    let side = site.size[0];
    let with = |padding| site.axis(side, padding);
    let (valid, same) = (with(Padding::Valid), with(Padding::Same));
    let nearest = axes.first().map(SlidingAxis::nearest).unwrap_or_default();
    let output = planned.output.dims();
    if window.json {
        return print_json(&Shown {
            layer,
            output,
            formula: axes.first().map(SlidingAxis::formula).unwrap_or_default(),
            axes,
            valid: valid.map(|axis| axis.output),
            same: same.map(|axis| axis.output),
            params: planned.params,
            macs: planned.macs,
            field: planned.trf.map(|field| field.size()),
            step: planned.trf.map(|field| field.stride),
            nearest,
        });
    }
    print(format!(
        "{}x{}x{} in, {}x{}x{} out (channels x height x width)\n",
        window.channels, site.size[0], site.size[1], output[0], output[1], output[2]
    ))?;
    let names: &[&str] = if axes.len() == 1 {
        &["size"]
    } else {
        &["height", "width"]
    };
    for (name, axis) in names.iter().zip(&axes) {
        print(format!("{name:<9}(n + 2p - f)/s + 1 = {}", axis.formula()))?;
    }
    if site.dilation > 1
        && let Some(axis) = axes.first()
    {
        print(format!(
            "         f is what the kernel spans, d(f - 1) + 1 = {}",
            axis.span()
        ))?;
    }
    if let Some(axis) = &valid {
        print(format!("valid    without padding: {}", axis.formula()))?;
    }
    if let Some(axis) = &same {
        let needs = match (axis.before, axis.after) {
            (0, 0) => "needs no padding".into(),
            (before, after) if before == after => format!("needs p = {before} on both sides"),
            (before, after) => format!("needs padding of {before} before and {after} after"),
        };
        print(format!("same     ceil(n/s) = {}: {needs}", axis.output))?;
    }
    if site.kernel.is_multiple_of(2) && layer == "conv" {
        print(paragraph(
            "even     ",
            &format!(
                "a kernel of {} has no centre: to keep the size it would need {} pixels of padding, \
                 which can't be shared evenly, so the picture shifts by half a pixel; odd kernels \
                 (3, 5, 7) do not",
                site.kernel,
                site.dilation * (site.kernel - 1)
            ),
        ))?;
    }
    print(paragraph("params   ", params))?;
    print(paragraph("MACs     ", macs))?;
    let [field, _] = planned.trf;
    print(format!(
        "field    each output sees {} pixels of a side; neighbours are {} apart",
        field.size(),
        field.stride
    ))?;
    uneven(&axes, &nearest)?;
    if let Some(picture) = axes.first().and_then(|axis| axis.diagram(COLUMNS, LINES)) {
        print("\none row, and the pixels that each output of it reads (. is padding):\n")?;
        for line in picture {
            print(line)?;
        }
    }
    Ok(())
}

/// What happens to pixels at the end that no window reaches.
fn uneven(axes: &[SlidingAxis], nearest: &[Nearest]) -> Result<(), CliError> {
    let Some(axis) = axes.first().filter(|axis| !axis.is_even()) else {
        return Ok(());
    };
    let free = axis.input + axis.before + axis.after - axis.span();
    print(paragraph(
        "uneven   ",
        &format!(
            "{free}/{} is not whole: the last {} read by no window and {} nothing",
            axis.stride,
            match axis.unread {
                1 => "pixel is".into(),
                more => format!("{more} pixels are"),
            },
            if axis.unread == 1 {
                "changes"
            } else {
                "change"
            }
        ),
    ))?;
    let settings: Vec<String> = nearest
        .iter()
        .map(|near| format!("{} {} gives {}", near.setting, near.value, near.output))
        .collect();
    print(paragraph(
        "nearest  ",
        &format!("even: {}", settings.join("; ")),
    ))
}

fn dense(arguments: &ExplainDense) -> Result<(), CliError> {
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
        return print_json(&Shown {
            layer: "dense",
            output: planned.output.dims(),
            formula: format!("{inputs} x {units} + {units} = {}", planned.params),
            axes: Vec::new(),
            valid: None,
            same: None,
            params: planned.params,
            macs: planned.macs,
            field: planned.trf.map(|field| field.size()),
            step: planned.trf.map(|field| field.stride),
            nearest: Vec::new(),
        });
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
    print(format!(
        "params   inputs x units + units = {inputs} x {units} + {units} = {}",
        grouped(planned.params)
    ))?;
    print(format!("MACs     {} an image", grouped(planned.macs)))?;
    print(paragraph(
        "field    ",
        "the whole image: each output reads every input, so nothing is shared between places and the \
         number of parameters grows with the image",
    ))?;
    let kernel = 3;
    print(paragraph(
        "beside   ",
        &format!(
            "a 3x3 convolution of as many filters on {channels} channels has {}, on an image of any \
             size",
            grouped(units * (channels * kernel * kernel + 1))
        ),
    ))
}

fn size(text: &str) -> Result<[usize; 2], CliError> {
    match numbers(text.split('x')).as_deref() {
        Some([side]) => Ok([*side; 2]),
        Some([height, width]) => Ok([*height, *width]),
        _ => Err(not_understood(
            "--input",
            format!("`{text}` is no size; write 5, or height x width, as 5x7"),
        )),
    }
}

fn padding(text: &str) -> Result<Padding, CliError> {
    match text {
        "same" => Ok(Padding::Same),
        "valid" => Ok(Padding::Valid),
        pixels => pixels.parse::<usize>().map(Padding::from).map_err(|_| {
            not_understood(
                "--padding",
                format!("`{text}` is no padding; write same, valid, or a number of pixels"),
            )
        }),
    }
}
