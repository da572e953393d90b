//! Pictures of effective receptive fields, as PNG or SVG, and in characters.
//!
//! Each function takes plain values and gives something that [`receptive_plot::Draw`] can write.

mod bell;
mod comparison;
mod film;
mod growth;
mod matrix;
mod measurement;
mod radial;
mod section;
mod shown;
mod spread;
mod study;
mod terminal;
mod verdict;

pub use comparison::{Network, comparison};
pub use film::{Frame, film};
pub use growth::{Layer, growth};
pub use matrix::{Cell, Row, matrix};
pub use measurement::{Parts, Subject, measurement, numbers, parts};
pub use terminal::characters;

#[cfg(test)]
mod tests;
