//! Measures of a field's size: by a threshold, and by the mass within squares.

use crate::map::{Map, Region};
use serde::{Deserialize, Serialize};

/// Luo et al. count the pixels above `1 - 0.9545` of the centre's value and call that two standard
/// deviations. For a Gaussian it is not: those pixels form a disc with a radius of 2.486 sigma, a
/// size of 4.406 sigma.
pub const LUO_THRESHOLD: f64 = 1.0 - 0.9545;

/// The square root of the number of pixels above `threshold` times the value at `centre`, in
/// pixels; 0 if that value is 0.
///
/// If the centre is between pixels, its value is the mean of those around it.
pub fn luo_size(map: &Map, centre: [f64; 2], threshold: f64) -> f64 {
    let [rows, columns] = centre.map(|at| [at.floor() as i64, at.ceil() as i64]);
    let around = rows
        .iter()
        .flat_map(|row| columns.map(|column| map.at(*row, column)));
    let reference = around.sum::<f64>() / 4.0;
    if !reference.is_finite() || reference <= 0.0 {
        return 0.0;
    }
    let above = map
        .values()
        .iter()
        .filter(|value| **value > threshold * reference);
    (above.count() as f64).sqrt()
}

/// A centred square and the share of the mass in it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MassSquare {
    /// The requested share of the mass.
    pub share: f64,
    /// The side of the smallest centred square that contains it, in pixels.
    pub side: usize,
    /// The square's area divided by the image's; above 1 if it extends beyond the image.
    pub of_image: f64,
}

/// The smallest squares about `centre` that contain these shares of the mass. The side is odd if
/// the centre is a pixel, even if it is between pixels.
pub(crate) fn mass_squares(
    map: &Map,
    centre: [f64; 2],
    image: Region,
    shares: &[f64],
) -> Vec<MassSquare> {
    // Twice the distance of each pixel from the centre, in the maximum norm, equals side - 1.
    let side = |row: i64, column: i64| {
        let away = (row as f64 - centre[0])
            .abs()
            .max((column as f64 - centre[1]).abs());
        (2.0 * away).round() as usize + 1
    };
    squares(
        map.pixels().map(|(r, c, value)| (side(r, c), value)),
        image,
        shares,
        |sum, share| sum >= share,
    )
}

/// The squares as computed by RepLKNet's tool (Ding et al. 2022): after `log10(x + 1)` scaled to a
/// maximum of 1, with strictly more than the share, of side `2 i + 1` with `i >= 1` about the
/// image's `(height / 2, width / 2)`. Because of the logarithm they depend on the gradient's scale.
pub(crate) fn replknet_squares(map: &Map, image: Region, shares: &[f64]) -> Vec<MassSquare> {
    let (row, column) = ((image.height / 2) as i64, (image.width / 2) as i64);
    let pixels = map.pixels().map(|(r, c, value)| {
        let away = (r - row).abs().max((c - column).abs()).max(1);
        (2 * away as usize + 1, (value.max(0.0) + 1.0).log10())
    });
    squares(pixels, image, shares, |sum, share| sum > share)
}

fn squares(
    pixels: impl Iterator<Item = (usize, f64)>,
    image: Region,
    shares: &[f64],
    holds: impl Fn(f64, f64) -> bool,
) -> Vec<MassSquare> {
    let mut by_side: Vec<f64> = Vec::new();
    for (side, value) in pixels {
        if by_side.len() <= side {
            by_side.resize(side + 1, 0.0);
        }
        by_side[side] += value;
    }
    let total: f64 = by_side.iter().sum();
    if !total.is_finite() || total <= 0.0 {
        return Vec::new();
    }
    let largest = by_side.len() - 1;
    shares
        .iter()
        .map(|share| {
            let mut sum = 0.0;
            let first = by_side.iter().position(|mass| {
                sum += mass;
                // Rounding of the sum must not make the square of the whole image insufficient.
                holds(sum / total + 1e-12, *share)
            });
            let side = first.unwrap_or(largest);
            MassSquare {
                share: *share,
                side,
                of_image: (side * side) as f64 / image.area().max(1) as f64,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_a_gaussian_match_their_formulas() {
        let image = Region::image(201, 201);
        let sigma = 12.0_f64;
        let bell = |r: i64, c: i64| {
            (-((r - 100).pow(2) + (c - 100).pow(2)) as f64 / (2.0 * sigma * sigma)).exp()
        };
        let map = Map::from_fn(image, bell);
        assert!((luo_size(&map, [100.0, 100.0], LUO_THRESHOLD) / sigma - 4.406).abs() < 0.01);
        // erf(a / sqrt 2)^2 = 1/2 at a = 1.0518 sigma on each side.
        let squares = mass_squares(&map, [100.0, 100.0], image, &[0.5, 0.99]);
        assert!((squares[0].side as f64 - 2.0 * 1.0518 * sigma).abs() < 2.0);
        assert!(squares[0].side % 2 == 1 && squares[1].side > squares[0].side);
        assert!((squares[0].of_image - (squares[0].side as f64 / 201.0).powi(2)).abs() < 1e-12);
    }

    #[test]
    fn replknets_squares_depend_on_the_scale() {
        // The tool's own behaviour, which is why it is not the default.
        let image = Region::image(128, 128);
        let bell = |peak: f64| {
            Map::from_fn(image, move |r, c| {
                peak * (-((r - 64).pow(2) + (c - 64).pow(2)) as f64 / (2.0 * 144.0)).exp()
            })
        };
        let side = |peak| replknet_squares(&bell(peak), image, &[0.5])[0].side;
        assert!(side(1e4) > side(1e-3) + 10);
    }

    #[test]
    fn empty_maps_have_no_size() {
        let image = Region::image(3, 3);
        let empty = Map::zeros(image);
        assert_eq!(luo_size(&empty, [1.0, 1.0], LUO_THRESHOLD), 0.0);
        assert!(mass_squares(&empty, [1.0, 1.0], image, &[0.5]).is_empty());
        let even = Map::from_fn(Region::image(4, 4), |_, _| 1.0);
        assert_eq!(mass_squares(&even, [1.5, 1.5], image, &[0.2])[0].side, 2);
        assert_eq!(luo_size(&even, [1.5, 1.5], LUO_THRESHOLD), 4.0);
    }
}
