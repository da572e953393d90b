//! What ends a convolution while its outputs are in the cache.

use crate::nonlinearity::Nonlinearity;
use crate::rectifier::RectifierMask;

/// What replaces each output.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ending<'a> {
    /// A rectifier's gradient, for a convolution that is itself a gradient.
    Mask(RectifierMask<'a>),
    /// A function of it.
    Function(Nonlinearity),
}

impl Ending<'_> {
    /// Replaces the part of the outputs that begins at this place.
    pub(crate) fn apply(self, at: usize, y: &mut [f32]) {
        match self {
            Self::Mask(mask) => mask.apply(at, y),
            Self::Function(function) => function.apply_alone(y),
        }
    }
}
