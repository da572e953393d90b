//! The input size of a network trained on images of any size.

use receptive_data::DataSet;
use receptive_model::ImageSize;

/// The side that photos are resized to by default, in pixels.
pub(crate) const PHOTO_SIDE: usize = 64;
/// Maximum side at which images of one size keep their size. Larger images are photos, at whose full size the
/// network would be hundreds of times slower.
const MAX_NATURAL_SIDE: usize = 96;

/// The default input size for a data set: the size of the images, or a smaller one for photos.
pub fn default_input(data: &DataSet) -> ImageSize {
    natural_input(data.natural_size())
}

pub(crate) fn is_photo(size: &ImageSize) -> bool {
    size.height.max(size.width) > MAX_NATURAL_SIDE
}

pub(crate) fn natural_input(size: Option<ImageSize>) -> ImageSize {
    let side = |n: usize| match size {
        Some(size) if !is_photo(&size) => n,
        _ => PHOTO_SIDE,
    };
    ImageSize {
        channels: size.map_or(3, |size| size.channels),
        height: side(size.map_or(0, |size| size.height)),
        width: side(size.map_or(0, |size| size.width)),
    }
}
