//! `receptive erf atlas`: the receptive fields of the stages of many networks.

use super::super::write_like;
use super::files::{Files, conditions};
use super::place::Place;
use super::subject::{Query, Subject};
use super::{SubjectArgs, check_memory, parse_channels, parse_samples, study};
use crate::args::{MachineArgs, parse_number, parse_positive, parse_whole};
use crate::error::{CliError, Exit};
use crate::render::{Table, line, print, print_json, say_line};
use clap::Args;
use receptive_core::hash::sha256;
use receptive_core::text::{Printable, counted};
use receptive_erf::atlas::{Atlas, AtlasNetwork, Conditions, Stage};
use receptive_erf::picture::{self, ComparisonField};
use receptive_erf::{Aggregate, Channels, MeasureOptions, Probe, Study, stages};
use receptive_model::store::{read_text, write_file};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct AtlasArgs {
    /// Presets, config files, run directories or models
    #[arg(value_name = "NETWORK", required = true)]
    networks: Vec<String>,
    #[command(flatten)]
    subject: SubjectArgs,
    /// Channels of each unit: random signs (the mean square over all of them), their sum, or one
    #[arg(
        long,
        value_name = "signs|sum|INDEX",
        default_value = "signs",
        value_parser = parse_channels,
        allow_negative_numbers = true
    )]
    channels: Channels,
    /// Maximum number of samples per stage
    #[arg(
        long,
        value_name = "N",
        default_value_t = 200,
        value_parser = parse_samples,
        allow_negative_numbers = true
    )]
    samples: u64,
    /// Stop once the total variation caused by noise alone is at most this; 0 takes all samples
    #[arg(
        long,
        value_name = "TV",
        default_value_t = 0.04,
        value_parser = parse_number,
        allow_negative_numbers = true
    )]
    noise: f64,
    /// Enlarge images so that the last field fits, up to this side
    #[arg(
        long,
        value_name = "PIXELS",
        default_value_t = 512,
        value_parser = parse_positive::<usize>,
        allow_negative_numbers = true
    )]
    largest: usize,
    /// Seed of weights and noise
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        value_parser = parse_whole::<u64>,
        allow_negative_numbers = true
    )]
    seed: u64,
    /// Output directory: atlas.md, atlas.json and figures; networks already in atlas.json with the
    /// same settings are skipped
    #[arg(long, value_name = "DIR", default_value = "atlas")]
    out: PathBuf,
    #[command(flatten)]
    machine: MachineArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl AtlasArgs {
    fn conditions(&self) -> Conditions {
        Conditions {
            samples: self.samples,
            noise: self.noise,
            seed: self.seed,
            channels: self.channels,
            largest: self.largest,
            size: self.subject.size,
        }
    }
}

/// Maximum size of an atlas file, in bytes.
const MAX_BYTES: u64 = 64 << 20;

pub(super) fn run(arguments: &AtlasArgs) -> Result<Exit, CliError> {
    Subject::check(&arguments.networks)?;
    let place = Place::new(&arguments.machine)?;
    // Of several processes only the first has the atlas and writes.
    let path = arguments.out.join("atlas.json");
    let files = place.is_first().then(|| Files::new(&arguments.out));
    let files = files.transpose()?;
    let mut atlas = match files {
        Some(_) => begin(arguments, &path)?,
        None => Atlas::new(arguments.conditions()),
    };
    let options = MeasureOptions {
        samples: arguments.samples,
        noise: arguments.noise,
        seed: arguments.seed,
        ..MeasureOptions::default()
    };
    let count = arguments.networks.len();
    for (index, name) in arguments.networks.iter().enumerate() {
        let query = Query {
            subject: &arguments.subject,
            layer: None,
            largest: arguments.largest,
            samples: arguments.samples,
            seed: arguments.seed,
            compat: None,
        };
        let subject = Subject::find(name, &query, place.threads, &place.device)?;
        let image = subject.plan().input();
        let found = AtlasNetwork {
            name: subject.name.clone(),
            weights: subject.weights.name().into(),
            input: subject.input.clone(),
            image: [image.height, image.width],
            sha256: sha256(format!("{:?}", subject.parts()?).as_bytes()),
            stages: Vec::new(),
        };
        let is_known = is_known(&atlas, &found, &path)?;
        if place.found_by_first(is_known)? {
            say_line(
                "known",
                format!("{} is in {}", name.printable(), path.printable()),
            );
            continue;
        }
        let layers = stages(subject.plan());
        say_line(
            "network",
            format!(
                "{} of {count}: {}, {}",
                index + 1,
                name.printable(),
                counted(layers.len(), "stage")
            ),
        );
        let mut studies = Vec::new();
        for (stage, layer) in layers.iter().enumerate() {
            let what = format!("{name}, stage {} of {}", stage + 1, layers.len());
            let probe = Probe::central(subject.plan(), &layer.number)?;
            let probe = probe.with_channels(arguments.channels);
            check_memory(&subject, layer, options.method, &place)?;
            place.check_same(&subject, &probe, &layer.number, &options)?;
            studies.push(study(
                &subject,
                layer,
                &probe,
                &options,
                Aggregate::Abs,
                &place,
                &what,
            )?);
        }
        let Some(files) = &files else { continue };
        draw(files, &subject, &studies)?;
        atlas.insert(AtlasNetwork {
            stages: studies.iter().map(Stage::from_study).collect(),
            ..found
        });
        // Written after each network, so that the measurements so far survive an interruption.
        write_file(&path, &serde_json::to_vec_pretty(&atlas)?)?;
        if let (false, Some(network)) = (arguments.json, atlas.find(&subject.name)) {
            show(network)?;
        }
    }
    let Some(files) = files else {
        return Ok(Exit::Done);
    };
    let page = arguments.out.join("atlas.md");
    // Compared up to the title.
    write_like(&page, atlas.markdown().as_bytes(), 8)?;
    let mut written = vec![page.to_string_lossy().into_owned()];
    files.draw(&picture::atlas_chart(&atlas), "atlas", &mut written)?;
    if arguments.json {
        print_json(&atlas)?;
    }
    say_line("files", written.join(", "));
    Ok(Exit::Done)
}

