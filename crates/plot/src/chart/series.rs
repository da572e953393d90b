//! A named line, with an optional band about it.

use crate::Colour;

/// How a line is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineStyle {
    /// Unbroken.
    #[default]
    Solid,
    /// In dashes.
    Dashed,
    /// In dots.
    Dotted,
}

/// A named line through points, in the order given. A point that the scale cannot show (not
/// finite, or not positive on a logarithmic axis) breaks the line.
#[derive(Clone, Debug)]
pub struct Series {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
    pub(crate) band: Vec<(f64, f64, f64)>,
    pub(crate) style: LineStyle,
    pub(crate) colour: Option<Colour>,
}

impl Series {
    /// An unbroken line through `(x, y)` points. An empty name keeps it out of the legend.
    #[must_use]
    pub fn new(name: &str, points: &[(f64, f64)]) -> Self {
        Self {
            name: name.to_owned(),
            points: points.to_vec(),
            band: Vec::new(),
            style: LineStyle::Solid,
            colour: None,
        }
    }

    /// A shaded band of the line's colour through `(x, lower, upper)`: an error or a spread.
    #[must_use]
    pub fn band(mut self, band: &[(f64, f64, f64)]) -> Self {
        self.band = band.to_vec();
        self
    }

    /// How the line is drawn.
    #[must_use]
    pub fn style(mut self, style: LineStyle) -> Self {
        self.style = style;
        self
    }

    /// A colour other than the theme's next.
    #[must_use]
    pub fn colour(mut self, colour: Colour) -> Self {
        self.colour = Some(colour);
        self
    }

    pub(crate) fn dash(&self) -> Option<(f64, f64)> {
        match self.style {
            LineStyle::Solid => None,
            LineStyle::Dashed => Some((6.0, 4.0)),
            LineStyle::Dotted => Some((2.0, 3.0)),
        }
    }
}
