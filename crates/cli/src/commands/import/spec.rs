//! What the weights are for: network, classes and input, from the arguments, the files next to the weights, the
//! network's name, and the file itself.

use super::classes::{IMAGENET, read_classes, unnamed_classes};
use super::{ImportArgs, NETWORK, given_names};
use crate::commands::network::{is_trained, model_config, model_directory};
use crate::commands::pretrained::Source;
use crate::error::CliError;
use receptive_core::text::{Printable, counted};
use receptive_data::enumerate;
use receptive_interchange::{Names, Spec, WeightFile, choose_form, missing_layers};
use receptive_model::presets::{PublishedForm, imagenet_classes, published, published_names};
use receptive_model::{Artifact, Fit, InputSpec, ModelConfig, Origin, Resize};
use receptive_train::backend::default_device;
use std::path::Path;

/// What the weights are for.
pub(super) struct Target {
    pub(super) spec: Spec,
    pub(super) names: Names,
    pub(super) origin: Origin,
    /// Notes on assumptions.
    pub(super) notes: Vec<String>,
}

/// A network and its metadata.
pub(super) struct NetworkSpec {
    config: ModelConfig,
    names: Names,
    pub(super) classes: Option<Vec<String>>,
    pub(super) input: Option<InputSpec>,
    weights: Option<String>,
    licence: Option<String>,
    notes: Vec<String>,
}

impl NetworkSpec {
    fn from_spec(spec: &Spec) -> Self {
        Self {
            classes: Some(spec.classes.clone()),
            input: Some(spec.input.clone()),
            ..Self::from_config(spec.config.clone())
        }
    }

    pub(super) fn from_config(config: ModelConfig) -> Self {
        Self {
            config,
            names: Names::Auto,
            classes: None,
            input: None,
            weights: None,
            licence: None,
            notes: Vec::new(),
        }
    }
}

/// The values from the arguments, or else from the file and the files next to it.
pub(super) fn target(
    arguments: &ImportArgs,
    source: &Source,
    file: &WeightFile,
) -> Result<Target, CliError> {
    let given = given_names(arguments)?;
    let network = network(arguments, source, file)?;
    let spec = spec(arguments, &network)?;
    let other = match (&arguments.network, source.architecture()) {
        (Some(given), Some(architecture)) if given != architecture => Some(format!(
            "its config.json names the architecture {}, but {} was given: networks with equal weights may differ in \
             padding and epsilon",
            architecture.printable(),
            given.printable()
        )),
        _ => None,
    };
    Ok(Target {
        spec,
        names: given.unwrap_or(network.names),
        origin: Origin {
            source: source.address.clone(),
            sha256: file.sha256().into(),
            weights: network.weights.or_else(|| source.name()),
            licence: source.licence().or(network.licence),
        },
        notes: network.notes.into_iter().chain(other).collect(),
    })
}

fn network(
    arguments: &ImportArgs,
    source: &Source,
    file: &WeightFile,
) -> Result<NetworkSpec, CliError> {
    let name = match (&arguments.network, &file.spec, source.architecture()) {
        (Some(name), _, _) => name.clone(),
        (None, Some(spec), _) => return Ok(NetworkSpec::from_spec(spec)),
        (None, None, Some(architecture)) => architecture.to_string(),
        (None, None, None) => match known_by_hash(file) {
            Some(name) => name.to_string(),
            None => {
                return Err(arguments.missing(
                    NETWORK,
                    "NAME, FILE or RUN: the network that the weights belong to",
                ));
            }
        },
    };
    let forms = published(&name);
    if !forms.is_empty() {
        return published_network(arguments, &name, &forms, source, file);
    }
    if arguments.network.is_none() {
        return Err(CliError::Usage(format!(
            "{}: its config.json names `{name}`, which is not a preset; `receptive networks` \
             lists them, and {} sets another network",
            arguments.weights,
            match arguments.is_start {
                true => "--preset NAME",
                false => "--network FILE",
            }
        )));
    }
    let model = match is_trained(&name) {
        true => model_directory(Path::new(&name)).ok(),
        false => None,
    };
    let trained = match model {
        Some(model) => Some(Artifact::load(&model, &*default_device()?)?),
        None => None,
    };
    let trained = trained.as_ref().map(Spec::from_artifact);
    let config = match &trained {
        Some(spec) => spec.config.clone(),
        None => model_config(&name)?,
    };
    // An exported file contains classes and input, and so does a trained model of the same network.
    Ok(match file.spec.as_ref().or(trained.as_ref()) {
        Some(spec) => NetworkSpec {
            config,
            ..NetworkSpec::from_spec(spec)
        },
        None => NetworkSpec::from_config(config),
    })
}

