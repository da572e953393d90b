//! The part of a classifier that some units of a layer depend on: the same values for less
//! computation.

use super::Classifier;
use crate::ModelError;
use crate::geometry::Units;
use crate::layers::{Features, Layer, Pass, PlannedLayer, cut_modules, through};
use burn::module::Module;
use burn::tensor::Tensor;

/// Computes a few units of one layer from only the pixels they depend on.
///
/// A unit deep in a network sees a part of the image, and a part of each layer in between that
/// shrinks from layer to layer. Made by [`Classifier::cone`]; values and gradients are those of the
/// whole network at these units, including padding at the image's borders.
#[derive(Module, Debug)]
pub struct Cone {
    layers: Vec<Layer>,
    #[module(skip)]
    shape: ConeShape,
}

#[derive(Debug, Clone)]
struct ConeShape {
    pixels: Units,
    planned: Vec<PlannedLayer>,
}

impl Classifier {
    /// The cone of these rows and columns of a layer's output; the layer is given by number (`3`,
    /// `4.2`) or name. A flat layer has one row and one column.
    ///
    /// # Errors
    /// [`ModelError::UnknownLayer`] with layers that may be meant, [`ModelError::Units`] if the layer
    /// has no such units.
    pub fn cone(&self, layer: &str, units: &Units) -> Result<Cone, ModelError> {
        let cone = self.plan.cone(layer, units)?;
        Ok(Cone {
            layers: cut_modules(&self.layers, &self.plan.layers, &cone.layers),
            shape: ConeShape {
                pixels: cone.pixels,
                planned: cone.layers,
            },
        })
    }

    /// The same network and weights for images of another height and width. Networks with a global
    /// pool before their first `linear` accept any size that their layers do.
    ///
    /// # Errors
    /// If a layer does not fit the new size, or would need other weights.
    pub fn resized(&self, height: usize, width: usize) -> Result<Self, ModelError> {
        let mut config = self.plan.config.clone();
        config.input.height = height;
        config.input.width = width;
        let plan = config.plan()?;
        for (old, new) in self.plan.rows().into_iter().zip(plan.rows()) {
            if old.params != new.params {
                return Err(ModelError::Layer {
                    number: new.number.clone(),
                    kind: new.kind,
                    problem: format!(
                        "its {} weights are for {} values, but {height}x{width} images give it {}",
                        old.params, old.input, new.input
                    ),
                    remedy: format!(
                        "keep the size it was trained with, {}x{}, or train a network with \
                         `global_avg_pool2d` instead of `flatten`",
                        self.plan.config.input.height, self.plan.config.input.width
                    ),
                });
            }
        }
        let layers = cut_modules(&self.layers, &self.plan.layers, &plan.layers);
        Ok(Self {
            layers,
            plan: plan.into(),
        })
    }
}

impl Cone {
    /// The rows and columns of the image that it reads.
    pub fn pixels(&self) -> &Units {
        &self.shape.pixels
    }

    /// Multiply-adds for one image.
    pub fn macs(&self) -> usize {
        self.shape.planned.iter().map(|layer| layer.macs).sum()
    }

    /// Number of values that its layers compute for one image.
    pub fn values(&self) -> usize {
        values(&self.shape.planned)
    }

    /// The units' values.
    ///
    /// # Shapes
    /// - `images`: `[batch, channels, rows, columns]`, the pixels of [`pixels`](Self::pixels)
    /// - output: `[batch, filters, rows, columns]` of the units; flat layers give `[batch, features]`
    pub fn forward(&self, images: Tensor<4>) -> Features {
        let (layers, planned) = (&self.layers, &self.shape.planned);
        through(layers, planned, Features::Map(images), &mut Pass::new())
    }

    pub(super) fn parts(&self) -> (&[Layer], &[PlannedLayer]) {
        (&self.layers, &self.shape.planned)
    }
}

fn values(layers: &[PlannedLayer]) -> usize {
    let of_layer = |layer: &PlannedLayer| {
        let within = layer.branches().iter().map(|branch| values(&branch.layers));
        layer.output.values() + within.sum::<usize>()
    };
    layers.iter().map(of_layer).sum()
}
