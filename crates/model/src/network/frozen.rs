//! A cone of which only the gradients of the images are computed, many times.

use super::Cone;
use crate::device::AutodiffDevice;
use crate::geometry::Shape;
#[cfg(feature = "flex")]
use crate::layers::{BufferPool, FrozenConv, Step, input_gradient, steps};
use crate::layers::{Features, PlannedLayer, exactly, is_exact};
use burn::module::Module;
use burn::tensor::Tensor;
#[cfg(feature = "flex")]
use burn::tensor::{Device, TensorData};
use std::fmt;

/// A [`Cone`] with constant parameters, made by [`Cone::into_frozen`]. On the flex backend its batch
/// norms are folded into the convolutions before them, its weights are packed once, its feature maps
/// are stored as in [inference](super::InferenceNetwork), and its buffers are reused by the next
/// call.
///
/// An image's gradient is bit-identical whatever the other images of its batch and the number of
/// threads, except through layers that burn computes; it differs from that of [`Cone::forward`] by
/// rounding.
pub struct FrozenCone {
    cone: Cone,
    /// Of an image and of the units.
    shapes: [Shape; 2],
    /// Whether it was made within [`exactly`].
    is_exact: bool,
    #[cfg(feature = "flex")]
    device: Device,
    #[cfg(feature = "flex")]
    prepared: Option<PreparedSteps>,
}

/// More than a network's passes keep at once.
#[cfg(feature = "flex")]
const MAX_BUFFERS: usize = 512;

/// The steps and their buffers.
#[cfg(feature = "flex")]
struct PreparedSteps {
    steps: Vec<Step<FrozenConv>>,
    buffers: BufferPool,
}

impl Cone {
    /// The cone with its current weights, which must be on `device`. Within
    /// [`exactly`](crate::exactly) its convolutions are plain sums.
    pub fn into_frozen(self, device: &AutodiffDevice) -> FrozenCone {
        let cone = self.freeze();
        let [rows, columns] = cone.pixels().clone().map(|pixels| pixels.len());
        let (layers, planned) = cone.parts();
        let channels = planned.first().map_or(0, |first| first.input.channels());
        let image = Shape::Map {
            channels,
            height: rows,
            width: columns,
        };
        let output = planned
            .last()
            .map_or(image, |last: &PlannedLayer| last.output);
        #[cfg(feature = "flex")]
        let prepared = receptive_kernels::runs_on(device).then(|| PreparedSteps {
            steps: steps(layers, planned),
            buffers: BufferPool::keeping(MAX_BUFFERS),
        });
        #[cfg(not(feature = "flex"))]
        let _ = (layers, device);
        FrozenCone {
            shapes: [image, output],
            is_exact: is_exact(),
            #[cfg(feature = "flex")]
            device: Device::clone(device),
            #[cfg(feature = "flex")]
            prepared,
            cone,
        }
    }
}

impl FrozenCone {
    /// Number of filters, rows and columns of the units; a flat layer has one row and one column.
    pub fn output(&self) -> [usize; 3] {
        let [_, output] = self.shapes;
        let [rows, columns] = output.map_size();
        [output.channels(), rows, columns]
    }

    /// Whether its weights are packed: on the flex backend.
    pub fn is_packed(&self) -> bool {
        #[cfg(feature = "flex")]
        let is_packed = self.prepared.is_some();
        #[cfg(not(feature = "flex"))]
        let is_packed = false;
        is_packed
    }

    /// The gradient, with respect to the pixels, of the units' values weighted by `grad`.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, rows, columns]`, the pixels of [`Cone::pixels`], on the device
    ///   with autodiff
    /// - `grad`: `[batch, filters, rows, columns]`, with the [`output`](Self::output)'s sizes
    /// - output: as `images`
    ///
    /// # Panics
    /// If the shapes do not match.
    pub fn input_gradient(&self, images: Tensor<4>, grad: Tensor<4>) -> Tensor<4> {
        let [batch, pixels @ ..] = images.dims();
        let [image, _] = self.shapes;
        let [rows, columns] = image.map_size();
        assert_eq!(
            pixels,
            [image.channels(), rows, columns],
            "pixels of a cone"
        );
        let [filters, rows, columns] = self.output();
        assert_eq!(
            grad.dims(),
            [batch, filters, rows, columns],
            "gradient of its units"
        );
        if self.is_exact {
            exactly(|| self.gradient(images, grad))
        } else {
            self.gradient(images, grad)
        }
    }

    fn gradient(&self, images: Tensor<4>, grad: Tensor<4>) -> Tensor<4> {
        #[cfg(feature = "flex")]
        if let Some(prepared) = &self.prepared {
            let dims = images.dims();
            let values = prepared.gradient(images, self.shapes, grad, &self.device);
            return Tensor::from_data(TensorData::new(values, dims), &self.device);
        }
        let images = images.require_grad();
        let product = match self.cone.forward(images.clone()) {
            Features::Map(map) => (map * grad).sum(),
            Features::Flat(flat) => (flat * grad.flatten(1, 3)).sum(),
        };
        let zeros = images.zeros_like();
        images.grad(&product.backward()).unwrap_or(zeros)
    }
}

#[cfg(feature = "flex")]
impl PreparedSteps {
    fn gradient(
        &self,
        images: Tensor<4>,
        shapes: [Shape; 2],
        grad: Tensor<4>,
        device: &Device,
    ) -> Vec<f32> {
        let [images, grad]: [Vec<f32>; 2] = [images, grad].map(|one| {
            let data = one.into_data().convert::<f32>();
            data.try_into_vec().unwrap_or_default()
        });
        self.buffers
            .lend(|buffers| input_gradient(&self.steps, &images, shapes, &grad, buffers, device))
    }
}

impl fmt::Debug for FrozenCone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FrozenCone").field(&self.cone).finish()
    }
}
