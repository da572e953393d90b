//! A layer's maps in the forward pass, with a handle for gradients with respect to them.

use super::Classifier;
use crate::ModelError;
use crate::layers::Pass;
use burn::tensor::Tensor;

/// The logits of some images, and one layer's maps in the same forward pass.
#[derive(Debug)]
pub struct WatchedLogits {
    /// `[batch, classes]`.
    pub logits: Tensor<2>,
    /// The layer's output, `[batch, channels, height, width]`.
    pub maps: Tensor<4>,
    /// Zeros that were added to the maps. The gradient with respect to them is the gradient with
    /// respect to the maps, which burn itself stores for leaves only.
    pub offset: Tensor<4>,
}

impl Classifier {
    /// The logits, and the maps of one layer (by number or name) with a handle for their gradient:
    /// for Grad-CAM and similar methods. On an autodiff device
    /// [`freeze`](burn::module::Module::freeze) the network first, so that it infers.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, height, width]`
    ///
    /// # Errors
    /// [`ModelError::UnknownLayer`] with layers that may be meant, [`ModelError::Layer`] for a layer
    /// that outputs a row of values instead of maps.
    pub fn forward_watching(
        &self,
        images: Tensor<4>,
        layer: &str,
    ) -> Result<WatchedLogits, ModelError> {
        let planned = self.plan.find(layer)?;
        let mut pass = Pass::watching(&planned.number);
        let logits = self.run(images, self.layers.len(), &mut pass).into_flat();
        let watched = pass.into_watched().ok_or_else(|| ModelError::Layer {
            number: planned.number.clone(),
            kind: planned.kind,
            problem: format!(
                "it outputs a flat vector of {} values, not feature maps",
                planned.output
            ),
            remedy: "choose a convolution, a pool or another layer with rows and columns".into(),
        })?;
        Ok(WatchedLogits {
            logits,
            maps: watched.maps,
            offset: watched.offset,
        })
    }
}
