//! What flows between layers.

use burn::tensor::Tensor;

/// What flows between layers: maps, or one row of values per image.
#[derive(Debug, Clone)]
pub enum Features {
    /// `[batch, channels, height, width]`.
    Map(Tensor<4>),
    /// `[batch, features]`.
    Flat(Tensor<2>),
}

impl Features {
    /// The maps, or `None` after `flatten` or a global pool.
    pub fn into_map(self) -> Option<Tensor<4>> {
        match self {
            Self::Map(map) => Some(map),
            Self::Flat(_) => None,
        }
    }

    /// `[batch, features]`: maps are flattened.
    pub fn into_flat(self) -> Tensor<2> {
        match self {
            Self::Map(map) => map.flatten(1, 3),
            Self::Flat(flat) => flat,
        }
    }

    /// The size of each axis, the batch first.
    pub fn dims(&self) -> Vec<usize> {
        match self {
            Self::Map(map) => map.dims().to_vec(),
            Self::Flat(flat) => flat.dims().to_vec(),
        }
    }

    /// The maps that the plan has promised; values in a row become maps of one unit each.
    ///
    /// # Shapes
    /// - output: `[batch, channels, height, width]`, or `[batch, features, 1, 1]`
    pub(super) fn maps(self) -> Tensor<4> {
        match self {
            Self::Map(map) => map,
            Self::Flat(flat) => {
                let [batch, features] = flat.dims();
                flat.reshape([batch, features, 1, 1])
            }
        }
    }
}
