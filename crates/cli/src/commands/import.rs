//! `receptive import`.

use super::network::{is_trained, model_config};
use super::run::model_directory;
use crate::args::parse_shape;
use crate::error::{CliError, Exit};
use crate::render::{line, print_json, say_line};
use clap::Args;
use receptive_core::text::{Printable, counted};
use receptive_interchange::{InterchangeError, Match, Names, Spec, WeightFile, import, read};
use receptive_model::store::read_text;
use receptive_model::{Artifact, Fit, ImageSize, InputSpec, ModelConfig, Resize, weights_sha256};
use receptive_train::backend::default_device;
use serde::Serialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// Safetensors file or PyTorch checkpoint (a state dict)
    weights: PathBuf,
    /// Preset, config file or run directory [default: what the file says, if `export` wrote it;
    /// likewise for the options below]
    #[arg(long, value_name = "NETWORK")]
    network: Option<String>,
    /// Input shape, if it is not the config's
    #[arg(long, value_name = "CHANNELSxHEIGHTxWIDTH", value_parser = parse_shape)]
    input: Option<ImageSize>,
    /// Number of classes, or a file with one class name per line [default: those of the run given
    /// with --network; likewise --mean, --std and --resize]
    #[arg(long, value_name = "N|FILE")]
    classes: Option<String>,
    /// Mean subtracted from pixels in 0..1: one number, or one per channel
    #[arg(
        long,
        value_name = "N,...",
        value_delimiter = ',',
        allow_negative_numbers = true
    )]
    mean: Option<Vec<f32>>,
    /// Standard deviation that pixels are then divided by: one number, or one per channel
    #[arg(
        long,
        value_name = "N,...",
        value_delimiter = ',',
        allow_negative_numbers = true
    )]
    std: Option<Vec<f32>>,
    /// How images of another size are resized
    #[arg(long, value_enum)]
    resize: Option<Resize>,
    /// Entry of the checkpoint that holds the state dict, such as state_dict
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// File that maps the network's layers to the file's, for when their order differs: lines such
    /// as conv2d_1 = "features.0"
    #[arg(long, value_name = "FILE")]
    names: Option<PathBuf>,
    /// Output directory of the model
    #[arg(long, value_name = "DIR", default_value = "imported")]
    out: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The largest list of classes or names that is read, in bytes.
const TEXT_BYTES: u64 = 4 << 20;

/// What `--json` prints.
#[derive(Serialize)]
struct Json<'a> {
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
    let imported = import(&plan, &file, &names(arguments)?, &device);
    let (model, matches) = imported.map_err(|error| match (error, &arguments.classes) {
        (
            InterchangeError::Setting {
                setting: "classes",
                problem,
            },
            Some(classes),
        ) => CliError::argument(&format!("--classes {}", classes.shell_word()), problem),
        (error, _) => error.into(),
    })?;
    let artifact = Artifact {
        model,
        classes: spec.classes,
        input: spec.input,
    };
    if arguments.out.exists() && !Artifact::is_at(&arguments.out) {
        return Err(CliError::Usage(format!(
            "--out {}: already exists and is not a model directory; name a new one",
            arguments.out.printable()
        )));
    }
    artifact.save(&arguments.out)?;
    let out = &arguments.out;
    let layers = layers(&matches);
    if arguments.json {
        print_json(&Json {
            model: out.to_string_lossy().into_owned(),
            params: plan.total.params,
            weights_sha256: weights_sha256(&artifact.model),
            layers,
        })?;
        return Ok(Exit::Done);
    }
    if layers.iter().any(|(ours, theirs)| ours != theirs) {
        for (ours, theirs) in layers {
            say_line("layer", format!("{ours} from {theirs}"));
        }
    }
    let (params, classes) = (plan.total.params, counted(plan.classes, "class"));
    line(
        "model",
        format!("{}: {params} parameters, {classes}", out.printable()),
    )?;
    let out = out.shell_word();
    line("next", format!("receptive evaluate {out} DATA"))?;
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

/// The network of that name; with classes and input if it is a trained model.
fn model_spec(network: &str) -> Result<(ModelConfig, Option<Spec>), CliError> {
    if is_trained(network)
        && let Ok(model) = model_directory(Path::new(network))
    {
        let spec = Spec::from_artifact(&Artifact::load(&model, &*default_device()?)?);
        return Ok((spec.config.clone(), Some(spec)));
    }
    Ok((model_config(network)?, None))
}

