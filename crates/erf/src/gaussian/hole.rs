//! The hole index: the least of the map over its fit within one sigma. Strides and dilation leave
//! holes there that moments do not see.

use super::Estimate;
use super::bootstrap::student;
use super::field::Field;
use super::fitted::Gaussian2;
use super::noise::{half_splits, sum_into};

/// The pixels within one sigma of a reference, over that reference.
#[derive(Debug)]
pub(super) struct Core {
    cells: Vec<(usize, f64)>, // index into the field's values, 1 / reference
}

impl Core {
    /// That of a reference in the field's units.
    pub(super) fn new(field: &Field, reference: &Gaussian2) -> Self {
        let cells = (0..field.values.len())
            .filter_map(|index| {
                let (row, column) = field.place(index);
                let within = reference.mahalanobis_squared(row, column) <= 1.0;
                within.then(|| (index, 1.0 / reference.value(row, column)))
            })
            .collect();
        Self { cells }
    }

    /// Each pixel's ratio of these values, which have the given mass, to the reference.
    fn ratios(&self, values: &[f64], mass: f64) -> impl Iterator<Item = f64> {
        self.cells
            .iter()
            .map(move |(index, inverse)| values[*index] / mass * inverse)
    }

    /// The hole index. Without noise it is the least ratio. The least of many noisy ratios is too
    /// low, so with groups the pixel is chosen on one half of them and read on the other.
    pub(super) fn hole(&self, field: &Field) -> Estimate {
        if self.cells.is_empty() {
            return Estimate::exact(1.0);
        }
        let least = self
            .ratios(&field.values, 1.0)
            .fold(f64::INFINITY, f64::min);
        if field.groups.len() < 2 {
            return Estimate::exact(least);
        }
        let groups: Vec<&[f64]> = field.groups.iter().map(Vec::as_slice).collect();
        let (mut a, mut b) = (vec![0.0; field.values.len()], vec![0.0; field.values.len()]);
        let (mut value, mut reads) = (0.0, 0.0);
        for [first, second] in half_splits(groups.len()) {
            sum_into(&mut a, &groups, &first);
            sum_into(&mut b, &groups, &second);
            for (chooser, reader) in [(&a, &b), (&b, &a)] {
                value += self.read(chooser, reader);
                reads += 1.0;
            }
        }
        let value = value / reads;
        // A ratio's error is proportional to it. `low` holds for the least of all pixels at once;
        // `value` belongs to one pixel, and every pixel bounds the least from above.
        let error = student(groups.len() - 1) * self.relative_noise(field);
        Estimate {
            value,
            low: (least * (1.0 - error)).clamp(0.0, value),
            high: value * (1.0 + 2f64.sqrt() * error), // as if read on one half
        }
    }

    fn read(&self, chooser: &[f64], reader: &[f64]) -> f64 {
        let mass = reader.iter().sum::<f64>();
        let chosen = self
            .ratios(chooser, 1.0)
            .zip(self.ratios(reader, mass))
            .min_by(|a, b| a.0.total_cmp(&b.0));
        chosen.map_or(
            1.0,
            |(_, ratio)| if ratio.is_finite() { ratio } else { 1.0 },
        )
    }

    /// The standard error of the map's pixels, relative to their values, pooled over the core; 0
    /// without groups.
    pub(super) fn relative_noise(&self, field: &Field) -> f64 {
        let groups = field.groups.len();
        if groups < 2 {
            return 0.0;
        }
        let (mut spread, mut squares) = (0.0, 0.0);
        for (index, _) in &self.cells {
            let mean = field.groups.iter().map(|g| g[*index]).sum::<f64>() / groups as f64;
            squares += mean * mean;
            spread += field
                .groups
                .iter()
                .map(|g| (g[*index] - mean).powi(2))
                .sum::<f64>();
        }
        if squares <= 0.0 {
            return 0.0;
        }
        (spread / squares / ((groups - 1) * groups) as f64).sqrt()
    }
}
