//! Sizes, windows and receptive fields: the arithmetic of planning layers.

mod axis;
mod field;
mod padding;
mod shape;

pub(crate) use axis::{Axis, Window, padded_sum};
pub use field::Field;
pub(crate) use field::Fields;
pub(crate) use padding::Margin;
pub use padding::{Edges, Padding, Pair};
pub use shape::{Shape, Units};
