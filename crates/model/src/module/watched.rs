//! A layer's maps on the way to the logits, with a handle for gradients with respect to them.

use super::layer::Pass;
use super::{Classifier, Features};
use crate::ModelError;
use burn::tensor::Tensor;

/// The logits of some images, and one layer's maps as they passed.
#[derive(Debug)]
pub struct Watched {
    /// `[batch, classes]`.
    pub logits: Tensor<2>,
    /// The layer's output, `[batch, channels, height, width]`.
    pub maps: Tensor<4>,
    /// Zeros that were added to the maps. A gradient with respect to them is the gradient with
    /// respect to the maps, which burn itself keeps for leaves alone.
    pub offset: Tensor<4>,
}

/// What a pass remembers of the layer that is watched.
pub(super) struct Watch<'a> {
    number: &'a str,
    seen: Option<(Tensor<4>, Tensor<4>)>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(number: &'a str) -> Self {
        Self { number, seen: None }
    }

    /// A layer's output as the next one gets it.
    pub(super) fn pass(&mut self, number: &str, output: Features) -> Features {
        match output {
            Features::Map(maps) if number == self.number => {
                let zeros = Tensor::zeros(maps.dims(), &maps.device());
                let zeros = if maps.device().is_autodiff() {
                    zeros.require_grad()
                } else {
                    zeros
                };
                let sum = maps.clone() + zeros.clone();
                self.seen = Some((maps, zeros));
                Features::Map(sum)
            }
            other => other,
        }
    }
}

impl Classifier {
    /// The logits, and the maps of one layer (by number or name) with a handle for their gradient:
    /// for Grad-CAM and its kin. On an autodiff device [`freeze`](burn::module::Module::freeze) the
    /// network first, so that it infers.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, height, width]`
    ///
    /// # Errors
    /// [`ModelError::UnknownLayer`] with the layers there are, [`ModelError::Layer`] for one that
    /// gives values in a row instead of maps.
    pub fn forward_watching(&self, images: Tensor<4>, layer: &str) -> Result<Watched, ModelError> {
        let planned = self.plan.find(layer)?;
        let mut pass = Pass::watching(&planned.number);
        let logits = self.run(images, self.layers.len(), &mut pass).flat();
        let (maps, offset) =
            pass.watched()
                .and_then(|watch| watch.seen)
                .ok_or_else(|| ModelError::Layer {
                    number: planned.number.clone(),
                    kind: planned.kind,
                    problem: format!("it gives {} values in a row, no maps", planned.output),
                    remedy: "choose a convolution, a pool or another layer with rows and columns"
                        .into(),
                })?;
        Ok(Watched {
            logits,
            maps,
            offset,
        })
    }
}
