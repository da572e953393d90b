//! Plans a config's layers one after the other.

use super::context::{Context, Follower, Signal};
use super::{LayerConfig, PlannedLayer};
use crate::ModelError;
use std::collections::HashMap;

/// The most layers, including those within branches.
const MAX_LAYERS: usize = 4096;
/// The deepest nesting of branches.
const MAX_DEPTH: usize = 16;

/// Totals over a plan's layers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Total {
    /// Number of trainable parameters.
    pub params: usize,
    /// Number of running statistics, which are stored but not trained.
    pub buffers: usize,
    /// Multiply-adds for one image.
    pub macs: usize,
    /// Number of output values of all layers for one image.
    pub activations: usize,
}

impl Total {
    /// Bytes of the weights, as 32-bit floats.
    pub fn weight_bytes(&self) -> usize {
        4 * (self.params + self.buffers)
    }

    /// Estimates the bytes that a training step needs: weights, their gradients, two moments of the
    /// optimizer, and each layer's output for the whole batch, once forward and once backward. The
    /// kernels' work space is not included.
    pub fn training_bytes(&self, batch_size: usize) -> usize {
        let outputs = batch_size
            .saturating_mul(self.activations)
            .saturating_mul(2);
        outputs
            .saturating_add(4 * self.params + self.buffers)
            .saturating_mul(4)
    }
}

/// Plans layers in order, counting and naming them.
pub(crate) struct Planner {
    strict: bool,
    /// The number of outputs of a head that does not set it.
    classes: Option<usize>,
    counts: HashMap<&'static str, usize>,
    layers: usize,
    pub(crate) total: Total,
}

impl Planner {
    pub(crate) fn new(strict: bool, classes: Option<usize>) -> Self {
        Self {
            strict,
            classes,
            counts: HashMap::new(),
            layers: 0,
            total: Total::default(),
        }
    }

    /// Plans a sequence of layers, whose numbers begin with `prefix`.
    pub(crate) fn sequence(
        &mut self,
        layers: &[LayerConfig],
        prefix: &str,
        mut signal: Signal,
        depth: usize,
    ) -> Result<(Vec<PlannedLayer>, Signal), ModelError> {
        let mut planned = Vec::new();
        for (index, layer) in layers.iter().enumerate() {
            let number = format!("{prefix}{}", index + 1);
            let at = Context {
                number: &number,
                kind: layer.kind(),
                input: signal,
                strict: self.strict,
                gain: following_gain(&layers[index + 1..]),
                is_head: depth == 0 && !layers[index + 1..].iter().any(LayerConfig::has_weights),
                classes: self.classes,
                depth,
            };
            let (next, output) = self.layer(layer, &at)?;
            signal = output;
            planned.push(next);
        }
        Ok((planned, signal))
    }

    fn layer(
        &mut self,
        layer: &LayerConfig,
        at: &Context<'_>,
    ) -> Result<(PlannedLayer, Signal), ModelError> {
        self.layers += 1;
        if self.layers > MAX_LAYERS || at.depth > MAX_DEPTH {
            return Err(at.reject(
                format!(
                    "it is nested deeper than {MAX_DEPTH} levels or exceeds {MAX_LAYERS} layers"
                ),
                "make the network smaller",
            ));
        }
        let name = self.name(at.kind);
        let outline = layer.plan(at, self)?;
        at.product("its output", &outline.output.dims())?;
        // Layers within branches have already been counted.
        if !outline.operation.is_branches() {
            self.total.params += outline.params;
            self.total.buffers += outline.buffers;
            self.total.macs = self.total.macs.saturating_add(outline.macs);
        }
        self.total.activations += outline.output.values();
        let signal = Signal::after(&outline);
        let planned = PlannedLayer {
            number: at.number.into(),
            name,
            kind: at.kind,
            summary: outline.summary,
            input: at.input.shape,
            output: outline.output,
            params: outline.params,
            buffers: outline.buffers,
            macs: outline.macs,
            trf: outline.trf.all,
            ungated_trf: outline.trf.ungated,
            notes: outline.notes,
            operation: outline.operation,
        };
        Ok((planned, signal))
    }

    /// The kind and its count so far, such as `conv2d_1`, `conv2d_2`.
    fn name(&mut self, kind: &'static str) -> String {
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        format!("{kind}_{count}")
    }
}

/// The gain of the first activation in later layers; 1 if anything but batch norm, dropout or max
/// pools comes first.
fn following_gain(later: &[LayerConfig]) -> f64 {
    for layer in later {
        match layer.follower() {
            Follower::Activation(gain) => return gain,
            Follower::Transparent => {}
            Follower::Other => return 1.0,
        }
    }
    1.0
}
