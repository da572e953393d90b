//! `receptive attend`: which parts of an image support a class.

use super::run::load_model;
use super::{create_directory, write_picture};
use crate::args::{MachineArgs, PixelArgs, parse_positive, parse_whole};
use crate::error::{CliError, ErrorJson, Exit};
use crate::render::{line, paragraph, print, print_json, say_error, say_line};
use clap::Args;
use receptive_core::text::{Printable, percent};
use receptive_data::image_files;
use receptive_erf::write_npy;
use receptive_inspect::{
    Attribution, AttributionOptions, ClassAttribution, InputImage, SMOOTH_COPIES, attribute_by,
};
use receptive_train::{Pass, check_pass};
use serde::Serialize;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct AttendArgs {
    /// Run directory
    run: PathBuf,
    /// Image files, or directories of them
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// Layer for Grad-CAM, by number or name as `summary` shows them [default: the last convolution
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
    /// Explain this class instead, whatever its probability; comma-separated, or repeat the option
    #[arg(long, value_name = "NAME", conflicts_with = "classes")]
    class: Vec<String>,
    /// Number of noisy copies for SmoothGrad; 0 disables it
    #[arg(
        long,
        value_name = "N",
        default_value_t = 16,
        value_parser = parse_whole::<usize>,
        allow_negative_numbers = true
    )]
    smooth: usize,
    /// Output directory for the figure and the maps, with one subdirectory per image if there are
    /// several
    #[arg(long, value_name = "DIR", default_value = "attend")]
    out: PathBuf,
    #[command(flatten)]
    max_pixels: PixelArgs,
    #[command(flatten)]
    machine: MachineArgs,
    /// Print JSON: one object per image
    #[arg(long)]
    json: bool,
}

/// Maximum number of classes in one figure.
const MAX_DRAWN: usize = 60;

/// The output of `--json`.
#[derive(Serialize)]
struct Json<'a> {
    image: String,
    layer: &'a str,
    name: &'a str,
    classes: Vec<Class<'a>>,
    files: &'a [PathBuf],
}

/// Printed instead of the classes of an image that cannot be read.
#[derive(Serialize)]
struct Failure {
    image: String,
    #[serde(flatten)]
    error: ErrorJson,
}

#[derive(Serialize)]
struct Class<'a> {
    class: &'a str,
    index: usize,
    probability: f64,
    logit: f32,
    /// Grad-CAM over the layer's units.
    cam: Cam<'a>,
    /// Row and column of the input at which Grad-CAM is largest, if it is positive anywhere.
    peak: Option<[usize; 2]>,
    /// The smallest fraction of the input that contains half of Grad-CAM's sum.
    half: f64,
    /// Largest absolute value of the gradient.
    gradient: f64,
}

#[derive(Serialize)]
struct Cam<'a> {
    size: [usize; 2],
    /// `[height, width]`, row by row.
    values: &'a [f64],
}

pub(super) fn run(arguments: &AttendArgs) -> Result<Exit, CliError> {
    let (backend, _) = arguments.machine.backend()?;
    let device = backend.device()?;
    let artifact = load_model(&arguments.run, &device)?;
    let limits = arguments.max_pixels.limits(&arguments.run)?;
    let options = AttributionOptions {
        layer: arguments.layer.clone(),
        classes: arguments.classes,
        named: named_classes(&arguments.class, &artifact.classes),
        smooth: arguments.smooth,
    };
    check_pass(
        artifact.model.plan(),
        Pass::Backward(None),
        arguments.smooth.clamp(1, SMOOTH_COPIES),
        &device,
        "computing the gradients, with SmoothGrad's copies,",
        "use --smooth 0, or a network with a smaller input",
    )?;
    let network = artifact.model.prepare(&device);
    let mut exit = Exit::Done;
    let mut files = Vec::new();
    for path in &arguments.images {
        match image_files(path) {
            Ok(found) => files.extend(found),
            Err(error) => {
                exit = Exit::Failed;
                fail(arguments, path, &error)?;
            }
        }
    }
    if let ([file], [_]) = (files.as_slice(), arguments.images.as_slice()) {
        let image = InputImage::read_within(file, &artifact.input, &limits)?;
        let attribution = attribute_by(&network, &artifact, &image, &options, &device)?;
        let written = report(arguments, file, &arguments.out, &image, &attribution)?;
        return written.map_or(Ok(exit), Err);
    }
    let mut not_written = None;
    for (file, folder) in files.iter().zip(folders(&files)) {
        // A damaged image must not hide the others' results; an invalid setting affects all images.
        let image = match InputImage::read_within(file, &artifact.input, &limits) {
            Ok(image) => image,
            Err(error) => {
                exit = Exit::Failed;
                fail(arguments, file, &error)?;
                continue;
            }
        };
        let attribution = attribute_by(&network, &artifact, &image, &options, &device)?;
        let out = arguments.out.join(folder);
        let problem = report(arguments, file, &out, &image, &attribution)?;
        not_written = not_written.or(problem);
    }
    not_written.map_or(Ok(exit), Err)
}

