//! The data shown by the figures of one measurement: the measured map, the predicted one, the
//! Gaussian.

use super::raster::Raster;
use crate::gaussian::{Gaussian2, Judgement};
use crate::map::{Map, Region};
use receptive_plot::Overlay;

/// The data shown by a figure of one measurement.
#[derive(Debug, Clone)]
pub(super) struct Subject<'a> {
    /// The figure's title.
    pub(super) title: String,
    /// Description of the measurement: unit, inputs, number of samples.
    pub(super) subtitle: String,
    /// The measured map.
    pub(super) map: &'a Map,
    /// The means of groups of samples, for error bands; empty for none.
    pub(super) groups: &'a [Map],
    /// The judgement of the map.
    pub(super) judgement: &'a Judgement,
    /// The theoretical receptive field.
    pub(super) trf: Region,
    /// The whole input image.
    pub(super) image: Region,
    /// The predicted map; drawn with the same mass as the measured one.
    pub(super) prediction: Option<&'a Map>,
    /// Further names and values for the table.
    pub(super) numbers: Vec<(String, String)>,
}

impl<'a> Subject<'a> {
    /// The predicted map and the factor that gives it the mass of the measured one.
    pub(super) fn theory(&self) -> Option<(&'a Map, f64)> {
        let theory = self.prediction?;
        let mass = |map: &Map| -> f64 { map.values().iter().filter(|v| v.is_finite()).sum() };
        let factor = mass(self.map) / mass(theory);
        (factor.is_finite() && factor > 0.0).then_some((theory, factor))
    }
}

/// A Gaussian that can be drawn: finite, with positive area.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bell(Gaussian2);

impl Bell {
    /// The fit, or the moments if there is none, with its name.
    pub(super) fn from_judgement(judgement: &Judgement) -> Option<(Self, &'static str)> {
        let fit = judgement.fit.as_ref().and_then(Self::new);
        let moments = || Self::new(&judgement.moments);
        fit.map(|bell| (bell, "fit"))
            .or_else(|| moments().map(|bell| (bell, "moments")))
    }

    pub(super) fn new(gaussian: &Gaussian2) -> Option<Self> {
        let [[rr, rc], [cr, cc]] = gaussian.covariance;
        let numbers = [gaussian.amplitude, rr * cc - rc * cr, rr, cc];
        let is_sound = numbers.iter().all(|v| v.is_finite() && *v > 0.0)
            && gaussian.mean.iter().all(|v| v.is_finite());
        is_sound.then_some(Self(*gaussian))
    }

    pub(super) fn amplitude(&self) -> f64 {
        self.0.amplitude
    }

    /// `[row, column]`.
    pub(super) fn mean(&self) -> [f64; 2] {
        self.0.mean
    }

    /// The Mahalanobis distance of a position from the mean.
    pub(super) fn radius(&self, row: f64, column: f64) -> f64 {
        self.0.mahalanobis_squared(row, column).max(0.0).sqrt()
    }

    pub(super) fn at(&self, row: f64, column: f64) -> f64 {
        self.0.value(row, column)
    }

    /// Standard deviations `[down, right]`: vertical and horizontal.
    pub(super) fn spread(&self) -> [f64; 2] {
        [0, 1].map(|axis| self.0.covariance[axis][axis].sqrt())
    }

    /// The ellipse at this many standard deviations.
    pub(super) fn ellipse(&self, sigmas: f64, raster: &Raster, label: &str) -> Overlay {
        let [major, minor] = self
            .0
            .sigmas()
            .map(|axis| sigmas * axis / raster.per as f64);
        let [row, column] = self.mean();
        Overlay::Ellipse {
            x: raster.x(column),
            y: raster.y(row),
            rx: major,
            ry: minor,
            // Rows run downwards, so angles increase clockwise, as the overlay expects.
            turn: self.0.angle().to_degrees(),
            label: label.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let raster = Raster::new(&Map::zeros(Region::image(9, 9)), Region::image(9, 9), 100);
        let Overlay::Ellipse {
            x, y, rx, ry, turn, ..
        } = bell.ellipse(2.0, &raster, "")
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
    fn a_gaussian_without_area_or_with_nan_is_not_drawn() {
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
