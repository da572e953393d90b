//! `branches`: several sequences of layers with the same input, whose outputs are joined.

use super::activation::Activation;
#[cfg(feature = "flex")]
use super::batch_norm::is_training;
use super::cone::cut;
use super::context::{Context, Follower, Outline, Signal};
use super::crop::crop;
use super::features::Features;
#[cfg(feature = "flex")]
use super::fuse::{norm_input, norm_options};
use super::join::Join;
#[cfg(feature = "flex")]
use super::kernels;
use super::kind::LayerKind;
use super::pass::Pass;
use super::planner::Planner;
use super::sequence::through;
use super::{Layer, LayerConfig, Operation, PlannedLayer};
use crate::ModelError;
use crate::geometry::{Field, Fields, Shape, Units};
use burn::module::Module;
use serde::{Deserialize, Serialize};

/// One branch per letter that its layers' numbers can begin with.
const MAX_BRANCHES: usize = 26;

/// `type = "branches"`: `activation(join(branch(x), branch(x), ...))`. A branch without layers is
/// the identity.
///
/// ```
/// use receptive_model::{BranchesLayer, Conv2dLayer, Join, LayerConfig, Padding};
///
/// let narrow = Conv2dLayer::new(8, 1);
/// let wide = Conv2dLayer::new(8, 5).with_padding(Padding::Same);
/// let both = BranchesLayer::new(Join::Concat)
///     .branch([narrow.into()])
///     .branch([wide.into()]);
/// assert_eq!(LayerConfig::from(both).kind(), "branches");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BranchesLayer {
    /// How the outputs are joined.
    pub join: Join,
    /// The layers of each branch: 2 to 26 lists.
    pub branches: Vec<Vec<LayerConfig>>,
    /// Activation after the join; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
}

impl BranchesLayer {
    /// No branches yet, and no activation.
    pub fn new(join: Join) -> Self {
        Self {
            join,
            branches: Vec::new(),
            activation: None,
        }
    }

    /// Appends a branch.
    pub fn branch(mut self, layers: impl IntoIterator<Item = LayerConfig>) -> Self {
        self.branches.push(layers.into_iter().collect());
        self
    }

    /// Sets the activation after the join.
    pub fn with_activation(self, activation: Activation) -> Self {
        Self {
            activation: Some(activation),
            ..self
        }
    }
}

/// Planned branches, used by `branches`, `residual` and `squeeze_excite`.
#[derive(Debug, Clone)]
pub struct BranchesOp {
    /// In order; a residual's body comes before its projection.
    pub branches: Vec<Branch>,
    /// How the outputs are joined.
    pub join: Join,
    /// Activation after the join.
    pub activation: Option<Activation>,
}

/// One branch.
#[derive(Debug, Clone)]
pub struct Branch {
    /// What its layers' numbers begin with after the point: `a`, `b` and so on; empty for a
    /// residual's body, `p` for its projection.
    pub label: String,
    /// Its layers; without any it is the identity.
    pub layers: Vec<PlannedLayer>,
    /// Shape of the branch's output.
    pub output: Shape,
}

impl BranchesOp {
    /// The path of this branch's layers in burn's module, and so in its records.
    pub fn path(&self, branch: usize) -> String {
        match (self.is_residual(), branch) {
            (true, 0) => "body".into(),
            (true, _) => "projection".into(),
            (false, _) => format!("branches.{branch}"),
        }
    }

    fn is_residual(&self) -> bool {
        self.branches
            .first()
            .is_some_and(|body| body.label.is_empty())
    }

    /// Wraps the layers of the branches, one list per branch, in the module that gives them their
    /// names in records.
    pub(super) fn module(&self, mut branches: Vec<Vec<Layer>>) -> Layer {
        if self.is_residual() {
            let projection = branches.pop().unwrap_or_default();
            let body = branches.pop().unwrap_or_default();
            Layer::Residual(Residual { body, projection })
        } else {
            Layer::Branches(Branches { branches })
        }
    }

    pub(super) fn forward(
        &self,
        layers: &[&[Layer]],
        x: Features,
        pass: &mut Pass<'_>,
    ) -> Features {
        #[cfg(feature = "flex")]
        if let Some(y) = self.fused_sum(layers, &x, pass) {
            return y;
        }
        let mut outputs = Vec::with_capacity(layers.len());
        for (layers, branch) in layers.iter().zip(&self.branches) {
            outputs.push(through(layers, &branch.layers, x.clone(), pass));
        }
        if pass.is_done() {
            return x; // the requested output is within a branch
        }
        match self.join.of(outputs) {
            Features::Map(y) => Features::Map(Activation::apply(self.activation, y)),
            Features::Flat(y) => Features::Flat(Activation::apply(self.activation, y)),
        }
    }