/// The network whose published weights have the file's hash.
fn known_by_hash(file: &WeightFile) -> Option<&'static str> {
    let is_known = |name: &&str| {
        let forms = published(name);
        forms
            .iter()
            .any(|form| form.weights_of(file.sha256()).is_some())
    };
    published_names().find(is_known)
}

/// The layers that the file lacks of the form that it is closest to: `of the 82 names of timm, 1 is missing:
/// `conv_stem``.
fn missing_names(forms: &[PublishedForm], file: &WeightFile) -> String {
    let lacking = forms.iter().map(|form| (form, missing_layers(form, file)));
    let Some((form, lacking)) = lacking.min_by_key(|(_, lacking)| lacking.len()) else {
        return String::new();
    };
    let names: Vec<String> = lacking.into_iter().map(String::from).collect();
    format!(
        "of the {} names of {}, {} missing: {}",
        form.names.len(),
        form.scheme.name(),
        match names.len() {
            1 => "1 is".into(),
            several => format!("{several} are"),
        },
        enumerate(&names)
    )
}

/// The network of published weights, in the format that the file's tensor names indicate.
fn published_network(
    arguments: &ImportArgs,
    name: &str,
    forms: &[PublishedForm],
    source: &Source,
    file: &WeightFile,
) -> Result<NetworkSpec, CliError> {
    let choice = choose_form(forms, file);
    let first = &forms[0];
    let form = choice.as_ref().map_or(first, |choice| choice.form);
    let differ = forms.iter().any(|form| form.layers != first.layers);
    // Without known tensor names it is unclear which form is meant, and the forms differ in their epsilons.
    if choice.is_none() && arguments.names.is_none() && differ && file.spec.is_none() {
        let schemes: Vec<&str> = forms.iter().map(|form| form.scheme.name()).collect();
        return Err(CliError::argument(
            match arguments.is_start {
                true => "--from",
                false => NETWORK,
            },
            format!(
                "{} does not have the layer names under which {name} is published ({}): {}. As these forms differ in \
                 more than names, {} --names FILE with the names of its tensors, or {NETWORK} FILE with the config of \
                 exactly this network",
                file.path().printable(),
                schemes.join(", "),
                missing_names(forms, file),
                match arguments.is_start {
                    true => "import it first (`receptive import`), with",
                    false => "give",
                },
            ),
        ));
    }
    let weights = choice.as_ref().and_then(|choice| choice.weights);
    let mut notes = Vec::new();
    let input = match (source.input()?, weights) {
        (Some(input), _) => input,
        (None, Some(weights)) => weights.preparation.input(),
        (None, None) => {
            if arguments.mean.is_none() || arguments.std.is_none() {
                notes.push(format!(
                    "using the input of {name} ({}); --mean, --std, --resize, --crop-fraction and \
                     --interpolation change it",
                    form.scheme.name()
                ));
            }
            form.input.clone()
        }
    };
    let outputs = choice.as_ref().and_then(|choice| choice.outputs);
    // The published number of classes, unless the file says otherwise. The import reports another number of
    // outputs, or another network.
    let count = outputs.filter(|outputs| *outputs > 1).unwrap_or(IMAGENET);
    let classes = match source.classes() {
        Some(classes) => classes,
        // Weights known by their hash need no note.
        None if weights.is_some() => imagenet_classes(),
        // Those that --classes gives are used in their place.
        None if arguments.classes.is_some() => unnamed_classes(count, &mut Vec::new()),
        None => unnamed_classes(count, &mut notes),
    };
    if let (Some(said), Some(outputs)) = (source.class_count(), outputs)
        && said != outputs
    {
        notes.push(format!(
            "its config.json says {}, but the weights have {outputs} outputs; using {outputs}",
            counted(said, "class")
        ));
    }
    notes.extend(source.note());
    let size = input.size();
    let config = ModelConfig::new(size.channels, size.height, size.width);
    let mut network = NetworkSpec {
        classes: Some(classes),
        input: Some(input),
        weights: weights.map(|weights| weights.name.into()),
        licence: weights.map(|weights| weights.licence.into()),
        notes,
        ..NetworkSpec::from_config(config.layers(form.layers.clone()))
    };
    if let Some(choice) = choice {
        network.names = choice.names;
    }
    Ok(network)
}

