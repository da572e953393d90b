//! Dense layers.

use crate::product::{COLUMNS, Finish, Left, Right, product};
use crate::rectifier::{Rectifier, add_bias, add_map};
use crate::threads::each;

/// A dense layer with packed weights.
#[derive(Debug, Clone)]
pub struct Dense {
    /// `[units / 16, inputs, 16]`, padded with zeros after the last unit.
    weights: Vec<f32>,
    bias: Option<Vec<f32>>,
    inputs: usize,
    units: usize,
    rectifier: Rectifier,
}

/// Number of units per task.
const UNITS_PER_TASK: usize = 4 * COLUMNS;

impl Dense {
    /// # Shapes
    /// - `weight`: `[inputs, units]`, as in burn's `Linear`
    /// - `bias`: `[units]`
    ///
    /// # Panics
    /// If the shapes do not match.
    pub fn new(
        weight: &[f32],
        [inputs, units]: [usize; 2],
        bias: Option<Vec<f32>>,
        rectifier: Rectifier,
    ) -> Self {
        assert_eq!(weight.len(), inputs * units, "weights of a dense layer");
        let mut weights = vec![0.0; units.next_multiple_of(COLUMNS) * inputs];
        for (input, line) in weight.chunks_exact(units.max(1)).enumerate() {
            for (panel, values) in line.chunks(COLUMNS).enumerate() {
                let at = panel * inputs * COLUMNS + input * COLUMNS;
                weights[at..][..values.len()].copy_from_slice(values);
            }
        }
        Self {
            weights,
            bias,
            inputs,
            units,
            rectifier,
        }
    }

    /// Number of outputs per image.
    pub fn units(&self) -> usize {
        self.units
    }

    /// # Shapes
    /// - `x`: `[images, inputs]`
    /// - `y`: `[images, units]`, overwritten
    ///
    /// # Panics
    /// If the lengths do not match.
    pub fn forward(&self, images: usize, x: &[f32], y: &mut [f32]) {
        assert_eq!(x.len(), images * self.inputs, "input of a dense layer");
        assert_eq!(y.len(), images * self.units, "output of a dense layer");
        let tasks = self.units.div_ceil(UNITS_PER_TASK);
        let mut targets: Vec<Vec<&mut [f32]>> = Vec::new();
        targets.resize_with(tasks, || Vec::with_capacity(images));
        for row in y.chunks_exact_mut(self.units.max(1)) {
            for (target, part) in targets.iter_mut().zip(row.chunks_mut(UNITS_PER_TASK)) {
                target.push(part);
            }
        }
        let first = |task: usize| task * UNITS_PER_TASK;
        let tasks = targets.into_iter().enumerate().collect();
        each(tasks, 1, |(task, mut target)| {
            let units = (self.units - first(task)).min(UNITS_PER_TASK);
            let weights = &self.weights[first(task) * self.inputs..];
            product(
                &mut target,
                Left::lines(x, images, self.inputs, self.inputs),
                Right::panels(weights, units, self.inputs),
                Finish::default(),
            );
            let bias = self.bias.as_ref().map(|bias| &bias[first(task)..]);
            for row in target {
                match bias {
                    Some(bias) => add_map(row, 0.0, bias, self.rectifier),
                    None => add_bias(row, 0.0, self.rectifier),
                }
            }
        });
    }
}
