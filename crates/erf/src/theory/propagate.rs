//! One step back: from the contributions of a layer's outputs to those of its inputs.

mod scales;

use super::dense::{self, Kernel};
use super::factor::{mean_square, on_positive};
use super::planes::Planes;
use super::slide::Slide;
use super::{Seeds, WeightAssumption};
use receptive_model::{
    Activation, AvgPool2dOp, BranchesOp, Conv2dOp, Edges, Join, LayerValues, LinearOp, MaxPool2dOp,
    Operation, PlannedLayer, Shape,
};

const MAX_POOLING: &str = "max pooling has no closed form: each pixel of a window is treated as equally likely to be \
     the largest";

/// Backward propagation through a network.
///
/// With given weights there is one plane per channel. Otherwise all channels are alike and one
/// plane holds their sum; where a layer distinguishes channels, there is one plane per channel
/// until the next convolution or dense layer.
pub(super) struct Propagation<'a> {
    weights: WeightAssumption<'a>,
    pub(super) caveats: Vec<String>,
}

impl<'a> Propagation<'a> {
    pub(super) fn new(weights: WeightAssumption<'a>) -> Self {
        Self {
            weights,
            caveats: Vec::new(),
        }
    }

    /// The contributions of the unit itself.
    pub(super) fn seed(&self, unit: [usize; 2], channels: usize, seeds: Seeds) -> Planes {
        let place = unit.map(|at| at..at + 1);
        match (self.weights, seeds) {
            (WeightAssumption::Given(_), Seeds::All) => Planes::filled(channels, place, 1.0),
            (_, Seeds::One(channel)) => {
                let mut planes = Planes::filled(channels, place, 0.0);
                planes.values[channel] = 1.0;
                planes
            }
            (_, Seeds::All) => Planes::filled(1, place, channels as f64),
        }
    }

    pub(super) fn back(&mut self, layer: &PlannedLayer, units: Planes) -> Planes {
        match &layer.operation {
            Operation::Conv2d(op) => self.conv2d(layer, op, units),
            Operation::MaxPool2d(op) => self.max_pool2d(layer, op, units),
            Operation::AvgPool2d(op) => self.avg_pool2d(layer, op, units),
            Operation::GlobalAvgPool2d(_) => self.global_avg_pool2d(layer, &units),
            Operation::GlobalMaxPool2d(_) => self.global_max_pool2d(layer, &units),
            Operation::AdaptiveAvgPool2d(op) => {
                units.shared(&op.windows, if self.is_ones() { 1 } else { 2 })
            }
            Operation::BatchNorm(op) => self.batch_norm(layer, op.epsilon, units),
            Operation::Activation(op) => self.activated(layer, Some(op.activation), units),
            Operation::Branches(op) => self.branches(layer, op, units),
            Operation::Flatten(_) => self.flatten(layer, units),
            Operation::Linear(op) => self.linear(layer, op, units),
            Operation::LayerNorm(op) => self.layer_norm(layer, op.epsilon, units),
            Operation::LocalResponseNorm(op) => self.local_response_norm(op, units),
            Operation::Prelu(op) => self.prelu(layer, op, units),
            Operation::ChannelScale(op) => self.channel_scale(layer, op.initial, units),
            Operation::ChannelSlice(op) => {
                let all = layer.input.channels();
                units.apart(op.end - op.start).placed_among(all, op.start)
            }
            Operation::ChannelShuffle(op) => units.moved(op.sources(layer.input.channels())),
            // Both are off in inference; crops exist only in cones.
            Operation::Dropout(_) | Operation::StochasticDepth(_) | Operation::Crop(_) => units,
        }
    }

    fn conv2d(&mut self, layer: &PlannedLayer, op: &Conv2dOp, units: Planes) -> Planes {
        let units = self.activated(layer, op.activation, units);
        let slides = slides(layer, op.kernel_size, op.strides, op.dilation, op.edges);
        let Some(values) = self.values(layer) else {
            // Summed over the inputs of a group, each output contributes once through each tap.
            let taps = (op.kernel_size[0] * op.kernel_size[1]) as f64;
            let square = if self.is_ones() {
                1.0
            } else {
                op.gain * op.gain
            };
            let mut input = units.together(op.groups).boxed(&slides);
            input.scale(square / taps);
            return input.spread_among(op.channels[0]);
        };
        self.biased(&values);
        let squares = values.weight.iter().map(|w| f64::from(*w).powi(2));
        let kernel = Kernel {
            squares: &squares.collect::<Vec<_>>(),
            channels: op.channels,
            groups: op.groups,
            slides,
        };
        kernel.back(&units)
    }

    fn max_pool2d(&mut self, layer: &PlannedLayer, op: &MaxPool2dOp, units: Planes) -> Planes {
        let slides = slides(layer, op.pool_size, op.strides, op.dilation, op.edges);
        if self.is_ones() || op.pool_size.iter().product::<usize>() != 2 {
            self.caveat(MAX_POOLING);
        }
        self.pool(units, &slides, &slides, 1)
    }

    fn avg_pool2d(&mut self, layer: &PlannedLayer, op: &AvgPool2dOp, units: Planes) -> Planes {
        let all = layer.padding().unwrap_or_default();
        let slides = slides(layer, op.pool_size, op.strides, [1, 1], all);
        let counted = op.zeros.pairs();
        let shares = [0, 1].map(|axis| slides[axis].counting(counted[axis]));
        self.pool(units, &slides, &shares, if self.is_ones() { 1 } else { 2 })
    }

