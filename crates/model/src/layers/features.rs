//! The values between layers.

use burn::tensor::Tensor;

/// The output of a layer: maps, or one row of values per image.
#[derive(Debug, Clone)]
pub enum Features {
    /// `[batch, channels, height, width]`.
    Map(Tensor<4>),
    /// `[batch, features]`.
    Flat(Tensor<2>),
}

impl Features {
    /// The maps, `[batch, channels, height, width]`; `None` after `flatten` or a global pool.
    pub fn into_map(self) -> Option<Tensor<4>> {
        match self {
            Self::Map(map) => Some(map),
            Self::Flat(_) => None,
        }
    }

    /// One row per image; maps are flattened.
    ///
    /// # Shapes
    /// - output: `[batch, features]`, where maps have `channels * height * width` features
    pub fn into_flat(self) -> Tensor<2> {
        match self {
            Self::Map(map) => map.flatten(1, 3), // [batch, channels * height * width]
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

    /// The maps; rows of values become maps of one pixel per channel.
    ///
    /// # Shapes
    /// - output: `[batch, channels, height, width]`, or `[batch, features, 1, 1]`
    pub(super) fn maps(self) -> Tensor<4> {
        match self {
            Self::Map(map) => map,
            Self::Flat(flat) => {
                let [batch, features] = flat.dims();
                flat.reshape([batch, features, 1, 1]) // [batch, channels, height, width]
            }
        }
    }
}
