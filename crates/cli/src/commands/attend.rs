//! `receptive attend`: which parts of an image speak for a class.

use super::create_directory;
use super::run::model_directory;
use crate::args::{MachineArgs, parse_positive};
use crate::error::{CliError, Exit};
use crate::render::{line, paragraph, print, print_json};
use clap::Args;
use receptive_core::text::percent;
use receptive_erf::{Map, write_npy};
use receptive_model::Artifact;
use receptive_plot::Draw;
use receptive_train::attend::{AttendOptions, Attended, Attention, attend};
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
    #[arg(long, value_name = "K", default_value_t = 3, value_parser = parse_positive)]
    classes: usize,
    /// Number of noisy copies that SmoothGrad averages over; 0 for none
    #[arg(long, value_name = "N", default_value_t = 16)]
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
    let artifact = Artifact::load(&model_directory(&arguments.run)?, &device)?;
    let options = AttendOptions {
        layer: arguments.layer.clone(),
        classes: arguments.classes,
        smooth: arguments.smooth,
    };
    let attended = attend(&artifact, &arguments.image, &options, &device)?;
    create_directory(&arguments.out)?;
    let files = write(&arguments.out, &arguments.image, &attended)?;
    if arguments.json {
        print_json(&Json {
            image: arguments.image.display().to_string(),
            layer: &attended.layer[0],
            name: &attended.layer[1],
            classes: attended.classes.iter().map(class).collect(),
            files: &files,
        })?;
        return Ok(Exit::Done);
    }
    show(&arguments.image, &attended)?;
    for file in files.iter().filter(|file| has_extension(file, "png")) {
        line("file", file.display())?;
    }
    let maps = files.iter().filter(|file| has_extension(file, "npy"));
    line("maps", format!("{} .npy files beside it", maps.count()))?;
    Ok(Exit::Done)
}

fn show(image: &Path, attended: &Attended) -> Result<(), CliError> {
    let [number, name] = &attended.layer;
    let answers: Vec<String> = attended
        .classes
        .iter()
        .map(|class| {
            format!(
                "{} {}",
                class.answer.class,
                percent(class.answer.probability)
            )
        })
        .collect();
    print(format!("{}: {}", image.display(), answers.join(", ")))?;
    let [height, width, _] = attended.size;
    let [field_height, field_width] = attended.field;
    let field = format!("{field_height}x{field_width} of the image's {height}x{width} pixels");
    line(
        "layer",
        format!("{number} ({name}): each unit sees {field}"),
    )?;
    for class in &attended.classes {
        let summary = match peak(&class.cam) {
            Some([row, column]) => format!(
                "highest at row {row}, column {column}; half of the total on {} of the image",
                percent(half(&class.cam))
            ),
            None => "zero everywhere: no part of the image speaks for it".into(),
        };
        paragraph("cam", format!("{}: {summary}", class.answer.class))?;
    }
    Ok(())
}

fn class(class: &Attention) -> Class<'_> {
    let region = class.maps.cam.region();
    Class {
        class: &class.answer.class,
        index: class.class,
        probability: class.answer.probability,
        logit: class.maps.logit,
        cam: Cam {
            size: [region.height, region.width],
            values: class.maps.cam.values(),
        },
        peak: peak(&class.cam),
        half: half(&class.cam),
        gradient: class.maps.saliency.peak(),
    }
}

/// Writes the picture, and each class's maps over the input's pixels for `numpy.load`.
fn write(out: &Path, image: &Path, attended: &Attended) -> Result<Vec<PathBuf>, CliError> {
    let name = image.file_name().unwrap_or_default().to_string_lossy();
    let picture = out.join("attend.png");
    attended
        .draw(&format!("Where the network looks in {name}"))?
        .write(&picture)?;
    let mut files = vec![picture];
    for class in &attended.classes {
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

/// Row and column of the largest value, of several the first; `None` where nothing is above 0.
fn peak(map: &Map) -> Option<[usize; 2]> {
    let largest = map.peak();
    map.pixels()
        .find(|(_, _, value)| *value > 0.0 && *value == largest)
        .map(|(row, column, _)| [row as usize, column as usize])
}

/// The smallest share of the pixels that holds half of the map's sum.
fn half(map: &Map) -> f64 {
    let mut values = map.values().to_vec();
    values.sort_by(|a, b| b.total_cmp(a));
    let goal = map.total() / 2.0;
    let mut sum = 0.0;
    let needed = values.iter().take_while(|value| {
        let more = sum < goal;
        sum += **value;
        more
    });
    needed.count() as f64 / values.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use receptive_erf::Region;

    #[test]
    fn the_peak_and_the_share_of_half_are_found() {
        let map = Map::from_fn(Region::image(2, 5), |row, column| {
            if (row, column) == (1, 3) { 6.0 } else { 0.5 }
        });
        assert_eq!(peak(&map), Some([1, 3]));
        assert_eq!(half(&map), 0.1);
        let even = Map::from_fn(Region::image(2, 5), |_, _| 1.0);
        assert_eq!(half(&even), 0.5);
        let nothing = Map::zeros(Region::image(2, 2));
        assert_eq!((peak(&nothing), half(&nothing)), (None, 0.0));
    }
}
