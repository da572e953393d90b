//! A Gaussian in the plane, and its values on the pixel lattice.

use crate::map::Region;
use serde::Serialize;

/// A Gaussian over input pixels, in `[row, column]` order.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Gaussian2 {
    /// The value at the mean, in the map's units.
    pub amplitude: f64,
    /// The centre, in pixels of the image; the centre of pixel `i` is `i`.
    pub mean: [f64; 2],
    /// The covariance, in square pixels.
    pub covariance: [[f64; 2]; 2],
}

impl Gaussian2 {
    /// The value at a position.
    pub fn value(&self, row: f64, column: f64) -> f64 {
        self.amplitude * (-0.5 * self.mahalanobis_squared(row, column)).exp()
    }

    /// The standard deviations along the major and the minor axis, in pixels.
    pub fn sigmas(&self) -> [f64; 2] {
        let [[a, b], [_, d]] = self.covariance;
        let (middle, half) = ((a + d) / 2.0, ((a - d) / 2.0).hypot(b));
        [
            (middle + half).max(0.0).sqrt(),
            (middle - half).max(0.0).sqrt(),
        ]
    }

    /// The angle of the major axis in radians, from the column axis (to the right) towards the row
    /// axis (down), in `(-pi/2, pi/2]`; 0 for a circle.
    pub fn angle(&self) -> f64 {
        let [[a, b], [_, d]] = self.covariance;
        if b == 0.0 && a == d {
            return 0.0;
        }
        0.5 * (2.0 * b).atan2(d - a)
    }

    /// The geometric mean of the two standard deviations, in pixels.
    pub fn sigma(&self) -> f64 {
        let [major, minor] = self.sigmas();
        (major * minor).sqrt()
    }

    /// The pixels outside which the values of a [`Lattice`] are 0 or negligible.
    pub(super) fn reach(&self) -> Region {
        let [[top, bottom], [left, right]] = [0, 1].map(|axis| {
            let reach = REACH * self.covariance[axis][axis].sqrt();
            let (first, last) = (self.mean[axis] - reach, self.mean[axis] + reach);
            // A fit may try a Gaussian of any size before it converges.
            [first.floor(), last.ceil() + 1.0].map(|end| end.clamp(-1e9, 1e9) as i64)
        });
        Region {
            top,
            left,
            height: (bottom - top) as usize,
            width: (right - left) as usize,
        }
    }

    /// The inverse of the covariance; zeros if it has none.
    pub(super) fn precision(&self) -> [[f64; 2]; 2] {
        let [[a, b], [_, d]] = self.covariance;
        let determinant = a * d - b * b;
        if determinant <= 0.0 {
            return [[0.0; 2]; 2];
        }
        [
            [d / determinant, -b / determinant],
            [-b / determinant, a / determinant],
        ]
    }

    /// The squared Mahalanobis distance from the mean.
    pub(crate) fn mahalanobis_squared(&self, row: f64, column: f64) -> f64 {
        let p = self.precision();
        let (y, x) = (row - self.mean[0], column - self.mean[1]);
        p[0][0] * y * y + 2.0 * p[0][1] * y * x + p[1][1] * x * x
    }
}

/// Beyond this many conditional sigmas a value is set to 0: it is below 1e-18 of its row's peak.
const REACH: f64 = 9.0;

/// A Gaussian with amplitude 1 that is evaluated along rows with two multiplications per pixel: the
/// ratios of neighbours form a geometric sequence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lattice {
    mean: [f64; 2],
    /// The precision along columns, given the row.
    along: f64,
    /// How the centre of a row moves from one row to the next.
    slope: f64,
    /// The marginal precision along rows.
    down: f64,
}

impl Lattice {
    /// The lattice of a Gaussian with an invertible covariance.
    pub(super) fn new(gaussian: &Gaussian2) -> Self {
        let p = gaussian.precision();
        Self {
            mean: gaussian.mean,
            along: p[1][1],
            slope: -p[0][1] / p[1][1],
            down: p[0][0] - p[0][1] * p[0][1] / p[1][1],
        }
    }

