//! A map for drawing: cropped to a window, downsampled, as fractions of its peak.

use crate::map::{Map, Region};
use receptive_plot::{ColorMap, Tile};

/// The colour map of all figures here.
pub(super) const COLOURS: ColorMap = ColorMap::Magma;

/// Fractions of the map's peak over a window, each the mean of `per` by `per` pixels.
#[derive(Debug)]
pub(super) struct Raster {
    pub(super) window: Region,
    pub(super) per: usize,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) shares: Vec<f32>,
}

impl Raster {
    /// The map over the window, downsampled until no side has more than `limit` values.
    pub(super) fn new(map: &Map, window: Region, limit: usize) -> Self {
        Self::within_image(map, window, window, limit)
    }

    /// Like [`new`](Self::new); pixels in neither the map nor `image` have no value.
    pub(super) fn within_image(map: &Map, image: Region, window: Region, limit: usize) -> Self {
        let per = window
            .height
            .max(window.width)
            .div_ceil(limit.max(1))
            .max(1);
        let (width, height) = (window.width.div_ceil(per), window.height.div_ceil(per));
        let peak = peak(map);
        let scale = if peak > 0.0 { peak.recip() } else { 0.0 };
        let mut sums = vec![(0.0, 0_u32); width * height];
        for row in window.top..window.bottom() {
            let y = (row - window.top) as usize / per;
            for column in window.left..window.right() {
                let value = map.at(row, column);
                let has_value = image.contains(row, column) || map.region().contains(row, column);
                let x = (column - window.left) as usize / per;
                if let Some(sum) = sums.get_mut(y * width + x)
                    && has_value
                    && value.is_finite()
                {
                    *sum = (sum.0 + value * scale, sum.1 + 1);
                }
            }
        }
        let mean = |(sum, count): (f64, u32)| match count {
            0 => f32::NAN,
            _ => (sum / f64::from(count)) as f32,
        };
        Self {
            window,
            per,
            width,
            height,
            shares: sums.into_iter().map(mean).collect(),
        }
    }

    /// The position of a column, in values from the left edge.
    pub(super) fn x(&self, column: f64) -> f64 {
        (column - self.window.left as f64 + 0.5) / self.per as f64
    }

    /// The position of a row, in values from the top edge.
    pub(super) fn y(&self, row: f64) -> f64 {
        (row - self.window.top as f64 + 0.5) / self.per as f64
    }

    /// A region as left, top, width and height, in values.
    pub(super) fn rect(&self, region: Region) -> [f64; 4] {
        let per = self.per as f64;
        [
            (region.left - self.window.left) as f64 / per,
            (region.top - self.window.top) as f64 / per,
            region.width as f64 / per,
            region.height as f64 / per,
        ]
    }

    /// A small figure of it, scaled to its own maximum, because downsampling lowers a map's peak.
    pub(super) fn tile(&self) -> Tile {
        let largest = self.shares.iter().copied().fold(0.0, f32::max);
        let scale = if largest > 0.0 { largest.recip() } else { 0.0 };
        let colour = |share: &f32| {
            if share.is_finite() {
                let colour = COLOURS.at(f64::from(share * scale));
                [colour.r, colour.g, colour.b]
            } else {
                [190; 3]
            }
        };
        let rgb: Vec<u8> = self.shares.iter().flat_map(colour).collect();
        Tile::rgb(self.width, self.height, &rgb)
    }
}

/// The largest finite value; 0 if none is positive.
pub(super) fn peak(map: &Map) -> f64 {
    let finite = map.values().iter().copied().filter(|v| v.is_finite());
    finite.fold(0.0, f64::max)
}

/// The factor that converts the map's values to fractions of its peak; 1 if it has none.
pub(super) fn per_peak(map: &Map) -> f64 {
    match peak(map) {
        peak if peak > 0.0 => peak.recip(),
        _ => 1.0,
    }
}

/// The smallest region that contains all pixels above this fraction of the map's peak, if there are
/// any.
pub(super) fn above(map: &Map, share: f64) -> Option<Region> {
    let threshold = peak(map) * share;
    let mut pixels = map
        .pixels()
        .filter(|(_, _, value)| value.is_finite() && *value > threshold);
    let one = |row, column| Region {
        top: row,
        left: column,
        height: 1,
        width: 1,
    };
    let (row, column, _) = pixels.next()?;
    let start = (row, column, row, column);
    let (top, left, bottom, right) = pixels.fold(start, |(t, l, b, r), (row, column, _)| {
        (t.min(row), l.min(column), b.max(row), r.max(column))
    });
    Some(one(top, left).hull(&one(bottom, right)))
}

/// A region enlarged by this many pixels on every side.
pub(super) fn grown(region: Region, by: usize) -> Region {
    Region {
        top: region.top - by as i64,
        left: region.left - by as i64,
        height: region.height + 2 * by,
        width: region.width + 2 * by,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_averaged_and_nan_is_left_out() {
        let mut map = Map::from_fn(Region::image(2, 4), |_, column| column as f64);
        map.values_mut()[0] = f64::NAN;
        let raster = Raster::new(&map, Region::image(2, 4), 2);
        assert_eq!((raster.per, raster.width, raster.height), (2, 2, 1));
        let expected = [2.0 / 9.0, 2.5 / 3.0];
        for (found, expected) in raster.shares.iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 1e-6, "{found}");
        }
    }

    #[test]
    fn pixels_outside_the_image_have_no_value_and_the_rest_of_it_is_zero() {
        let window = grown(Region::image(1, 1), 1);
        let raster = Raster::within_image(
            &Map::zeros(Region::image(1, 1)),
            Region::image(2, 1),
            window,
            9,
        );
        let known: Vec<bool> = raster.shares.iter().map(|v| v.is_finite()).collect();
        assert_eq!(known.iter().filter(|known| **known).count(), 2);
        assert!(known[4] && known[7]);
    }

    #[test]
    fn the_region_above_a_share_of_the_peak_is_its_bounding_box() {
        let mut map = Map::zeros(Region::image(5, 5));
        assert_eq!(above(&map, 0.1), None);
        map.values_mut()[7] = 1.0;
        map.values_mut()[18] = 0.5;
        let found = above(&map, 0.1).unwrap();
        assert_eq!((found.top, found.left), (1, 2));
        assert_eq!((found.height, found.width), (3, 2));
    }
}
