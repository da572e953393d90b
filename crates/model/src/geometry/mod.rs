//! Sizes, windows and receptive fields: the arithmetic that layers are planned with.

mod axis;
mod field;
mod padding;
mod shape;

pub(crate) use axis::{Axis, Window, written};
pub use field::Field;
pub use padding::{Edges, Padding, Pair};
pub use shape::{Shape, Units};
