//! `receptive attend`: which parts of an image speak for a class.

use super::create_directory;
use super::run::load_model;
use crate::args::{MachineArgs, parse_positive, parse_whole};
use crate::error::{CliError, Exit};
use crate::render::{line, paragraph, print, print_json};
use clap::Args;
use receptive_core::text::{Printable, percent};
use receptive_erf::write_npy;
use receptive_inspect::{Attribution, AttributionOptions, ClassAttribution, InputImage, attribute};
use receptive_plot::Draw;
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct AttendArgs {
    /// Run directory
    run: PathBuf,
    /// Image file
    image: PathBuf,
    /// Layer of Grad-CAM, by number or name as `summary` shows them [default: the last convolution
    /// whose output is at least 5x5, after its batch norm and activation]
    #[arg(long, value_name = "LAYER")]
    layer: Option<String>,
    /// Explain the K most probable classes
    #[arg(
        long,
        value_name = "K",
        default_value_t = 3,
        value_parser = parse_positive::<usize>,
        allow_negative_numbers = true
    )]
    classes: usize,
    /// Number of noisy copies that SmoothGrad averages over; 0 for none
    #[arg(
        long,
        value_name = "N",
        default_value_t = 16,
        value_parser = parse_whole::<usize>,
        allow_negative_numbers = true
    )]
    smooth: usize,
    /// Output directory of the picture and the maps
    #[arg(long, value_name = "DIR", default_value = "attend")]
    out: PathBuf,
    #[command(flatten)]
    machine: MachineArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Json<'a> {
    image: String,
    layer: &'a str,
    name: &'a str,
    classes: Vec<Class<'a>>,
    files: &'a [PathBuf],
}

#[derive(Serialize)]
struct Class<'a> {
    class: &'a str,
    index: usize,
    probability: f64,
    logit: f32,
    /// Grad-CAM over the layer's units.
    cam: Cam<'a>,
    /// Row and column of the input where Grad-CAM is largest, if it is positive anywhere.
    peak: Option<[usize; 2]>,
    /// Smallest share of the input that holds half of Grad-CAM's sum.
    half: f64,
    /// Largest absolute value of the gradient.
    gradient: f64,
}

#[derive(Serialize)]
struct Cam<'a> {
    size: [usize; 2],
    /// Row by row.
    values: &'a [f64],
}

pub(super) fn run(arguments: &AttendArgs) -> Result<Exit, CliError> {
    let (backend, _) = arguments.machine.backend()?;
    let device = backend.device()?;
    let artifact = load_model(&arguments.run, &device)?;
    let options = AttributionOptions {
        layer: arguments.layer.clone(),
        classes: arguments.classes,
        smooth: arguments.smooth,
    };
    let image = InputImage::read(&arguments.image, &artifact.input)?;
    let attribution = attribute(&artifact, &image, &options, &device)?;
    create_directory(&arguments.out)?;
    let files = write(&arguments.out, &arguments.image, &image, &attribution)?;
    if arguments.json {
        print_json(&Json {
            image: arguments.image.to_string_lossy().into_owned(),
            layer: &attribution.layer[0],
            name: &attribution.layer[1],
            classes: attribution.classes.iter().map(class).collect(),
            files: &files,
        })?;
        return Ok(Exit::Done);
    }
    show(&arguments.image, &image, &attribution)?;
    for file in files.iter().filter(|file| has_extension(file, "png")) {
        line("file", file.printable())?;
    }
    let maps = files.iter().filter(|file| has_extension(file, "npy"));
    line("maps", format!("{} .npy files beside it", maps.count()))?;
    Ok(Exit::Done)
}

fn show(path: &Path, image: &InputImage, attribution: &Attribution) -> Result<(), CliError> {
    let [number, name] = &attribution.layer;
    let answers: Vec<String> = attribution
        .classes
        .iter()
        .map(|class| {
            format!(
                "{} {}",
                class.prediction.class,
                percent(class.prediction.probability)
            )
        })
        .collect();
    print(format!("{}: {}", path.printable(), answers.join(", ")))?;
    let [height, width, _] = image.size();
    let [field_height, field_width] = attribution.field;
    let field = format!("{field_height}x{field_width} of the image's {height}x{width} pixels");
    line(
        "layer",
        format!("{number} ({name}): each unit sees {field}"),
    )?;
    for class in &attribution.classes {
        let summary = match class.peak() {
            Some([row, column]) => format!(
                "highest at row {row}, column {column}; half of the total on {} of the image",
                percent(class.half_area())
            ),
            None => "zero everywhere: no part of the image speaks for it".into(),
        };
        paragraph("cam", format!("{}: {summary}", class.prediction.class))?;
    }
    Ok(())
}

fn class(class: &ClassAttribution) -> Class<'_> {
    let region = class.maps.cam.region();
    Class {
        class: &class.prediction.class,
        index: class.class,
        probability: class.prediction.probability,
        logit: class.maps.logit,
        cam: Cam {
            size: [region.height, region.width],
            values: class.maps.cam.values(),
        },
        peak: class.peak(),
        half: class.half_area(),
        gradient: class.maps.saliency.peak(),
    }
}

/// Writes the picture, and each class's maps over the input's pixels for `numpy.load`.
fn write(
    out: &Path,
    path: &Path,
    image: &InputImage,
    attribution: &Attribution,
) -> Result<Vec<PathBuf>, CliError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let picture = out.join("attend.png");
    attribution
        .draw(&format!("Where the network looks in {name}"), image)?
        .write(&picture)?;
    let mut files = vec![picture];
    for class in &attribution.classes {
        let maps = [
            ("cam", Some(&class.cam)),
            ("gradient", Some(&class.maps.saliency)),
            ("smoothgrad", class.maps.smooth.as_ref()),
        ];
        for (word, map) in maps {
            let Some(map) = map else { continue };
            let path = out.join(format!("class-{}-{word}.npy", class.class));
            write_npy(&path, map)?;
            files.push(path);
        }
    }
    Ok(files)
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}
