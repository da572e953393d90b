//! A colour, and which ink reads well on it.

/// An opaque sRGB colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Colour {
    /// Red.
    pub r: u8,
    /// Green.
    pub g: u8,
    /// Blue.
    pub b: u8,
}

impl Colour {
    /// White.
    pub const WHITE: Self = Self::new(255, 255, 255);
    /// Black.
    pub const BLACK: Self = Self::new(0, 0, 0);

    /// A colour from its three channels.
    #[must_use]
    pub const fn new(r: u8, g: u8, b: u8) -> Self {
        Self { r, g, b }
    }

    /// As SVG and CSS write it: `#0072b2`.
    #[must_use]
    pub fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.r, self.g, self.b)
    }

    /// The colour a share `t` of the way to `other`; `t` is held within 0 and 1.
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

    /// Relative luminance by WCAG 2: 0 for black, 1 for white.
    #[must_use]
    pub fn luminance(self) -> f64 {
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

    /// Whichever of `dark` and white has the higher contrast on this colour.
    #[must_use]
    pub fn ink(self, dark: Self) -> Self {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_white_on_dark_cells_and_dark_on_light_ones() {
        let dark = Colour::new(30, 30, 30);
        assert_eq!(Colour::new(8, 48, 107).ink(dark), Colour::WHITE);
        assert_eq!(Colour::new(222, 235, 247).ink(dark), dark);
    }

    #[test]
    fn a_mix_reaches_both_ends_and_survives_nan() {
        let (a, b) = (Colour::BLACK, Colour::WHITE);
        assert_eq!(
            (a.mix(b, -1.0), a.mix(b, 2.0), a.mix(b, f64::NAN)),
            (a, b, a)
        );
        assert_eq!(a.mix(b, 0.5).hex(), "#808080");
    }
}
