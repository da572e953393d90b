//! Two sample photographs, for tutorials and experiments.
//!
//! ```
//! let china = receptive_data::photos::china()?;
//! assert_eq!((china.height, china.width, china.channels), (427, 640, 3));
//! # Ok::<(), receptive_data::DataError>(())
//! ```
//!
//! By danielbuechele and vultilion, under CC BY 2.0: `assets/photos/README.md`.

use crate::error::DataError;
use crate::image::Picture;
use crate::image::decode::{DecodeLimits, decode};
use std::path::Path;

/// A pagoda above a lake, by danielbuechele (CC BY 2.0), `[427, 640, 3]`.
///
/// # Errors
/// Never, unless the embedded bytes were modified.
pub fn china() -> Result<Picture, DataError> {
    let bytes = include_bytes!("../../assets/photos/china.jpg");
    decode(bytes, Path::new("china.jpg"), &DecodeLimits::default())
}

/// A dahlia, by vultilion (CC BY 2.0), `[427, 640, 3]`.
///
/// # Errors
/// Never, unless the embedded bytes were modified.
pub fn flower() -> Result<Picture, DataError> {
    let bytes = include_bytes!("../../assets/photos/flower.jpg");
    decode(bytes, Path::new("flower.jpg"), &DecodeLimits::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_photographs_in_colour() {
        for picture in [china().unwrap(), flower().unwrap()] {
            assert_eq!((picture.height, picture.width), (427, 640));
            assert_eq!(picture.pixels.len(), 427 * 640 * 3);
            let grey = picture.pixels.chunks(3).filter(|p| p[0] == p[2]).count();
            assert!(grey < 427 * 640 / 10, "{grey} grey pixels");
        }
        // The sky above the pagoda is blue, the flower in the middle is red.
        let (china, flower) = (china().unwrap(), flower().unwrap());
        let at = |picture: &Picture, row: usize, column: usize| {
            let start = (row * 640 + column) * 3;
            [picture.pixels[start], picture.pixels[start + 2]]
        };
        let ([red, blue], [red_flower, blue_flower]) = (at(&china, 20, 20), at(&flower, 213, 320));
        assert!(blue > red, "sky: red {red}, blue {blue}");
        assert!(
            red_flower > blue_flower,
            "petal: red {red_flower}, blue {blue_flower}"
        );
    }
}
