//! The layers of a graph, as a graph: each uses outputs of earlier ones.

use receptive_model::{Join, LayerConfig, Shape};

/// The output of the layer with this index; 0 is the image.
pub(super) type ValueId = usize;

/// A tensor of a layer, with PyTorch's layout and name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weight {
    pub(super) leaf: &'static str,
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f32>,
}

impl Weight {
    pub(super) fn row(leaf: &'static str, values: Vec<f32>) -> Self {
        Self {
            leaf,
            shape: vec![values.len()],
            values,
        }
    }
}

/// The operation of a layer.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Image,
    Layer {
        config: LayerConfig,
        weights: Vec<Weight>,
    },
    /// `scale x + shift` for each channel.
    Affine {
        scale: Vec<f32>,
        shift: Vec<f32>,
    },
    /// Joins several outputs.
    Join(Join),
}

#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub(super) kind: Kind,
    pub(super) inputs: Vec<ValueId>,
    /// The shape of its output.
    pub(super) shape: Shape,
    /// The file's node that it comes from.
    pub(super) node: String,
}

/// Layers, each after those whose outputs it uses.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) layers: Vec<Layer>,
    /// Whether an output exceeds the limit, so that sums of sizes may overflow.
    pub(super) is_too_large: bool,
}

/// The largest number of values in an output: some two hundred times that of a typical network's
/// first layer.
const MAX_VALUES: usize = 1 << 27;

fn is_too_large(shape: Shape) -> bool {
    let dims = shape.dims().into_iter();
    let values = dims.fold(1usize, usize::saturating_mul);
    values > MAX_VALUES
}

impl Network {
    pub(super) fn new(image: Shape) -> Self {
        let image = Layer {
            kind: Kind::Image,
            inputs: Vec::new(),
            shape: image,
            node: String::new(),
        };
        Self {
            is_too_large: is_too_large(image.shape),
            layers: vec![image],
        }
    }

    pub(super) fn shape(&self, value: ValueId) -> Shape {
        self.layers[value].shape
    }

    pub(super) fn push(
        &mut self,
        kind: Kind,
        inputs: Vec<ValueId>,
        shape: Shape,
        node: &str,
    ) -> ValueId {
        self.is_too_large |= is_too_large(shape);
        self.layers.push(Layer {
            kind,
            inputs,
            shape,
            node: node.into(),
        });
        self.layers.len() - 1
    }

    /// A layer without weights.
    pub(super) fn plain(
        &mut self,
        config: impl Into<LayerConfig>,
        input: ValueId,
        shape: Shape,
        node: &str,
    ) -> ValueId {
        let kind = Kind::Layer {
            config: config.into(),
            weights: Vec::new(),
        };
        self.push(kind, vec![input], shape, node)
    }
}