    /// With gradients: the sum of two branches of which the first ends with a batch norm, then the
    /// activation, as in a residual block. The sum is not kept for the backward pass. `None` if the
    /// branches and their sum are computed one by one.
    #[cfg(feature = "flex")]
    fn fused_sum(
        &self,
        layers: &[&[Layer]],
        x: &Features,
        pass: &mut Pass<'_>,
    ) -> Option<Features> {
        let (Features::Map(map), [first, second], [body, shortcut]) =
            (x, layers, &self.branches[..])
        else {
            return None;
        };
        let (Layer::BatchNorm(norm), before) = first.split_last()? else {
            return None;
        };
        let is_sum = self.join == Join::Add && matches!(body.output, Shape::Map { .. });
        let stores_statistics = !is_training(norm, map) || pass.statistics().is_some();
        if !is_sum || !stores_statistics || pass.is_searching() {
            return None;
        }
        if !kernels::fits(map) || !map.device().is_autodiff() {
            return None;
        }
        // The order of the layers' statistics and masks is that of the branches.
        let y = through(before, &body.layers[..before.len()], x.clone(), pass).maps();
        let input = norm_input(norm, &y, pass)?;
        let added = through(second, &shortcut.layers, x.clone(), pass).maps();
        Some(Features::Map(
            input.plus(added, norm_options(norm, self.activation)),
        ))
    }

    /// Restricts each branch; returns the input units that they need together.
    pub(super) fn cut(&mut self, layer: &PlannedLayer, units: &Units) -> Units {
        let cuts: Vec<(Vec<PlannedLayer>, Units)> = self
            .branches
            .iter()
            .map(|branch| {
                let size = branch.output.map_size();
                let units = if size == layer.output.map_size() {
                    units.clone()
                } else {
                    branch.output.units() // one value per channel, used by all units
                };
                cut(branch.layers.iter(), units)
            })
            .collect();
        let hull = [0, 1].map(|axis| {
            let start = cuts.iter().map(|(_, needed)| needed[axis].start).min();
            let end = cuts.iter().map(|(_, needed)| needed[axis].end).max();
            start.unwrap_or(0)..end.unwrap_or(0)
        });
        for (branch, (mut layers, needed)) in self.branches.iter_mut().zip(cuts) {
            if needed != hull {
                // The branches share one input, so this one crops the part it needs.
                layers.insert(0, crop(layer, layer.input, &needed, &hull));
            }
            branch.layers = layers;
        }
        hull
    }
}

/// The layers of a residual, under the names they have had in records since the first version.
#[derive(Module, Debug)]
pub(crate) struct Residual {
    pub(super) body: Vec<Layer>,
    pub(super) projection: Vec<Layer>,
}

/// The layers of all other branches.
#[derive(Module, Debug)]
pub(crate) struct Branches {
    pub(super) branches: Vec<Vec<Layer>>,
}

/// Branches before they are planned.
pub(super) struct BranchPlan<'a> {
    /// The label that the layers' numbers begin with after the point, and the layers.
    pub(super) branches: Vec<(String, &'a [LayerConfig])>,
    pub(super) join: Join,
    pub(super) activation: Option<Activation>,
    pub(super) summary: String,
    /// What to change if shapes or strides do not match.
    pub(super) remedy: &'static str,
}

