//! Paragraphs.

use crate::axis::range::held;
use crate::heading::MARGIN;
use crate::paint::font::Weight;
use crate::paint::scene::Text;
use crate::paint::wrap::lines;
use crate::{Colour, Draw, PlotError, Scene, Theme};

/// Lines that one paragraph may take; the last is cut.
const LONGEST: usize = 12;

#[derive(Clone, Debug)]
enum Tone {
    Headline(Colour),
    Text,
    Muted,
}

/// Paragraphs, broken into lines: a part of a [`Sheet`](crate::Sheet).
#[derive(Clone, Debug)]
pub struct Words {
    width: f64,
    paragraphs: Vec<(Tone, String)>,
    theme: Theme,
}

impl Words {
    /// No words yet, to stand in lines of this many points; held within 100 and 4000.
    #[must_use]
    pub fn new(width: f64) -> Self {
        Self {
            width: held(width, 100.0, 4000.0),
            paragraphs: Vec::new(),
            theme: Theme::default(),
        }
    }

    /// Adds a large line in a colour.
    #[must_use]
    pub fn headline(self, text: &str, colour: Colour) -> Self {
        self.with(Tone::Headline(colour), text)
    }

    /// Adds a paragraph.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.with(Tone::Text, text)
    }

    /// Adds a paragraph that stands back.
    #[must_use]
    pub fn muted(self, text: &str) -> Self {
        self.with(Tone::Muted, text)
    }

    /// The colours and the pixel density.
    #[must_use]
    pub fn theme(mut self, theme: Theme) -> Self {
        self.theme = theme;
        self
    }

    fn with(mut self, tone: Tone, text: &str) -> Self {
        self.paragraphs.push((tone, text.to_owned()));
        self
    }
}

impl Draw for Words {
    fn scene(&self) -> Result<Scene, PlotError> {
        if self.paragraphs.is_empty() {
            return Err(PlotError::Empty {
                what: "words".to_owned(),
                missing: "paragraphs",
            });
        }
        let theme = &self.theme;
        let mut scene = Scene::new("", theme);
        let mut y = MARGIN;
        for (tone, paragraph) in &self.paragraphs {
            let (size, weight, colour, most) = match tone {
                Tone::Headline(colour) => (24.0, Weight::Medium, *colour, 2),
                Tone::Text => (12.5, Weight::Regular, theme.ink, LONGEST),
                Tone::Muted => (11.5, Weight::Regular, theme.muted, LONGEST),
            };
            for line in lines(paragraph, size, weight, self.width, most) {
                // A baseline this far down has the letters' tops at `y`.
                let text = Text::new((MARGIN, y + size * 0.8), &line, size, colour);
                scene.text(Text { weight, ..text });
                y += (size * 1.35).round();
            }
            y += 4.0;
        }
        scene.resize(self.width + 2.0 * MARGIN, y - 4.0 + MARGIN);
        Ok(scene)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_paragraph_takes_more_lines_and_then_is_cut() {
        let height = |text: &str| Words::new(200.0).text(text).scene().unwrap().size().1;
        let (short, long) = (height("one"), height(&"many words ".repeat(10)));
        let longest = height(&"many words ".repeat(10_000));
        assert!(short < long && long < longest && longest < 400.0);
        assert!(Words::new(200.0).to_png().is_err());
    }
}
