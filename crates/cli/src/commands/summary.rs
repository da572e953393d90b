use super::network::{CLASSES, model_config, parse_input};
use super::{paragraph, print, print_json};
use crate::args::SummaryArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::Table;
use receptive_model::{Edges, Field, ModelConfig, Plan, PlannedLayer, presets};
use receptive_plot::grouped;
use serde::Serialize;

#[derive(Serialize)]
struct Shown {
    input: [usize; 3],
    classes: usize,
    layers: Vec<Row>,
    total: Sum,
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
    /// Of a convolution or a pool: pixels at the top, left, bottom and right.
    #[serde(skip_serializing_if = "Option::is_none")]
    padding: Option<[usize; 4]>,
    trf: Trf,
}

/// Each `[height, width]`, in input pixels; the centre is that of the unit at row 0, column 0.
#[derive(Serialize)]
struct Trf {
    size: [i64; 2],
    stride: [i64; 2],
    centre: [f64; 2],
}

#[derive(Serialize)]
struct Sum {
    params: usize,
    buffers: usize,
    macs: usize,
    weight_bytes: usize,
    training_bytes: usize,
}

pub(super) fn run(arguments: &SummaryArgs) -> Result<Exit, CliError> {
    let plan = config(arguments)?.plan()?;
    if arguments.json {
        print_json(&shown(&plan, arguments.batch_size))?;
        return Ok(Exit::Done);
    }
    show(&plan, &arguments.network, arguments.batch_size)?;
    Ok(Exit::Done)
}

fn config(arguments: &SummaryArgs) -> Result<ModelConfig, CliError> {
    let mut config = model_config(&arguments.network)?;
    if let Some(input) = &arguments.input {
        config.input = parse_input(input)?;
    }
    if arguments.classes.is_some() {
        config.classes = arguments.classes;
    }
    config.classes = config.classes.or(Some(CLASSES));
    Ok(config)
}

fn shown(plan: &Plan, batch_size: usize) -> Shown {
    let input = plan.input();
    Shown {
        input: [input.channels, input.height, input.width],
        classes: plan.classes,
        layers: plan.rows().into_iter().map(row).collect(),
        total: Sum {
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
        trf: Trf {
            size: layer.trf.map(|field| field.size()),
            stride: layer.trf.map(|field| field.stride),
            centre: layer.trf.map(|field| field.centre()),
        },
    }
}

fn show(plan: &Plan, network: &str, batch_size: usize) -> Result<(), CliError> {
    let input = plan.input();
    print(format!(
        "input {}x{}x{} (channels x height x width), {} classes\n",
        input.channels, input.height, input.width, plan.classes
    ))?;
    let mut table = Table::new(&["", "layer", "output", "params", "MACs", "field", "step"]);
    for layer in plan.rows() {
        table.row([
            layer.number.clone(),
            format!("{} {}", layer.kind, layer.summary)
                .trim_end()
                .to_string(),
            layer.output.to_string(),
            grouped(layer.params),
            grouped(layer.macs),
            both(layer.trf, |field| field.size().to_string()),
            both(layer.trf, |field| field.stride.to_string()),
        ]);
    }
    print(table.to_string())?;
    let total = &plan.total;
    print(format!(
        "\ntotal    {} parameters, {} running statistics, {} KiB of weights",
        grouped(total.params),
        grouped(total.buffers),
        grouped(total.weight_bytes() >> 10)
    ))?;
    print(format!(
        "         {} multiply-adds (MACs) an image",
        grouped(total.macs)
    ))?;
    print(format!(
        "         about {} MiB for a training step on {batch_size} images",
        grouped(total.training_bytes(batch_size) >> 20)
    ))?;
    print("field    input pixels that a unit can depend on, padding included")?;
    print("step     input pixels between neighbouring units")?;
    for note in plan.notes() {
        print(paragraph("note     ", &note))?;
    }
    if presets::preset(network, plan.input()).is_ok() {
        print(format!("next     receptive train --preset {network}"))?;
    }
    Ok(())
}

/// One number where both axes agree, else height x width.
fn both(fields: [Field; 2], value: fn(&Field) -> String) -> String {
    let [height, width] = [value(&fields[0]), value(&fields[1])];
    if height == width {
        height
    } else {
        format!("{height}x{width}")
    }
}
