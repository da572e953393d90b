//! A classifier's tensors with PyTorch's names and layouts.

use crate::InterchangeError;
use crate::places::places;
use burn::store::{BurnToPyTorchAdapter, ModuleSnapshot, bridge};
use burn::tensor::TensorData;
use receptive_model::Classifier;

/// One tensor, named such as `conv2d_1.weight`, `batch_norm_2.running_mean` or `linear_1.bias`.
///
/// The first part is the layer's name in the [`Plan`](receptive_model::Plan), the second is
/// PyTorch's. Shapes are PyTorch's: a convolution's weight is `[filters, channels / groups, height,
/// width]`, a linear layer's `[units, inputs]`.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    /// The names of the layer and the tensor.
    pub name: String,
    /// The size of each axis.
    pub shape: Vec<usize>,
    /// In row-major order.
    pub values: Vec<f32>,
}

impl NamedTensor {
    /// The values as little-endian bytes.
    pub fn bytes(&self) -> Vec<u8> {
        self.values.iter().flat_map(|v| v.to_le_bytes()).collect()
    }
}

/// All tensors of a classifier, in the order of its layers.
///
/// # Errors
/// If a tensor cannot be read back from its device.
pub fn tensors(model: &Classifier) -> Result<Vec<NamedTensor>, InterchangeError> {
    let places = places(model.plan());
    let collected = model.collect(None, Some(Box::new(BurnToPyTorchAdapter)), true);
    let mut named = Vec::with_capacity(collected.len());
    for tensor in collected {
        let fail = |problem: String| InterchangeError::unwritable("tensors", problem);
        let (path, leaf) = tensor.name.rsplit_once('.').unwrap_or(("", &tensor.name));
        let place = places
            .iter()
            .position(|place| place.path == path)
            .ok_or_else(|| fail(format!("`{}` belongs to no layer", tensor.name)))?;
        let name = format!("{}.{leaf}", places[place].name);
        let data = bridge::into_data(tensor).map_err(|error| fail(format!("{name}: {error}")))?;
        named.push((place, read(name, data)?));
    }
    named.sort_by_key(|(place, _)| *place); // stable: within a layer, burn's order is kept
    Ok(named.into_iter().map(|(_, tensor)| tensor).collect())
}

fn read(name: String, data: TensorData) -> Result<NamedTensor, InterchangeError> {
    let shape = data.shape().iter().copied().collect();
    let values = data
        .convert::<f32>()
        .try_into_vec()
        .map_err(|error| InterchangeError::unwritable("tensors", format!("{name}: {error:?}")))?;
    Ok(NamedTensor {
        name,
        shape,
        values,
    })
}
