//! `adaptive_avg_pool2d`: a mean over each of a fixed number of windows, whatever the map's size.

use super::context::{Context, Follower, MAX_SIDE, Outline};
use super::features::Features;
use super::kind::{LayerKind, LayerOp, LayerRole, LayerValues, Plain};
use super::pass::Pass;
use super::planner::Planner;
use super::random::RandomWeights;
use super::{Operation, PlannedLayer};
use crate::ModelError;
use crate::geometry::{Edges, Field, Pair, Shape, Units};
use burn::nn::BatchNorm;
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// `type = "adaptive_avg_pool2d"`: reduces a map of any size to `size`; each value is the mean of a
/// window.
///
/// From `n` rows to `m`, window `i` covers the rows from `floor(i n / m)` up to but not including
/// `ceil((i + 1) n / m)`, as in PyTorch: if `m` does not divide `n`, neighbouring windows overlap
/// and differ in size. A map that already has that size is left unchanged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaptiveAvgPool2dLayer {
    /// The output's height and width.
    pub size: Pair,
}

impl AdaptiveAvgPool2dLayer {
    /// Pools to a map of this size.
    pub fn new(size: impl Into<Pair>) -> Self {
        Self { size: size.into() }
    }
}

/// A planned [`AdaptiveAvgPool2dLayer`].
#[derive(Debug, Clone)]
pub struct AdaptiveAvgPool2dOp {
    /// For each row and each column of the output, the rows or columns of the input in its window.
    pub windows: [Vec<Range<usize>>; 2],
}

impl LayerKind for AdaptiveAvgPool2dLayer {
    fn plan(&self, at: &Context<'_>, _: &mut Planner) -> Result<Outline, ModelError> {
        let (channels, size) = at.map()?;
        let Pair { height, width } = self.size;
        at.count("size", height, MAX_SIDE)?;
        at.count("size", width, MAX_SIDE)?;
        let windows = [windows(size[0], height), windows(size[1], width)];
        let trf = at
            .input
            .trf
            .map(|axis, field| seen(field, size[axis], &windows[axis]));
        let is_even = |axis: usize| size[axis].is_multiple_of(windows[axis].len());
        let mut notes = Vec::new();
        if !(is_even(0) && is_even(1)) {
            notes.push(format!(
                "{height}x{width} windows do not divide {}x{}: they overlap or differ in size; \
                 the receptive field given covers all of them",
                size[0], size[1]
            ));
        }
        Ok(Outline {
            output: Shape::Map {
                channels,
                height,
                width,
            },
            trf,
            notes,
            ..Outline::unchanged(
                &at.input,
                format!("to {}", self.size),
                Operation::AdaptiveAvgPool2d(AdaptiveAvgPool2dOp { windows }),
            )
        })
    }

    fn follower(&self) -> Follower {
        Follower::Other
    }
}

fn windows(n: usize, outputs: usize) -> Vec<Range<usize>> {
    let window = |i: usize| i * n / outputs..((i + 1) * n).div_ceil(outputs);
    (0..outputs).map(window).collect()
}

/// The field of the units: the smallest window that moves by a constant stride and contains each
/// unit's window.
fn seen(field: &Field, n: usize, windows: &[Range<usize>]) -> Field {
    let step = (n / windows.len().max(1)).max(1) as i64;
    let shifted = |at: i64, unit: usize| (at - step * unit as i64).saturating_mul(field.stride);
    let each = || windows.iter().enumerate();
    let first = each().map(|(unit, w)| shifted(w.start as i64, unit)).min();
    let last = each()
        .map(|(unit, w)| shifted(w.end as i64 - 1, unit))
        .max();
    Field {
        first: field.first.saturating_add(first.unwrap_or(0)),
        last: field.last.saturating_add(last.unwrap_or(0)),
        stride: field.stride.saturating_mul(step),
    }
}

impl LayerOp for AdaptiveAvgPool2dOp {
    type Module = Plain;

    fn role(&self) -> LayerRole {
        LayerRole::Pool
    }

    fn padding(&self) -> Option<Edges> {
        None
    }

    fn init(&self, _: &mut RandomWeights<'_>) -> Plain {
        Plain::default()
    }

    fn forward(&self, _: &Plain, x: Features, _: &mut Pass<'_>) -> Features {
        let mut x = x.maps();
        let [_, _, height, width] = x.dims();
        let device = x.device();
        let [rows, columns] = &self.windows;
        // A mean over a rectangle is a mean over rows of means over columns, hence two matrix
        // products.
        if !is_identity(columns, width) {
            x = x.matmul(shares(columns, width, &device).transpose().unsqueeze()); // [.., height, out width]
        }
        if !is_identity(rows, height) {
            x = shares(rows, height, &device).unsqueeze::<4>().matmul(x); // [.., out height, out width]
        }
        Features::Map(x)
    }

    fn cut(&mut self, _: &PlannedLayer, units: &Units) -> Option<Units> {
        let mut needed: Units = [0..0, 0..0];
        for axis in 0..2 {
            let kept = &self.windows[axis][units[axis].clone()];
            let start = kept.first().map_or(0, |window| window.start);
            let end = kept.last().map_or(0, |window| window.end);
            needed[axis] = start..end;
            let moved = kept.iter().map(|w| w.start - start..w.end - start);
            self.windows[axis] = moved.collect();
        }
        Some(needed)
    }

    fn cut_module(&self, _: &mut Plain) {}

    fn values(_: &Plain) -> LayerValues {
        LayerValues::default()
    }

    fn batch_norm(_: &mut Plain) -> Option<&mut BatchNorm> {
        None
    }
}

impl AdaptiveAvgPool2dOp {
    /// The weight of each input row (or column) in each output row (or column): `[outputs,
    /// inputs]`, row-major.
    pub fn shares(&self, axis: usize, inputs: usize) -> Vec<f32> {
        table(&self.windows[axis], inputs)
    }
}

fn is_identity(windows: &[Range<usize>], inputs: usize) -> bool {
    windows.len() == inputs && windows.iter().all(|window| window.len() == 1)
}

fn table(windows: &[Range<usize>], inputs: usize) -> Vec<f32> {
    let mut table = vec![0.0; windows.len() * inputs];
    for (row, window) in table.chunks_exact_mut(inputs.max(1)).zip(windows) {
        row[window.clone()].fill(1.0 / window.len() as f32);
    }
    table
}

fn shares(windows: &[Range<usize>], inputs: usize, device: &Device) -> Tensor<2> {
    let data = TensorData::new(table(windows, inputs), [windows.len(), inputs]);
    Tensor::from_data(data, device)
}