impl BranchPlan<'_> {
    pub(super) fn plan(
        self,
        at: &Context<'_>,
        planner: &mut Planner,
    ) -> Result<Outline, ModelError> {
        let before = planner.total;
        let mut branches = Vec::new();
        let mut signals: Vec<Signal> = Vec::new();
        for (label, layers) in self.branches {
            let prefix = format!("{}.{label}", at.number);
            let (layers, signal) = planner.sequence(layers, &prefix, at.input, at.depth + 1)?;
            branches.push(Branch {
                label,
                layers,
                output: signal.shape,
            });
            signals.push(signal);
        }
        let outputs: Vec<Shape> = signals.iter().map(|signal| signal.shape).collect();
        let Some(output) = self.join.shape(&outputs) else {
            let problem = match self.join {
                Join::Add => "which cannot be added",
                Join::Concat => "which cannot be concatenated",
                Join::Multiply => "which cannot be multiplied",
            };
            let problem = format!("its branches give {}, {problem}", listed(&outputs));
            return Err(at.reject(problem, self.remedy));
        };
        let step = |signal: &Signal| signal.trf.all.map(|field| field.stride);
        if matches!(output, Shape::Flat(_)) && signals.iter().any(|s| step(s) != step(&signals[0]))
        {
            // Rows of values have no stride in common, so each value counts as seeing all that its
            // branch sees.
            let strides = step(&signals[0]);
            for signal in &mut signals {
                *signal = signal.settled(strides);
            }
        }
        let trf = union(&signals, output).map_err(|axis| {
            let strides: Vec<i64> = signals.iter().map(|s| s.trf.all[axis].stride).collect();
            let strides = listed(&strides);
            at.reject(
                format!("its branches have strides of {strides} input pixels"),
                self.remedy,
            )
        })?;
        let extent = [0, 1].map(|axis| {
            let extents = signals.iter().map(|signal| signal.extent[axis]);
            extents.max().unwrap_or(1)
        });
        Ok(Outline {
            summary: self.summary,
            output,
            extent,
            params: planner.total.params - before.params,
            buffers: planner.total.buffers - before.buffers,
            macs: planner.total.macs - before.macs,
            trf,
            notes: Vec::new(),
            operation: Operation::Branches(BranchesOp {
                branches,
                join: self.join,
                activation: self.activation,
            }),
        })
    }
}

/// The field of the units of joined branches, with and without the values of gates.
///
/// # Errors
/// The axis along which the maps' strides differ.
fn union(signals: &[Signal], output: Shape) -> Result<Fields, usize> {
    let is_map = |signal: &&Signal| signal.shape.map_size() == output.map_size();
    let maps = |axis: usize, of: fn(&Fields) -> &[Field; 2]| {
        let mut fields = signals.iter().filter(is_map).map(|s| of(&s.trf)[axis]);
        let first = fields.next().ok_or(axis)?;
        let seen = fields.try_fold(first, |seen, field| seen.union(&field));
        seen.ok_or(axis)
    };
    let all = |axis: usize| {
        let seen = maps(axis, |fields| &fields.all)?;
        let units = output.map_size()[axis];
        signals
            .iter()
            .filter(|signal| !is_map(signal))
            .map(|gate| gate.trf.all[axis].shared(units, seen.stride))
            .try_fold(seen, |seen, field| seen.union(&field))
            .ok_or(axis)
    };
    let ungated = |axis| maps(axis, |fields| &fields.ungated);
    Ok(Fields {
        all: [all(0)?, all(1)?],
        ungated: [ungated(0)?, ungated(1)?],
    })
}

fn listed(values: &[impl ToString]) -> String {
    let values: Vec<String> = values.iter().map(ToString::to_string).collect();
    values.join(" and ")
}

impl LayerKind for BranchesLayer {
    fn plan(&self, at: &Context<'_>, planner: &mut Planner) -> Result<Outline, ModelError> {
        let count = self.branches.len();
        if !(2..=MAX_BRANCHES).contains(&count) {
            return Err(at.reject(
                format!("`branches` has {count} lists of layers"),
                format!("give it 2 to {MAX_BRANCHES}"),
            ));
        }
        let labels = ('a'..='z').map(String::from);
        let layers = self.branches.iter().map(Vec::as_slice);
        BranchPlan {
            branches: labels.zip(layers).collect(),
            join: self.join,
            activation: self.activation,
            summary: format!(
                "{count} branches, {}{}",
                self.join.name(),
                Activation::suffix(self.activation)
            ),
            remedy: match self.join {
                Join::Add => "give all branches the same strides and filters",
                Join::Concat => "give all branches the same strides and padding",
                Join::Multiply => {
                    "give all branches the same strides and filters, or let one end with one \
                     value per channel"
                }
            },
        }
        .plan(at, planner)
    }

    fn follower(&self) -> Follower {
        Follower::Other
    }

    fn has_weights(&self) -> bool {
        let mut layers = self.branches.iter().flatten();
        layers.any(LayerConfig::has_weights)
    }

    fn branches_mut(&mut self) -> Vec<&mut Vec<LayerConfig>> {
        self.branches.iter_mut().collect()
    }
}