/// Reports an image that is not explained; the others are.
fn fail(
    arguments: &AttendArgs,
    path: &Path,
    error: &impl std::fmt::Display,
) -> Result<(), CliError> {
    say_error(error);
    match arguments.json {
        true => print_json(&Failure {
            image: path.to_string_lossy().into_owned(),
            error: ErrorJson::new(error.to_string(), Exit::Failed),
        }),
        false => Ok(()),
    }
}

/// The requested classes; each value is one name or several, separated by commas.
fn named_classes(given: &[String], classes: &[String]) -> Vec<String> {
    let names = |value: &String| match classes.contains(value) {
        true => vec![value.clone()],
        false => value.split(',').map(|name| name.trim().into()).collect(),
    };
    given.iter().flat_map(names).collect()
}

/// One folder per file, named after it; names are unique even if case is ignored.
fn folders(files: &[PathBuf]) -> Vec<String> {
    let mut taken = HashSet::new();
    let mut folder = |file: &PathBuf| {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let is_kept = |c: char| c.is_alphanumeric() || "._-".contains(c);
        let stem = stem.replace(|c: char| !is_kept(c), "-");
        let stem = match stem.trim_matches(['.', '-']) {
            "" => "image",
            stem => stem,
        };
        let numbered = (2..).map(|number| format!("{stem}-{number}"));
        let mut names = std::iter::once(stem.to_owned()).chain(numbered);
        let free = names.find(|name| taken.insert(name.to_lowercase()));
        free.unwrap_or_else(|| stem.into())
    };
    files.iter().map(&mut folder).collect()
}

/// Writes one image's files and prints its results, which are there whatever becomes of the files; returns why
/// files are missing.
fn report(
    arguments: &AttendArgs,
    path: &Path,
    out: &Path,
    image: &InputImage,
    attribution: &Attribution,
) -> Result<Option<CliError>, CliError> {
    let mut files = Vec::new();
    let problem = write(out, path, image, attribution, &mut files).err();
    if arguments.json {
        print_json(&Json {
            image: path.to_string_lossy().into_owned(),
            layer: &attribution.layer[0],
            name: &attribution.layer[1],
            classes: attribution.classes.iter().map(class).collect(),
            files: &files,
        })?;
        return Ok(problem);
    }
    show(path, image, attribution)?;
    for file in files.iter().filter(|file| has_extension(file, "png")) {
        line("file", file.printable())?;
    }
    match files
        .iter()
        .filter(|file| has_extension(file, "npy"))
        .count()
    {
        0 => {}
        maps => line("maps", format!("{maps} .npy files next to it"))?,
    }
    Ok(problem)
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
    let field = format!("{field_height}x{field_width} of {height}x{width} pixels");
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
            None => "zero everywhere: no part of the image supports it".into(),
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

/// Writes the figure, and each class's maps at the input's size for `numpy.load`; `files` gets those written.
fn write(
    out: &Path,
    path: &Path,
    image: &InputImage,
    attribution: &Attribution,
    files: &mut Vec<PathBuf>,
) -> Result<(), CliError> {
    create_directory(out)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let picture = out.join("attend.png");
    let title = format!("Where the network looks in {name}");
    let drawn = match attribution.classes.get(..MAX_DRAWN) {
        None => attribution.draw(&title, image)?,
        Some(first) => {
            if first.len() < attribution.classes.len() {
                say_line(
                    "note",
                    format!("the figure shows the first {MAX_DRAWN} classes"),
                );
            }
            let drawn = Attribution {
                classes: first.to_vec(),
                ..attribution.clone()
            };
            drawn.draw(&title, image)?
        }
    };
    write_picture(&drawn, &picture)?;
    files.push(picture);
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
    Ok(())
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_image_has_a_folder_of_its_own() {
        let files = [
            "a/cat.png",
            "b/Cat.jpg",
            "b/cat-2.png",
            "..png",
            "x/a b\n.gif",
            "cat",
        ];
        let files = files.map(PathBuf::from);
        assert_eq!(
            folders(&files),
            ["cat", "Cat-2", "cat-2-2", "image", "a-b", "cat-3"]
        );
    }

    #[test]
    fn a_class_may_have_a_comma_in_its_name() {
        let classes = ["cat", "dog", "Paris, Texas"].map(String::from);
        let given = ["Paris, Texas", "dog, cat", "owl"].map(String::from);
        assert_eq!(
            named_classes(&given, &classes),
            ["Paris, Texas", "dog", "cat", "owl"]
        );
    }
}
