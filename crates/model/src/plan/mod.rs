//! A config checked and worked out: every layer's shape, cost and receptive field, before any
//! tensor exists.

pub(crate) mod axis;
mod check;
mod cone;
mod field;
mod kinds;
mod shape;
mod signal;
mod walk;
mod window;

pub use cone::Units;
pub use field::Field;
pub use shape::Shape;

use crate::config::{Activation, ModelConfig};
use crate::{Classifier, ModelError};
use burn::tensor::Device;
use receptive_core::ImageSize;
use std::ops::Range;

/// The seed that [`Plan::init`] draws its weights from.
const INIT_SEED: u64 = 0;

/// A config whose every layer fits; the only thing a [`Classifier`] is built from.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The config it was made from, with its classes filled in.
    pub config: ModelConfig,
    /// How many logits come out.
    pub classes: usize,
    /// The layers, in order; a residual's own layers are within its [`Operation`].
    pub layers: Vec<PlannedLayer>,
    /// Sums over all layers.
    pub total: Total,
}

/// Sums over a plan's layers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Total {
    /// Numbers that are learnt.
    pub params: usize,
    /// Numbers that are kept but not learnt: running statistics.
    pub buffers: usize,
    /// Multiply-adds for one image.
    pub macs: usize,
    /// Output values of all layers for one image.
    pub activations: usize,
}

impl Total {
    /// Bytes of the weights, as 32-bit floats.
    pub fn weight_bytes(&self) -> usize {
        4 * (self.params + self.buffers)
    }

    /// An estimate of the bytes a training step needs: weights, their gradients and two moments of
    /// the optimizer, and each layer's output once forward and once backward for the whole batch.
    /// Work space of the kernels comes on top.
    pub fn training_bytes(&self, batch_size: usize) -> usize {
        let outputs = batch_size
            .saturating_mul(self.activations)
            .saturating_mul(2);
        outputs
            .saturating_add(4 * self.params + self.buffers)
            .saturating_mul(4)
    }
}

/// One layer, worked out.
#[derive(Debug, Clone)]
pub struct PlannedLayer {
    /// Its place, from 1; `4.2` is the second layer within layer 4, `4.p1` the first of its
    /// projection.
    pub number: String,
    /// A name of its own: the type and a count, such as `conv2d_3`.
    pub name: String,
    /// The config's word for this kind of layer.
    pub kind: &'static str,
    /// Its settings in a few words, such as `16 filters 3x3, same`.
    pub summary: String,
    /// What comes in.
    pub input: Shape,
    /// What comes out.
    pub output: Shape,
    /// Numbers that are learnt, those of layers within included.
    pub params: usize,
    /// Running statistics, those of layers within included.
    pub buffers: usize,
    /// Multiply-adds for one image, those of layers within included.
    pub macs: usize,
    /// The theoretical receptive field along `[height, width]`.
    pub trf: [Field; 2],
    /// Remarks and warnings, a sentence each.
    pub notes: Vec<String>,
    /// What is to be built.
    pub operation: Operation,
}

/// Padding in pixels, as it is really used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Edges {
    /// Rows above.
    pub top: usize,
    /// Columns to the left.
    pub left: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns to the right.
    pub right: usize,
}

/// A layer with everything its construction needs.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // the fields are those of the config's structs, resolved to numbers
pub enum Operation {
    /// See [`Conv2dLayer`](crate::Conv2dLayer).
    Conv2d {
        channels: [usize; 2],
        kernel_size: [usize; 2],
        strides: [usize; 2],
        dilation: [usize; 2],
        groups: usize,
        bias: bool,
        edges: Edges,
        activation: Option<Activation>,
        gain: f64,
    },
    /// See [`MaxPool2dLayer`](crate::MaxPool2dLayer).
    MaxPool2d {
        pool_size: [usize; 2],
        strides: [usize; 2],
        dilation: [usize; 2],
        edges: Edges,
    },
    /// See [`AvgPool2dLayer`](crate::AvgPool2dLayer).
    AvgPool2d {
        pool_size: [usize; 2],
        strides: [usize; 2],
        edges: Edges,
    },
    /// See [`GlobalAvgPool2dLayer`](crate::GlobalAvgPool2dLayer).
    GlobalAvgPool2d,
    /// See [`BatchNormLayer`](crate::BatchNormLayer).
    BatchNorm {
        features: usize,
        epsilon: f64,
        momentum: f64,
    },
    /// See [`ActivationLayer`](crate::ActivationLayer).
    Activation(Activation),
    /// See [`DropoutLayer`](crate::DropoutLayer).
    Dropout { rate: f64 },
    /// See [`ResidualLayer`](crate::ResidualLayer).
    Residual {
        body: Vec<PlannedLayer>,
        projection: Vec<PlannedLayer>,
        activation: Option<Activation>,
    },
    /// A part of a map. Within a [`Cone`](crate::Cone) only.
    Crop {
        rows: Range<usize>,
        columns: Range<usize>,
    },
    /// See [`FlattenLayer`](crate::FlattenLayer).
    Flatten,
    /// See [`LinearLayer`](crate::LinearLayer).
    Linear {
        inputs: usize,
        units: usize,
        activation: Option<Activation>,
        gain: f64,
    },
}

