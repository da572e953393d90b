//! Importing an ONNX file, whose graph becomes the network.

use super::classes::unnamed_classes;
use super::spec::{NetworkSpec, spec};
use super::{Import, ImportArgs};
use crate::commands::pretrained::Source;
use crate::error::CliError;
use receptive_interchange::{InterchangeError, Match, OnnxNetwork, OnnxReadOptions, read_onnx};
use receptive_model::{Artifact, InputSpec, Origin};
use receptive_train::backend::default_device;

pub(super) fn imported(arguments: &ImportArgs, source: &Source) -> Result<Import, CliError> {
    for (flag, is_given) in [
        ("--network", arguments.network.is_some()),
        ("--key", arguments.key.is_some()),
        ("--names", arguments.names.is_some()),
    ] {
        if is_given {
            let problem = "an ONNX file contains its network and names; leave the option out";
            return Err(CliError::argument(flag, problem));
        }
    }
    let options = OnnxReadOptions {
        size: arguments.input,
        bgr: arguments.bgr,
    };
    let onnx = read_onnx(&source.weights, options).map_err(|error| match error {
        InterchangeError::Setting {
            setting: "input",
            problem,
        } => CliError::argument("--input CHANNELSxHEIGHTxWIDTH", problem),
        error => error.into(),
    })?;
    let outputs = onnx.config.classes.unwrap_or_default();
    let mut notes = onnx.notes.clone();
    let classes = match (&onnx.classes, &arguments.classes) {
        (Some(classes), _) => Some(classes.clone()),
        (None, Some(_)) => None,
        (None, None) => Some(unnamed_classes(outputs, &mut notes)),
    };
    let mut network = NetworkSpec::from_config(onnx.config.clone());
    (network.classes, network.input) = (classes, input(&onnx));
    let spec = spec(arguments, &network)?;
    if spec.classes.len() != outputs {
        return Err(CliError::argument(
            "--classes",
            format!(
                "expected {outputs} classes, as many as the network has outputs, found {}",
                spec.classes.len()
            ),
        ));
    }
    let mut model = onnx.classifier(&*default_device()?)?;
    let size = spec.config.input;
    if size != model.input() {
        model = model.resized(size.height, size.width)?;
    }
    // A match names whole layers here; elsewhere the tensor's name follows the dot.
    let whole = |found: &Match| Match {
        name: format!("{}.", found.name),
        from: format!("{}.", found.from),
    };
    Ok(Import {
        artifact: Artifact {
            model,
            classes: spec.classes,
            input: spec.input,
            temperature: None,
        },
        origin: Origin {
            source: source.address.clone(),
            sha256: onnx.weights.sha256().into(),
            weights: None,
            licence: None,
        },
        matches: onnx.layers.iter().map(whole).collect(),
        left_out: Vec::new(),
        notes,
    })
}

/// The input, if the file stores the normalisation of pixels.
fn input(onnx: &OnnxNetwork) -> Option<InputSpec> {
    let (mean, std) = (onnx.mean.clone()?, onnx.std.clone()?);
    let input = InputSpec::new(onnx.config.input).with_fit(onnx.fit.unwrap_or_default());
    Some(input.with_normalization(mean, std))
}
