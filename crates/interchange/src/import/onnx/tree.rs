//! Converts a graph of layers to a tree: sequences of layers, and branches from one value that are
//! joined.
//!
//! The branches of a join lie between it and its dominator, the last value on every path to it.
//! Each branch is again a sequence of layers. A network is such a tree if no layer is then in two
//! branches.

use super::network::{Kind, Layer, Network, ValueId, Weight};
use receptive_core::text::Printable;
use receptive_model::{
    Activation, BranchesLayer, Join, LayerConfig, PlannedLayer, ResidualLayer, SqueezeExciteLayer,
};

/// The largest number of layers, as in a plan.
const MAX_LAYERS: usize = 4096;
/// The deepest nesting of branches, as in a plan.
const MAX_DEPTH: usize = 16;

/// A layer, or branches.
#[derive(Debug)]
pub(super) enum Step {
    Layer {
        config: LayerConfig,
        weights: Vec<Weight>,
        /// The node in the file.
        node: String,
    },
    Fork(Fork),
}

/// Branches from one value that are joined.
#[derive(Debug)]
pub(super) struct Fork {
    join: Join,
    branches: Vec<Vec<Step>>,
    activation: Option<Activation>,
}

/// The network as a sequence of steps.
///
/// # Errors
/// A sentence naming the node that prevents it.
pub(super) fn tree(network: Network, output: ValueId) -> Result<Vec<Step>, String> {
    let count = network.layers.len();
    if count > MAX_LAYERS {
        return Err(format!(
            "it has {count} layers, more than the maximum of {MAX_LAYERS}"
        ));
    }
    let mut dominators = vec![0; count];
    let mut depths = vec![0; count];
    for at in 1..count {
        let inputs = &network.layers[at].inputs;
        let mut inputs = inputs.iter().copied();
        let first = inputs.next().unwrap_or(0);
        dominators[at] = inputs.fold(first, |a, b| shared(&dominators, &depths, a, b));
        depths[at] = depths[dominators[at]] + 1;
    }
    let mut builder = Builder {
        is_built: vec![false; count],
        has_weights: network.layers.iter().map(has_weights).collect(),
        network,
        dominators,
        depths,
        steps: 0,
    };
    let mut steps = builder.sequence(0, output, 0)?;
    tidy(&mut steps);
    Ok(steps)
}

/// The last value on every path to both.
fn shared(dominators: &[ValueId], depths: &[usize], mut a: ValueId, mut b: ValueId) -> ValueId {
    while a != b {
        if depths[a] >= depths[b] {
            a = dominators[a];
        } else {
            b = dominators[b];
        }
    }
    a
}

struct Builder {
    network: Network,
    dominators: Vec<ValueId>,
    depths: Vec<usize>,
    is_built: Vec<bool>,
    has_weights: Vec<bool>,
    steps: usize,
}

fn has_weights(layer: &Layer) -> bool {
    matches!(&layer.kind, Kind::Layer { weights, .. } if !weights.is_empty())
}

impl Builder {
    /// The steps from `from` to `to`; `from` must be on every path to `to`.
    fn sequence(&mut self, from: ValueId, to: ValueId, depth: usize) -> Result<Vec<Step>, String> {
        let mut steps = Vec::new();
        let mut at = to;
        while at != from {
            self.steps += 1;
            if self.steps > MAX_LAYERS || depth > MAX_DEPTH {
                return Err(format!(
                    "its branches are nested deeper than {MAX_DEPTH} levels or have more than \
                     {MAX_LAYERS} layers"
                ));
            }
            let before = self.dominators[at];
            if let Kind::Join(join) = self.network.layers[at].kind {
                let inputs = self.network.layers[at].inputs.clone();
                steps.push(Step::Fork(Fork {
                    join,
                    branches: self.branches(join, before, &inputs, depth + 1)?,
                    activation: None,
                }));
            } else {
                steps.push(self.layer(at)?);
            }
            at = before;
        }
        steps.reverse();
        Ok(steps)
    }

    fn layer(&mut self, at: ValueId) -> Result<Step, String> {
        let layer = &mut self.network.layers[at];
        let Kind::Layer { config, weights } = &mut layer.kind else {
            return Err("it has a value without a layer; this is a bug, please report it".into());
        };
        if std::mem::replace(&mut self.is_built[at], true) && self.has_weights[at] {
            return Err(format!(
                "node `{}`: its output goes to branches that are joined at different nodes; a \
                 network must be a sequence of layers and of branches joined at one node",
                layer.node.printable()
            ));
        }
        Ok(Step::Layer {
            config: config.clone(),
            weights: weights.iter_mut().map(take).collect(),
            node: layer.node.clone(),
        })
    }

    /// One sequence per input. Inputs that diverge later than the others are joined first: if among
    /// a join's inputs `(a, b, c)`, `b` and `c` share layers that `a` does not, the two become one
    /// branch.
    fn branches(
        &mut self,
        join: Join,
        from: ValueId,
        inputs: &[ValueId],
        depth: usize,
    ) -> Result<Vec<Vec<Step>>, String> {
        let mut groups: Vec<(ValueId, Vec<ValueId>)> = Vec::new();
        for input in inputs {
            let way = self.first_after(from, *input);
            let group = match join {
                // Concatenation must preserve the order of the channels.
                Join::Concat => groups.last_mut().filter(|(other, _)| *other == way),
                Join::Add | Join::Multiply => groups.iter_mut().find(|(other, _)| *other == way),
            };
            match group {
                Some((_, members)) if way != from => members.push(*input),
                _ => groups.push((way, vec![*input])),
            }
        }
        let mut branches = Vec::with_capacity(groups.len());
        for (_, members) in groups {
            let [first, rest @ ..] = members.as_slice() else {
                continue;
            };
            let parting = rest
                .iter()
                .fold(*first, |a, b| shared(&self.dominators, &self.depths, a, *b));
            let mut steps = self.sequence(from, parting, depth)?;
            if !rest.is_empty() {
                steps.push(Step::Fork(Fork {
                    join,
                    branches: self.branches(join, parting, &members, depth + 1)?,
                    activation: None,
                }));
            }
            branches.push(steps);
        }
        Ok(branches)
    }

