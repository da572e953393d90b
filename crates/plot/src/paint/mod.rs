//! From shapes to bytes: the elements of a figure, and its two file formats.

mod bundled;
pub(crate) mod font;
pub(crate) mod missing;
pub(crate) mod raster;
pub(crate) mod scene;
pub(crate) mod shape;
pub(crate) mod svg;
mod system;