/// The existing atlas, if it was measured with the same settings; an empty one if there is none.
fn begin(arguments: &AtlasArgs, path: &Path) -> Result<Atlas, CliError> {
    let wanted = arguments.conditions();
    if !path.exists() {
        return Ok(Atlas::new(wanted));
    }
    let text = read_text(path, MAX_BYTES)?;
    let found: Atlas = serde_json::from_str(&text).map_err(|error| {
        CliError::Usage(format!(
            "{}: expected an atlas written by this command: {error}; set another directory with \
             --out",
            path.printable()
        ))
    })?;
    if found.conditions == wanted {
        return Ok(found);
    }
    let Conditions {
        samples,
        noise,
        seed,
        channels,
        largest,
        size,
    } = found.conditions;
    let channels = match channels {
        Channels::One(channel) => channel.to_string(),
        Channels::Sum => "sum".into(),
        _ => "signs".into(),
    };
    let size = size.map_or(String::new(), |[height, width]| {
        format!(" --size {height}x{width}")
    });
    Err(CliError::Usage(format!(
        "{}: its networks were measured with --samples {samples} --noise {noise} --seed {seed} \
         --channels {channels} --largest {largest}{size}; use the same, or set another directory \
         with --out",
        path.printable()
    )))
}

/// Whether the atlas has this network. One whose layers, weights or images have changed is measured again.
fn is_known(atlas: &Atlas, found: &AtlasNetwork, path: &Path) -> Result<bool, CliError> {
    let Some(known) = atlas.find(&found.name) else {
        return Ok(false);
    };
    if (&known.weights, &known.input) != (&found.weights, &found.input) {
        return Err(CliError::Usage(format!(
            "{}: {} was measured with {} weights on {}; use the same, or set another directory with \
             --out",
            path.printable(),
            known.name.printable(),
            known.weights,
            known.input.printable()
        )));
    }
    let has_hash = !known.sha256.is_empty();
    let is_same = known.image == found.image && (!has_hash || known.sha256 == found.sha256);
    if !is_same {
        say_line(
            "changed",
            format!(
                "{}, since it was measured for {}",
                known.name.printable(),
                path.printable()
            ),
        );
    }
    Ok(is_same)
}

/// Draws the stages' maps side by side.
fn draw(files: &Files, subject: &Subject, studies: &[Study]) -> Result<(), CliError> {
    let fields: Vec<ComparisonField<'_>> = studies
        .iter()
        .map(|study| {
            let stride = study.layer.trf[0].stride;
            ComparisonField::from_study(&format!("stage of stride {stride}"), study)
        })
        .collect();
    let title = format!("{}: the field of each stage", subject.name);
    let subtitle = format!("{}, {}", Aggregate::Abs.formula(), conditions(subject));
    let picture = picture::comparison(&title, &subtitle, &fields)?;
    files.draw(
        &picture,
        &super::files::stem(&subject.name),
        &mut Vec::new(),
    )
}

fn show(network: &AtlasNetwork) -> Result<(), CliError> {
    let [height, width] = network.image;
    let count = counted(network.stages.len(), "stage");
    line(
        "network",
        format!(
            "{}, {} weights, {}, {height}x{width} pixels, {count}, mean |g|",
            network.name.printable(),
            network.weights,
            network.input
        ),
    )?;
    let mut table = Table::new(&[
        "layer", "stride", "TRF", "sigma", "size", "ratio", "verdict",
    ]);
    for stage in &network.stages {
        table.row([
            format!("{} {}", stage.layer, stage.layer_name),
            stage.stride.to_string(),
            format!("{}x{}", stage.trf[0], stage.trf[1]),
            stage.sigma.rounded(2),
            format!("{:.1}", stage.size.value),
            format!("{:.3}", stage.ratio.value),
            stage.verdict.to_string(),
        ]);
    }
    print(table.to_string())?;
    print("")
}
