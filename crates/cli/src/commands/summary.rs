//! `receptive summary`.

use super::network::{DEFAULT_CLASSES, is_trained, model_config};
use super::networks::millions;
use crate::args::{parse_positive, parse_shape};
use crate::error::{CliError, Exit};
use crate::render::{MAX_WIDTH, Table, cut, line, paragraph, print, print_json};
use clap::Args;
use receptive_core::text::{Printable, counted, grouped};
use receptive_model::{Edges, Field, ImageSize, ModelConfig, Plan, PlannedLayer, presets};
use serde::Serialize;

#[derive(Debug, Args)]
pub(super) struct SummaryArgs {
    /// Preset, config file or run directory
    #[arg(default_value = presets::DEFAULT)]
    network: String,
    /// Input shape, for a preset or a config file
    #[arg(long, value_name = "CHANNELSxHEIGHTxWIDTH", value_parser = parse_shape)]
    input: Option<ImageSize>,
    /// Number of classes, for a preset or a config file
    #[arg(
        long,
        value_name = "N",
        value_parser = parse_positive::<usize>,
        allow_negative_numbers = true
    )]
    classes: Option<usize>,
    /// Estimate the memory of a training step on N images
    #[arg(
        long,
        value_name = "N",
        default_value_t = 64,
        value_parser = parse_positive::<usize>,
        allow_negative_numbers = true
    )]
    batch_size: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The output of `--json`.
