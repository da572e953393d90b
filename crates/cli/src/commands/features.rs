//! `receptive features`: feature maps of an image, layer by layer.

use super::run::{RunSplit, load_model, open_split, predictions_line, remedies};
use super::{create_directory, write_picture};
use crate::args::{MachineArgs, PixelArgs, parse_positive};
use crate::error::{CliError, Exit};
use crate::render::{line, paragraph, print, print_json, say_line};
use clap::Args;
use receptive_core::text::Printable;
use receptive_inspect::{
    InputImage, Prediction, Strength, default_feature_layer, feature_maps, filters, map_layers,
};
use receptive_model::Artifact;
use receptive_train::{DataPlace, ImageQuery, Pass, check_pass, samples_for};
use serde::Serialize;
use std::path::PathBuf;

/// Maximum number of layers drawn at once.
const MAX_LAYERS: usize = 64;

#[derive(Debug, Args)]
pub(super) struct FeaturesArgs {
    /// Run directory
    run: PathBuf,
    /// Image file [default: the first test image of the run]
    image: Option<PathBuf>,
    /// New path of the run's data, if it was moved
    #[arg(long, value_name = "DATA", conflicts_with = "image")]
    data: Option<String>,
    /// New path of the run's label list, if it was moved
    #[arg(long, value_name = "FILE", conflicts_with = "image")]
    labels: Option<PathBuf>,
    /// Layer, by number or name as `summary` shows them, or `all` [default: the last layer with
    /// feature maps as large as the first one's]
    #[arg(long, value_name = "LAYER")]
    layer: Option<String>,
    /// Draw the N strongest channels
    #[arg(
        long,
        value_name = "N",
        default_value_t = 31,
        value_parser = parse_positive::<usize>,
        allow_negative_numbers = true
    )]
    most: usize,
    /// Output directory for the figures
    #[arg(long, value_name = "DIR", default_value = "features")]
    out: PathBuf,
    #[command(flatten)]
    max_pixels: PixelArgs,
    #[command(flatten)]
    machine: MachineArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Maximum number of channels per layer in one figure.
const MAX_CHANNELS: usize = 511;

/// The output of `--json`.
#[derive(Serialize)]
struct Json<'a> {
    image: String,
    top: &'a [Prediction],
    layers: Vec<LayerMaps>,
    files: &'a [PathBuf],
}

#[derive(Serialize)]
struct LayerMaps {
    number: String,
    name: String,
    /// Height and width.
    size: [usize; 2],
    /// The strongest channels, in descending order.
    channels: Vec<Strength>,
}

pub(super) fn run(arguments: &FeaturesArgs) -> Result<Exit, CliError> {
    let (backend, _) = arguments.machine.backend()?;
    let device = backend.device()?;
    let artifact = load_model(&arguments.run, &device)?;
    let limits = arguments.max_pixels.limits(&arguments.run)?;
    let plan = artifact.model.plan();
    let remedy = "use a network with a smaller input";
    check_pass(
        plan,
        Pass::Forward,
        1,
        &device,
        "computing the network's features",
        remedy,
    )?;
    let layers = match arguments.layer.as_deref() {
        Some("all") => map_layers(plan),
        Some(layer) => vec![layer.to_string()],
        None => default_feature_layer(plan).into_iter().collect(),
    };
    if layers.len() > MAX_LAYERS {
        let count = layers.len();
        say_line(
            "note",
            format!(
                "the network has {count} layers with feature maps; the first {MAX_LAYERS} are \
                     drawn"
            ),
        );
    }
    let layers = &layers[..layers.len().min(MAX_LAYERS)];
    let (path, image) = match &arguments.image {
        Some(path) => (
            path.clone(),
            InputImage::read_within(path, &artifact.input, &limits)?,
        ),
        None => own_image(arguments, &artifact)?,
    };
    let layers = feature_maps(&artifact, &image, layers, &device)?;
    let top = image.predict(&artifact, 3, &device);
    create_directory(&arguments.out)?;
    let name = path.file_name().unwrap_or_default();
    let mut files = Vec::new();
    let most = arguments.most.min(MAX_CHANNELS);
    if layers
        .iter()
        .any(|maps| maps.channels().min(arguments.most) > most)
    {
        say_line(
            "note",
            format!("a figure shows at most the {most} strongest channels of a layer"),
        );
    }
    for maps in &layers {
        let title = format!("{}: {}", name.to_string_lossy(), predictions_line(&top));
        let path = arguments
            .out
            .join(format!("{}-{}.png", maps.number, maps.name));
        write_picture(&maps.draw(&title, &image, most)?, &path)?;
        files.push(path);
    }
    if let Some(picture) = filters(&artifact, 256) {
        let path = arguments.out.join("filters.png");
        write_picture(&picture, &path)?;
        files.push(path);
    }
    if arguments.json {
        let layers = layers.iter().map(|maps| LayerMaps {
            number: maps.number.clone(),
            name: maps.name.clone(),
            size: maps.size,
            channels: maps.strengths(),
        });
        print_json(&Json {
            image: path.to_string_lossy().into_owned(),
            top: &top,
            layers: layers.collect(),
            files: &files,
        })?;
        return Ok(Exit::Done);
    }
    print(format!("{}: {}", path.printable(), predictions_line(&top)))?;
    for maps in &layers {
        let strongest: Vec<String> = maps
            .strengths()
            .iter()
            .take(5)
            .map(|strength| format!("{} ({:.2})", strength.channel, strength.mean))
            .collect();
        let [height, width] = maps.size;
        paragraph(
            &maps.number,
            format!(
                "{}: {} feature maps of {height}x{width}; strongest channels {}",
                maps.name,
                maps.channels(),
                strongest.join(", ")
            ),
        )?;
    }
    for file in &files {
        line("file", file.printable())?;
    }
    Ok(Exit::Done)
}

/// The first image that the run was not trained on, with its name.
fn own_image(
    arguments: &FeaturesArgs,
    artifact: &Artifact,
) -> Result<(PathBuf, InputImage), CliError> {
    let run = &arguments.run;
    let query = ImageQuery {
        place: DataPlace::new(arguments.data.as_deref(), None),
        labels: arguments.labels.as_deref(),
        ..ImageQuery::new(run, remedies("features", run, arguments.data.as_deref()))
    };
    let RunSplit { split, .. } = open_split(&query, artifact)?;
    let sample = samples_for(&split, &artifact.input, 0).get(0)?;
    let image = InputImage::from_pixels(sample.pixels.to_vec(), &artifact.input)?;
    Ok((split.path(0).into(), image))
}
