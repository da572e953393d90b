//! The colours and the pixel density of a picture.

use crate::Colour;

/// The colours and the pixel density of a picture.
///
/// The default is a white ground, near-black ink, and the Okabe-Ito palette, which people with any
/// common colour blindness can tell apart. Change a field to change the look:
///
/// ```
/// let mut theme = receptive_plot::Theme::default();
/// theme.density = 1.0;
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Theme {
    /// The ground of the picture.
    pub background: Colour,
    /// Titles and values.
    pub ink: Colour,
    /// Axis labels, ticks and captions.
    pub muted: Colour,
    /// Grid lines.
    pub rule: Colour,
    /// The colours of series, in order; used again from the start when they run out.
    pub palette: Vec<Colour>,
    /// The colour of what is right: the diagonal of a confusion matrix.
    pub right: Colour,
    /// The colour of what is wrong: the rest of a confusion matrix.
    pub wrong: Colour,
    /// PNG pixels per point, held within 0.5 and 8. SVG has no pixels and ignores it.
    pub density: f64,
}

impl Default for Theme {
    fn default() -> Self {
        Self {
            background: Colour::WHITE,
            ink: Colour::new(33, 37, 41),
            muted: Colour::new(92, 99, 106),
            rule: Colour::new(228, 231, 235),
            palette: vec![
                Colour::new(0, 114, 178),
                Colour::new(213, 94, 0),
                Colour::new(0, 158, 115),
                Colour::new(204, 121, 167),
                Colour::new(86, 180, 233),
                Colour::new(230, 159, 0),
                Colour::new(90, 90, 90),
            ],
            right: Colour::new(0, 82, 140),
            wrong: Colour::new(196, 78, 0),
            density: 2.0,
        }
    }
}

impl Theme {
    /// The colour of the series with this index.
    pub(crate) fn series(&self, index: usize) -> Colour {
        let at = index.checked_rem(self.palette.len()).unwrap_or(0);
        self.palette.get(at).copied().unwrap_or(self.ink)
    }

    pub(crate) fn pixels_per_point(&self) -> f64 {
        if self.density.is_finite() {
            self.density.clamp(0.5, 8.0)
        } else {
            2.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_repeat_when_they_run_out_and_an_empty_palette_gives_ink() {
        let mut theme = Theme::default();
        assert_eq!(theme.series(0), theme.series(theme.palette.len()));
        theme.palette.clear();
        assert_eq!(theme.series(3), theme.ink);
        theme.density = f64::NAN;
        assert_eq!(theme.pixels_per_point(), 2.0);
    }
}
