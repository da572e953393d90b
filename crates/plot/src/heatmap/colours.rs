//! Colour maps: from a share to a colour.

use crate::Colour;

/// A colour map: from low to high.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ColourMap {
    /// From dark blue over green to yellow; even in brightness.
    #[default]
    Viridis,
    /// From black over purple to pale yellow; even in brightness.
    Magma,
    /// From black to white.
    Grey,
    /// From blue over white to red, for signed values: zero is white, and the range is made
    /// symmetric about it.
    Signed,
}

impl ColourMap {
    /// The colour at a share, which is held within 0 and 1; the low end for NaN.
    #[must_use]
    pub fn at(self, share: f64) -> Colour {
        let share = if share.is_nan() {
            0.0
        } else {
            share.clamp(0.0, 1.0)
        };
        let (gradient, share) = match self {
            Self::Viridis => (colorous::VIRIDIS, share),
            Self::Magma => (colorous::MAGMA, share),
            Self::Signed => (colorous::RED_BLUE, 1.0 - share),
            Self::Grey => return Colour::BLACK.mix(Colour::WHITE, share),
        };
        let colour = gradient.eval_continuous(share);
        Colour::new(colour.r, colour.g, colour.b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The ends and the middle of matplotlib 3.9's own tables, within rounding:
    // [tuple(round(c * 255) for c in matplotlib.colormaps[m](x)[:3]) for x in (0, .5, 1)]
    #[test]
    fn the_maps_agree_with_matplotlib() {
        let cases = [
            (
                ColourMap::Viridis,
                [(68, 1, 84), (33, 145, 140), (253, 231, 37)],
            ),
            (
                ColourMap::Magma,
                [(0, 0, 4), (183, 55, 121), (252, 253, 191)],
            ),
            (
                ColourMap::Grey,
                [(0, 0, 0), (128, 128, 128), (255, 255, 255)],
            ),
        ];
        for (map, expected) in cases {
            for (share, (r, g, b)) in [0.0, 0.5, 1.0].into_iter().zip(expected) {
                let Colour {
                    r: red,
                    g: green,
                    b: blue,
                } = map.at(share);
                let off = [red.abs_diff(r), green.abs_diff(g), blue.abs_diff(b)];
                assert!(off.iter().all(|d| *d <= 2), "{map:?} at {share}: {off:?}");
            }
        }
    }

    #[test]
    fn every_share_has_a_colour() {
        for share in [f64::NAN, -1.0, 2.0, f64::INFINITY] {
            let _ = ColourMap::Signed.at(share);
        }
        assert_eq!(ColourMap::Grey.at(9.0), Colour::WHITE);
    }
}
