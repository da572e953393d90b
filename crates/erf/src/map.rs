//! A map over input pixels, the region it covers, and its NumPy file.

use crate::error::ErfError;
use receptive_core::file::write_over_own;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A rectangle of input pixels. Pixel 0 is the image's first; a rectangle may extend beyond the
/// image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// The first row.
    pub top: i64,
    /// The first column.
    pub left: i64,
    /// Number of rows.
    pub height: usize,
    /// Number of columns.
    pub width: usize,
}

impl Region {
    /// A whole image.
    pub const fn image(height: usize, width: usize) -> Self {
        Self {
            top: 0,
            left: 0,
            height,
            width,
        }
    }

    /// The first row below it.
    pub const fn bottom(&self) -> i64 {
        self.top + self.height as i64
    }

    /// The first column to the right of it.
    pub const fn right(&self) -> i64 {
        self.left + self.width as i64
    }

    /// Number of pixels.
    pub const fn area(&self) -> usize {
        self.height * self.width
    }

    /// Its centre as `[row, column]`; the centre of pixel `i` is `i`.
    pub fn centre(&self) -> [f64; 2] {
        [
            (self.top + self.bottom() - 1) as f64 / 2.0,
            (self.left + self.right() - 1) as f64 / 2.0,
        ]
    }

    /// Whether it contains the pixel.
    pub const fn contains(&self, row: i64, column: i64) -> bool {
        row >= self.top && row < self.bottom() && column >= self.left && column < self.right()
    }

    /// The pixels in both; an empty region if there are none.
    pub fn intersection(&self, other: &Self) -> Self {
        let top = self.top.max(other.top);
        let left = self.left.max(other.left);
        Self {
            top,
            left,
            height: (self.bottom().min(other.bottom()) - top).max(0) as usize,
            width: (self.right().min(other.right()) - left).max(0) as usize,
        }
    }

    /// The smallest region that contains both.
    pub fn hull(&self, other: &Self) -> Self {
        let top = self.top.min(other.top);
        let left = self.left.min(other.left);
        Self {
            top,
            left,
            height: (self.bottom().max(other.bottom()) - top) as usize,
            width: (self.right().max(other.right()) - left) as usize,
        }
    }
}

/// A value for each pixel of a region; 0 everywhere else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "UncheckedMap")]
pub struct Map {
    region: Region,
    values: Vec<f64>,
}

/// A map after deserialisation, before its size is checked.
#[derive(Deserialize)]
struct UncheckedMap {
    region: Region,
    values: Vec<f64>,
}

impl TryFrom<UncheckedMap> for Map {
    type Error = ErfError;

    fn try_from(parts: UncheckedMap) -> Result<Self, ErfError> {
        Self::new(parts.region, parts.values)
    }
}

impl Map {
    /// A map with these values, row-major.
    ///
    /// # Errors
    /// [`ErfError::Size`] unless there is one value per pixel.
    pub fn new(region: Region, values: Vec<f64>) -> Result<Self, ErfError> {
        if values.len() == region.area() {
            return Ok(Self { region, values });
        }
        Err(ErfError::Size {
            height: region.height,
            width: region.width,
            found: values.len(),
        })
    }

    /// A map whose value at each `(row, column)` is `value(row, column)`.
    pub fn from_fn(region: Region, mut value: impl FnMut(i64, i64) -> f64) -> Self {
        let mut values = Vec::with_capacity(region.area());
        for row in region.top..region.bottom() {
            for column in region.left..region.right() {
                values.push(value(row, column));
            }
        }
        Self { region, values }
    }

    /// A map of zeros.
    pub fn zeros(region: Region) -> Self {
        Self {
            region,
            values: vec![0.0; region.area()],
        }
    }

    /// The pixels it covers.
    pub const fn region(&self) -> Region {
        self.region
    }

    /// The values, row-major.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The values for writing, row-major.
    pub fn values_mut(&mut self) -> &mut [f64] {
        &mut self.values
    }

    /// The value at a pixel; 0 outside the region.
    pub fn at(&self, row: i64, column: i64) -> f64 {
        if !self.region.contains(row, column) {
            return 0.0;
        }
        let row = (row - self.region.top) as usize;
        let column = (column - self.region.left) as usize;
        self.values[row * self.region.width + column]
    }

