use super::network::{model_config, parse_input};
use super::{not_understood, paragraph, print, print_json};
use crate::args::ImportArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::say;
use receptive_interchange::{Match, Names, Spec, WeightFile, import, read};
use receptive_model::artifact::store::read_text;
use receptive_model::{Artifact, ImageSize, InputSpec, ModelConfig, Resize, weights_sha256};
use receptive_train::backend::default_device;
use serde::Serialize;
use std::path::Path;

/// The largest list of classes or names that is read, in bytes.
const TEXT_BYTES: u64 = 4 << 20;

#[derive(Serialize)]
struct Shown<'a> {
    model: String,
    params: usize,
    weights_sha256: String,
    layers: Vec<(&'a str, &'a str)>,
}

pub(super) fn run(arguments: &ImportArgs) -> Result<Exit, CliError> {
    let file = read(&arguments.weights, arguments.key.as_deref())?;
    let spec = spec(arguments, &file)?;
    let plan = spec.config.plan()?;
    let device = default_device()?;
    let (model, matches) = import(&plan, &file, &names(arguments)?, &device)?;
    let artifact = Artifact {
        model,
        classes: spec.classes,
        input: spec.input,
    };
    if arguments.out.exists() && !Artifact::is_at(&arguments.out) {
        return Err(CliError::Usage(format!(
            "--out {}: it is there and is no model; name a new directory",
            arguments.out.display()
        )));
    }
    artifact.save(&arguments.out)?;
    let out = arguments.out.display().to_string();
    let layers = layers(&matches);
    if arguments.json {
        print_json(&Shown {
            model: out,
            params: plan.total.params,
            weights_sha256: weights_sha256(&artifact.model),
            layers,
        })?;
        return Ok(Exit::Done);
    }
    if layers.iter().any(|(ours, theirs)| ours != theirs) {
        for (ours, theirs) in layers {
            say(format!("layer    {ours} from {theirs}"));
        }
    }
    print(format!(
        "model    {out}: {} parameters, {} classes",
        plan.total.params, plan.classes
    ))?;
    print(format!("next     receptive evaluate {out} DATA"))?;
    Ok(Exit::Done)
}

/// Each layer once, with its name in the file.
fn layers(matches: &[Match]) -> Vec<(&str, &str)> {
    let layer = |name: &'_ str| -> usize { name.rfind('.').unwrap_or(name.len()) };
    let mut layers: Vec<(&str, &str)> = matches
        .iter()
        .map(|found| {
            (
                &found.name[..layer(&found.name)],
                &found.from[..layer(&found.from)],
            )
        })
        .collect();
    layers.dedup();
    layers
}

/// What the file says of itself, with what the command line says laid over it.
fn spec(arguments: &ImportArgs, file: &WeightFile) -> Result<Spec, CliError> {
    let mut config = match (&arguments.network, &file.spec) {
        (Some(network), _) => model_config(network)?,
        (None, Some(spec)) => spec.config.clone(),
        (None, None) => {
            return Err(missing(
                "--network",
                "NAME or FILE: the network it was trained in",
            ));
        }
    };
    if let Some(input) = &arguments.input {
        config.input = parse_input(input)?;
    }
    let own = file.spec.as_ref();
    let classes = match (&arguments.classes, own) {
        (Some(classes), _) => read_classes(classes)?,
        (None, Some(spec)) => spec.classes.clone(),
        (None, None) => {
            return Err(missing("--classes", "N, or FILE with a name on each line"));
        }
    };
    let channels = config.input.channels;
    let mean = match (&arguments.mean, own) {
        (Some(mean), _) => per_channel("--mean", mean, channels)?,
        (None, Some(spec)) => spec.input.mean.clone(),
        (None, None) => {
            return Err(missing(
                "--mean",
                "0.5 or 0.485,0.456,0.406: what was subtracted from pixels in 0..1; 0 for nothing",
            ));
        }
    };
    let std = match (&arguments.std, own) {
        (Some(std), _) => per_channel("--std", std, channels)?,
        (None, Some(spec)) => spec.input.std.clone(),
        (None, None) => {
            return Err(missing(
                "--std",
                "0.5 or 0.229,0.224,0.225: what pixels were divided by afterwards; 1 for nothing",
            ));
        }
    };
    let resize = arguments.resize.map(Resize::from);
    Ok(Spec {
        input: input_spec(
            &config,
            resize
                .or(own.map(|spec| spec.input.resize))
                .unwrap_or_default(),
            mean,
            std,
        ),
        config: config.with_classes(classes.len()),
        classes,
    })
}

fn input_spec(config: &ModelConfig, resize: Resize, mean: Vec<f32>, std: Vec<f32>) -> InputSpec {
    let ImageSize {
        channels,
        height,
        width,
    } = config.input;
    InputSpec {
        channels,
        height,
        width,
        resize,
        mean,
        std,
    }
}

fn missing(flag: &str, what: &str) -> CliError {
    CliError::Usage(format!(
        "{flag} is needed, since the file was not written by `receptive export` and does not say: \
         {flag} {what}"
    ))
}

/// A number of classes, or a file that names them.
fn read_classes(text: &str) -> Result<Vec<String>, CliError> {
    if let Ok(count) = text.parse::<usize>() {
        if !(2..=1 << 20).contains(&count) {
            return Err(not_understood(
                "--classes",
                format!("{count} classes are too few or too many"),
            ));
        }
        return Ok((0..count).map(|class| class.to_string()).collect());
    }
    let text = read_text(Path::new(text), TEXT_BYTES)?;
    Ok(text.lines().map(str::to_string).collect())
}

fn per_channel(flag: &str, values: &[f32], channels: usize) -> Result<Vec<f32>, CliError> {
    match values {
        [value] => Ok(vec![*value; channels]),
        values if values.len() == channels => Ok(values.to_vec()),
        values => Err(not_understood(
            flag,
            format!(
                "it has {} numbers for {channels} channels; give one, or one for each",
                values.len()
            ),
        )),
    }
}

fn names(arguments: &ImportArgs) -> Result<Names, CliError> {
    let Some(path) = &arguments.names else {
        return Ok(Names::Auto);
    };
    let text = read_text(path, TEXT_BYTES)?;
    toml::from_str(&text).map(Names::Given).map_err(|error| {
        not_understood(
            "--names",
            paragraph(
                "",
                &format!(
                    "{} is no table of lines such as conv2d_1 = \"features.0\": {error}",
                    path.display()
                ),
            ),
        )
    })
}
