//! `squeeze_excite`: each channel scaled by a gate that sees the whole map, planned and built as
//! `branches`.

use super::LayerConfig;
use super::activation::Activation;
use super::branches::BranchPlan;
use super::context::{Context, Follower, MAX_SIDE, Outline};
use super::global_avg_pool2d::GlobalAvgPool2dLayer;
use super::join::Join;
use super::kind::LayerKind;
use super::linear::LinearLayer;
use super::planner::Planner;
use crate::ModelError;
use serde::{Deserialize, Serialize};

/// Channels per hidden unit of the gate, unless the config sets the number of units.
const REDUCTION: usize = 16;

/// `type = "squeeze_excite"`: `x * gate(linear(activation(linear(mean(x)))))`, after Hu, Shen, Sun
/// 2018, "Squeeze-and-Excitation Networks".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SqueezeExciteLayer {
    /// Hidden units of the gate. Default: a sixteenth of the channels, at least one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub units: Option<usize>,
    /// Activation of the hidden units. Default: `relu`.
    pub activation: Activation,
    /// Activation of the gate, usually with values between 0 and 1. Default: `sigmoid`.
    pub gate: Activation,
}

impl Default for SqueezeExciteLayer {
    fn default() -> Self {
        Self {
            units: None,
            activation: Activation::Relu,
            gate: Activation::Sigmoid,
        }
    }
}

impl LayerKind for SqueezeExciteLayer {
    fn plan(&self, at: &Context<'_>, planner: &mut Planner) -> Result<Outline, ModelError> {
        let (channels, _) = at.map()?;
        let units = self.units.unwrap_or((channels / REDUCTION).max(1));
        at.count("units", units, MAX_SIDE)?;
        let gate: [LayerConfig; 3] = [
            GlobalAvgPool2dLayer::default().into(), // [channels]
            LinearLayer::new(units)
                .with_activation(self.activation)
                .into(), // [units]
            LinearLayer::new(channels).with_activation(self.gate).into(), // [channels]
        ];
        BranchPlan {
            branches: vec![("a".into(), &[]), ("b".into(), &gate)],
            join: Join::Multiply,
            activation: None,
            summary: format!(
                "{units} units, {}, {}",
                self.activation.name(),
                self.gate.name()
            ),
            remedy: "this is a bug, please report it",
        }
        .plan(at, planner)
    }

    fn follower(&self) -> Follower {
        Follower::Other
    }

    fn has_weights(&self) -> bool {
        true
    }
}
