//! From shapes to bytes: what a picture consists of, and the two ways to store it.

pub(crate) mod font;
pub(crate) mod raster;
pub(crate) mod scene;
pub(crate) mod svg;
