//! Several pictures, words and tables in one picture.

mod table;
mod words;

pub use table::Table;
pub use words::Words;

use crate::heading::{Heading, MARGIN};
use crate::{Draw, PlotError, Scene, Theme};

/// Rows of parts under one heading. A part is anything that can be drawn, another sheet too: a sheet
/// of one-part rows is a column.
///
/// ```
/// use receptive_plot::{Colour, Draw, HeatMap, Sheet, Table, Words};
///
/// let map = HeatMap::new("", 2, 2, &[0.0, 1.0, 1.0, 2.0]);
/// let words = Words::new(300.0).headline("PASS", Colour::new(0, 114, 178)).text("It grew.");
/// let table = Table::new(&["quantity", "value"]).row(&["sigma", "3.1"]);
/// let beside = Sheet::new("").row(&[&words])?.row(&[&table])?;
/// let sheet = Sheet::new("Receptive field").row(&[&map, &beside])?;
/// assert!(sheet.to_svg()?.contains("PASS"));
/// # Ok::<(), receptive_plot::PlotError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sheet {
    heading: Heading,
    rows: Vec<Vec<Scene>>,
    theme: Theme,
}

impl Sheet {
    /// A sheet without parts.
    #[must_use]
    pub fn new(title: &str) -> Self {
        Self {
            heading: Heading::new(title),
            rows: Vec::new(),
            theme: Theme::default(),
        }
    }

    /// The line under the title.
    #[must_use]
    pub fn subtitle(mut self, subtitle: &str) -> Self {
        subtitle.clone_into(&mut self.heading.subtitle);
        self
    }

    /// Adds parts side by side, their tops level, below what is there.
    ///
    /// # Errors
    ///
    /// Those of a part that cannot be drawn.
    pub fn row(mut self, parts: &[&dyn Draw]) -> Result<Self, PlotError> {
        let scenes: Result<Vec<Scene>, PlotError> = parts.iter().map(|part| part.scene()).collect();
        self.rows.push(scenes?);
        Ok(self)
    }

    /// The colours of the heading and the ground, and the pixel density; parts keep their own
    /// colours.
    #[must_use]
    pub fn theme(mut self, theme: Theme) -> Self {
        self.theme = theme;
        self
    }
}

impl Draw for Sheet {
    fn scene(&self) -> Result<Scene, PlotError> {
        if self.rows.iter().all(Vec::is_empty) {
            return Err(PlotError::Empty {
                what: self.heading.named("sheet"),
                missing: "parts",
            });
        }
        // Every part brings a margin; neighbours share the one between them.
        let wide = |row: &Vec<Scene>| {
            let widths = row.iter().map(|part| part.width - MARGIN);
            widths.sum::<f64>() + MARGIN
        };
        let width = self.rows.iter().map(wide).fold(260.0, f64::max);
        let mut scene = Scene::new(&self.heading.title, &self.theme);
        let mut y = self.heading.draw(&mut scene, &self.theme, width) - MARGIN;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Colour, HeatMap};

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
        let words = Words::new(300.0).headline("yes", Colour::BLACK);
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
}