    fn global_avg_pool2d(&self, layer: &PlannedLayer, units: &Planes) -> Planes {
        let [height, width] = layer.input.map_size();
        let share = 1.0 / (height * width).max(1) as f64;
        let share = if self.is_ones() { share } else { share * share };
        let mut planes = Planes::filled(units.count, [0..height, 0..width], share);
        planes.scale_each(&units.values);
        planes
    }

    fn global_max_pool2d(&mut self, layer: &PlannedLayer, units: &Planes) -> Planes {
        self.caveat(MAX_POOLING);
        let [height, width] = layer.input.map_size();
        let share = 1.0 / (height * width).max(1) as f64;
        let mut planes = Planes::filled(units.count, [0..height, 0..width], share);
        planes.scale_each(&units.values);
        planes
    }

    fn linear(&mut self, layer: &PlannedLayer, op: &LinearOp, units: Planes) -> Planes {
        let units = self.activated(layer, op.activation, units);
        let values = match self.values(layer) {
            Some(values) => {
                self.biased(&values);
                dense::linear(&values.weight, &units.values)
            }
            // Summed over all inputs.
            None if self.is_ones() => vec![units.values.iter().sum()],
            None => vec![units.values.iter().sum::<f64>() * op.gain * op.gain],
        };
        // A linear layer on a map flattens it.
        let flat = Planes {
            count: values.len(),
            rows: 0..1,
            columns: 0..1,
            values,
        };
        match layer.input {
            Shape::Map { .. } => self.flatten(layer, flat),
            Shape::Flat(_) => flat,
        }
    }

    fn branches(&mut self, layer: &PlannedLayer, op: &BranchesOp, units: Planes) -> Planes {
        if op.activation.is_some() {
            self.caveat(match op.join {
                Join::Add => {
                    "an activation after a residual's sum: its branches are treated as independent"
                }
                Join::Concat | Join::Multiply => {
                    "an activation after joined branches: they are treated as independent"
                }
            });
        }
        let units = self.activated(layer, op.activation, units);
        let mut first = 0;
        let mut sum: Option<Planes> = None;
        for branch in &op.branches {
            let reached = match op.join {
                Join::Add => units.clone(),
                Join::Concat => {
                    let channels = first..first + branch.output.channels();
                    first = channels.end;
                    units.channels(channels, layer.output.channels())
                }
                Join::Multiply => {
                    self.caveat(
                        "a product of branches: each factor is treated as constant with a mean \
                         square of 1, and the path through a gate's value is left out",
                    );
                    if branch.output.map_size() != layer.output.map_size() {
                        continue; // a gate
                    }
                    units.clone()
                }
            };
            let layers = branch.layers.iter().rev();
            let planes = layers.fold(reached, |units, layer| self.back(layer, units));
            sum = Some(match sum {
                Some(sum) => sum.plus(planes, layer.input.channels()),
                None => planes,
            });
        }
        sum.unwrap_or(units)
    }

    /// Propagates back through windows that split a unit's value among the positions that count.
    fn pool(
        &self,
        mut units: Planes,
        slides: &[Slide; 2],
        [vertical, horizontal]: &[Slide; 2],
        power: i32,
    ) -> Planes {
        let share = |slide: &Slide, unit: usize| (1.0 / slide.real(unit).max(1) as f64).powi(power);
        units.scale_units(
            |row| share(vertical, row),
            |column| share(horizontal, column),
        );
        units.boxed(slides)
    }

    fn flatten(&self, layer: &PlannedLayer, flat: Planes) -> Planes {
        let Shape::Map {
            channels,
            height,
            width,
        } = layer.input
        else {
            return flat;
        };
        if flat.values.len() == channels * height * width {
            return Planes {
                count: channels,
                rows: 0..height,
                columns: 0..width,
                values: flat.values,
            };
        }
        let each = flat.values.iter().sum::<f64>() / (height * width).max(1) as f64;
        Planes::filled(1, [0..height, 0..width], each)
    }

    fn activated(
        &mut self,
        layer: &PlannedLayer,
        activation: Option<Activation>,
        mut units: Planes,
    ) -> Planes {
        let Some(activation) = activation else {
            return units;
        };
        let (factor, is_exact) = if self.is_ones() {
            on_positive(activation)
        } else {
            mean_square(activation)
        };
        if !is_exact {
            self.caveat(&format!(
                "{} in layer {}: its derivative depends on the input",
                activation.name(),
                layer.number
            ));
        }
        units.scale(factor);
        units
    }

    /// A layer's own values, if the weights are given.
    pub(super) fn values(&self, layer: &PlannedLayer) -> Option<LayerValues> {
        match self.weights {
            WeightAssumption::Given(classifier) => classifier.values(&layer.number),
            _ => None,
        }
    }

    pub(super) fn is_ones(&self) -> bool {
        matches!(self.weights, WeightAssumption::Ones)
    }

    fn biased(&mut self, values: &LayerValues) {
        if values.bias.iter().any(|bias| *bias != 0.0) {
            self.caveat("biases: a ReLU is no longer sign-symmetric");
        }
    }

    pub(super) fn caveat(&mut self, words: &str) {
        if !self.caveats.iter().any(|known| known == words) {
            self.caveats.push(words.into());
        }
    }
}

fn slides(
    layer: &PlannedLayer,
    kernel: [usize; 2],
    strides: [usize; 2],
    dilation: [usize; 2],
    edges: Edges,
) -> [Slide; 2] {
    let size = layer.input.map_size();
    let before = [edges.top, edges.left];
    [0, 1].map(|axis| Slide {
        kernel: kernel[axis],
        stride: strides[axis],
        dilation: dilation[axis],
        before: before[axis],
        size: size[axis],
    })
}
