//! The walk from layer to layer that turns a config into a plan.

use super::check::{At, MOST_DEPTH, MOST_LAYERS, MOST_SIDE};
use super::window::{Windows, map_of};
use super::{Field, Operation, Plan, PlannedLayer, Shape, Total};
use crate::ModelError;
use crate::config::{Activation, LayerConfig, ModelConfig, Padding, Pair};
use std::collections::HashMap;

/// What flows between two layers.
#[derive(Debug, Clone, Copy)]
struct Signal {
    shape: Shape,
    trf: [Field; 2],
    /// The map's height and width, which a row of values still comes from after `flatten`.
    extent: [usize; 2],
}

impl Signal {
    fn after(self, layer: &PlannedLayer) -> Self {
        let extent = match (layer.output, &layer.operation) {
            (Shape::Map { height, width, .. }, _) => [height, width],
            (_, Operation::GlobalAvgPool2d | Operation::Linear { .. }) => [1, 1],
            _ => self.extent,
        };
        Self {
            shape: layer.output,
            trf: layer.trf,
            extent,
        }
    }

    /// What a unit sees that looks at the whole of this.
    fn whole(&self) -> [Field; 2] {
        [
            self.trf[0].whole(self.extent[0]),
            self.trf[1].whole(self.extent[1]),
        ]
    }
}

struct Walk {
    strict: bool,
    /// The units of a last `linear` layer that leaves them out.
    classes: Option<usize>,
    counts: HashMap<&'static str, usize>,
    layers: usize,
    total: Total,
}

pub(crate) fn plan(config: &ModelConfig) -> Result<Plan, ModelError> {
    let input = config.input;
    for (side, value) in [
        ("channels", input.channels),
        ("height", input.height),
        ("width", input.width),
    ] {
        if value == 0 || value > MOST_SIDE {
            return Err(ModelError::model(
                format!("the input's {side} is {value}"),
                format!("set `{side}` under [input] to a number from 1 to {MOST_SIDE}"),
            ));
        }
    }
    if let Some(classes) = config.classes
        && (classes == 0 || classes > MOST_SIDE)
    {
        return Err(ModelError::model(
            format!("`classes` is {classes}"),
            format!("set it to a number from 1 to {MOST_SIDE}"),
        ));
    }
    let mut walk = Walk {
        strict: config.strict_shapes,
        classes: config.classes,
        counts: HashMap::new(),
        layers: 0,
        total: Total::default(),
    };
    let shape = Shape::Map {
        channels: input.channels,
        height: input.height,
        width: input.width,
    };
    let extent = [input.height, input.width];
    let signal = Signal {
        shape,
        trf: [Field::PIXEL; 2],
        extent,
    };
    let (layers, last) = walk.list(&config.layers, "", signal, 0)?;
    let classes = match (last.shape, config.classes) {
        (Shape::Flat(outputs), None) => outputs,
        (Shape::Flat(outputs), Some(classes)) if outputs == classes => classes,
        (Shape::Flat(outputs), Some(classes)) => {
            return Err(ModelError::model(
                format!("its last layer gives {outputs} values but there are {classes} classes"),
                "leave `units` out of the last `linear` layer",
            ));
        }
        (map, _) => {
            return Err(ModelError::model(
                format!("its last layer gives a map {map}, not a value per class"),
                "end it with `flatten` or `global_avg_pool2d`, then `linear` without `units`",
            ));
        }
    };
    let config = ModelConfig {
        classes: Some(classes),
        ..config.clone()
    };
    Ok(Plan {
        config,
        classes,
        layers,
        total: walk.total,
    })
}

impl Walk {
    fn list(
        &mut self,
        layers: &[LayerConfig],
        prefix: &str,
        mut signal: Signal,
        depth: usize,
    ) -> Result<(Vec<PlannedLayer>, Signal), ModelError> {
        let mut planned = Vec::new();
        for (index, layer) in layers.iter().enumerate() {
            let number = format!("{prefix}{}", index + 1);
            let last = depth == 0 && index + 1 == layers.len();
            let gain = following_gain(layer, &layers[index + 1..]);
            let next = self.layer(layer, &number, signal, depth, last, gain)?;
            signal = signal.after(&next);
            planned.push(next);
        }
        Ok((planned, signal))
    }

