//! Several figures, text and tables in one figure.

use crate::axis::clamped;
use crate::color::{Color, INK, MUTED};
use crate::draw::Draw;
use crate::error::PlotError;
use crate::heading::{MARGIN, heading, named};
use crate::paint::font::{Weight, lines};
use crate::paint::scene::{Scene, Text};

/// Rows of parts under one heading. A part is anything that can be drawn, including another sheet:
/// a sheet of one-part rows is a column.
///
/// ```
/// use receptive_plot::{Color, Draw, HeatMap, Sheet, Table, TextBlock};
///
/// let map = HeatMap::new("", 2, 2, &[0.0, 1.0, 1.0, 2.0]);
/// let text = TextBlock::new(300.0).headline("PASS", Color::new(0, 114, 178)).text("It grew.");
/// let table = Table::new(&["quantity", "value"]).row(&["sigma", "3.1"]);
/// let column = Sheet::new("").row(&[&text])?.row(&[&table])?;
/// let sheet = Sheet::new("Receptive field").row(&[&map, &column])?;
/// assert!(sheet.to_svg()?.contains("PASS"));
/// # Ok::<(), receptive_plot::PlotError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sheet {
    title: String,
    subtitle: String,
    rows: Vec<Vec<Scene>>,
}

impl Sheet {
    /// A sheet without parts.
    #[must_use]
    pub fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            subtitle: String::new(),
            rows: Vec::new(),
        }
    }

    /// The line under the title.
    #[must_use]
    pub fn subtitle(mut self, subtitle: &str) -> Self {
        subtitle.clone_into(&mut self.subtitle);
        self
    }

    /// Adds parts next to each other, aligned at the top, below the existing parts.
    ///
    /// # Errors
    ///
    /// If a part cannot be drawn.
    pub fn row(mut self, parts: &[&dyn Draw]) -> Result<Self, PlotError> {
        let scenes: Result<Vec<Scene>, PlotError> = parts.iter().map(|part| part.scene()).collect();
        self.rows.push(scenes?);
        Ok(self)
    }
}

impl Draw for Sheet {
    fn scene(&self) -> Result<Scene, PlotError> {
        if self.rows.iter().all(Vec::is_empty) {
            return Err(PlotError::Empty {
                what: named("sheet", &self.title),
                missing: "parts",
            });
        }
        // Every part has its own margin; neighbours share the one between them.
        let wide = |row: &Vec<Scene>| {
            let widths = row.iter().map(|part| part.width - MARGIN);
            widths.sum::<f64>() + MARGIN
        };
        let width = self.rows.iter().map(wide).fold(260.0, f64::max);
        let mut scene = Scene::new(&self.title);
        let mut y = heading(&mut scene, &self.title, &self.subtitle, width) - MARGIN;
        for row in &self.rows {
            let mut x = 0.0;
            let mut tall: f64 = MARGIN;
            for part in row {
                scene.place(part, (x, y));
                x += part.width - MARGIN;
                tall = tall.max(part.height);
            }
            y += tall - MARGIN;
        }
        scene.resize(width, y + MARGIN);
        Ok(scene)
    }
}

/// Maximum number of lines of a paragraph; the last is truncated.
const MAX_LINES: usize = 12;

#[derive(Clone, Debug)]
enum Tone {
    Headline(Color),
    Text,
    Muted,
}

/// Paragraphs, wrapped into lines: a part of a [`Sheet`](crate::Sheet).
#[derive(Clone, Debug)]
pub struct TextBlock {
    width: f64,
    paragraphs: Vec<(Tone, String)>,
}

impl TextBlock {
    /// A block without paragraphs, for lines of this width in points, clamped to 100 to 4000.
    #[must_use]
    pub fn new(width: f64) -> Self {
        Self {
            width: clamped(width, 100.0, 4000.0),
            paragraphs: Vec::new(),
        }
    }

    /// Adds a large, coloured line.
    #[must_use]
    pub fn headline(self, text: &str, color: Color) -> Self {
        self.with(Tone::Headline(color), text)
    }

    /// Adds a paragraph.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.with(Tone::Text, text)
    }

    /// Adds a paragraph in a muted colour.
    #[must_use]
    pub fn muted(self, text: &str) -> Self {
        self.with(Tone::Muted, text)
    }

    fn with(mut self, tone: Tone, text: &str) -> Self {
        self.paragraphs.push((tone, text.to_owned()));
        self
    }
}

impl Draw for TextBlock {
    fn scene(&self) -> Result<Scene, PlotError> {
        if self.paragraphs.is_empty() {
            return Err(PlotError::Empty {
                what: "text block".to_owned(),
                missing: "paragraphs",
            });
        }
        let mut scene = Scene::new("");
        let mut y = MARGIN;
        for (tone, paragraph) in &self.paragraphs {
            let (size, weight, color, max_lines) = match tone {
                Tone::Headline(color) => (24.0, Weight::Medium, *color, 2),
                Tone::Text => (12.5, Weight::Regular, INK, MAX_LINES),
                Tone::Muted => (11.5, Weight::Regular, MUTED, MAX_LINES),
            };
            for line in lines(paragraph, size, weight, self.width, max_lines) {
                // With the baseline this far down, the tops of the letters are at `y`.
                let text = Text::new((MARGIN, y + size * 0.8), &line, size, color);
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
    use crate::heatmap::HeatMap;

    #[test]
    fn neighbours_share_a_margin_and_rows_lie_below_each_other() {
        let map = HeatMap::new("", 2, 2, &[1.0; 4]);
        let (width, height) = map.scene().unwrap().size();
        let sheet = Sheet::new("")
            .row(&[&map, &map])
            .unwrap()
            .row(&[&map])
            .unwrap();
        let size = sheet.scene().unwrap().size();
        assert_eq!(size, (2.0 * width - MARGIN, 2.0 * height - MARGIN));
    }

    #[test]
    fn a_sheet_in_a_sheet_takes_no_more_room_than_its_parts() {
        let words = TextBlock::new(300.0).headline("yes", INK);
        let alone = Sheet::new("").row(&[&words]).unwrap();
        let nested = Sheet::new("").row(&[&alone]).unwrap();
        let size = |sheet: &Sheet| sheet.scene().unwrap().size();
        assert_eq!(size(&alone), size(&nested));
    }

    #[test]
    fn an_empty_sheet_and_a_bad_part_are_errors() {
        let empty = Sheet::new("t").row(&[]).unwrap().to_svg();
        assert!(matches!(empty, Err(PlotError::Empty { .. })));
        let bad = HeatMap::new("", 2, 2, &[1.0]);
        assert!(matches!(
            Sheet::new("t").row(&[&bad]),
            Err(PlotError::Shape { .. })
        ));
    }

    #[test]
    fn a_long_paragraph_takes_more_lines_and_then_is_cut() {
        let height = |text: &str| TextBlock::new(200.0).text(text).scene().unwrap().size().1;
        let (short, long) = (height("one"), height(&"many words ".repeat(10)));
        let longest = height(&"many words ".repeat(10_000));
        assert!(short < long && long < longest && longest < 400.0);
        assert!(TextBlock::new(200.0).to_png().is_err());
    }
}
