//! `receptive erf`: what a unit sees, and whether that is a Gaussian.

mod files;
mod show;
mod subject;
mod sweep;

use super::{machine, not_understood, numbers, print_json};
use crate::args::{
    AggregateName, Compat, ErfArgs, ErfExperiment, MachineArgs, MethodName, WeightsName,
};
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::{MeasureProgress, say};
use burn::tensor::Device;
use files::Files;
use receptive_erf::gaussian::MassSquare;
use receptive_erf::theory::Weights;
use receptive_erf::{
    Aggregate, Channels, MeasureOptions, Method, Network, Probe, Study, default_layer,
    measure_layer, seeing_layers, unproductive_layers,
};
use receptive_model::PlannedLayer;
use receptive_train::field::on_threads;
use serde::Serialize;
use subject::Subject;

#[derive(Serialize)]
struct Shown<'a> {
    network: &'a str,
    layer: &'a str,
    name: &'a str,
    weights: &'static str,
    input: &'a str,
    #[serde(flatten)]
    study: &'a Study,
    /// The squares of RepLKNet's tool, measured after its logarithm.
    #[serde(skip_serializing_if = "Option::is_none")]
    replknet: Option<Vec<MassSquare>>,
    /// Layers whose theoretical field is larger than the image.
    unproductive: Vec<String>,
    files: Vec<String>,
}

pub(super) fn run(arguments: &ErfArgs) -> Result<Exit, CliError> {
    if let Some(ErfExperiment::Sweep(arguments)) = &arguments.experiment {
        return sweep::run(arguments);
    }
    let (device, threads) = place(&arguments.measuring.machine)?;
    let files = Files::new(&arguments.measuring.out)?;
    let mut compared = Vec::new();
    for name in &arguments.networks {
        let subject = Subject::find(name, arguments, &device)?;
        let layers = layers(&subject, arguments.layer.as_deref())?;
        let studies = layers
            .iter()
            .map(|layer| study(&subject, layer, arguments, &device, threads))
            .collect::<Result<Vec<_>, _>>()?;
        let aggregate = aggregate(arguments.aggregate);
        let written = files.write(&subject, &studies, aggregate)?;
        for (index, study) in studies.iter().enumerate() {
            if arguments.measuring.json {
                print_json(&shown(&subject, study, &written))?;
            } else if studies.len() == 1 {
                show::one(&subject, study, aggregate)?;
            } else {
                show::row(&subject, study, index)?;
            }
        }
        if !arguments.measuring.json {
            show::end(&subject, &written)?;
        }
        compared.extend(
            studies
                .into_iter()
                .next_back()
                .map(|study| (subject, study)),
        );
    }
    if compared.len() > 1 {
        let written = files.comparison(&compared, aggregate(arguments.aggregate))?;
        say(format!("files    {}", written.join(", ")));
    }
    Ok(Exit::Done)
}

/// The device, and how many threads feed it.
fn place(arguments: &MachineArgs) -> Result<(Device, usize), CliError> {
    let (backend, threads) = machine(arguments)?;
    // A GPU runs one pass after another anyhow.
    let threads = if backend.kind.is_cpu() { threads } else { 1 };
    Ok((backend.device()?, threads))
}

fn layers(subject: &Subject, layer: Option<&str>) -> Result<Vec<PlannedLayer>, CliError> {
    let plan = subject.plan();
    Ok(match layer {
        Some("all") => {
            default_layer(plan)?;
            seeing_layers(plan).into_iter().cloned().collect()
        }
        Some(layer) => vec![plan.find(layer)?.clone()],
        None => vec![default_layer(plan)?.clone()],
    })
}

fn study(
    subject: &Subject,
    layer: &PlannedLayer,
    arguments: &ErfArgs,
    device: &Device,
    threads: usize,
) -> Result<Study, CliError> {
    let mut probe = Probe::central(subject.plan(), &layer.number)?;
    probe.channels = channels(&arguments.channels)?;
    if let Some(unit) = &arguments.unit {
        probe.unit = parse_unit(unit)?;
    }
    let options = MeasureOptions {
        samples: arguments.samples,
        noise: arguments.noise,
        seed: arguments.measuring.seed,
        method: match arguments.method {
            MethodName::Auto => Method::Auto,
            MethodName::Plain => Method::Plain,
            MethodName::Tiles => Method::Tiles,
            MethodName::Cone => Method::Cone,
        },
    };
    let progress = MeasureProgress::new(&format!("layer {}", layer.number));
    let found = on_threads(threads, || {
        measure_layer(
            subject.network(),
            &layer.number,
            &probe,
            &*subject.inputs,
            &options,
            device,
            &mut |done, most, noise| progress.show(done, most, noise),
        )
    })??;
    drop(progress);
    let weights = match (subject.weights, subject.network()) {
        (WeightsName::Ones, _) => Weights::Ones,
        (_, Network::Given(classifier)) => Weights::Given(classifier),
        _ => Weights::Random,
    };
    let aggregate = aggregate(arguments.aggregate);
    Ok(Study::new(
        found,
        subject.plan(),
        layer,
        weights,
        aggregate,
    )?)
}

fn shown<'a>(subject: &'a Subject, study: &'a Study, files: &[String]) -> Shown<'a> {
    Shown {
        network: &subject.name,
        layer: &study.layer.number,
        name: &study.layer.name,
        weights: weights_word(subject.weights),
        input: &subject.input,
        study,
        replknet: (subject.compat == Some(Compat::Replknet)).then(|| study.replknet_squares()),
        unproductive: unproductive_layers(subject.plan())
            .iter()
            .map(|layer| layer.number.clone())
            .collect(),
        files: files.to_vec(),
    }
}

fn weights_word(weights: WeightsName) -> &'static str {
    match weights {
        WeightsName::Given => "given",
        WeightsName::Random => "random",
        WeightsName::Ones => "ones",
    }
}

fn aggregate(name: AggregateName) -> Aggregate {
    match name {
        AggregateName::Abs => Aggregate::Abs,
        AggregateName::Square => Aggregate::Square,
        AggregateName::Positive => Aggregate::Positive,
    }
}

fn channels(text: &str) -> Result<Channels, CliError> {
    match text {
        "sum" => Ok(Channels::Sum),
        "signs" => Ok(Channels::RandomSigns),
        index => index.parse().map(Channels::One).map_err(|_| {
            let remedy = "write sum, signs or a channel's index";
            not_understood(
                "--channels",
                format!("`{text}` is not understood; {remedy}"),
            )
        }),
    }
}

fn parse_unit(text: &str) -> Result<[usize; 2], CliError> {
    match numbers(text.split(',').map(str::trim)).as_deref() {
        Some([row, column]) => Ok([*row, *column]),
        _ => Err(not_understood(
            "--unit",
            format!("`{text}` is not understood; write row,column, as 12,7"),
        )),
    }
}