    fn layer(
        &mut self,
        layer: &LayerConfig,
        number: &str,
        signal: Signal,
        depth: usize,
        last: bool,
        gain: f64,
    ) -> Result<PlannedLayer, ModelError> {
        let kind = layer.kind();
        let at = At { number, kind };
        self.layers += 1;
        if self.layers > MOST_LAYERS || depth > MOST_DEPTH {
            return Err(at.refuse(
                format!(
                    "it lies deeper than {MOST_DEPTH} levels or is more than the {MOST_LAYERS}th"
                ),
                "make the network smaller",
            ));
        }
        let mut next = PlannedLayer {
            number: number.into(),
            name: self.name(kind),
            kind,
            summary: String::new(),
            input: signal.shape,
            output: signal.shape,
            params: 0,
            buffers: 0,
            macs: 0,
            trf: signal.trf,
            notes: Vec::new(),
            operation: Operation::Flatten,
        };
        match layer {
            LayerConfig::Conv2d(conv) => {
                let (channels, size) = map_of(at, &signal.shape)?;
                at.count("filters", conv.filters, MOST_SIDE)?;
                at.count("groups", conv.groups, MOST_SIDE)?;
                for (what, count) in [("input channels", channels), ("filters", conv.filters)] {
                    if count % conv.groups != 0 {
                        return Err(at.refuse(
                            format!("{} groups do not divide {count} {what}", conv.groups),
                            "use a number of groups that divides both",
                        ));
                    }
                }
                let windows = Windows {
                    kernel_field: "kernel_size",
                    kernel: conv.kernel_size,
                    strides: conv.strides,
                    dilation: conv.dilation,
                    padding: conv.padding,
                    pool: false,
                };
                let slid = windows.slide(at, size, &signal.trf, self.strict)?;
                let weights = at.product(
                    "its weights",
                    &[
                        conv.filters,
                        channels / conv.groups,
                        conv.kernel_size.height,
                        conv.kernel_size.width,
                    ],
                )?;
                let positions = at.product("its map", &[conv.filters, slid.height, slid.width])?;
                next.macs = weights.saturating_mul(positions / conv.filters);
                next.params = weights + if conv.bias { conv.filters } else { 0 };
                next.output = Shape::Map {
                    channels: conv.filters,
                    height: slid.height,
                    width: slid.width,
                };
                next.summary = window_summary(
                    &format!("{} {}", conv.filters, conv.kernel_size),
                    conv.strides,
                    conv.dilation,
                    conv.padding,
                );
                if conv.groups > 1 {
                    next.summary += &format!(", {} groups", conv.groups);
                }
                push_activation(&mut next.summary, conv.activation);
                next.trf = slid.trf;
                next.notes = slid.notes;
                next.operation = Operation::Conv2d {
                    channels: [channels, conv.filters],
                    kernel_size: conv.kernel_size.array(),
                    strides: conv.strides.array(),
                    dilation: conv.dilation.array(),
                    groups: conv.groups,
                    bias: conv.bias,
                    edges: slid.edges,
                    activation: conv.activation,
                    gain,
                };
            }
            LayerConfig::MaxPool2d(pool) => {
                let strides = pool.strides.unwrap_or(pool.pool_size);
                let slid = self.pool(
                    at,
                    signal,
                    pool.pool_size,
                    strides,
                    pool.dilation,
                    pool.padding,
                )?;
                next.summary = window_summary(
                    &pool.pool_size.to_string(),
                    strides,
                    pool.dilation,
                    pool.padding,
                );
                next.operation = Operation::MaxPool2d {
                    pool_size: pool.pool_size.array(),
                    strides: strides.array(),
                    dilation: pool.dilation.array(),
                    edges: slid.edges,
                };
                pooled(&mut next, slid);
            }
            LayerConfig::AvgPool2d(pool) => {
                let strides = pool.strides.unwrap_or(pool.pool_size);
                let one = Pair::square(1);
                let slid = self.pool(at, signal, pool.pool_size, strides, one, pool.padding)?;
                next.summary =
                    window_summary(&pool.pool_size.to_string(), strides, one, pool.padding);
                next.operation = Operation::AvgPool2d {
                    pool_size: pool.pool_size.array(),
                    strides: strides.array(),
                    edges: slid.edges,
                };
                pooled(&mut next, slid);
            }
            LayerConfig::GlobalAvgPool2d(_) => {
                let (channels, _) = map_of(at, &signal.shape)?;
                next.output = Shape::Flat(channels);
                next.trf = signal.whole();
                next.operation = Operation::GlobalAvgPool2d;
            }
            LayerConfig::BatchNorm(norm) => {
                let features = match signal.shape {
                    Shape::Map { channels, .. } => channels,
                    Shape::Flat(features) => features,
                };
                if !(norm.epsilon.is_finite() && norm.epsilon > 0.0) {
                    return Err(at.refuse(
                        format!("`epsilon` is {}", norm.epsilon),
                        "set it to a positive number such as 1e-5",
                    ));
                }
                if !(0.0..=1.0).contains(&norm.momentum) {
                    return Err(at.refuse(
                        format!("`momentum` is {}", norm.momentum),
                        "set it to a number from 0 to 1",
                    ));
                }
                next.params = 2 * features;
                next.buffers = 2 * features;
                next.macs = signal.shape.values();
                next.operation = Operation::BatchNorm {
                    features,
                    epsilon: norm.epsilon,
                    momentum: norm.momentum,
                };
            }
            LayerConfig::Activation(layer) => {
                next.summary = layer.activation.name().into();
                next.operation = Operation::Activation(layer.activation);
            }
            LayerConfig::Dropout(dropout) => {
                if !(0.0..1.0).contains(&dropout.rate) {
                    return Err(at.refuse(
                        format!("`rate` is {}", dropout.rate),
                        "set it to a number from 0 to below 1",
                    ));
                }
                next.summary = format!("rate {}", dropout.rate);
                next.operation = Operation::Dropout { rate: dropout.rate };
            }
            LayerConfig::Residual(residual) => {
                let at_start = self.total;
                let (body, sum) =
                    self.list(&residual.layers, &format!("{number}."), signal, depth + 1)?;
                let (projection, shortcut) = self.list(
                    &residual.projection,
                    &format!("{number}.p"),
                    signal,
                    depth + 1,
                )?;
                if sum.shape != shortcut.shape {
                    return Err(at.refuse(
                        format!(
                            "its branch gives {} but its shortcut {}, which can't be added",
                            sum.shape, shortcut.shape
                        ),
                        "give `projection` the same strides and filters as the branch, commonly a \
                         1x1 conv2d",
                    ));
                }
                let union = |axis: usize| {
                    sum.trf[axis].union(&shortcut.trf[axis]).ok_or_else(|| {
                        at.refuse(
                            format!(
                                "its branch steps {} input pixels a unit but its shortcut {}",
                                sum.trf[axis].stride, shortcut.trf[axis].stride
                            ),
                            "give branch and projection the same strides",
                        )
                    })
                };
                next.trf = [union(0)?, union(1)?];
                next.output = sum.shape;
                next.params = self.total.params - at_start.params;
                next.buffers = self.total.buffers - at_start.buffers;
                next.macs = self.total.macs - at_start.macs;
                next.summary = format!(
                    "{} layers + {}",
                    body.len(),
                    if projection.is_empty() {
                        "identity"
                    } else {
                        "projection"
                    }
                );
                push_activation(&mut next.summary, residual.activation);
                next.operation = Operation::Residual {
                    body,
                    projection,
                    activation: residual.activation,
                };
                self.total.activations += next.output.values();
                return Ok(next);
            }
            LayerConfig::Flatten(_) => {
                next.output = Shape::Flat(signal.shape.values());
            }
            LayerConfig::Linear(linear) => {
                let Shape::Flat(inputs) = signal.shape else {
                    return Err(at.refuse(
                        format!("it needs flat values but gets a map {}", signal.shape),
                        "put `flatten` or `global_avg_pool2d` before it",
                    ));
                };
                let units = match linear.units.or(self.classes.filter(|_| last)) {
                    Some(units) => units,
                    None if last => {
                        return Err(at.refuse(
                            "it leaves `units` out and the number of classes is not known",
                            "set `classes` at the top of the config",
                        ));
                    }
                    None => {
                        return Err(at.refuse(
                            "it leaves `units` out, which only the model's last layer may",
                            "set `units`",
                        ));
                    }
                };
                at.count("units", units, MOST_SIDE)?;
                next.macs = at.product("its weights", &[inputs, units])?;
                next.params = next.macs + units;
                next.summary = if linear.units.is_some() {
                    format!("{units} units")
                } else {
                    format!("{units} classes")
                };
                push_activation(&mut next.summary, linear.activation);
                next.output = Shape::Flat(units);
                next.trf = signal.whole();
                next.operation = Operation::Linear {
                    inputs,
                    units,
                    activation: linear.activation,
                    gain,
                };
            }
        }
        at.product("its output", &next.output.dims())?;
        self.total.params += next.params;
        self.total.buffers += next.buffers;
        self.total.macs = self.total.macs.saturating_add(next.macs);
        self.total.activations += next.output.values();
        Ok(next)
    }

