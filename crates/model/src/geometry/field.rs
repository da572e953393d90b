//! The theoretical receptive field: which input pixels a unit can depend on.

use super::axis::{Axis, Window};

/// The theoretical receptive field of a layer's units along one axis.
///
/// Unit `u` can depend on the input pixels `first + u * stride ..= last + u * stride`. Those below
/// 0 or beyond the image lie on padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// The first pixel that unit 0 sees; negative where it looks onto padding.
    pub first: i64,
    /// The last pixel that unit 0 sees.
    pub last: i64,
    /// How many input pixels apart neighbouring units look.
    pub stride: i64,
}

impl Field {
    /// An image's pixel sees itself.
    pub const PIXEL: Self = Self {
        first: 0,
        last: 0,
        stride: 1,
    };

    /// How many pixels a unit sees along this axis.
    pub const fn size(&self) -> i64 {
        self.last.saturating_sub(self.first).saturating_add(1)
    }

    /// The middle of what unit 0 sees, in pixels; pixel `i` has its middle at `i`. Unit `u` looks
    /// at `centre + u * stride`.
    pub fn centre(&self) -> f64 {
        (self.first as f64 + self.last as f64) / 2.0
    }

    /// What a unit sees through a window on this axis.
    pub(crate) fn through(&self, window: &Window, axis: &Axis) -> Self {
        let before = axis.before as i64;
        let reach = window.span() as i64 - 1 - before;
        // Saturating: a thousand strides in a row on a 1x1 map are absurd, but no reason to panic.
        Self {
            first: self
                .first
                .saturating_sub(before.saturating_mul(self.stride)),
            last: self.last.saturating_add(reach.saturating_mul(self.stride)),
            stride: self.stride.saturating_mul(window.stride as i64),
        }
    }

    /// What a unit sees that looks at all `n` units of this axis.
    pub(crate) fn whole(&self, n: usize) -> Self {
        let reach = (n as i64 - 1).saturating_mul(self.stride);
        Self {
            last: self.last.saturating_add(reach),
            ..*self
        }
    }

    /// What two branches see together; `None` when their strides differ, since then their units
    /// have no common step.
    pub(crate) fn union(&self, other: &Self) -> Option<Self> {
        (self.stride == other.stride).then(|| Self {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            stride: self.stride,
        })
    }

    /// The same pixels as each of `n` units a stride apart sees them: the smallest window that
    /// moves with the units and holds these pixels for all of them. For a gate, whose one value
    /// reaches every unit of a map.
    pub(crate) fn shared(&self, n: usize, stride: i64) -> Self {
        let reach = (n as i64 - 1).saturating_mul(stride);
        Self {
            first: self.first.saturating_sub(reach),
            last: self.last,
            stride,
        }
    }
}

/// The fields along `[height, width]` in both senses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fields {
    /// All that the units can depend on.
    pub(crate) all: [Field; 2],
    /// With gates held constant: what they depend on by other ways than a gate's value.
    pub(crate) ungated: [Field; 2],
}

impl Fields {
    /// An image's pixels.
    pub(crate) const PIXEL: Self = Self {
        all: [Field::PIXEL; 2],
        ungated: [Field::PIXEL; 2],
    };

    /// Both, along both axes (0 is the height), seen through another layer.
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
