//! `receptive erf`: a unit's effective receptive field, and whether it is Gaussian.

mod atlas;
mod files;
mod place;
mod show;
mod subject;
mod sweep;

use crate::args::{MachineArgs, numbers, parse_number, parse_positive, parse_size, parse_whole};
use crate::error::{CliError, Exit};
use crate::render::{MeasureProgress, print_json, say_line};
use atlas::AtlasArgs;
use clap::{Args, Subcommand, ValueEnum};
use files::Files;
use place::Place;
use receptive_erf::gaussian::MassSquare;
use receptive_erf::theory::WeightAssumption;
use receptive_erf::{
    Aggregate, Channels, MAX_GROWN, MeasureOptions, MeasuredNetwork, Method, Probe, Study,
    default_layer, measure_layer, seeing_layers, unproductive_layers,
};
use receptive_model::PlannedLayer;
use receptive_train::{Pass, check_pass, on_threads};
use serde::Serialize;
use std::path::PathBuf;
use subject::{Query, Subject, WeightSource};
use sweep::SweepArgs;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct ErfArgs {
    #[command(subcommand)]
    experiment: Option<Experiment>,
    /// Presets, config files or run directories; several are compared in one figure
    #[arg(value_name = "NETWORK", default_value = "plain-20")]
    networks: Vec<String>,
    /// Layer, by number as `summary` shows it or by name (conv2d_3), or `all` [default: the last
    /// layer with feature maps]
    #[arg(long, value_name = "LAYER")]
    layer: Option<String>,
    /// Maximum number of samples
    #[arg(
        long,
        value_name = "N",
        default_value_t = receptive_erf::DEFAULT_SAMPLES,
        value_parser = parse_samples,
        allow_negative_numbers = true
    )]
    samples: u64,
    /// Stop once the total variation caused by noise alone is at most this; 0 takes all samples
    #[arg(
        long,
        value_name = "TV",
        default_value_t = receptive_erf::DEFAULT_NOISE,
        value_parser = parse_number,
        allow_negative_numbers = true
    )]
    noise: f64,
    #[command(flatten)]
    subject: SubjectArgs,
    /// Unit [default: the one whose theoretical field is nearest the image's centre]
    #[arg(
        long,
        value_name = "ROW,COLUMN",
        value_parser = parse_unit,
        allow_hyphen_values = true
    )]
    unit: Option<[usize; 2]>,
    /// Channels of the unit: their sum, random signs (mean square over all channels), or one
    #[arg(
        long,
        value_name = "sum|signs|INDEX",
        default_value = "sum",
        value_parser = parse_channels,
        allow_negative_numbers = true
    )]
    channels: Channels,
    /// Gradient aggregate used for the verdict and the figure
    #[arg(long, value_enum, default_value_t = Aggregate::Abs)]
    aggregate: Aggregate,
    /// How gradients are computed: for the same unit with the same result up to rounding; `tiles`
    /// averages over units with disjoint fields
    #[arg(long, value_enum, default_value_t = Method::Auto)]
    method: Method,
    /// Also report the measures of another tool
    #[arg(long, value_enum)]
    compat: Option<Compat>,
    #[command(flatten)]
    measuring: MeasuringArgs,
}

/// The weights and inputs of a measurement.
#[derive(Debug, Args)]
struct SubjectArgs {
    /// Weights: given, redrawn for each sample, or all ones [default: given for a run,
    /// random for a preset or a config]
    #[arg(long, value_enum)]
    weights: Option<WeightSource>,
    /// Network input: `noise`, `own` (the images a run was not trained on), an image file, a folder
    /// of images with or without class folders, or a named data set [default: own for a run with
    /// given weights, else noise]
    #[arg(long, value_name = "noise|own|IMAGES")]
    input: Option<String>,
    /// New path of a run's data, if it was moved; images keep their splits
    #[arg(long, value_name = "DATA", conflicts_with = "input")]
    data: Option<String>,
    /// New path of a run's label list, if it was moved
    #[arg(long, value_name = "FILE", conflicts_with = "input")]
    labels: Option<PathBuf>,
    /// Image size [default: as trained; for a preset or a config, large enough for the field]
    #[arg(long, value_name = "HEIGHTxWIDTH", value_parser = parse_size)]
    size: Option<[usize; 2]>,
}

