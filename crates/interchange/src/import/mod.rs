//! Importing another program's weights into a classifier of the same architecture.

mod archive;
mod forms;
mod matching;
mod onnx;
mod order;
mod read;

pub use forms::{FormChoice, choose_form, missing_layers};
pub use matching::{KnownNames, Match, Names};
pub use onnx::{OnnxNetwork, OnnxReadOptions, is_onnx, read_onnx};
pub use read::{WeightFile, read};

use crate::places::places;
use crate::{InterchangeError, tensors};
use burn::store::{ModuleSnapshot, PyTorchToBurnAdapter, bridge};
use burn::tensor::Device;
use burn::tensor::TensorData;
use matching::{Contents, Matches, Shaped, match_names};
use receptive_core::text::Printable;
use receptive_model::{Classifier, Plan};
use std::collections::BTreeSet;

/// A network with weights from a file.
#[derive(Debug, Clone)]
pub struct ImportedNetwork {
    /// The network.
    pub model: Classifier,
    /// The mapping of the file's tensors.
    pub matches: Vec<Match>,
    /// The file's tensors that are not used: auxiliary heads, a second copy of the weights.
    pub left_out: Vec<String>,
    /// Whether the file's names are unknown, so that its layers were matched by their shapes and by the order in
    /// which its program defines them, which may not be the order in which it uses them.
    pub is_by_order: bool,
}

/// Builds the planned network with a file's weights.
///
/// # Errors
/// [`InterchangeError::Mismatch`] if a tensor is missing, left over, of another shape, or not
/// finite, or if the file's names are unknown and more than one mapping fits its tensors; an error
/// of the setting `classes` if the weights are those of the network with another number of outputs,
/// and of the setting `key` if the file contains them more than once.
pub fn import(
    plan: &Plan,
    file: &WeightFile,
    names: &Names,
    device: &Device,
) -> Result<ImportedNetwork, InterchangeError> {
    let mut model = plan.init(device);
    let wanted: Vec<Shaped> = tensors(&model)?
        .into_iter()
        .map(|tensor| Shaped {
            name: tensor.name,
            shape: tensor.shape,
        })
        .collect();
    let contents = file.contents();
    let matched = match_names(&wanted, &contents, names);
    let Matches {
        matches,
        left_out,
        is_by_order,
    } = matched.map_err(
        |error| match outputs(&wanted, plan.classes, &contents, names) {
            Some(outputs) => InterchangeError::Setting {
                setting: "classes",
                problem: format!(
                    "expected {outputs} classes, as many as {} has outputs, found {}",
                    file.path().printable(),
                    plan.classes
                ),
            },
            None if is_headless(&wanted, &contents, names) => headless(&wanted, file),
            None => error.of_file(file.path()),
        },
    )?;
    let places = places(plan);
    let mut packed = Vec::with_capacity(matches.len());
    for found in &matches {
        let (layer, leaf) = found.name.rsplit_once('.').unwrap_or(("", &found.name));
        let place = places.iter().find(|place| place.name == layer);
        let path = place.map_or(layer, |place| &place.path);
        let values = file.values(&found.from)?;
        if let Some(value) = values.iter().find(|value| !value.is_finite()) {
            return Err(InterchangeError::file(
                file.path(),
                format!(
                    "the tensor `{}` contains {value}; use weights without NaN or infinite values, for example ones \
                     saved earlier",
                    found.from
                ),
            ));
        }
        let is_variance = found.name.ends_with(".running_var");
        if let Some(value) = values.iter().find(|value| is_variance && **value < 0.0) {
            return Err(InterchangeError::file(
                file.path(),
                format!(
                    "the tensor `{}` contains {value}, but a variance is 0 or more; use undamaged weights",
                    found.from
                ),
            ));
        }
        // The network's shape, since the file's may differ in trailing ones.
        let own = wanted.iter().find(|tensor| tensor.name == found.name);
        let shape = own.map(|tensor| tensor.shape.clone()).unwrap_or_default();
        let data = TensorData::new(values, shape);
        packed.push(bridge::from_data(data, format!("{path}.{leaf}"), None));
    }
    let applied = model.apply(packed, None, Some(Box::new(PyTorchToBurnAdapter)), true);
    let problems: Vec<String> = applied
        .errors
        .iter()
        .map(ToString::to_string)
        .chain(
            applied
                .missing
                .iter()
                .map(|(name, _)| format!("{name} got no values")),
        )
        .chain(
            applied
                .unused
                .iter()
                .map(|name| format!("{name} has no matching parameter")),
        )
        .collect();
    if problems.is_empty() {
        Ok(ImportedNetwork {
            model,
            matches,
            left_out,
            is_by_order,
        })
    } else {
        Err(InterchangeError::Mismatch {
            path: file.path().into(),
            problem: problems.join("; "),
            remedy: "this is a bug, please report it".into(),
        })
    }
}

/// The layer that a tensor belongs to.
fn layer_of(tensor: &str) -> &str {
    tensor.rsplit_once('.').map_or("", |(layer, _)| layer)
}

/// Whether the file has all tensors except those of the network's last layer.
fn is_headless(wanted: &[Shaped], found: &Contents, names: &Names) -> bool {
    let Some(last) = wanted.last() else {
        return false;
    };
    let head = layer_of(&last.name);
    let body: Vec<Shaped> = wanted
        .iter()
        .filter(|tensor| layer_of(&tensor.name) != head)
        .cloned()
        .collect();
    !body.is_empty() && match_names(&body, found, &names.without_last()).is_ok()
}

fn headless(wanted: &[Shaped], file: &WeightFile) -> InterchangeError {
    let head = wanted.last().map_or("", |tensor| layer_of(&tensor.name));
    InterchangeError::Mismatch {
        path: file.path().into(),
        problem: format!(
            "it has the weights of every layer except the classifier `{head}`: it was saved \
             without its head (`num_classes=0` in timm)"
        ),
        remedy: "save or download the weights with the head".into(),
    }
}

/// The number of outputs with which the file's tensors would fit the network, if there is one.
fn outputs(wanted: &[Shaped], classes: usize, found: &Contents, names: &Names) -> Option<usize> {
    let head = layer_of(&wanted.last()?.name);
    let sizes: BTreeSet<usize> = found
        .tensors
        .iter()
        .filter_map(|tensor| tensor.shape.first().copied())
        .collect();
    sizes.into_iter().find(|size| {
        let mut other = wanted.to_vec();
        let of_head = other
            .iter_mut()
            .filter(|tensor| layer_of(&tensor.name) == head);
        for side in of_head.filter_map(|tensor| tensor.shape.first_mut()) {
            if *side == classes {
                *side = *size;
            }
        }
        match_names(&other, found, names).is_ok()
    })
}