    /// The first value after `from` on every path to `to`; `from` itself if the two are equal.
    fn first_after(&self, from: ValueId, to: ValueId) -> ValueId {
        let mut at = to;
        while at != from && self.dominators[at] != from {
            at = self.dominators[at];
        }
        at
    }
}

fn take(weight: &mut Weight) -> Weight {
    Weight {
        leaf: weight.leaf,
        shape: std::mem::take(&mut weight.shape),
        values: std::mem::take(&mut weight.values),
    }
}

/// Merges nested joins of the same kind, and activations into the branches before them.
fn tidy(steps: &mut Vec<Step>) {
    let mut tidied: Vec<Step> = Vec::with_capacity(steps.len());
    for mut step in std::mem::take(steps) {
        if let Step::Fork(fork) = &mut step {
            fork.branches.iter_mut().for_each(tidy);
            fork.splice();
            fork.order();
        }
        if let Step::Layer {
            config: LayerConfig::Activation(layer),
            ..
        } = &step
            && let Some(Step::Fork(fork)) = tidied.last_mut()
            && fork.activation.is_none()
            && fork.gate().is_none()
        {
            fork.activation = Some(layer.activation);
            continue;
        }
        tidied.push(step);
    }
    *steps = tidied;
}

impl Fork {
    fn splice(&mut self) {
        let mut branches = Vec::with_capacity(self.branches.len());
        for mut branch in std::mem::take(&mut self.branches) {
            let same = match branch.as_mut_slice() {
                [Step::Fork(inner)] if inner.join == self.join && inner.activation.is_none() => {
                    Some(std::mem::take(&mut inner.branches))
                }
                _ => None,
            };
            match same {
                Some(inner) => branches.extend(inner),
                None => branches.push(branch),
            }
        }
        self.branches = branches;
    }

    /// Puts a residual's body before its projection, and a gate after what it scales; sums and
    /// products of two do not depend on the order.
    fn order(&mut self) {
        if let [first, second] = self.branches.as_slice() {
            let is_turned = match self.join {
                Join::Add => first.len() < second.len(),
                Join::Multiply => first.len() > second.len(),
                Join::Concat => false,
            };
            if is_turned {
                self.branches.swap(0, 1);
            }
        }
    }

    /// The gate, if this is squeeze and excitation.
    fn gate(&self) -> Option<SqueezeExciteLayer> {
        let [whole, gate] = self.branches.as_slice() else {
            return None;
        };
        let [
            Step::Layer {
                config: LayerConfig::GlobalAvgPool2d(_),
                ..
            },
            Step::Layer {
                config: LayerConfig::Linear(narrow),
                ..
            },
            Step::Layer {
                config: LayerConfig::Linear(wide),
                ..
            },
        ] = gate.as_slice()
        else {
            return None;
        };
        if self.join != Join::Multiply || !whole.is_empty() || !narrow.bias || !wide.bias {
            return None;
        }
        Some(SqueezeExciteLayer {
            units: narrow.units,
            activation: narrow.activation?,
            gate: wide.activation?,
        })
    }

    fn config(&self) -> LayerConfig {
        if let Some(gate) = self.gate() {
            return gate.into();
        }
        if let (Join::Add, [body, projection]) = (self.join, self.branches.as_slice()) {
            return ResidualLayer {
                layers: configs(body),
                projection: configs(projection),
                activation: self.activation,
            }
            .into();
        }
        BranchesLayer {
            join: self.join,
            branches: self.branches.iter().map(|branch| configs(branch)).collect(),
            activation: self.activation,
        }
        .into()
    }
}

/// The layers of the steps.
pub(super) fn configs(steps: &[Step]) -> Vec<LayerConfig> {
    let config = |step: &Step| match step {
        Step::Layer { config, .. } => config.clone(),
        Step::Fork(fork) => fork.config(),
    };
    steps.iter().map(config).collect()
}

/// A planned layer with the node it comes from and its weights.
pub(super) struct LayerWithWeights {
    pub(super) layer: String,
    pub(super) node: String,
    pub(super) weights: Vec<Weight>,
}

/// Assigns the steps' weights to the layers planned from their [`configs`].
pub(super) fn fill(steps: Vec<Step>, planned: &[PlannedLayer], filled: &mut Vec<LayerWithWeights>) {
    for (step, planned) in steps.into_iter().zip(planned) {
        match step {
            Step::Layer { weights, node, .. } => filled.push(LayerWithWeights {
                layer: planned.name.clone(),
                node,
                weights,
            }),
            Step::Fork(fork) => {
                for (steps, branch) in fork.branches.into_iter().zip(planned.branches()) {
                    fill(steps, &branch.layers, filled);
                }
            }
        }
    }
}
