//! Dense layers in training: three matrix products, each divided into parts that depend only on the sizes.

use crate::fresh::fresh;
use crate::matrix::{Matrix, add_product};
use crate::product::{Finish, Left, Right, product};
use crate::profile::slice;
use crate::scratch::with_scratch;
use crate::simd::{add, vectorized};
use crate::transpose::transpose;
use rayon::prelude::*;
use std::ops::Range;

/// Number of units per part of the forward pass; with fewer, each part would read the inputs again for little work.
const UNITS: usize = 64;
/// Number of inputs per part of the input gradient.
const INPUTS: usize = 512;
/// Number of inputs per part of the weight gradient.
const WEIGHT_ROWS: usize = 128;

/// The sizes of one dense layer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DenseSizes {
    images: usize,
    inputs: usize,
    units: usize,
}

impl DenseSizes {
    /// For inputs `[images, inputs]` and weights `[inputs, units]`.
    pub(crate) fn new([images, inputs]: [usize; 2], [_, units]: [usize; 2]) -> Self {
        Self {
            images,
            inputs,
            units,
        }
    }
}

/// `x weight + bias`.
///
/// # Shapes
/// - `x`: `[images, inputs]`
/// - `weight`: `[inputs, units]`
/// - `bias`: `[units]`
/// - output: `[images, units]`
pub(crate) fn forward(
    sizes: &DenseSizes,
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let DenseSizes {
        images,
        inputs,
        units,
    } = *sizes;
    by_columns([images, units], UNITS, |columns, part| {
        if let Some(bias) = bias {
            for row in part.chunks_exact_mut(columns.len()) {
                row.copy_from_slice(&bias[columns.clone()]);
            }
        }
        let weight = weight.get(columns.start..).unwrap_or_default();
        let weight = Matrix::strided(weight, inputs, columns.len(), units);
        add_product(part, columns.len(), Matrix::new(x, images, inputs), weight);
    })
}

/// The gradient with respect to `x`, given that of the output. The weights are read in their own order, as the left
/// factor of a product that is transposed afterwards: to rearrange them takes longer than the product for few images.
pub(crate) fn input_gradient(sizes: &DenseSizes, weight: &[f32], grad: &[f32]) -> Vec<f32> {
    let DenseSizes {
        images,
        inputs,
        units,
    } = *sizes;
    if images == 0 || units == 0 {
        return vec![0.0; images * inputs];
    }
    let mut by_unit = vec![0.0; units * images];
    transpose(grad, units, [images, units], &mut by_unit, images);
    by_columns([images, inputs], INPUTS, |inputs, part| {
        let rows = weight.get(inputs.start * units..).unwrap_or_default();
        let left = Left::lines(rows, inputs.len(), units, units);
        let right = Right::lines(&by_unit, images, images);
        with_scratch(inputs.len() * images, |by_input| {
            let mut rows: Vec<&mut [f32]> = by_input.chunks_exact_mut(images).collect();
            product(&mut rows, left, right, Finish::default());
            transpose(by_input, images, [inputs.len(), images], part, inputs.len());
        });
    })
}

/// The gradients with respect to weight and bias, given that of the output.
pub(crate) fn weight_gradients(
    sizes: &DenseSizes,
    x: &[f32],
    grad: &[f32],
) -> (Vec<f32>, Vec<f32>) {
    let DenseSizes {
        images,
        inputs,
        units,
    } = *sizes;
    let weight = fresh(inputs * units, |weight| {
        let parts: Vec<_> = weight.chunks(WEIGHT_ROWS * units).collect();
        parts
            .into_par_iter()
            .enumerate()
            .for_each(|(part, weight)| {
                let _slice = slice();
                let rows = weight.len() / units;
                let x = x.get(part * WEIGHT_ROWS..).unwrap_or_default();
                let x = Matrix::strided(x, images, rows, inputs).transposed();
                add_product(weight.clear(), units, x, Matrix::new(grad, images, units));
            });
    });
    let mut bias = vec![0.0; units];
    for grad in grad.chunks_exact(units.max(1)) {
        let sums = bias.as_mut_slice();
        vectorized!(add(sums, grad));
    }
    (weight, bias)
}

/// A matrix of these rows and columns, of which `fill` computes some columns at a time, in parallel; it gets them
/// filled with zeros.
fn by_columns(
    [rows, columns]: [usize; 2],
    at_a_time: usize,
    fill: impl Fn(Range<usize>, &mut [f32]) + Sync,
) -> Vec<f32> {
    let starts: Vec<usize> = (0..columns).step_by(at_a_time).collect();
    let mut parts: Vec<Vec<f32>> = starts
        .into_par_iter()
        .map(|start| {
            let _slice = slice();
            let columns = start..(start + at_a_time).min(columns);
            let mut part = vec![0.0; rows * columns.len()];
            fill(columns, &mut part);
            part
        })
        .collect();
    if parts.len() <= 1 {
        return parts.pop().unwrap_or_default();
    }
    let mut all = Vec::with_capacity(rows * columns);
    for row in 0..rows {
        for part in &parts {
            let width = part.len() / rows;
            all.extend_from_slice(&part[row * width..][..width]);
        }
    }
    all
}
