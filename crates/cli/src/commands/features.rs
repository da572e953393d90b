//! `receptive features`: what the network makes of a picture, layer by layer.

use super::{create, machine, model_directory, not_understood, percent, print, print_json};
use crate::args::FeaturesArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::say;
use receptive_model::Artifact;
use receptive_plot::Draw;
use receptive_train::Prediction;
use receptive_train::look::{Strength, filters, look, map_layers, usual_layer};
use serde::Serialize;
use std::path::PathBuf;

/// The most layers that are drawn at once.
const MOST_LAYERS: usize = 64;

#[derive(Serialize)]
struct Shown<'a> {
    image: String,
    top: &'a [Prediction],
    layers: Vec<Layer>,
    files: &'a [PathBuf],
}

#[derive(Serialize)]
struct Layer {
    number: String,
    name: String,
    /// Height and width.
    size: [usize; 2],
    /// The strongest first.
    channels: Vec<Strength>,
}

pub(super) fn run(arguments: &FeaturesArgs) -> Result<Exit, CliError> {
    if arguments.most == 0 {
        return Err(not_understood("--most", "it is 0; use 1 or more".into()));
    }
    let (backend, _) = machine(&arguments.machine)?;
    let device = backend.device()?;
    let artifact = Artifact::load(&model_directory(&arguments.run)?, &device)?;
    let layers = match arguments.layer.as_deref() {
        Some("all") => map_layers(&artifact),
        Some(layer) => vec![layer.to_string()],
        None => usual_layer(&artifact).into_iter().collect(),
    };
    if layers.len() > MOST_LAYERS {
        say(format!(
            "note     the network has {} layers of maps; the first {MOST_LAYERS} are drawn",
            layers.len()
        ));
    }
    let layers = &layers[..layers.len().min(MOST_LAYERS)];
    let seen = look(&artifact, &arguments.image, layers, &device)?;
    create(&arguments.out)?;
    let name = arguments.image.file_name().unwrap_or_default();
    let answers: Vec<String> = seen
        .top
        .iter()
        .map(|answer| format!("{} {}", answer.class, percent(answer.probability)))
        .collect();
    let mut files = Vec::new();
    for maps in &seen.layers {
        let title = format!("{}: {}", name.to_string_lossy(), answers.join(", "));
        let path = arguments
            .out
            .join(format!("{}-{}.png", maps.number, maps.name));
        maps.draw(&title, &seen, arguments.most)?.write(&path)?;
        files.push(path);
    }
    if let Some(picture) = filters(&artifact, 256) {
        let path = arguments.out.join("filters.png");
        picture.write(&path)?;
        files.push(path);
    }
    if arguments.json {
        let layers = seen.layers.iter().map(|maps| Layer {
            number: maps.number.clone(),
            name: maps.name.clone(),
            size: maps.size,
            channels: maps.strengths(),
        });
        print_json(&Shown {
            image: arguments.image.display().to_string(),
            top: &seen.top,
            layers: layers.collect(),
            files: &files,
        })?;
        return Ok(Exit::Done);
    }
    print(format!(
        "{}: {}",
        arguments.image.display(),
        answers.join(", ")
    ))?;
    for maps in &seen.layers {
        let strongest: Vec<String> = maps
            .strengths()
            .iter()
            .take(5)
            .map(|strength| format!("{} ({:.2})", strength.channel, strength.mean))
            .collect();
        print(super::paragraph(
            &format!("{:<9}", maps.number),
            &format!(
                "{}: {} maps of {}x{}; strongest channels {}",
                maps.name,
                maps.channels(),
                maps.size[0],
                maps.size[1],
                strongest.join(", ")
            ),
        ))?;
    }
    for file in &files {
        print(format!("file     {}", file.display()))?;
    }
    Ok(Exit::Done)
}
