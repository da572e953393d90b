//! The network as it infers: prepared once, then used for any number of batches.

use super::Classifier;
use crate::device::InferenceDevice;
#[cfg(feature = "flex")]
use crate::layers::{Buffers, Step, Value, run, steps};
use burn::tensor::Tensor;
#[cfg(feature = "flex")]
use burn::tensor::{DType, TensorData};
use std::fmt;
use std::sync::Arc;
#[cfg(feature = "flex")]
use std::sync::{Mutex, PoisonError};

/// A [`Classifier`] prepared for inference, made by [`Classifier::prepare`]: on the flex backend its batch
/// norms are folded into the convolutions before them, its weights are packed, and its buffers are used again
/// by the next call. Elsewhere it is the classifier itself.
///
/// A clone shares all of it. The logits of an image are the same, bit for bit, whatever the other images of its
/// batch and however many threads rayon's current pool has; they differ from
/// [`Classifier::forward`]'s by rounding.
#[derive(Clone)]
pub struct InferenceNetwork {
    classifier: Classifier,
    device: InferenceDevice,
    #[cfg(feature = "flex")]
    steps: Option<Arc<PreparedSteps>>,
}

/// Steps, and buffers that no call is using.
#[cfg(feature = "flex")]
struct PreparedSteps {
    steps: Vec<Step>,
    buffers: Mutex<Vec<Buffers>>,
}

impl Classifier {
    /// The network as it is now, prepared for inference on `device`, its own. Within
    /// [`exactly`](crate::exactly) its convolutions are plain sums.
    pub fn prepare(&self, device: impl Into<InferenceDevice>) -> InferenceNetwork {
        let device = device.into();
        #[cfg(feature = "flex")]
        let steps = receptive_kernels::runs_on(&device).then(|| {
            Arc::new(PreparedSteps {
                steps: steps(&self.layers, &self.plan.layers),
                buffers: Mutex::default(),
            })
        });
        InferenceNetwork {
            classifier: self.clone(),
            device,
            #[cfg(feature = "flex")]
            steps,
        }
    }
}

impl InferenceNetwork {
    /// The network that it was made of.
    pub fn classifier(&self) -> &Classifier {
        &self.classifier
    }

    /// The logits, before any softmax.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, height, width]`, normalised as in training
    /// - output: `[batch, classes]`
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        #[cfg(feature = "flex")]
        if let Some(prepared) = &self.steps {
            let input = self.classifier.input();
            let size = [input.channels, input.height, input.width];
            let [batch, channels, height, width] = images.dims();
            if images.dtype() == DType::F32 && [channels, height, width] == size {
                let values = images.into_data().try_into_vec().unwrap_or_default();
                let value = prepared.forward(values, batch, size, &self.device);
                let classes = value.shape.values();
                let data = TensorData::new(value.values, [batch, classes]);
                return Tensor::from_data(data, &self.device);
            }
        }
        self.classifier.forward(images)
    }
}

#[cfg(feature = "flex")]
impl PreparedSteps {
    fn forward(
        &self,
        values: Vec<f32>,
        images: usize,
        [channels, height, width]: [usize; 3],
        device: &InferenceDevice,
    ) -> Value {
        // A call that panicked leaves no buffer half written: it took its own.
        let unused = || self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut buffers = unused().pop().unwrap_or_default();
        let shape = crate::geometry::Shape::Map {
            channels,
            height,
            width,
        };
        let value = Value {
            values,
            shape,
            images,
        };
        let steps = &self.steps;
        let value = receptive_kernels::shared(|| run(steps, value, &mut buffers, device));
        unused().push(buffers);
        value
    }
}

impl fmt::Debug for InferenceNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InferenceNetwork")
            .field(&self.classifier.plan)
            .finish()
    }
}
