//! The transformed weights, packed for the matrix products, and the gradient of the weights
//! computed from that of the transformed weights.

use super::transform::{Strides, WeightGradient, WeightTransform, transform};
use super::{ELEMENTS, INPUT_TILE, LANES, padded};
use crate::product::{COLUMNS, Right};
use crate::transpose::transpose;
use std::ops::Range;

/// Elements of a 3x3 kernel.
const TAPS: usize = 9;

/// For each element of a transformed tile one matrix `[inputs, outputs]`, from channels to filters
/// or from filters to channels, in panels of [`COLUMNS`] outputs.
#[derive(Debug, Clone)]
pub(crate) struct PackedWeights {
    /// `[elements, outputs / 16, inputs, 16]`.
    values: Vec<f32>,
    inputs: usize,
    outputs: usize,
}

impl PackedWeights {
    /// Packs `weight`, `[filters, channels, 3, 3]`, for the forward pass.
    pub(crate) fn forward(weight: &[f32], filters: usize, channels: usize) -> Self {
        let (line, taps) = (padded(filters), channels * TAPS);
        let mut transposed = vec![0.0; taps * line];
        transpose(weight, taps, [filters, taps], &mut transposed, line);
        Self::from_channels_last(&transposed, channels, filters)
    }

    /// Packs these channels of `weight`, `[filters, channels, 3, 3]`, for the input gradient: with
    /// the kernel rotated by 180 degrees.
    pub(crate) fn backward(weight: &[f32], all_channels: usize, channels: Range<usize>) -> Self {
        let of_filter = weight.chunks_exact(all_channels * TAPS);
        let (filters, line) = (of_filter.len(), padded(channels.len()));
        let mut transposed = vec![0.0; filters * TAPS * line];
        for (weight, transposed) in of_filter.zip(transposed.chunks_exact_mut(TAPS * line)) {
            let weight = &weight[channels.start * TAPS..channels.end * TAPS];
            transpose(weight, TAPS, [channels.len(), TAPS], transposed, line);
            let (first, last) = transposed.split_at_mut(TAPS / 2 * line);
            let last = last[line..].chunks_exact_mut(line).rev();
            for (a, b) in first.chunks_exact_mut(line).zip(last) {
                a.swap_with_slice(b);
            }
        }
        Self::from_channels_last(&transposed, filters, channels.len())
    }

    /// Packs `weight`, `[inputs, 3, 3, padded outputs]`.
    fn from_channels_last(weight: &[f32], inputs: usize, outputs: usize) -> Self {
        let matrix = matrix_len(inputs, outputs);
        let mut values = vec![0.0; ELEMENTS * matrix];
        for (panel, from) in (0..padded(outputs)).step_by(COLUMNS).enumerate() {
            transform::<WeightTransform, 3, 6>(
                inputs,
                COLUMNS,
                &weight[from..],
                tap_strides(outputs),
                &mut values[panel * inputs * COLUMNS..],
                Strides::in_line(COLUMNS, INPUT_TILE * matrix, matrix),
            );
        }
        Self {
            values,
            inputs,
            outputs,
        }
    }

    /// The matrix of one element, or its columns for some of the outputs and their padding; these
    /// begin at a multiple of [`COLUMNS`].
    pub(super) fn matrix(&self, element: usize, outputs: &Range<usize>) -> Right<'_> {
        let values = &self.values[element * matrix_len(self.inputs, self.outputs)..];
        let values = &values[outputs.start * self.inputs..];
        Right::panels(values, padded(outputs.len()), self.inputs)
    }
}

/// For each element of a transformed tile the summed gradients, a matrix `[inputs, outputs]`.
pub(super) struct TransformedGradients {
    values: Vec<f32>,
    inputs: usize,
    outputs: usize,
}

impl AsMut<[f32]> for TransformedGradients {
    fn as_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }
}

impl TransformedGradients {
    pub(super) fn zeros(inputs: usize, outputs: usize) -> Self {
        Self {
            values: vec![0.0; ELEMENTS * matrix_len(inputs, outputs)],
            inputs,
            outputs,
        }
    }

    /// The elements' matrices, to which gradients are added, and the stride of their rows.
    pub(super) fn matrices_mut(&mut self) -> (impl Iterator<Item = &mut [f32]>, usize) {
        let matrix = matrix_len(self.inputs, self.outputs);
        (self.values.chunks_exact_mut(matrix), padded(self.outputs))
    }

    /// The gradient of the weights, `[outputs, inputs, 3, 3]`, from that of the transformed
    /// weights.
    pub(super) fn gradient(&self) -> Vec<f32> {
        let (line, rows) = (padded(self.outputs), self.inputs * TAPS);
        let mut transposed = vec![0.0; rows * line];
        transform::<WeightGradient, 6, 3>(
            self.inputs,
            line,
            &self.values,
            element_strides(self.inputs, self.outputs),
            &mut transposed,
            tap_strides(self.outputs),
        );
        let mut weight = vec![0.0; self.outputs * rows];
        transpose(&transposed, line, [rows, self.outputs], &mut weight, rows);
        weight
    }
}

/// Distance between the elements' matrices; not a power of two, which would map all of them to the
/// same few cache lines.
fn matrix_len(inputs: usize, outputs: usize) -> usize {
    inputs * padded(outputs) + LANES
}

fn tap_strides(outputs: usize) -> Strides {
    let line = padded(outputs);
    Strides::in_line(TAPS * line, 3 * line, line)
}

fn element_strides(inputs: usize, outputs: usize) -> Strides {
    let matrix = matrix_len(inputs, outputs);
    Strides::in_line(padded(outputs), INPUT_TILE * matrix, matrix)
}