    /// Writes the values of a row, starting at the column `left`.
    pub(super) fn row(&self, row: i64, left: i64, out: &mut [f64]) {
        out.fill(0.0);
        let y = row as f64 - self.mean[0];
        let base = (-0.5 * self.down * y * y).exp();
        let middle = self.mean[1] + self.slope * y - left as f64; // as an index of `out`
        let reach = REACH / self.along.sqrt();
        let first = (middle - reach).ceil().max(0.0) as usize;
        let end = ((middle + reach).floor() + 1.0).clamp(0.0, out.len() as f64) as usize;
        if base == 0.0 || first >= end {
            return;
        }
        // From the peak outwards, so that nothing underflows before it.
        let start = (middle.round().max(first as f64) as usize).min(end - 1);
        let x = start as f64 - middle;
        let at_start = base * (-0.5 * self.along * x * x).exp();
        let shrink = (-self.along).exp();
        let walk = |values: &mut dyn Iterator<Item = &mut f64>, x: f64| {
            let (mut value, mut ratio) = (at_start, (-self.along * (x + 0.5)).exp());
            for out in values {
                *out = value;
                value *= ratio;
                ratio *= shrink;
            }
        };
        walk(&mut out[start..end].iter_mut(), x);
        walk(&mut out[first..=start].iter_mut().rev(), -x);
    }

    /// The sum over a region's pixels.
    pub(super) fn sum(&self, region: &Region) -> f64 {
        let reach = REACH / self.down.sqrt();
        let rows = (self.mean[0] - reach, self.mean[0] + reach);
        let mut line = vec![0.0; region.width];
        (region.top..region.bottom())
            .filter(|row| (rows.0..=rows.1).contains(&(*row as f64)))
            .map(|row| {
                self.row(row, region.left, &mut line);
                line.iter().sum::<f64>()
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    #[test]
    fn an_ellipse_has_its_axes_and_angle() {
        // Sigmas of 3 and 1, with the major axis 30 degrees below the column axis.
        let (sine, cosine) = (PI / 6.0).sin_cos();
        let gaussian = Gaussian2 {
            amplitude: 2.0,
            mean: [1.0, -2.0],
            covariance: [
                [9.0 * sine * sine + cosine * cosine, 8.0 * sine * cosine],
                [8.0 * sine * cosine, 9.0 * cosine * cosine + sine * sine],
            ],
        };
        let [major, minor] = gaussian.sigmas();
        assert!((major - 3.0).abs() < 1e-12 && (minor - 1.0).abs() < 1e-12);
        assert!((gaussian.angle() - PI / 6.0).abs() < 1e-12);
        assert!((gaussian.sigma() - 3f64.sqrt()).abs() < 1e-12);
        assert_eq!(gaussian.value(1.0, -2.0), 2.0);
        let out = gaussian.value(1.0 + 3.0 * sine, -2.0 + 3.0 * cosine);
        assert!((out - 2.0 * (-0.5f64).exp()).abs() < 1e-12);
    }

    #[test]
    fn rows_are_the_gaussian() {
        for (covariance, mean) in [
            ([[40.0, 11.0], [11.0, 9.0]], [3.3, 20.7]),
            ([[0.5, 0.0], [0.0, 2.0]], [0.0, -30.0]),
            ([[900.0, -300.0], [-300.0, 400.0]], [15.0, 60.5]),
        ] {
            let gaussian = Gaussian2 {
                amplitude: 1.0,
                mean,
                covariance,
            };
            let lattice = Lattice::new(&gaussian);
            let mut line = vec![0.0; 61];
            for row in [-20, 0, 3, 44] {
                lattice.row(row, -10, &mut line);
                for (index, value) in line.iter().enumerate() {
                    let expected = gaussian.value(row as f64, index as f64 - 10.0);
                    let off = (value - expected).abs();
                    assert!(off < 1e-12 * expected + 1e-17, "{row} {index}: {off:e}");
                }
            }
            let region = Region {
                top: -10,
                left: -10,
                height: 41,
                width: 61,
            };
            let total: f64 = (-10..31)
                .map(|row| {
                    lattice.row(row, -10, &mut line);
                    line.iter().sum::<f64>()
                })
                .sum();
            assert!((lattice.sum(&region) - total).abs() <= 1e-12 * total);
        }
    }
}
