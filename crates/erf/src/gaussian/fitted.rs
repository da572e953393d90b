//! A Gaussian in the plane.

use serde::Serialize;

/// A Gaussian over input pixels, in `[row, column]` order.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Gaussian2 {
    /// The value at the mean, in the map's units.
    pub amplitude: f64,
    /// The middle, in pixels of the image; pixel `i` has its middle at `i`.
    pub mean: [f64; 2],
    /// The covariance in square pixels.
    pub covariance: [[f64; 2]; 2],
}

impl Gaussian2 {
    /// The value at a place.
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

    /// The geometric mean of both standard deviations, in pixels.
    pub fn sigma(&self) -> f64 {
        let [major, minor] = self.sigmas();
        (major * minor).sqrt()
    }

    /// The inverse of the covariance; zeros where there is none.
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

    /// The squared distance from the mean in standard deviations.
    pub(crate) fn mahalanobis_squared(&self, row: f64, column: f64) -> f64 {
        let p = self.precision();
        let (y, x) = (row - self.mean[0], column - self.mean[1]);
        p[0][0] * y * y + 2.0 * p[0][1] * y * x + p[1][1] * x * x
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    #[test]
    fn an_ellipse_has_its_axes_and_angle() {
        // Sigmas of 3 and 1, the major axis 30 degrees below the columns' axis.
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
}
