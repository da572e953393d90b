//! A layer's map over the picture's pixels.

use receptive_erf::{Map, Region};
use receptive_model::Field;

/// A map of units over `image`: each unit at the centre of the pixels it sees, linear between two
/// units, and beyond the outermost ones their values.
///
/// Stretching the map over the picture, as is usual, puts units beside what they see where
/// convolutions without padding came before.
pub fn placed(units: &Map, field: [Field; 2], image: Region) -> Map {
    let region = units.region();
    let sizes = [region.height, region.width];
    let between = |axis: usize, pixel: i64| -> (i64, i64, f64) {
        let last = sizes[axis].saturating_sub(1) as f64;
        let stride = field[axis].stride.max(1) as f64;
        let unit = ((pixel as f64 - field[axis].centre()) / stride).clamp(0.0, last);
        let low = unit.floor();
        (low as i64, (low + 1.0).min(last) as i64, unit - low)
    };
    Map::from_fn(image, |row, column| {
        let (top, bottom, down) = between(0, row);
        let (left, right, across) = between(1, column);
        let line = |row| (1.0 - across) * units.at(row, left) + across * units.at(row, right);
        (1.0 - down) * line(top) + down * line(bottom)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_s_value_lies_at_the_centre_of_what_it_sees() {
        // Two 3x3 convolutions without padding, the second with stride 2, on 9 pixels: 3 units that
        // see 5 pixels each, centred at 2, 4 and 6.
        let field = Field {
            first: 0,
            last: 4,
            stride: 2,
        };
        let units = Map::from_fn(Region::image(3, 3), |row, column| {
            f64::from(u8::from(row == 1)) * [0.0, 1.0, 4.0][column as usize]
        });
        let map = placed(&units, [field; 2], Region::image(9, 9));
        let row: Vec<f64> = (0..9).map(|column| map.at(4, column)).collect();
        assert_eq!(row, [0.0, 0.0, 0.0, 0.5, 1.0, 2.5, 4.0, 4.0, 4.0]);
        assert_eq!(map.at(3, 6), 2.0);
        assert_eq!(map.at(0, 8), 0.0);
    }

    #[test]
    fn one_unit_covers_everything() {
        let field = Field {
            first: -3,
            last: 9,
            stride: 4,
        };
        let units = Map::from_fn(Region::image(1, 1), |_, _| 2.0);
        let map = placed(&units, [field; 2], Region::image(3, 4));
        assert!(map.values().iter().all(|value| *value == 2.0));
    }
}
