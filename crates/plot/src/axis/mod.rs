//! Axes: the scale of a quantity, its round ticks, and how numbers are written.

pub(crate) mod number;
pub(crate) mod range;
pub(crate) mod scale;
pub(crate) mod ticks;
