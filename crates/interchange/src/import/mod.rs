//! Importing another program's weights into a classifier of the same architecture.

mod matching;
mod onnx;
mod read;

pub use matching::{Match, Names};
pub use onnx::{OnnxNetwork, OnnxReadOptions, is_onnx, read_onnx};
pub use read::{WeightFile, read};

use crate::places::places;
use crate::{InterchangeError, tensors};
use burn::store::{ModuleSnapshot, PyTorchToBurnAdapter, bridge};
use burn::tensor::Device;
use burn::tensor::TensorData;
use matching::{Shaped, match_names};
use receptive_core::text::Printable;
use receptive_model::{Classifier, Plan};
use std::collections::BTreeSet;

/// Builds the planned network with a file's weights; also says which of the file's tensors went
/// where.
///
/// # Errors
/// [`InterchangeError::Mismatch`] when a tensor is missing, left over, of another shape, or not
/// finite; an error of the setting `classes` when the weights are those of the network with another
/// number of outputs.
pub fn import(
    plan: &Plan,
    file: &WeightFile,
    names: &Names,
    device: &Device,
) -> Result<(Classifier, Vec<Match>), InterchangeError> {
    let mut model = plan.init(device);
    let wanted: Vec<Shaped> = tensors(&model)?
        .into_iter()
        .map(|tensor| Shaped {
            name: tensor.name,
            shape: tensor.shape,
        })
        .collect();
    let shapes = file.shapes();
    let matches = match_names(&wanted, &shapes, names).map_err(|error| {
        match outputs(&wanted, plan.classes, &shapes, names) {
            Some(outputs) => InterchangeError::Setting {
                setting: "classes",
                problem: format!(
                    "expected {outputs} classes, as many as {} has outputs, found {}",
                    file.path().printable(),
                    plan.classes
                ),
            },
            None => error,
        }
    })?;
    let places = places(plan);
    let mut packed = Vec::with_capacity(matches.len());
    for found in &matches {
        let (layer, leaf) = found.name.rsplit_once('.').unwrap_or(("", &found.name));
        let place = places.iter().find(|place| place.name == layer);
        let path = place.map_or(layer, |place| &place.path);
        let (shape, values) = file.values(&found.from)?;
        if let Some(value) = values.iter().find(|value| !value.is_finite()) {
            return Err(InterchangeError::Mismatch {
                problem: format!("`{}` holds {value}", found.from),
                remedy: "save the weights of an earlier, finite state".into(),
            });
        }
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
                .map(|name| format!("{name} has no place")),
        )
        .collect();
    if problems.is_empty() {
        Ok((model, matches))
    } else {
        Err(InterchangeError::Mismatch {
            problem: problems.join("; "),
            remedy: "this is a bug, please report it".into(),
        })
    }
}

/// The number of outputs with which the network would have the file's tensors, if there is one.
fn outputs(wanted: &[Shaped], classes: usize, found: &[Shaped], names: &Names) -> Option<usize> {
    let layer = |name: &str| {
        name.rsplit_once('.')
            .map_or(String::new(), |(layer, _)| layer.into())
    };
    let head = layer(&wanted.last()?.name);
    let sizes: BTreeSet<usize> = found
        .iter()
        .filter_map(|tensor| tensor.shape.first().copied())
        .collect();
    sizes.into_iter().find(|size| {
        let mut other = wanted.to_vec();
        let of_head = other
            .iter_mut()
            .filter(|tensor| layer(&tensor.name) == head);
        for side in of_head.filter_map(|tensor| tensor.shape.first_mut()) {
            if *side == classes {
                *side = *size;
            }
        }
        match_names(&other, found, names).is_ok()
    })
}
