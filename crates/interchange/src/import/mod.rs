//! Importing another program's weights into a classifier of the same architecture.

mod matching;
mod read;

pub use matching::{Match, Names};
pub use read::{WeightFile, read};

use crate::places::places;
use crate::{InterchangeError, tensors};
use burn::store::{ModuleSnapshot, PyTorchToBurnAdapter, bridge};
use burn::tensor::Device;
use burn::tensor::TensorData;
use matching::{Shaped, match_names};
use receptive_model::{Classifier, Plan};

/// Builds the planned network with a file's weights; also says which of the file's tensors went
/// where.
///
/// # Errors
/// [`InterchangeError::Mismatch`] when a tensor is missing, left over, of another shape, or not
/// finite.
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
    let matches = match_names(&wanted, &file.shapes(), names)?;
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
