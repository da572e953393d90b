//! From shapes to bytes: the elements of a picture, and its two file formats.

pub(crate) mod font;
pub(crate) mod raster;
pub(crate) mod scene;
pub(crate) mod svg;