impl SubjectArgs {
    /// Whether no images are requested explicitly, so that noise may be used.
    fn names_no_images(&self) -> bool {
        self.input.is_none() && self.data.is_none() && self.labels.is_none()
    }
}

/// Arguments of `erf` and of its experiments.
#[derive(Debug, Args)]
struct MeasuringArgs {
    /// Seed of weights, noise and signs
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        value_parser = parse_whole::<u64>,
        allow_negative_numbers = true
    )]
    seed: u64,
    /// Output directory for figures (PNG, SVG), values (JSON) and maps (NPY)
    #[arg(long, value_name = "DIR", default_value = "erf")]
    out: PathBuf,
    #[command(flatten)]
    machine: MachineArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Experiment {
    /// Measure each stage of many networks: a page of tables, a chart, figures
    Atlas(AtlasArgs),
    /// Vary one property at a time (depth, kernel, stride, dilation ...) and measure each network
    Sweep(SweepArgs),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Compat {
    /// Log-scaled contribution scores, as in RepLKNet (Ding et al. 2022): centred squares with 20
    /// to 99 % of their sum
    Replknet,
}

/// Parses the number of samples of a field.
pub(super) fn parse_samples(text: &str) -> Result<u64, String> {
    match parse_positive(text)? {
        1 => Err("expected 2 or more: one sample has no noise estimate".into()),
        samples => Ok(samples),
    }
}

fn parse_channels(text: &str) -> Result<Channels, String> {
    match text {
        "sum" => Ok(Channels::Sum),
        "signs" => Ok(Channels::RandomSigns),
        index => {
            let index = index.parse().map(Channels::One);
            index.map_err(|_| "expected sum, signs or a channel's index, from 0".into())
        }
    }
}

fn parse_unit(text: &str) -> Result<[usize; 2], String> {
    match numbers(text, ',').as_deref() {
        Some([row, column]) => Ok([*row, *column]),
        _ => Err("expected ROW,COLUMN, counted from 0, such as 12,7".into()),
    }
}

impl ErfArgs {
    /// The command's name.
    pub(super) const fn name(&self) -> &'static str {
        match self.experiment {
            Some(Experiment::Atlas(_)) => "erf atlas",
            Some(Experiment::Sweep(_)) => "erf sweep",
            None => "erf",
        }
    }

    fn query(&self) -> Query<'_> {
        let layer = self.layer.as_deref();
        Query {
            subject: &self.subject,
            layer: layer.filter(|layer| *layer != "all"),
            largest: MAX_GROWN,
            samples: self.samples,
            seed: self.measuring.seed,
            compat: self.compat,
        }
    }

    fn options(&self) -> MeasureOptions {
        MeasureOptions {
            samples: self.samples,
            noise: self.noise,
            seed: self.measuring.seed,
            method: self.method,
        }
    }
}

/// The output of `--json`.
#[derive(Serialize)]
struct Json<'a> {
    network: &'a str,
    layer: &'a str,
    name: &'a str,
    weights: &'static str,
    input: &'a str,
    #[serde(flatten)]
    study: &'a Study,
    /// The results of RepLKNet's method: squares of contribution scores after its logarithm.
    #[serde(skip_serializing_if = "Option::is_none")]
    replknet: Option<Vec<MassSquare>>,
    /// Layers with a theoretical field larger than the image.
    unproductive: Vec<String>,
    files: Vec<String>,
}

