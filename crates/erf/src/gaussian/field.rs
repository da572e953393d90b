//! The distribution under test: a map within the theoretical field, the window around it, and the
//! moments of the map and its groups up to the fourth order.

use super::gaussian2::Gaussian2;
use crate::map::{Map, Region};

/// The window extends by this many sigmas on each side, which includes all but 0.006 % of a
/// Gaussian.
const WINDOW_SIGMAS: f64 = 4.0;

/// A map and its groups over one region, scaled so that the map has mass 1.
#[derive(Debug)]
pub(super) struct NormalizedMap {
    /// The part of the window in which gradients can be non-zero: the map within the theoretical
    /// field.
    pub(super) data: Region,
    /// The theoretical field, enlarged to at least 4 sigma on each side. Pixels of the window
    /// outside the data are exact zeros.
    pub(super) window: Region,
    /// The map over the data, row-major.
    pub(super) values: Vec<f64>,
    /// The groups over the data, scaled like the map.
    pub(super) groups: Vec<Vec<f64>>,
    /// The map's moments.
    pub(super) sums: MomentSums,
    /// Each group's moments.
    pub(super) group_sums: Vec<MomentSums>,
}

impl NormalizedMap {
    /// The field of a map within `trf`; `None` if it has no positive mass there.
    pub(super) fn new(map: &Map, groups: &[Map], trf: &Region) -> Option<Self> {
        let data = map.region().intersection(trf);
        let total: f64 = map.over(data).total();
        if !(total.is_finite() && total > 0.0) {
            return None;
        }
        let scaled = |map: &Map| -> Vec<f64> {
            let map = map.over(data);
            map.values().iter().map(|value| value / total).collect()
        };
        let values = scaled(map);
        let sums = MomentSums::new(&data, &values);
        let groups: Vec<Vec<f64>> = groups.iter().map(scaled).collect();
        let group_sums = groups
            .iter()
            .map(|group| MomentSums::new(&data, group))
            .collect();
        let gaussian = sums.gaussian();
        let ends = |axis: usize| {
            let reach = WINDOW_SIGMAS * gaussian.covariance[axis][axis].sqrt();
            let (first, last) = (gaussian.mean[axis] - reach, gaussian.mean[axis] + reach);
            (first.floor() as i64, last.ceil() as i64 + 1)
        };
        let ((top, bottom), (left, right)) = (ends(0), ends(1));
        let grown = Region {
            top,
            left,
            height: (bottom - top) as usize,
            width: (right - left) as usize,
        };
        Some(Self {
            data,
            window: trf.hull(&grown),
            values,
            groups,
            sums,
            group_sums,
        })
    }

    /// The row and the column of the value at this index.
    pub(super) fn place(&self, index: usize) -> (f64, f64) {
        let width = self.data.width.max(1);
        (
            (self.data.top + (index / width) as i64) as f64,
            (self.data.left + (index % width) as i64) as f64,
        )
    }
}

/// The exponents `[row, column]` of the raw moments, up to the fourth order.
const POWERS: [[usize; 2]; 15] = [
    [0, 0],
    [1, 0],
    [0, 1],
    [2, 0],
    [1, 1],
    [0, 2],
    [3, 0],
    [2, 1],
    [1, 2],
    [0, 3],
    [4, 0],
    [3, 1],
    [2, 2],
    [1, 3],
    [0, 4],
];

/// The Gaussian with the mean and covariance of a map, in pixels, with amplitude 1; `None` for a
/// map without mass.
pub(crate) fn moments(map: &Map) -> Option<Gaussian2> {
    let sums = MomentSums::new(&map.region(), map.values());
    (sums.total() > 0.0 && sums.total().is_finite()).then(|| sums.gaussian())
}

/// Sums of values times powers of the offset from an origin. They are linear in the map, so those
/// of a weighted sum of maps need no pass over the pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct MomentSums {
    origin: [f64; 2],
    raw: [f64; 15],
}

impl MomentSums {
    /// The sums for a map of `region.area()` values about the region's centre.
    pub(super) fn new(region: &Region, values: &[f64]) -> Self {
        let origin = region.centre();
        let mut raw = [0.0; 15];
        for (row, line) in values.chunks_exact(region.width.max(1)).enumerate() {
            // Along the row first: 5 sums, then their 15 products with the powers of the row's
            // offset.
            let mut along = [0.0; 5];
            for (column, value) in line.iter().enumerate() {
                let x = (region.left + column as i64) as f64 - origin[1];
                let mut term = *value;
                for sum in &mut along {
                    *sum += term;
                    term *= x;
                }
            }
            let y = (region.top + row as i64) as f64 - origin[0];
            for (sum, [down, right]) in raw.iter_mut().zip(POWERS) {
                *sum += y.powi(down as i32) * along[right];
            }
        }
        Self { origin, raw }
    }

    /// The sums for a weighted sum of maps.
    pub(super) fn weighted(sums: &[Self], weights: &[f64]) -> Self {
        let mut all = Self {
            origin: sums.first().map_or([0.0; 2], |sums| sums.origin),
            raw: [0.0; 15],
        };
        for (sums, weight) in sums.iter().zip(weights) {
            for (sum, raw) in all.raw.iter_mut().zip(sums.raw) {
                *sum += weight * raw;
            }
        }
        all
    }

