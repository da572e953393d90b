//! One layer of a plan.

use super::{Branch, Operation, Role};
use crate::geometry::{Edges, Field, Shape};

/// One layer of a [`Plan`](crate::Plan).
#[derive(Debug, Clone)]
pub struct PlannedLayer {
    /// Position in the network, counted from 1. Layers nested in layer 4 are numbered `4.2` (body of a
    /// residual), `4.p1` (its projection), or `4.a1` and `4.b1` (first and second of its branches).
    pub number: String,
    /// Unique name: the kind and a count, such as `conv2d_3`.
    pub name: String,
    /// The kind of layer, as `type` in the config.
    pub kind: &'static str,
    /// Short description of the settings, such as `16 filters 3x3, same`.
    pub summary: String,
    /// Shape of the input.
    pub input: Shape,
    /// Shape of the output.
    pub output: Shape,
    /// Number of trainable parameters, including those of nested layers.
    pub params: usize,
    /// Number of running statistics, including those of nested layers.
    pub buffers: usize,
    /// Multiply-adds for one image, including those of nested layers.
    pub macs: usize,
    /// Theoretical receptive field along `[height, width]`. After a gate that sees the whole map it
    /// covers the whole image for every unit.
    pub trf: [Field; 2],
    /// The same with gates held constant: without what reaches the units through a gate's value alone.
    /// It equals `trf` where no gate comes before.
    pub ungated_trf: [Field; 2],
    /// Remarks and warnings, one sentence each.
    pub notes: Vec<String>,
    /// The operation to build.
    pub operation: Operation,
}

impl PlannedLayer {
    /// Whether units see some pixels only through the value of a gate.
    pub fn is_gated(&self) -> bool {
        self.trf != self.ungated_trf
    }

    /// Its role in the network.
    pub fn role(&self) -> Role {
        self.operation.role()
    }

    /// The padding of a convolution or pool in pixels, as computed; `None` for other layers.
    pub fn padding(&self) -> Option<Edges> {
        self.operation.padding()
    }

    /// Its nested sequences of layers; empty unless it branches.
    pub fn branches(&self) -> &[Branch] {
        self.operation.branches()
    }
}
