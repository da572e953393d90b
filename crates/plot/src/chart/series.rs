//! A named line, with an optional band about it.

use super::mark::Mark;
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
    /// No line: marks only.
    None,
}

/// A named line through points, in the order given. A point that the scale cannot show (not
/// finite, or not positive on a logarithmic axis) breaks the line.
#[derive(Clone, Debug)]
pub struct Series {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
    pub(crate) band: Vec<(f64, f64, f64)>,
    pub(crate) bars: Vec<(f64, f64, f64)>,
    pub(crate) mark: Option<Mark>,
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
            bars: Vec::new(),
            mark: None,
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

    /// Error bars in the line's colour through `(x, lower, upper)`.
    #[must_use]
    pub fn bars(mut self, bars: &[(f64, f64, f64)]) -> Self {
        self.bars = bars.to_vec();
        self
    }

    /// The mark at each point; unless set, a dot where points are few.
    #[must_use]
    pub fn mark(mut self, mark: Mark) -> Self {
        self.mark = Some(mark);
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

    /// The band and the error bars.
    pub(crate) fn spreads(&self) -> impl Iterator<Item = &(f64, f64, f64)> {
        self.band.iter().chain(&self.bars)
    }

    pub(crate) fn dash(&self) -> Option<(f64, f64)> {
        match self.style {
            LineStyle::Solid | LineStyle::None => None,
            LineStyle::Dashed => Some((6.0, 4.0)),
            LineStyle::Dotted => Some((2.0, 3.0)),
        }
    }
}
