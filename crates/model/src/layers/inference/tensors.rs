//! Values as burn's tensors, and back, for the steps that burn computes.

use crate::geometry::Shape;
use crate::layers::features::Features;
use burn::tensor::{Device, Tensor, TensorData};

/// The values of some images, each of this shape, in planes.
pub(super) fn to_tensor(
    values: Vec<f32>,
    images: usize,
    shape: Shape,
    device: &Device,
) -> Features {
    match shape {
        Shape::Map {
            channels,
            height,
            width,
        } => {
            let data = TensorData::new(values, [images, channels, height, width]);
            Features::Map(Tensor::from_data(data, device))
        }
        Shape::Flat(count) => {
            let data = TensorData::new(values, [images, count]);
            Features::Flat(Tensor::from_data(data, device))
        }
    }
}

/// The number of images, the shape of each and their values.
pub(super) fn from_tensor(features: Features) -> (usize, Shape, TensorData) {
    match features {
        Features::Map(maps) => {
            let [images, channels, height, width] = maps.dims();
            let shape = Shape::Map {
                channels,
                height,
                width,
            };
            (images, shape, maps.into_data())
        }
        Features::Flat(rows) => {
            let [images, values] = rows.dims();
            (images, Shape::Flat(values), rows.into_data())
        }
    }
}
