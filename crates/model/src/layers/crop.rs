//! Cropping a map. Configs cannot contain it: a [`Cone`](crate::Cone) inserts it where a layer
//! reads only a part of its input.

use super::features::Features;
use super::kind::{LayerOp, LayerRole, LayerValues, Plain};
use super::pass::Pass;
use super::random::RandomWeights;
use super::{Layer, Operation, PlannedLayer};
use crate::geometry::{Edges, Field, Shape, Units};
use burn::nn::BatchNorm;
use std::ops::Range;

/// Crops a map; used only within a [`Cone`](crate::Cone).
#[derive(Debug, Clone)]
pub struct CropOp {
    /// The rows of the input to keep.
    pub rows: Range<usize>,
    /// The columns of the input to keep.
    pub columns: Range<usize>,
}

impl LayerOp for CropOp {
    type Module = Plain;

    fn role(&self) -> LayerRole {
        LayerRole::Pointwise
    }

    fn padding(&self) -> Option<Edges> {
        None
    }

    fn init(&self, _: &mut RandomWeights<'_>) -> Plain {
        Plain::default()
    }

    fn forward(&self, _: &Plain, x: Features, _: &mut Pass<'_>) -> Features {
        let x = x.maps();
        let [batch, channels, _, _] = x.dims();
        let (rows, columns) = (self.rows.clone(), self.columns.clone());
        Features::Map(x.slice([0..batch, 0..channels, rows, columns]))
    }

    fn cut(&mut self, _: &PlannedLayer, units: &Units) -> Option<Units> {
        Some(units.clone())
    }

    fn cut_module(&self, _: &mut Plain) {}

    fn values(_: &Plain) -> LayerValues {
        LayerValues::default()
    }

    fn batch_norm(_: &mut Plain) -> Option<&mut BatchNorm> {
        None
    }
}

impl Layer {
    /// The module of a crop, which has no parameters.
    pub(super) fn new_crop() -> Self {
        Self::Crop(Plain::default())
    }
}

/// A layer that extracts `units` from a map that covers `given`.
pub(super) fn crop(
    within: &PlannedLayer,
    shape: Shape,
    units: &Units,
    given: &Units,
) -> PlannedLayer {
    let [rows, columns] = [0, 1].map(|axis| {
        let start = units[axis].start - given[axis].start;
        start..start + units[axis].len()
    });
    PlannedLayer {
        number: format!("{}.c", within.number),
        name: format!("{}_crop", within.name),
        kind: "crop",
        summary: format!("{rows:?} x {columns:?}"),
        input: shape.cut(given),
        output: shape.cut(units),
        params: 0,
        buffers: 0,
        macs: 0,
        trf: [Field::PIXEL; 2],
        ungated_trf: [Field::PIXEL; 2],
        notes: Vec::new(),
        operation: Operation::Crop(CropOp { rows, columns }),
    }
}
