//! `receptive attend`: where the network looks in a picture to find a class.

use super::{create, machine, model_directory, paragraph, percent, print, print_json};
use crate::args::AttendArgs;
use crate::error::CliError;
use crate::exit::Exit;
use receptive_erf::{Map, write_npy};
use receptive_model::Artifact;
use receptive_plot::Draw;
use receptive_train::attend::{AttendOptions, Attended, Attention, attend};
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Serialize)]
struct Shown<'a> {
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
    /// Row and column of the network's picture where Grad-CAM is largest, if it is anywhere above 0.
    peak: Option<[usize; 2]>,
    /// The share of the picture that holds half of Grad-CAM.
    half: f64,
    /// The gradient's largest absolute value.
    gradient: f64,
}

#[derive(Serialize)]
struct Cam<'a> {
    size: [usize; 2],
    /// Row by row.
    values: &'a [f64],
}

pub(super) fn run(arguments: &AttendArgs) -> Result<Exit, CliError> {
    let (backend, _) = machine(&arguments.machine)?;
    let device = backend.device()?;
    let artifact = Artifact::load(&model_directory(&arguments.run)?, &device)?;
    let options = AttendOptions {
        layer: arguments.layer.clone(),
        classes: arguments.classes,
        smooth: arguments.smooth,
    };
    let attended = attend(&artifact, &arguments.image, &options, &device)?;
    create(&arguments.out)?;
    let files = write(&arguments.out, &arguments.image, &attended)?;
    if arguments.json {
        print_json(&Shown {
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
        print(format!("file     {}", file.display()))?;
    }
    print(format!(
        "numbers  {} .npy files beside it",
        files
            .iter()
            .filter(|file| has_extension(file, "npy"))
            .count()
    ))?;
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
    print(format!(
        "layer    {number} ({name}): its units see {}x{} of the picture's {height}x{width} pixels",
        attended.field[0], attended.field[1]
    ))?;
    for class in &attended.classes {
        let found = match peak(&class.cam) {
            Some([row, column]) => format!(
                "most at row {row}, column {column}; half of it on {} of the picture",
                percent(half(&class.cam))
            ),
            None => "nothing in the picture speaks for it".into(),
        };
        print(paragraph(
            "cam      ",
            &format!("{}: {found}", class.answer.class),
        ))?;
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

/// The picture, and each class's maps over the network's pixels for `numpy.load`.
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
