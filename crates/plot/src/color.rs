//! Colours, including those common to all figures, and colour maps.

/// The background of every figure.
pub(crate) const BACKGROUND: Color = Color::WHITE;
/// The colour of titles and values.
pub(crate) const INK: Color = Color::new(33, 37, 41);
/// The colour of axis labels, ticks and captions.
pub(crate) const MUTED: Color = Color::new(92, 99, 106);
/// The colour of grid lines.
pub(crate) const RULE: Color = Color::new(228, 231, 235);

/// The colours of curves, in order, repeated if there are more curves. This is the palette of Okabe
/// and Ito, which is distinguishable with any common colour blindness.
const PALETTE: [Color; 7] = [
    Color::new(0, 114, 178),
    Color::new(213, 94, 0),
    Color::new(0, 158, 115),
    Color::new(204, 121, 167),
    Color::new(86, 180, 233),
    Color::new(230, 159, 0),
    Color::new(90, 90, 90),
];

/// The colour of the curve with this index.
pub(crate) fn curve_color(index: usize) -> Color {
    PALETTE[index % PALETTE.len()]
}

/// An opaque sRGB colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Color {
    /// Red.
    pub r: u8,
    /// Green.
    pub g: u8,
    /// Blue.
    pub b: u8,
}

impl Color {
    /// White.
    pub const WHITE: Self = Self::new(255, 255, 255);

    /// A colour from its three channels.
    #[must_use]
    pub const fn new(r: u8, g: u8, b: u8) -> Self {
        Self { r, g, b }
    }

    /// The notation of SVG and CSS: `#0072b2`.
    pub(crate) fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.r, self.g, self.b)
    }

    /// Interpolates to `other` by the fraction `t`, clamped to 0 and 1.
    #[must_use]
    pub fn mix(self, other: Self, t: f64) -> Self {
        let t = if t.is_nan() { 0.0 } else { t.clamp(0.0, 1.0) };
        let blend = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * t).round() as u8;
        Self::new(
            blend(self.r, other.r),
            blend(self.g, other.g),
            blend(self.b, other.b),
        )
    }

    /// Relative luminance according to WCAG 2: 0 for black, 1 for white.
    fn luminance(self) -> f64 {
        let linear = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.04045 {
                c / 12.92
            } else {
                ((c + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(self.r) + 0.7152 * linear(self.g) + 0.0722 * linear(self.b)
    }

    /// `dark` or white, whichever has the higher contrast on this colour.
    pub(crate) fn ink(self, dark: Self) -> Self {
        let contrast = |other: Self| {
            let (a, b) = (self.luminance() + 0.05, other.luminance() + 0.05);
            if a > b { a / b } else { b / a }
        };
        if contrast(dark) >= contrast(Self::WHITE) {
            dark
        } else {
            Self::WHITE
        }
    }
}

/// A colour map: from low to high.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ColorMap {
    /// From dark blue through green to yellow; perceptually uniform.
    #[default]
    Viridis,
    /// From black through purple to pale yellow; perceptually uniform.
    Magma,
    /// From black to white.
    Grey,
    /// From blue through white to red, for signed values: zero is white, and the range is made
    /// symmetric about it.
    Signed,
}

impl ColorMap {
    /// The colour at a fraction, clamped to 0 and 1; the low end for NaN.
    #[must_use]
    pub fn at(self, share: f64) -> Color {
        let share = if share.is_nan() {
            0.0
        } else {
            share.clamp(0.0, 1.0)
        };
        let (gradient, share) = match self {
            Self::Viridis => (colorous::VIRIDIS, share),
            Self::Magma => (colorous::MAGMA, share),
            Self::Signed => (colorous::RED_BLUE, 1.0 - share),
            Self::Grey => return Color::new(0, 0, 0).mix(Color::WHITE, share),
        };
        let color = gradient.eval_continuous(share);
        Color::new(color.r, color.g, color.b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_repeat_when_they_run_out() {
        assert_eq!(curve_color(0), curve_color(PALETTE.len()));
    }

    #[test]
    fn text_is_white_on_dark_cells_and_dark_on_light_ones() {
        let dark = Color::new(30, 30, 30);
        assert_eq!(Color::new(8, 48, 107).ink(dark), Color::WHITE);
        assert_eq!(Color::new(222, 235, 247).ink(dark), dark);
    }

    #[test]
    fn a_mix_reaches_both_ends_and_survives_nan() {
        let (a, b) = (Color::new(0, 0, 0), Color::WHITE);
        assert_eq!(
            (a.mix(b, -1.0), a.mix(b, 2.0), a.mix(b, f64::NAN)),
            (a, b, a)
        );
        assert_eq!(a.mix(b, 0.5).hex(), "#808080");
    }

    // The ends and the middle of the tables in matplotlib 3.9, within rounding: [tuple(round(c *
    // 255) for c in matplotlib.colormaps[m](x)[:3]) for x in (0, .5, 1)]
    #[test]
    fn the_maps_agree_with_matplotlib() {
        let cases = [
            (
                ColorMap::Viridis,
                [(68, 1, 84), (33, 145, 140), (253, 231, 37)],
            ),
            (
                ColorMap::Magma,
                [(0, 0, 4), (183, 55, 121), (252, 253, 191)],
            ),
            (
                ColorMap::Grey,
                [(0, 0, 0), (128, 128, 128), (255, 255, 255)],
            ),
        ];
        for (map, expected) in cases {
            for (share, (r, g, b)) in [0.0, 0.5, 1.0].into_iter().zip(expected) {
                let Color {
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
    fn every_share_has_a_color() {
        for share in [f64::NAN, -1.0, 2.0, f64::INFINITY] {
            let _ = ColorMap::Signed.at(share);
        }
        assert_eq!(ColorMap::Grey.at(9.0), Color::WHITE);
    }
}