    /// The row, column and value of each pixel.
    pub fn pixels(&self) -> impl Iterator<Item = (i64, i64, f64)> + '_ {
        let Region {
            top, left, width, ..
        } = self.region;
        self.values.iter().enumerate().map(move |(index, value)| {
            let (row, column) = (index / width, index % width);
            (top + row as i64, left + column as i64, *value)
        })
    }

    /// The sum of all values.
    pub fn total(&self) -> f64 {
        self.values.iter().sum()
    }

    /// The largest value; 0 for an empty map.
    pub fn peak(&self) -> f64 {
        self.values.iter().copied().fold(0.0, f64::max)
    }

    /// The same map over another region: cropped, or padded with zeros.
    #[must_use]
    pub fn over(&self, region: Region) -> Self {
        Self::from_fn(region, |row, column| self.at(row, column))
    }

    /// Applies `change` to each value.
    #[must_use]
    pub fn map(&self, change: impl Fn(f64) -> f64) -> Self {
        Self {
            region: self.region,
            values: self.values.iter().map(|value| change(*value)).collect(),
        }
    }

    /// Adds another map over the same region; if the lengths differ, the excess values are ignored.
    pub fn add(&mut self, other: &Self) {
        for (sum, value) in self.values.iter_mut().zip(&other.values) {
            *sum += value;
        }
    }
}

/// The first bytes of a file written by `numpy.save`.
const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";

/// The beginning of the header for such an array.
const KIND: &str = "{'descr': '<f8', 'fortran_order': False, 'shape': (";

/// The bytes before the values. NumPy itself writes 128 for a matrix, so these arrays are told from others.
const HEADER_BYTES: usize = 256;

/// Writes a map as an array of 64-bit floats, `[rows, columns]`, for `numpy.load`.
///
/// # Errors
/// [`ErfError::Io`], also if an existing file with that name was not written by this function.
pub fn write_npy(path: &Path, map: &Map) -> Result<(), ErfError> {
    let Region { height, width, .. } = map.region();
    let mut bytes = MAGIC.to_vec();
    bytes.extend(((HEADER_BYTES - MAGIC.len() - 2) as u16).to_le_bytes());
    bytes.extend(format!("{KIND}{height}, {width}), }}").as_bytes());
    bytes.resize(HEADER_BYTES - 1, b' ');
    bytes.push(b'\n');
    let up_to_the_size = MAGIC.len() + 2 + KIND.len();
    let beginning = bytes[..up_to_the_size].to_vec();
    bytes.extend(map.values().iter().flat_map(|value| value.to_le_bytes()));
    let is_own = |head: &[u8]| head.starts_with(&beginning);
    write_over_own(path, &bytes, is_own).map_err(|source| ErfError::Io {
        action: "write",
        path: path.into(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_outside_are_zero_and_cuts_keep_their_place() {
        let region = Region {
            top: -1,
            left: 2,
            height: 2,
            width: 3,
        };
        let map = Map::from_fn(region, |row, column| (10 * row + column) as f64);
        assert_eq!(
            (map.at(-1, 4), map.at(0, 2), map.at(1, 2)),
            (-6.0, 2.0, 0.0)
        );
        let cut = map.over(Region::image(1, 6));
        assert_eq!(cut.values(), [0.0, 0.0, 2.0, 3.0, 4.0, 0.0]);
        assert!(Map::new(region, vec![0.0; 5]).is_err());
        assert_eq!(region.centre(), [-0.5, 3.0]);
    }

    #[test]
    fn regions_intersect_and_have_a_hull() {
        let a = Region::image(4, 4);
        let b = Region {
            top: 2,
            left: -3,
            height: 5,
            width: 5,
        };
        let both = a.intersection(&b);
        assert_eq!((both.top, both.left, both.height, both.width), (2, 0, 2, 2));
        assert_eq!(a.hull(&b).area(), 7 * 7);
        let far = Region {
            left: 9,
            ..Region::image(1, 1)
        };
        assert_eq!(a.intersection(&far).area(), 0);
    }

    #[test]
    fn numpy_gets_the_same_rows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.npy");
        let map = Map::from_fn(Region::image(2, 3), |row, column| {
            (10 * row + column) as f64
        });
        write_npy(&path, &map).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let array = npyz::NpyFile::new(&bytes[..]).unwrap();
        assert_eq!(array.shape(), [2, 3]);
        assert_eq!(array.into_vec::<f64>().unwrap(), map.values());
        let error = write_npy(&folder.path().join("no/map.npy"), &map).unwrap_err();
        assert!(error.to_string().contains("map.npy"), "{error}");

        // An array of the same kind as NumPy writes it, with a header half as long, is somebody's own.
        write_npy(&path, &map).unwrap();
        let mut numpy = [&bytes[..127], b"\n", &bytes[256..]].concat();
        numpy[8] = 118;
        assert_eq!(npyz::NpyFile::new(&numpy[..]).unwrap().shape(), [2, 3]);
        std::fs::write(&path, &numpy).unwrap();
        let error = write_npy(&path, &map).unwrap_err();
        assert!(error.to_string().contains("not written by"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), numpy);
    }
}
