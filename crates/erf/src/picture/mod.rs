//! Figures of effective receptive fields, as PNG, SVG or characters.
//!
//! Each function takes plain values or a [`Study`](crate::Study) and returns something that
//! [`receptive_plot::Draw`] can write.
//!
//! ```text
//! Study::picture, charts     one measurement: heat map, profiles, verdict, numbers
//! comparison                 several networks side by side
//! growth, film               over layers, over epochs
//! sweep_chart, sweep_maps    over depth
//! atlas_chart                stages of many networks
//! characters                 one map in a terminal
//! ```

mod atlas;
mod comparison;
mod growth;
mod profiles;
mod raster;
mod study;
mod style;
mod subject;
mod sweep;
mod terminal;

pub use atlas::atlas_chart;
pub use comparison::{ComparisonField, comparison};
pub use growth::{Frame, GrowthPoint, film, growth};
pub use study::{Charts, numbers};
pub use sweep::{sweep_chart, sweep_maps};
pub use terminal::characters;

#[cfg(test)]
mod tests;