/// The network with its classes and its input, overridden by the arguments.
pub(super) fn spec(arguments: &ImportArgs, network: &NetworkSpec) -> Result<Spec, CliError> {
    let mut config = network.config.clone();
    let own = network.input.as_ref();
    config.input = arguments.input.unwrap_or(config.input);
    let classes = match (&arguments.classes, &network.classes) {
        (Some(classes), own) => in_own_order(read_classes(classes)?, own.as_deref())?,
        (None, Some(classes)) => classes.clone(),
        (None, None) => {
            return Err(arguments.missing("--classes", "N, or FILE with one name per line"));
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
        (None, Some(input)) if input.mean.len() == channels => input.mean.clone(),
        (None, Some(input)) => return Err(of_other_channels("--mean", input, channels)),
        (None, None) => {
            return Err(arguments.missing(
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
        (None, Some(input)) if input.std.len() == channels => input.std.clone(),
        (None, Some(input)) => return Err(of_other_channels("--std", input, channels)),
        (None, None) => {
            return Err(arguments.missing(
                "--std",
                "0.5 or 0.229,0.224,0.225: the standard deviation that pixels are divided by; 1 for none",
            ));
        }
    };
    Ok(Spec {
        input: InputSpec::new(config.input)
            .with_fit(fit(arguments, own)?)
            .with_normalization(mean, std),
        config: config.with_classes(classes.len()),
        classes,
    })
}

/// The given classes, unless they are the file's own in another order: each output already has a class.
fn in_own_order(given: Vec<String>, own: Option<&[String]>) -> Result<Vec<String>, CliError> {
    let Some(own) = own.filter(|own| **own != given) else {
        return Ok(given);
    };
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort();
        names
    };
    if sorted(own) != sorted(&given) {
        return Ok(given);
    }
    let differs = own.iter().zip(&given).position(|(own, given)| own != given);
    let at = differs.unwrap_or_default();
    Err(CliError::argument(
        "--classes",
        format!(
            "has the weights' own classes in another order: output {} is `{}`, not `{}`; leave the option out",
            at + 1,
            own[at].printable(),
            given[at].printable()
        ),
    ))
}

/// How images are resized. A resize mode given as an argument discards the crop fraction of another mode.
fn fit(arguments: &ImportArgs, own: Option<&InputSpec>) -> Result<Fit, CliError> {
    let own = own.map(InputSpec::fit).unwrap_or_default();
    let mut fit = Fit {
        resize: arguments.resize.unwrap_or(own.resize),
        interpolation: arguments.interpolation.unwrap_or(own.interpolation),
        crop_fraction: arguments.crop_fraction.or(own.crop_fraction),
    };
    if arguments
        .resize
        .is_some_and(|resize| resize != Resize::Crop)
        && arguments.crop_fraction.is_none()
    {
        fit.crop_fraction = None;
    }
    fit.check()
        .map_err(|problem| CliError::argument("--crop-fraction", problem))?;
    Ok(fit)
}

fn of_other_channels(flag: &str, input: &InputSpec, channels: usize) -> CliError {
    CliError::Usage(format!(
        "{flag} is required with --input of {}, because the preset's value is for {}",
        counted(channels, "channel"),
        counted(input.channels, "channel")
    ))
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
