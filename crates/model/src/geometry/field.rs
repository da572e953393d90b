//! The theoretical receptive field: which input pixels a unit can depend on.

use super::axis::{Axis, Window};

/// The theoretical receptive field of a layer's units along one axis.
///
/// Unit `u` can depend on the input pixels `first + u * stride ..= last + u * stride`. Pixels below
/// 0 or beyond the image are padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// The first pixel that unit 0 sees; negative if it is padding.
    pub first: i64,
    /// The last pixel that unit 0 sees.
    pub last: i64,
    /// The distance in input pixels between the fields of neighbouring units.
    pub stride: i64,
}

impl Field {
    /// The field of an input pixel: itself.
    pub const PIXEL: Self = Self {
        first: 0,
        last: 0,
        stride: 1,
    };

    /// How many pixels a unit sees along this axis.
    pub const fn size(&self) -> i64 {
        self.last.saturating_sub(self.first).saturating_add(1)
    }

    /// The centre of unit 0's field, in pixels; the centre of pixel `i` is `i`. The field of unit
    /// `u` is centred at `centre + u * stride`.
    pub fn centre(&self) -> f64 {
        (self.first as f64 + self.last as f64) / 2.0
    }

    /// The field of a unit that reads this axis through a window.
    pub(crate) fn through(&self, window: &Window, axis: &Axis) -> Self {
        let before = axis.before as i64;
        let reach = window.span() as i64 - 1 - before;
        // Saturating: a thousand strides in a row on a 1x1 map are absurd, but must not cause a
        // panic.
        Self {
            first: self
                .first
                .saturating_sub(before.saturating_mul(self.stride)),
            last: self.last.saturating_add(reach.saturating_mul(self.stride)),
            stride: self.stride.saturating_mul(window.stride as i64),
        }
    }

    /// The field of a unit that reads all `n` units of this axis.
    pub(crate) fn whole(&self, n: usize) -> Self {
        let reach = (n as i64 - 1).saturating_mul(self.stride);
        Self {
            last: self.last.saturating_add(reach),
            ..*self
        }
    }

    /// The smallest field that contains both branches' fields; `None` if their strides differ,
    /// because then the joined units have no common stride.
    pub(crate) fn union(&self, other: &Self) -> Option<Self> {
        (self.stride == other.stride).then(|| Self {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            stride: self.stride,
        })
    }

    /// The field of `n` units, `stride` pixels apart, each of which sees all of these pixels: the
    /// smallest window that moves with the units and contains the pixels for each of them. For a
    /// gate, whose value reaches every unit of a map.
    pub(crate) fn shared(&self, n: usize, stride: i64) -> Self {
        let reach = (n as i64 - 1).saturating_mul(stride);
        Self {
            first: self.first.saturating_sub(reach),
            last: self.last,
            stride,
        }
    }
}

/// The fields along `[height, width]`, with and without gates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fields {
    /// All pixels that the units can depend on.
    pub(crate) all: [Field; 2],
    /// With gates held constant: without pixels that reach the units only through a gate's value.
    pub(crate) ungated: [Field; 2],
}

impl Fields {
    /// The fields of input pixels.
    pub(crate) const PIXEL: Self = Self {
        all: [Field::PIXEL; 2],
        ungated: [Field::PIXEL; 2],
    };

    /// Applies `through` to both fields along both axes (axis 0 is the height).
    pub(crate) fn map(&self, through: impl Fn(usize, &Field) -> Field) -> Self {
        let each = |fields: &[Field; 2]| [through(0, &fields[0]), through(1, &fields[1])];
        Self {
            all: each(&self.all),
            ungated: each(&self.ungated),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Margin;

    fn chain(n: usize, layers: &[(usize, usize, usize, usize)]) -> Field {
        let mut field = Field::PIXEL;
        let mut size = n;
        for &(kernel, stride, dilation, padding) in layers {
            let window = Window {
                kernel,
                stride,
                dilation,
            };
            let axis = window
                .slide(size, Margin::Pixels([padding; 2]), false)
                .unwrap();
            field = field.through(&window, &axis);
            size = axis.output;
        }
        field
    }

    #[test]
    fn receptive_fields_match_the_published_table() {
        // Araujo, Norris, Sim, "Computing receptive fields of convolutional neural networks"
        // (Distill, 2019): AlexNet v2 195 stride 32 padding 64; VGG-16 212, stride 32, padding 90.
        let alexnet = chain(
            224,
            &[
                (11, 4, 1, 0),
                (3, 2, 1, 0),
                (5, 1, 1, 2),
                (3, 2, 1, 0),
                (3, 1, 1, 1),
                (3, 1, 1, 1),
                (3, 1, 1, 1),
                (3, 2, 1, 0),
            ],
        );
        assert_eq!(
            (alexnet.size(), alexnet.stride, -alexnet.first),
            (195, 32, 64)
        );
        let mut vgg = Vec::new();
        for convolutions in [2, 2, 3, 3, 3] {
            vgg.extend(std::iter::repeat_n((3, 1, 1, 1), convolutions));
            vgg.push((2, 2, 1, 0));
        }
        let vgg = chain(224, &vgg);
        assert_eq!((vgg.size(), vgg.stride, -vgg.first), (212, 32, 90));
    }

    #[test]
    fn dilation_widens_and_padding_keeps_the_centre() {
        let field = chain(64, &[(3, 1, 1, 1), (3, 1, 2, 2), (3, 1, 4, 4)]);
        assert_eq!((field.size(), field.stride, field.centre()), (15, 1, 0.0));
        let field = chain(64, &[(3, 1, 1, 0), (2, 2, 1, 0)]);
        assert_eq!((field.size(), field.stride, field.centre()), (4, 2, 1.5));
    }

    #[test]
    fn a_shared_field_holds_the_same_pixels_for_every_unit() {
        let gate = Field::PIXEL.whole(8);
        let shared = gate.shared(4, 2);
        for unit in 0..4 {
            let first = shared.first + unit * shared.stride;
            let last = shared.last + unit * shared.stride;
            assert!(first <= gate.first && last >= gate.last, "unit {unit}");
        }
        assert_eq!((shared.first, shared.last), (-6, 7));
    }
}
