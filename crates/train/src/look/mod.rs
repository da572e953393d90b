//! What a network sees and makes of it: training images after their random changes, feature maps of
//! one picture, the filters of its first layer.

mod batch;
mod filters;
mod maps;
mod tile;

pub use batch::{changes, sample_tile, training_batch};
pub use filters::filters;
pub use maps::{FeatureMaps, Seen, Strength, look, look_at, map_layers, usual_layer};

pub(crate) use maps::maps_only;
pub(crate) use tile::tile;