    fn pool(
        &self,
        at: At<'_>,
        signal: Signal,
        kernel: Pair,
        strides: Pair,
        dilation: Pair,
        padding: Padding,
    ) -> Result<Pooled, ModelError> {
        let (channels, size) = map_of(at, &signal.shape)?;
        let windows = Windows {
            kernel_field: "pool_size",
            kernel,
            strides,
            dilation,
            padding,
            pool: true,
        };
        let slid = windows.slide(at, size, &signal.trf, self.strict)?;
        let output = Shape::Map {
            channels,
            height: slid.height,
            width: slid.width,
        };
        Ok(Pooled {
            output,
            edges: slid.edges,
            trf: slid.trf,
            notes: slid.notes,
        })
    }

    /// The kind and its count so far: `conv2d_1`, `conv2d_2`.
    fn name(&mut self, kind: &'static str) -> String {
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        format!("{kind}_{count}")
    }
}

struct Pooled {
    output: Shape,
    edges: super::Edges,
    trf: [Field; 2],
    notes: Vec<String>,
}

fn pooled(next: &mut PlannedLayer, slid: Pooled) {
    next.output = slid.output;
    next.trf = slid.trf;
    next.notes = slid.notes;
}

/// The gain for a layer's weights: that of the activation its output meets first, its own or a
/// later layer's, if only layers that keep each value in its place lie between.
fn following_gain(layer: &LayerConfig, later: &[LayerConfig]) -> f64 {
    let own = match layer {
        LayerConfig::Conv2d(conv) => conv.activation,
        LayerConfig::Linear(linear) => linear.activation,
        _ => None,
    };
    let met = later
        .iter()
        .find(|next| !matches!(next, LayerConfig::BatchNorm(_) | LayerConfig::Dropout(_)))
        .and_then(|next| match next {
            LayerConfig::Activation(layer) => Some(layer.activation),
            _ => None,
        });
    own.or(met).map_or(1.0, Activation::gain)
}

fn window_summary(size: &str, strides: Pair, dilation: Pair, padding: Padding) -> String {
    let mut summary = size.to_string();
    if strides != Pair::square(1) {
        summary += &format!(", stride {}", short(strides));
    }
    if dilation != Pair::square(1) {
        summary += &format!(", dilation {}", short(dilation));
    }
    match padding {
        Padding::Same => summary += ", same",
        Padding::Valid => {}
        Padding::Pixels(pair) => summary += &format!(", pad {}", short(pair)),
    }
    summary
}

fn short(pair: Pair) -> String {
    if pair.height == pair.width {
        pair.height.to_string()
    } else {
        pair.to_string()
    }
}

fn push_activation(summary: &mut String, activation: Option<Activation>) {
    if let Some(activation) = activation {
        *summary += &format!(", {}", activation.name());
    }
}