#[derive(Serialize)]
struct Json {
    input: [usize; 3],
    classes: usize,
    layers: Vec<Row>,
    total: Total,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Row {
    number: String,
    name: String,
    kind: &'static str,
    summary: String,
    output: Vec<usize>,
    params: usize,
    macs: usize,
    /// For convolution and pooling: pixels at the top, left, bottom and right.
    #[serde(skip_serializing_if = "Option::is_none")]
    padding: Option<[usize; 4]>,
    trf: Trf,
    /// Behind a gate: the field with gates held constant.
    #[serde(skip_serializing_if = "Option::is_none")]
    ungated_trf: Option<Trf>,
}

/// All values are `[height, width]` in input pixels; the centre is that of the unit at row 0, column 0.
#[derive(Serialize)]
struct Trf {
    size: [i64; 2],
    stride: [i64; 2],
    centre: [f64; 2],
}

#[derive(Serialize)]
struct Total {
    params: usize,
    buffers: usize,
    macs: usize,
    weight_bytes: usize,
    training_bytes: usize,
}

pub(super) fn run(arguments: &SummaryArgs) -> Result<Exit, CliError> {
    let plan = config(arguments)?.plan()?;
    if arguments.json {
        print_json(&json(&plan, arguments.batch_size))?;
        return Ok(Exit::Done);
    }
    show(&plan, &arguments.network, arguments.batch_size)?;
    Ok(Exit::Done)
}

fn config(arguments: &SummaryArgs) -> Result<ModelConfig, CliError> {
    for (argument, is_given) in [
        ("--input", arguments.input.is_some()),
        ("--classes", arguments.classes.is_some()),
    ] {
        if is_given && is_trained(&arguments.network) {
            return Err(CliError::argument(
                argument,
                format!(
                    "expected a preset or a config file, but {} is a run; leave it out",
                    arguments.network
                ),
            ));
        }
    }
    let mut config = model_config(&arguments.network)?;
    config.input = arguments.input.unwrap_or(config.input);
    let classes = arguments.classes.or(config.classes);
    config.classes = classes.or(Some(DEFAULT_CLASSES));
    Ok(config)
}

fn json(plan: &Plan, batch_size: usize) -> Json {
    let input = plan.input();
    Json {
        input: [input.channels, input.height, input.width],
        classes: plan.classes,
        layers: plan.rows().into_iter().map(row).collect(),
        total: Total {
            params: plan.total.params,
            buffers: plan.total.buffers,
            macs: plan.total.macs,
            weight_bytes: plan.total.weight_bytes(),
            training_bytes: plan.total.training_bytes(batch_size),
        },
        notes: plan.notes(),
    }
}

fn row(layer: &PlannedLayer) -> Row {
    Row {
        number: layer.number.clone(),
        name: layer.name.clone(),
        kind: layer.kind,
        summary: layer.summary.clone(),
        output: layer.output.dims(),
        params: layer.params,
        macs: layer.macs,
        padding: layer.padding().map(Edges::array),
        trf: trf(&layer.trf),
        ungated_trf: layer.is_gated().then(|| trf(&layer.ungated_trf)),
    }
}

fn trf(fields: &[Field; 2]) -> Trf {
    Trf {
        size: fields.map(|field| field.size()),
        stride: fields.map(|field| field.stride),
        centre: fields.map(|field| field.centre()),
    }
}

fn show(plan: &Plan, network: &str, batch_size: usize) -> Result<(), CliError> {
    let input = plan.input();
    print(format!(
        "input {}x{}x{} (channels x height x width), {}\n",
        input.channels,
        input.height,
        input.width,
        counted(plan.classes, "class")
    ))?;
    print(table(plan).to_string())?;
    print("")?;
    let total = &plan.total;
    let (params, buffers) = (grouped(total.params), grouped(total.buffers));
    let (kib, macs) = (grouped(total.weight_bytes() >> 10), grouped(total.macs));
    let mib = grouped(total.training_bytes(batch_size) >> 20);
    line(
        "total",
        format!("{params} parameters, {buffers} running statistics, {kib} KiB of weights"),
    )?;
    line("", format!("{macs} multiply-adds (MACs) per image"))?;
    line(
        "",
        format!(
            "about {mib} MiB for a training step on {} at once",
            counted(batch_size, "image")
        ),
    )?;
    line(
        "field",
        "theoretical receptive field in input pixels, padding included",
    )?;
    if plan.rows().iter().any(|layer| layer.is_gated()) {
        line(
            "*",
            "gates held constant: through a gate each unit sees the whole image",
        )?;
    }
    line("step", "input pixels between neighbouring units")?;
    for note in plan.notes() {
        paragraph("note", note)?;
    }
    if presets::preset(network, plan.input()).is_ok() {
        line(
            "next",
            format!("receptive train --preset {}", network.shell_word()),
        )?;
    }
    Ok(())
}

/// Maximum number of characters per line.
const MAX_LINE: usize = 80;
/// Minimum number of characters of a layer's description.
const MIN_LAYER: usize = 14;

/// One row per layer. If rows are too wide, MACs are given in thousands or millions and descriptions are
/// truncated.
fn table(plan: &Plan) -> Table {
    let full = rows(plan, grouped, MAX_WIDTH);
    if full.width() <= MAX_LINE {
        return full;
    }
    let excess = rows(plan, millions, MAX_WIDTH)
        .width()
        .saturating_sub(MAX_LINE);
    let longest = plan.rows().iter().map(|layer| described(layer).len()).max();
    let longest = longest.unwrap_or(0).min(MAX_WIDTH);
    rows(
        plan,
        millions,
        longest.saturating_sub(excess).max(MIN_LAYER),
    )
}

fn described(layer: &PlannedLayer) -> String {
    let text = format!("{} {}", layer.kind, layer.summary);
    text.trim_end().to_string()
}

fn rows(plan: &Plan, macs: fn(usize) -> String, width: usize) -> Table {
    let mut table = Table::new(&["", "layer", "output", "params", "MACs", "field", "step"]);
    for layer in plan.rows() {
        table.row([
            layer.number.clone(),
            cut(&described(layer), width),
            layer.output.to_string(),
            grouped(layer.params),
            macs(layer.macs),
            both(layer.ungated_trf, |field| field.size().to_string())
                + if layer.is_gated() { "*" } else { "" },
            both(layer.trf, |field| field.stride.to_string()),
        ]);
    }
    table
}

/// A single number if both axes agree, else height x width.
fn both(fields: [Field; 2], value: fn(&Field) -> String) -> String {
    let [height, width] = [value(&fields[0]), value(&fields[1])];
    if height == width {
        height
    } else {
        format!("{height}x{width}")
    }
}
