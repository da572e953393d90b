//! The network in inference: prepared once, then used for any number of batches.

use super::Classifier;
use crate::device::InferenceDevice;
#[cfg(feature = "flex")]
use crate::geometry::Shape;
#[cfg(feature = "flex")]
use crate::layers::{BufferPool, Step, output, steps};
use burn::tensor::Tensor;
#[cfg(feature = "flex")]
use burn::tensor::{DType, TensorData};
#[cfg(feature = "flex")]
use receptive_kernels::together;
use std::fmt;
#[cfg(feature = "flex")]
use std::sync::Arc;

/// A [`Classifier`] prepared for inference, made by [`Classifier::prepare`]. On the flex backend
/// its batch norms are folded into the convolutions before them, its weights are packed, and its
/// buffers are reused by the next call. On other backends it is the classifier itself.
///
/// Clones share everything. An image's logits are bit-identical whatever the other images of its
/// batch and the number of threads in rayon's current pool; they differ from
/// [`Classifier::forward`]'s by rounding.
#[derive(Clone)]
pub struct InferenceNetwork {
    classifier: Classifier,
    /// The number of its layers that are computed.
    layers: usize,
    #[cfg_attr(not(feature = "flex"), expect(dead_code))]
    device: InferenceDevice,
    #[cfg(feature = "flex")]
    steps: Option<Arc<PreparedSteps>>,
}

/// Maximum number of values between two steps for the images computed at a time, so that they stay in
/// the cache.
#[cfg(feature = "flex")]
const MAP_VALUES: usize = 1 << 21;

/// More than the branches of a network use at once.
#[cfg(feature = "flex")]
const MAX_BUFFERS: usize = 8;

/// The steps and their buffers.
#[cfg(feature = "flex")]
struct PreparedSteps {
    steps: Vec<Step>,
    /// The largest number of values that a layer writes for one image.
    largest_map: usize,
    buffers: BufferPool,
}

impl Classifier {
    /// The network with its current weights, prepared for inference on `device`, which it must be
    /// on. Within [`exactly`](crate::exactly) its convolutions are plain sums.
    pub fn prepare(&self, device: impl Into<InferenceDevice>) -> InferenceNetwork {
        self.prepare_first(self.layers.len(), device)
    }

    /// Like [`prepare`](Self::prepare), but only the first `layers` layers, as [`Plan::layers`](crate::Plan)
    /// counts them, or all if there are fewer: instead of logits the output of the last of them, flattened.
    pub fn prepare_first(
        &self,
        layers: usize,
        device: impl Into<InferenceDevice>,
    ) -> InferenceNetwork {
        let device = device.into();
        let layers = layers.min(self.layers.len());
        #[cfg(feature = "flex")]
        let steps = receptive_kernels::runs_on(&device).then(|| {
            let rows = self.plan.rows();
            let outputs = rows.iter().map(|row| row.output.values());
            Arc::new(PreparedSteps {
                steps: steps(&self.layers[..layers], &self.plan.layers),
                largest_map: outputs.max().unwrap_or(0).max(1),
                buffers: BufferPool::keeping(MAX_BUFFERS),
            })
        });
        InferenceNetwork {
            classifier: self.clone(),
            layers,
            device,
            #[cfg(feature = "flex")]
            steps,
        }
    }
}

impl InferenceNetwork {
    /// The network that it was made from.
    pub fn classifier(&self) -> &Classifier {
        &self.classifier
    }

    /// The logits, before any softmax.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, height, width]`, normalised as in training
    /// - output: `[batch, classes]`; of the first layers `[batch, values]`
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        #[cfg(feature = "flex")]
        if let Some(prepared) = &self.steps {
            let input = self.classifier.input();
            let size = [input.channels, input.height, input.width];
            let [batch, channels, height, width] = images.dims();
            if images.dtype() == DType::F32 && [channels, height, width] == size {
                let data = images.into_data();
                let values = data.as_slice().unwrap_or_default();
                let shape = Shape::Map {
                    channels,
                    height,
                    width,
                };
                let output = prepared.forward(values, shape, &self.device);
                let of_image = output.len() / batch.max(1);
                let data = TensorData::new(output, [batch, of_image]);
                return Tensor::from_data(data, &self.device);
            }
        }
        self.classifier
            .forward_first(images, self.layers)
            .into_flat()
    }
}

#[cfg(feature = "flex")]
impl PreparedSteps {
    /// The outputs for normalised images of this shape, `[batch, channels, height, width]`.
    fn forward(&self, images: &[f32], shape: Shape, device: &InferenceDevice) -> Vec<f32> {
        self.buffers.lend(|buffers| {
            together(|| {
                let at_a_time = MAP_VALUES / self.largest_map;
                output(&self.steps, images, shape, at_a_time, buffers, device)
            })
        })
    }
}

impl fmt::Debug for InferenceNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InferenceNetwork")
            .field(&self.classifier.plan)
            .finish()
    }
}