/// The file's own spec, overridden by the arguments.
fn spec(arguments: &ImportArgs, file: &WeightFile) -> Result<Spec, CliError> {
    let model = arguments.network.as_deref().map(model_spec).transpose()?;
    let own = file.spec.as_ref();
    let mut config = match (&model, own) {
        (Some((config, _)), _) => config.clone(),
        (None, Some(spec)) => spec.config.clone(),
        (None, None) => {
            return Err(missing(
                "--network",
                "NAME, FILE or RUN: the network that the weights belong to",
            ));
        }
    };
    // A trained model of the same network knows the rest too.
    let own = own.or(model.as_ref().and_then(|(_, spec)| spec.as_ref()));
    config.input = arguments.input.unwrap_or(config.input);
    let classes = match (&arguments.classes, own) {
        (Some(classes), _) => read_classes(classes)?,
        (None, Some(spec)) => spec.classes.clone(),
        (None, None) => {
            return Err(missing("--classes", "N, or FILE with one name per line"));
        }
    };
    let channels = config.input.channels;
    let mean = match (&arguments.mean, own) {
        (Some(mean), _) => {
            if let Some(value) = mean.iter().find(|value| !value.is_finite()) {
                let problem = format!("expected finite numbers, found {value}");
                return Err(CliError::argument("--mean", problem));
            }
            per_channel("--mean", mean, channels)?
        }
        (None, Some(spec)) => spec.input.mean.clone(),
        (None, None) => {
            return Err(missing(
                "--mean",
                "0.5 or 0.485,0.456,0.406: the mean subtracted from pixels in 0..1; 0 for none",
            ));
        }
    };
    let std = match (&arguments.std, own) {
        (Some(std), _) => {
            let is_valid = |value: &f32| value.is_finite() && *value > 0.0;
            if let Some(value) = std.iter().find(|value| !is_valid(value)) {
                let problem = format!("expected numbers above 0, found {value}");
                return Err(CliError::argument("--std", problem));
            }
            per_channel("--std", std, channels)?
        }
        (None, Some(spec)) => spec.input.std.clone(),
        (None, None) => {
            return Err(missing(
                "--std",
                "0.5 or 0.229,0.224,0.225: the standard deviation that pixels are divided by; 1 for none",
            ));
        }
    };
    let resize = arguments.resize.map(Fit::from);
    let fit = resize.or(own.map(|spec| spec.input.fit()));
    Ok(Spec {
        input: InputSpec::new(config.input)
            .with_fit(fit.unwrap_or_default())
            .with_normalization(mean, std),
        config: config.with_classes(classes.len()),
        classes,
    })
}

fn missing(flag: &str, what: &str) -> CliError {
    CliError::Usage(format!(
        "{flag} is required, because the file was not written by `receptive export` and does not \
         say it: {flag} {what}"
    ))
}

/// The class names: from a file, or the numbers below a count.
fn read_classes(text: &str) -> Result<Vec<String>, CliError> {
    if let Ok(count) = text.parse::<usize>() {
        if !(2..=1 << 20).contains(&count) {
            let problem = format!("expected 2 to {} classes, found {count}", 1 << 20);
            return Err(CliError::argument("--classes", problem));
        }
        return Ok((0..count).map(|class| class.to_string()).collect());
    }
    let names = read_text(Path::new(text), TEXT_BYTES)?;
    class_list(&names)
        .map_err(|problem| CliError::argument(&format!("--classes {}", text.shell_word()), problem))
}

/// The names in a text with one a line: without a byte order mark, blank lines and spaces around
/// names. Which one is wrong is an error that names its line.
fn class_list(text: &str) -> Result<Vec<String>, String> {
    let mut lines: HashMap<&str, usize> = HashMap::new();
    let mut names = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (line, name) in (1..).zip(text.lines().map(str::trim)) {
        if name.is_empty() {
            continue;
        }
        if name.contains(char::is_control) {
            return Err(format!(
                "line {line}: expected a class name, found control characters in `{}`",
                name.printable()
            ));
        }
        if let Some(first) = lines.insert(name, line) {
            return Err(format!(
                "expected different class names, found `{}` on lines {first} and {line}",
                name.printable()
            ));
        }
        names.push(name.to_string());
    }
    if names.len() < 2 {
        let found = names.len();
        return Err(format!(
            "expected 2 class names or more, one a line, found {found}"
        ));
    }
    Ok(names)
}

fn per_channel(flag: &str, values: &[f32], channels: usize) -> Result<Vec<f32>, CliError> {
    match values {
        [value] => Ok(vec![*value; channels]),
        values if values.len() == channels => Ok(values.to_vec()),
        values => Err(CliError::argument(
            flag,
            format!(
                "expected one number, or one for each of {}, found {}",
                counted(channels, "channel"),
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
        let file = path.printable();
        CliError::argument(
            "--names",
            format!("{file}: expected lines such as conv2d_1 = \"features.0\": {error}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_classes_is_what_an_editor_or_a_spreadsheet_saves() {
        for text in [
            "cat\ndog",
            "\u{feff}cat\r\ndog\r\n",
            "\n cat\t\n\n  \ndog \n\n",
        ] {
            assert_eq!(class_list(text).unwrap(), ["cat", "dog"], "{text:?}");
        }
        for (text, expected) in [
            ("cat\n\ndog\n cat", "`cat` on lines 1 and 4"),
            (
                "cat\nd\u{1b}[31mog",
                r"line 2: expected a class name, found control characters in `d\u{1b}[31mog`",
            ),
            ("a\tb\nc", "line 1"),
            ("\u{feff}\n\n", "found 0"),
            ("cat", "found 1"),
        ] {
            let problem = class_list(text).unwrap_err();
            assert!(problem.contains(expected), "{text:?}: {problem}");
        }
    }
}
