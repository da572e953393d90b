//! The walk from layer to layer that turns a config into a plan.

use super::check::{At, MOST_DEPTH, MOST_LAYERS, MOST_SIDE};
use super::kinds::{self, Site, Worked};
use super::signal::Signal;
use super::{Operation, Plan, PlannedLayer, Shape, Total};
use crate::ModelError;
use crate::config::{Activation, LayerConfig, ModelConfig, ResidualLayer};
use std::collections::HashMap;

struct Walk {
    strict: bool,
    /// The units of a last `linear` layer that leaves them out.
    classes: Option<usize>,
    counts: HashMap<&'static str, usize>,
    layers: usize,
    total: Total,
}

pub(crate) fn plan(config: &ModelConfig) -> Result<Plan, ModelError> {
    check_sizes(config)?;
    let mut walk = Walk {
        strict: config.strict_shapes,
        classes: config.classes,
        counts: HashMap::new(),
        layers: 0,
        total: Total::default(),
    };
    let input = config.input;
    let image = Signal::image(input.channels, input.height, input.width);
    let (layers, last) = walk.list(&config.layers, "", image, 0)?;
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

fn check_sizes(config: &ModelConfig) -> Result<(), ModelError> {
    let input = config.input;
    let sizes = [
        ("channels", Some(input.channels)),
        ("height", Some(input.height)),
        ("width", Some(input.width)),
        ("classes", config.classes),
    ];
    for (name, value) in sizes {
        if let Some(value) = value
            && !(1..=MOST_SIDE).contains(&value)
        {
            return Err(ModelError::model(
                format!("{name} is {value}"),
                format!("set `{name}` to a number from 1 to {MOST_SIDE}"),
            ));
        }
    }
    Ok(())
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
            let site = Site {
                at: At {
                    number: &number,
                    kind: layer.kind(),
                },
                signal,
                strict: self.strict,
                gain: following_gain(layer, &layers[index + 1..]),
                last: depth == 0 && index + 1 == layers.len(),
                classes: self.classes,
            };
            let next = self.layer(layer, &site, depth)?;
            signal = signal.after(&next);
            planned.push(next);
        }
        Ok((planned, signal))
    }

    fn layer(
        &mut self,
        layer: &LayerConfig,
        site: &Site<'_>,
        depth: usize,
    ) -> Result<PlannedLayer, ModelError> {
        self.layers += 1;
        if self.layers > MOST_LAYERS || depth > MOST_DEPTH {
            return Err(site.at.refuse(
                format!(
                    "it lies deeper than {MOST_DEPTH} levels or is more than the {MOST_LAYERS}th"
                ),
                "make the network smaller",
            ));
        }
        let name = self.name(site.at.kind);
        let worked = match layer {
            LayerConfig::Conv2d(layer) => kinds::conv2d(layer, site)?,
            LayerConfig::MaxPool2d(layer) => kinds::max_pool2d(layer, site)?,
            LayerConfig::AvgPool2d(layer) => kinds::avg_pool2d(layer, site)?,
            LayerConfig::GlobalAvgPool2d(_) => kinds::global_avg_pool2d(site)?,
            LayerConfig::BatchNorm(layer) => kinds::batch_norm(layer, site)?,
            LayerConfig::Activation(layer) => kinds::activation(layer, site),
            LayerConfig::Dropout(layer) => kinds::dropout(layer, site)?,
            LayerConfig::Residual(layer) => self.residual(layer, site, depth)?,
            LayerConfig::Flatten(_) => kinds::flatten(site),
            LayerConfig::Linear(layer) => kinds::linear(layer, site)?,
        };
        site.at.product("its output", &worked.output.dims())?;
        // A residual's own layers have been counted already.
        if !matches!(worked.operation, Operation::Residual { .. }) {
            self.total.params += worked.params;
            self.total.buffers += worked.buffers;
            self.total.macs = self.total.macs.saturating_add(worked.macs);
        }
        self.total.activations += worked.output.values();
        Ok(PlannedLayer {
            number: site.at.number.into(),
            name,
            kind: site.at.kind,
            summary: worked.summary,
            input: site.signal.shape,
            output: worked.output,
            params: worked.params,
            buffers: worked.buffers,
            macs: worked.macs,
            trf: worked.trf,
            notes: worked.notes,
            operation: worked.operation,
        })
    }

    fn residual(
        &mut self,
        layer: &ResidualLayer,
        site: &Site<'_>,
        depth: usize,
    ) -> Result<Worked, ModelError> {
        let Site { at, signal, .. } = *site;
        let before = self.total;
        let number = at.number;
        let (body, sum) = self.list(&layer.layers, &format!("{number}."), signal, depth + 1)?;
        let (projection, shortcut) =
            self.list(&layer.projection, &format!("{number}.p"), signal, depth + 1)?;
        if sum.shape != shortcut.shape {
            return Err(at.refuse(
                format!(
                    "its branch gives {} but its shortcut {}, which can't be added",
                    sum.shape, shortcut.shape
                ),
                "give `projection` the same strides and filters as the branch, commonly a 1x1 \
                 conv2d",
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
        let way = if projection.is_empty() {
            "identity"
        } else {
            "projection"
        };
        Ok(Worked {
            summary: format!("{} + {way}{}", body.len(), kinds::and(layer.activation)),
            output: sum.shape,
            params: self.total.params - before.params,
            buffers: self.total.buffers - before.buffers,
            macs: self.total.macs - before.macs,
            trf: [union(0)?, union(1)?],
            notes: Vec::new(),
            operation: Operation::Residual {
                body,
                projection,
                activation: layer.activation,
            },
        })
    }

    /// The kind and its count so far: `conv2d_1`, `conv2d_2`.
    fn name(&mut self, kind: &'static str) -> String {
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        format!("{kind}_{count}")
    }
}

/// The gain for a layer's weights: that of the activation its output meets first, its own or a
/// later layer's, if only batch norm, dropout and max pools lie between.
fn following_gain(layer: &LayerConfig, later: &[LayerConfig]) -> f64 {
    let own = match layer {
        LayerConfig::Conv2d(conv) => conv.activation,
        LayerConfig::Linear(linear) => linear.activation,
        LayerConfig::MaxPool2d(_)
        | LayerConfig::AvgPool2d(_)
        | LayerConfig::GlobalAvgPool2d(_)
        | LayerConfig::BatchNorm(_)
        | LayerConfig::Activation(_)
        | LayerConfig::Dropout(_)
        | LayerConfig::Residual(_)
        | LayerConfig::Flatten(_) => None,
    };
    let met = later.iter().find_map(|next| match next {
        LayerConfig::BatchNorm(_) | LayerConfig::Dropout(_) | LayerConfig::MaxPool2d(_) => None,
        LayerConfig::Activation(layer) => Some(Some(layer.activation)),
        LayerConfig::Conv2d(_)
        | LayerConfig::AvgPool2d(_)
        | LayerConfig::GlobalAvgPool2d(_)
        | LayerConfig::Residual(_)
        | LayerConfig::Flatten(_)
        | LayerConfig::Linear(_) => Some(None),
    });
    own.or(met.flatten()).map_or(1.0, Activation::gain)
}