pub(super) fn run(arguments: &ErfArgs) -> Result<Exit, CliError> {
    match &arguments.experiment {
        Some(Experiment::Atlas(arguments)) => return atlas::run(arguments),
        Some(Experiment::Sweep(arguments)) => return sweep::run(arguments),
        None => {}
    }
    Subject::check(&arguments.networks)?;
    let place = Place::new(&arguments.measuring.machine)?;
    // Of several processes only the first writes.
    let files = place
        .is_first()
        .then(|| Files::new(&arguments.measuring.out))
        .transpose()?;
    let mut compared = Vec::new();
    for name in &arguments.networks {
        let subject = Subject::find(name, &arguments.query(), place.threads, &place.device)?;
        let layers = layers(&subject, arguments.layer.as_deref())?;
        let studies = layers
            .iter()
            .map(|layer| {
                let mut probe = Probe::central(subject.plan(), &layer.number)?;
                probe.channels = arguments.channels;
                probe.unit = arguments.unit.unwrap_or(probe.unit);
                let options = arguments.options();
                check_memory(&subject, layer, options.method, &place)?;
                place.check_same(&subject, &probe, &layer.number, &options)?;
                let what = format!("layer {}", layer.number);
                study(
                    &subject,
                    layer,
                    &probe,
                    &options,
                    arguments.aggregate,
                    &place,
                    &what,
                )
            })
            .collect::<Result<Vec<_>, _>>()?;
        let Some(files) = &files else { continue };
        let aggregate = arguments.aggregate;
        // The measurement is there, whatever becomes of its files.
        let (written, problem) = match files.write(&subject, &studies, aggregate) {
            Ok(written) => (written, None),
            Err(problem) => (Vec::new(), Some(problem)),
        };
        for (index, study) in studies.iter().enumerate() {
            if arguments.measuring.json {
                print_json(&json(&subject, study, &written))?;
            } else if studies.len() == 1 {
                show::one(&subject, study, aggregate)?;
            } else {
                show::row(&subject, study, index)?;
            }
        }
        if !arguments.measuring.json {
            show::end(&subject, &written)?;
        }
        if let Some(problem) = problem {
            return Err(problem);
        }
        compared.extend(
            studies
                .into_iter()
                .next_back()
                .map(|study| (subject, study)),
        );
    }
    if let (Some(files), 2..) = (files, compared.len()) {
        let written = files.comparison(&compared, arguments.aggregate)?;
        say_line("files", written.join(", "));
    }
    Ok(Exit::Done)
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

/// Rejects a network or a size that does not fit in memory, before any computation.
fn check_memory(
    subject: &Subject,
    layer: &PlannedLayer,
    method: Method,
    place: &Place,
) -> Result<(), CliError> {
    // The cone is checked against one pass on the whole image; the other methods use whole images in every
    // thread.
    let at_a_time = match method {
        Method::Auto | Method::Cone => 1,
        _ => place.threads,
    };
    Ok(check_pass(
        subject.plan(),
        Pass::Backward(Some(&layer.number)),
        at_a_time,
        &place.device,
        "the gradient of a unit",
        "use a smaller --size, fewer --threads or a lower --layer",
    )?)
}

/// Measures one layer. `what` names it in the progress display.
fn study(
    subject: &Subject,
    layer: &PlannedLayer,
    probe: &Probe,
    options: &MeasureOptions,
    aggregate: Aggregate,
    place: &Place,
    what: &str,
) -> Result<Study, CliError> {
    let progress = MeasureProgress::new(what);
    let found = on_threads(place.threads, || {
        measure_layer(
            subject.network(),
            &layer.number,
            probe,
            &*subject.inputs,
            options,
            place.processors(),
            &mut |done, most, noise| progress.show(done, most, noise),
        )
    })??;
    drop(progress);
    let weights = match (subject.weights, subject.network()) {
        (WeightSource::Ones, _) => WeightAssumption::Ones,
        (_, MeasuredNetwork::Given(classifier)) => WeightAssumption::Given(classifier),
        _ => WeightAssumption::Random,
    };
    Ok(Study::new(
        found,
        subject.plan(),
        layer,
        weights,
        aggregate,
    )?)
}

fn json<'a>(subject: &'a Subject, study: &'a Study, files: &[String]) -> Json<'a> {
    Json {
        network: &subject.name,
        layer: &study.layer.number,
        name: &study.layer.name,
        weights: subject.weights.name(),
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