    /// The total mass.
    pub(super) fn total(&self) -> f64 {
        self.raw[0]
    }

    fn raw(&self, down: usize, right: usize) -> f64 {
        let order = down + right;
        // The moments of an order come after those of all lower orders.
        self.raw[order * (order + 1) / 2 + right]
    }

    /// `E[(row - mean)^down (column - mean)^right]`.
    fn central(&self, down: usize, right: usize) -> f64 {
        const BINOMIAL: [[f64; 5]; 5] = [
            [1.0, 0.0, 0.0, 0.0, 0.0],
            [1.0, 1.0, 0.0, 0.0, 0.0],
            [1.0, 2.0, 1.0, 0.0, 0.0],
            [1.0, 3.0, 3.0, 1.0, 0.0],
            [1.0, 4.0, 6.0, 4.0, 1.0],
        ];
        let total = self.total();
        let (y, x) = (self.raw(1, 0) / total, self.raw(0, 1) / total);
        let mut sum = 0.0;
        for (i, chosen_rows) in BINOMIAL[down].iter().take(down + 1).enumerate() {
            for (j, chosen_columns) in BINOMIAL[right].iter().take(right + 1).enumerate() {
                sum += chosen_rows
                    * chosen_columns
                    * (-y).powi((down - i) as i32)
                    * (-x).powi((right - j) as i32)
                    * self.raw(i, j);
            }
        }
        sum / total
    }

    /// The Gaussian with the same mean and covariance, with amplitude 1.
    pub(super) fn gaussian(&self) -> Gaussian2 {
        let total = self.total();
        let across = self.central(1, 1);
        Gaussian2 {
            amplitude: 1.0,
            mean: [
                self.origin[0] + self.raw(1, 0) / total,
                self.origin[1] + self.raw(0, 1) / total,
            ],
            covariance: [
                [self.central(2, 0).max(0.0), across],
                [across, self.central(0, 2).max(0.0)],
            ],
        }
    }

    /// The excess kurtosis along the row and column axes.
    pub(super) fn kurtosis(&self) -> [f64; 2] {
        [
            self.central(4, 0) / self.central(2, 0).powi(2) - 3.0,
            self.central(0, 4) / self.central(0, 2).powi(2) - 3.0,
        ]
    }

    /// Mardia's kurtosis `E[d^4]` of the Mahalanobis distance `d`, minus the 8 of a Gaussian.
    pub(super) fn mardia(&self) -> f64 {
        let [[a, b], [_, d]] = self.gaussian().precision();
        a * a * self.central(4, 0)
            + 4.0 * a * b * self.central(3, 1)
            + (2.0 * a * d + 4.0 * b * b) * self.central(2, 2)
            + 4.0 * b * d * self.central(1, 3)
            + d * d * self.central(0, 4)
            - 8.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_a_sum_over_pixels() {
        let region = Region {
            top: 3,
            left: -2,
            height: 4,
            width: 5,
        };
        let values: Vec<f64> = (0..20).map(|i| f64::from((7 * i) % 11)).collect();
        let sums = MomentSums::new(&region, &values);
        let gaussian = sums.gaussian();
        let total: f64 = values.iter().sum();
        let mean = |of: &dyn Fn(f64, f64) -> f64| {
            values
                .iter()
                .enumerate()
                .map(|(i, value)| value * of(3.0 + (i / 5) as f64, (i % 5) as f64 - 2.0))
                .sum::<f64>()
                / total
        };
        let [y, x] = [mean(&|y, _| y), mean(&|_, x| x)];
        assert!((gaussian.mean[0] - y).abs() < 1e-12 && (gaussian.mean[1] - x).abs() < 1e-12);
        let across = mean(&|r, c| (r - y) * (c - x));
        assert!((gaussian.covariance[0][1] - across).abs() < 1e-12);
        let mardia = mean(&|r, c| gaussian.mahalanobis_squared(r, c).powi(2)) - 8.0;
        assert!((sums.mardia() - mardia).abs() < 1e-10);
        let rows = mean(&|r, _| (r - y).powi(4)) / mean(&|r, _| (r - y).powi(2)).powi(2) - 3.0;
        assert!((sums.kurtosis()[0] - rows).abs() < 1e-11);
    }

    #[test]
    fn weights_go_through() {
        let region = Region::image(3, 3);
        let a: Vec<f64> = (0..9).map(f64::from).collect();
        let b: Vec<f64> = a.iter().map(|v| v * v).collect();
        let both: Vec<f64> = a.iter().zip(&b).map(|(a, b)| 2.0 * a + 0.5 * b).collect();
        let sums = [MomentSums::new(&region, &a), MomentSums::new(&region, &b)];
        let sum = MomentSums::weighted(&sums, &[2.0, 0.5]);
        assert!((sum.mardia() - MomentSums::new(&region, &both).mardia()).abs() < 1e-10);
    }
}
