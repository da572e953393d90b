//! The Gaussian of a judgement as it is drawn.

use super::shown::Shown;
use crate::gaussian::{Gaussian2, Judgement};
use receptive_plot::Overlay;

/// A Gaussian that can be drawn: finite, with an area.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bell(Gaussian2);

impl Bell {
    /// The fit, or the moments where there is none; what it is, in a word.
    pub(super) fn of(judgement: &Judgement) -> Option<(Self, &'static str)> {
        let fit = judgement.fit.as_ref().and_then(Self::new);
        let moments = || Self::new(&judgement.moments);
        fit.map(|bell| (bell, "fit"))
            .or_else(|| moments().map(|bell| (bell, "moments")))
    }

    pub(super) fn new(gaussian: &Gaussian2) -> Option<Self> {
        let [[rr, rc], [cr, cc]] = gaussian.covariance;
        let numbers = [gaussian.amplitude, rr * cc - rc * cr, rr, cc];
        let sound = numbers.iter().all(|v| v.is_finite() && *v > 0.0)
            && gaussian.mean.iter().all(|v| v.is_finite());
        sound.then_some(Self(*gaussian))
    }

    pub(super) fn amplitude(&self) -> f64 {
        self.0.amplitude
    }

    /// `[row, column]`.
    pub(super) fn mean(&self) -> [f64; 2] {
        self.0.mean
    }

    /// How many standard deviations a place lies from the mean (Mahalanobis).
    pub(super) fn radius(&self, row: f64, column: f64) -> f64 {
        self.0.mahalanobis_squared(row, column).max(0.0).sqrt()
    }

    pub(super) fn at(&self, row: f64, column: f64) -> f64 {
        self.0.value(row, column)
    }

    /// Standard deviations along a row and along a column: `[down, right]`.
    pub(super) fn spread(&self) -> [f64; 2] {
        [0, 1].map(|axis| self.0.covariance[axis][axis].sqrt())
    }

    /// The ellipse at this many standard deviations.
    pub(super) fn ellipse(&self, sigmas: f64, shown: &Shown, label: &str) -> Overlay {
        let [major, minor] = self.0.sigmas().map(|axis| sigmas * axis / shown.per as f64);
        let [row, column] = self.mean();
        Overlay::Ellipse {
            x: shown.x(column),
            y: shown.y(row),
            rx: major,
            ry: minor,
            // Rows run down, so angles from the right run clockwise, as the overlay wants them.
            turn: self.0.angle().to_degrees(),
            label: label.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Map, Region};

    fn gaussian(covariance: [[f64; 2]; 2]) -> Gaussian2 {
        Gaussian2 {
            amplitude: 2.0,
            mean: [3.0, 5.0],
            covariance,
        }
    }

    #[test]
    fn a_place_on_the_ellipse_lies_at_its_radius() {
        let bell = Bell::new(&gaussian([[2.0, 1.2], [1.2, 3.0]])).unwrap();
        let shown = Shown::of(&Map::zeros(Region::image(9, 9)), Region::image(9, 9), 100);
        let Overlay::Ellipse {
            x, y, rx, ry, turn, ..
        } = bell.ellipse(2.0, &shown, "")
        else {
            panic!("an ellipse was expected");
        };
        let (sin, cos) = turn.to_radians().sin_cos();
        for (along, across) in [(rx, 0.0), (0.0, ry), (-rx * 0.6, ry * 0.8)] {
            let column = x - 0.5 + along * cos - across * sin;
            let row = y - 0.5 + along * sin + across * cos;
            assert!((bell.radius(row, column) - 2.0).abs() < 1e-9);
        }
        assert!((bell.at(3.0, 5.0) - 2.0).abs() < 1e-12);
    }

    #[test]
    fn what_has_no_area_or_is_no_number_is_not_drawn() {
        for covariance in [
            [[0.0, 0.0], [0.0, 0.0]],
            [[1.0, 1.0], [1.0, 1.0]],
            [[f64::NAN, 0.0], [0.0, 1.0]],
            [[1.0, 0.0], [0.0, f64::INFINITY]],
        ] {
            assert!(Bell::new(&gaussian(covariance)).is_none());
        }
    }
}
