//! The part of a network that some units of a layer depend on, worked out backwards.

use super::{Edges, Field, Operation, Plan, PlannedLayer, Shape};
use crate::ModelError;
use std::ops::Range;

/// A rectangle of a map: `[rows, columns]`.
pub type Units = [Range<usize>; 2];

/// The layers that some units of one layer depend on, each cut to what they need of it.
#[derive(Debug, Clone)]
pub(crate) struct PlannedCone {
    /// The input pixels that are needed.
    pub(crate) pixels: Units,
    /// In order; their paddings are what is left of the originals' at the image's borders.
    pub(crate) layers: Vec<PlannedLayer>,
}

impl Plan {
    /// The layers from the image to this one, in order; of a residual on the way only the branch
    /// that leads there.
    ///
    /// # Errors
    /// [`ModelError::UnknownLayer`] with the layers there are.
    pub fn path(&self, layer: &str) -> Result<Vec<&PlannedLayer>, ModelError> {
        let mut path = Vec::new();
        lead(&self.layers, &self.find(layer)?.number, &mut path);
        Ok(path)
    }

    pub(crate) fn cone(&self, layer: &str, units: &Units) -> Result<PlannedCone, ModelError> {
        let path = self.path(layer)?;
        let target = self.find(layer)?;
        let [height, width] = target.output.map_size();
        let fits = |range: &Range<usize>, size| range.start < range.end && range.end <= size;
        if !fits(&units[0], height) || !fits(&units[1], width) {
            return Err(ModelError::Units {
                layer: target.name.clone(),
                rows: units[0].clone(),
                columns: units[1].clone(),
                height,
                width,
            });
        }
        let (layers, pixels) = cut(path.into_iter(), units.clone());
        Ok(PlannedCone { pixels, layers })
    }
}

impl Shape {
    fn cut(&self, units: &Units) -> Self {
        match *self {
            Self::Map { channels, .. } => Self::Map {
                channels,
                height: units[0].len(),
                width: units[1].len(),
            },
            flat => flat,
        }
    }
}

/// The layers from the image to the one of this number; of a residual on the way only the branch
/// that leads there.
fn lead<'a>(layers: &'a [PlannedLayer], number: &str, path: &mut Vec<&'a PlannedLayer>) -> bool {
    for layer in layers {
        if layer.number != number
            && let Operation::Residual {
                body, projection, ..
            } = &layer.operation
        {
            for branch in [body, projection] {
                let before = path.len();
                if lead(branch, number, path) {
                    return true;
                }
                path.truncate(before);
            }
        }
        path.push(layer);
        if layer.number == number {
            return true;
        }
    }
    false
}

/// Cuts each layer to what these units of the last one need; returns what they need of the input.
fn cut<'a>(
    layers: impl DoubleEndedIterator<Item = &'a PlannedLayer>,
    mut units: Units,
) -> (Vec<PlannedLayer>, Units) {
    let mut all = Vec::new();
    for layer in layers.rev() {
        let (cut, needed) = cut_layer(layer, &units);
        all.extend(cut.into_iter().rev());
        units = needed;
    }
    all.reverse();
    (all, units)
}

fn cut_layer(layer: &PlannedLayer, units: &Units) -> (Vec<PlannedLayer>, Units) {
    let mut cut = layer.clone();
    cut.output = layer.output.cut(units);
    let area = |shape: &Shape| shape.map_size().iter().product::<usize>().max(1);
    cut.macs = layer.macs / area(&layer.output) * area(&cut.output);
    let whole = || whole_of(&layer.input);
    let needed = match &mut cut.operation {
        Operation::Conv2d {
            kernel_size,
            strides,
            dilation,
            edges,
            ..
        }
        | Operation::MaxPool2d {
            pool_size: kernel_size,
            strides,
            dilation,
            edges,
        } => windows(layer, units, *kernel_size, *strides, *dilation, edges),
        Operation::AvgPool2d {
            pool_size,
            strides,
            edges,
        } => windows(layer, units, *pool_size, *strides, [1, 1], edges),
        Operation::BatchNorm { .. }
        | Operation::Activation(_)
        | Operation::Dropout { .. }
        | Operation::Crop { .. } => Some(units.clone()),
        Operation::GlobalAvgPool2d | Operation::Flatten | Operation::Linear { .. } => Some(whole()),
        Operation::Residual {
            body, projection, ..
        } => {
            let branches = [&*body, &*projection].map(|branch| cut_branch(branch, units));
            let [(_, a), (_, b)] = &branches;
            let hull =
                [0, 1].map(|axis| a[axis].start.min(b[axis].start)..a[axis].end.max(b[axis].end));
            let [first, second] = branches.map(|branch| from_hull(branch, layer, &hull));
            *body = first;
            *projection = second;
            cut.macs = body
                .iter()
                .chain(&*projection)
                .map(|layer| layer.macs)
                .sum();
            Some(hull)
        }
    };
    // Windows on padding alone have no pixel to keep: such a layer stays whole, and is cut after.
    let Some(needed) = needed else {
        let after = crop(layer, layer.output, units, &whole_of(&layer.output));
        return (vec![layer.clone(), after], whole());
    };
    cut.input = layer.input.cut(&needed);
    (vec![cut], needed)
}

fn cut_branch(layers: &[PlannedLayer], units: &Units) -> (Vec<PlannedLayer>, Units) {
    cut(layers.iter(), units.clone())
}

/// A branch that takes what it needs from the pixels that both branches are given.
fn from_hull(
    (mut layers, needed): (Vec<PlannedLayer>, Units),
    residual: &PlannedLayer,
    hull: &Units,
) -> Vec<PlannedLayer> {
    if needed != *hull {
        layers.insert(0, crop(residual, residual.input, &needed, hull));
    }
    layers
}

/// A layer that takes `units` out of a map that covers `given`.
fn crop(within: &PlannedLayer, shape: Shape, units: &Units, given: &Units) -> PlannedLayer {
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
        notes: Vec::new(),
        operation: Operation::Crop { rows, columns },
    }
}

fn whole_of(shape: &Shape) -> Units {
    shape.map_size().map(|size| 0..size)
}

/// What windows at `units` need of their input, `edges` becoming the padding that is left of
/// theirs; `None` where they lie on padding alone.
fn windows(
    layer: &PlannedLayer,
    units: &Units,
    kernel: [usize; 2],
    strides: [usize; 2],
    dilation: [usize; 2],
    edges: &mut Edges,
) -> Option<Units> {
    let size = layer.input.map_size();
    let padding = [edges.top, edges.left];
    let along = |axis: usize| {
        let (units, stride) = (&units[axis], strides[axis]);
        let start = units.start * stride;
        let end = (units.end - 1) * stride + dilation[axis] * (kernel[axis] - 1) + 1;
        let before = padding[axis].saturating_sub(start);
        let first = (start + before) - padding[axis];
        let after = end.saturating_sub(padding[axis] + size[axis]);
        let last = (end - after).checked_sub(padding[axis])?;
        (first < last).then_some((first..last, before, after))
    };
    let (rows, top, bottom) = along(0)?;
    let (columns, left, right) = along(1)?;
    *edges = Edges {
        top,
        left,
        bottom,
        right,
    };
    Some([rows, columns])
}
