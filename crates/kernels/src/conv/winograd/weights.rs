//! The weights' transform, and its transpose for their gradient.

use super::channels_last::turn;
use super::linear::{WeightGradient, Weights};
use super::tiles::{Strides, transform};
use super::{LANES, PLACES, padded};
use crate::matrix::Matrix;

const TAPS: usize = 9;

/// For each place of a transformed tile a matrix `[inputs, outputs]`: of channels to filters, or of
/// filters to channels.
pub(super) struct Transformed {
    pub(super) values: Vec<f32>,
    inputs: usize,
    outputs: usize,
}

impl Transformed {
    pub(super) fn zeros(inputs: usize, outputs: usize) -> Self {
        Self {
            values: vec![0.0; PLACES * place(inputs, outputs)],
            inputs,
            outputs,
        }
    }

    /// From `weight`: `[filters, channels, 3, 3]`, to be applied to channels.
    pub(super) fn forward(weight: &[f32], filters: usize, channels: usize) -> Self {
        let (line, taps) = (padded(filters), channels * TAPS);
        let mut turned = vec![0.0; taps * line];
        turn(weight, taps, [filters, taps], &mut turned, line);
        Self::of(&turned, channels, filters)
    }

    /// From the same, to be applied to gradients of the filters: with the taps turned around.
    pub(super) fn backward(weight: &[f32], filters: usize, channels: usize) -> Self {
        let line = padded(channels);
        let mut turned = vec![0.0; filters * TAPS * line];
        let of_filter = weight.chunks_exact(channels * TAPS);
        for (weight, turned) in of_filter.zip(turned.chunks_exact_mut(TAPS * line)) {
            turn(weight, TAPS, [channels, TAPS], turned, line);
            let (first, last) = turned.split_at_mut(TAPS / 2 * line);
            let last = last[line..].chunks_exact_mut(line).rev();
            for (a, b) in first.chunks_exact_mut(line).zip(last) {
                a.swap_with_slice(b);
            }
        }
        Self::of(&turned, filters, channels)
    }

    /// `turned`: `[inputs, 3, 3, padded outputs]`.
    fn of(turned: &[f32], inputs: usize, outputs: usize) -> Self {
        let mut transformed = Self::zeros(inputs, outputs);
        transform::<Weights, 3, 6>(
            inputs,
            padded(outputs),
            turned,
            taps(outputs),
            &mut transformed.values,
            places(inputs, outputs),
        );
        transformed
    }

    /// The matrix of one place.
    pub(super) fn at(&self, at: usize) -> Matrix<'_> {
        let line = padded(self.outputs);
        let values = &self.values[at * place(self.inputs, self.outputs)..];
        Matrix::strided(values, self.inputs, self.outputs, line)
    }

    /// The places' matrices, to be added to, with the distance of their lines.
    pub(super) fn places_mut(&mut self) -> (impl Iterator<Item = &mut [f32]>, usize) {
        let place = place(self.inputs, self.outputs);
        (self.values.chunks_exact_mut(place), padded(self.outputs))
    }

    /// The gradient of weights `[outputs, inputs, 3, 3]` from that of the transformed ones.
    pub(super) fn gradient(&self) -> Vec<f32> {
        let (line, rows) = (padded(self.outputs), self.inputs * TAPS);
        let mut turned = vec![0.0; rows * line];
        transform::<WeightGradient, 6, 3>(
            self.inputs,
            line,
            &self.values,
            places(self.inputs, self.outputs),
            &mut turned,
            taps(self.outputs),
        );
        let mut weight = vec![0.0; self.outputs * rows];
        turn(&turned, line, [rows, self.outputs], &mut weight, rows);
        weight
    }
}

/// Values from a place's matrix to the next; not a power of two, which would put all places into the
/// same few lines of the cache.
fn place(inputs: usize, outputs: usize) -> usize {
    inputs * padded(outputs) + LANES
}

fn taps(outputs: usize) -> Strides {
    let line = padded(outputs);
    Strides::in_line(TAPS * line, 3 * line, line)
}

fn places(inputs: usize, outputs: usize) -> Strides {
    let place = place(inputs, outputs);
    Strides::in_line(padded(outputs), super::PATCH * place, place)
}