/// What a layer does, for whoever chooses among a network's layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Weighs what lies in a window.
    Convolution,
    /// Summarises what lies in a window.
    Pool,
    /// Changes each value in its place.
    Pointwise,
    /// Joins what its branches return.
    Branches,
    /// Rearranges or summarises the whole: `flatten`, `global_avg_pool2d`, `linear`.
    Whole,
}

impl PlannedLayer {
    /// What it does.
    pub fn role(&self) -> Role {
        match self.operation {
            Operation::Conv2d { .. } => Role::Convolution,
            Operation::MaxPool2d { .. } | Operation::AvgPool2d { .. } => Role::Pool,
            Operation::BatchNorm { .. }
            | Operation::Activation(_)
            | Operation::Dropout { .. }
            | Operation::Crop { .. } => Role::Pointwise,
            Operation::Residual { .. } => Role::Branches,
            Operation::GlobalAvgPool2d | Operation::Flatten | Operation::Linear { .. } => {
                Role::Whole
            }
        }
    }

    /// The sequences of layers within it: none but for layers that branch.
    pub fn branches(&self) -> Vec<&[PlannedLayer]> {
        match &self.operation {
            Operation::Residual {
                body, projection, ..
            } => vec![body, projection],
            Operation::Conv2d { .. }
            | Operation::MaxPool2d { .. }
            | Operation::AvgPool2d { .. }
            | Operation::GlobalAvgPool2d
            | Operation::BatchNorm { .. }
            | Operation::Activation(_)
            | Operation::Dropout { .. }
            | Operation::Crop { .. }
            | Operation::Flatten
            | Operation::Linear { .. } => Vec::new(),
        }
    }

    /// The padding of a convolution or a pool in pixels, as it is really used.
    pub fn padding(&self) -> Option<Edges> {
        match &self.operation {
            Operation::Conv2d { edges, .. }
            | Operation::MaxPool2d { edges, .. }
            | Operation::AvgPool2d { edges, .. } => Some(*edges),
            Operation::GlobalAvgPool2d
            | Operation::BatchNorm { .. }
            | Operation::Activation(_)
            | Operation::Dropout { .. }
            | Operation::Residual { .. }
            | Operation::Crop { .. }
            | Operation::Flatten
            | Operation::Linear { .. } => None,
        }
    }
}

impl Edges {
    /// `[top, left, bottom, right]`.
    pub fn array(self) -> [usize; 4] {
        [self.top, self.left, self.bottom, self.right]
    }
}

impl ModelConfig {
    /// Checks every layer and works out its shape, cost and receptive field. Nothing is allocated
    /// from the config's numbers.
    ///
    /// # Errors
    /// [`ModelError::Layer`] for a layer that can't be built on what it gets, and
    /// [`ModelError::Model`] when the whole is no classifier.
    pub fn plan(&self) -> Result<Plan, ModelError> {
        walk::plan(self)
    }
}

impl Plan {
    /// Builds the network with weights drawn from seed 0.
    pub fn init(&self, device: &Device) -> Classifier {
        self.init_seeded(INIT_SEED, device)
    }

    /// Builds the network. The weights are a pure function of the plan and `seed`: the same on
    /// every device.
    pub fn init_seeded(&self, seed: u64, device: &Device) -> Classifier {
        Classifier::new(self, seed, device)
    }

    /// The images that come in.
    pub fn input(&self) -> ImageSize {
        self.config.input
    }

    /// All layers, those within a residual right before it.
    pub fn rows(&self) -> Vec<&PlannedLayer> {
        let mut rows = Vec::new();
        collect(&self.layers, &mut rows);
        rows
    }

    /// The layer of this number (`3`, `4.2`) or name (`conv2d_2`).
    ///
    /// # Errors
    /// [`ModelError::UnknownLayer`] with the layers there are.
    pub fn find(&self, layer: &str) -> Result<&PlannedLayer, ModelError> {
        let rows = self.rows();
        rows.iter()
            .copied()
            .find(|row| row.number == layer || row.name == layer)
            .ok_or_else(|| {
                let known: Vec<String> = rows
                    .iter()
                    .map(|row| format!("{} {}", row.number, row.name))
                    .collect();
                ModelError::UnknownLayer {
                    layer: layer.into(),
                    known: known.join(", "),
                }
            })
    }

    /// All remarks and warnings, each with its layer.
    pub fn notes(&self) -> Vec<String> {
        self.rows()
            .iter()
            .flat_map(|row| {
                row.notes
                    .iter()
                    .map(move |note| format!("layer {} ({}): {note}", row.number, row.kind))
            })
            .collect()
    }
}

fn collect<'a>(layers: &'a [PlannedLayer], rows: &mut Vec<&'a PlannedLayer>) {
    for layer in layers {
        if let Operation::Residual {
            body, projection, ..
        } = &layer.operation
        {
            collect(body, rows);
            collect(projection, rows);
        }
        rows.push(layer);
    }
}
