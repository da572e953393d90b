//! A table of texts.

use crate::axis::clamped;
use crate::color::{INK, MUTED, RULE};
use crate::draw::Draw;
use crate::error::PlotError;
use crate::heading::MARGIN;
use crate::paint::font::{Weight, clean, cut};
use crate::paint::scene::{Outline, Scene, Stroke, Text};

const SIZE: f64 = 11.5;
const ROW: f64 = 19.0;
const GAP: f64 = 20.0;
/// The largest number of characters that a cell shows, and the limit of its width.
const MAX_CHARACTERS: usize = 200;
const MAX_CELL_WIDTH: f64 = 360.0;

/// A table of texts, with columns as wide as their contents: a part of a [`Sheet`](crate::Sheet).
#[derive(Clone, Debug)]
pub struct Table {
    /// The column headers; empty for none.
    pub head: Vec<String>,
    /// The cells; rows may differ in length.
    pub rows: Vec<Vec<String>>,
    /// The width in points, clamped to 100 to 4000, over which the columns are distributed; the
    /// last one is truncated to fit. By default the width of the texts.
    pub width: Option<f64>,
}

impl Table {
    /// A table without rows and with these column headers.
    #[must_use]
    pub fn new(head: &[&str]) -> Self {
        Self {
            head: head.iter().map(|text| (*text).to_owned()).collect(),
            rows: Vec::new(),
            width: None,
        }
    }

    /// Adds a row.
    #[must_use]
    pub fn row(mut self, cells: &[&str]) -> Self {
        let cells = cells.iter().map(|text| (*text).to_owned());
        self.rows.push(cells.collect());
        self
    }

    /// The rows as drawn, including the column headers if there are any.
    fn lines(&self) -> Vec<Vec<String>> {
        let head = Some(&self.head).filter(|head| !head.is_empty());
        let rows = head.into_iter().chain(&self.rows);
        rows.map(|row| row.iter().map(|text| short(text)).collect())
            .collect()
    }

    fn given_width(&self) -> Option<f64> {
        self.width.map(|points| clamped(points, 100.0, 4000.0))
    }

    /// The left edge of each column, and the right edge of the last.
    fn edges(&self, lines: &[Vec<String>]) -> Vec<f64> {
        let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
        let mut widths = vec![0.0_f64; columns];
        for row in lines {
            for (width, cell) in widths.iter_mut().zip(row) {
                let wide = Weight::Regular.width(cell, SIZE).min(MAX_CELL_WIDTH);
                *width = width.max(wide + GAP);
            }
        }
        let spare = (self.given_width().unwrap_or(0.0) - widths.iter().sum::<f64>())
            / columns.max(1) as f64;
        // Cells that are far apart are hard to recognise as one row.
        let spare = spare.clamp(0.0, 2.0 * GAP);
        let mut edges = vec![0.0];
        for width in widths {
            edges.push(edges.last().copied().unwrap_or(0.0) + width + spare);
        }
        edges
    }
}

/// `text` on one line, truncated to a readable length.
fn short(text: &str) -> String {
    let start: String = text.chars().take(MAX_CHARACTERS).collect();
    clean(&start)
}

impl Draw for Table {
    fn scene(&self) -> Result<Scene, PlotError> {
        const MAX_ROWS: usize = 1000;
        let empty = |missing| PlotError::Empty {
            what: "table".to_owned(),
            missing,
        };
        if self.rows.is_empty() {
            return Err(empty("rows"));
        }
        if self.rows.len() > MAX_ROWS {
            return Err(PlotError::TooLarge {
                what: "table".to_owned(),
                unit: "rows",
                limit: MAX_ROWS as u64,
                found: self.rows.len() as u64,
            });
        }
        let lines = self.lines();
        let edges = self.edges(&lines);
        let natural = edges.last().copied().unwrap_or(0.0).max(40.0);
        let width = self.given_width().unwrap_or(natural);
        let mut scene = Scene::new("");
        let mut y = MARGIN;
        for (index, row) in lines.iter().enumerate() {
            let titles = !self.head.is_empty() && index == 0;
            for (column, cell) in row.iter().enumerate() {
                let start = edges.get(column).copied().unwrap_or(0.0);
                let end = edges.get(column + 1).map_or(width, |end| end - GAP / 2.0);
                let text = cut(cell, SIZE, Weight::Regular, end.min(width) - start);
                let label = titles || column == 0;
                let ink = if label { MUTED } else { INK };
                scene.text(Text::new((MARGIN + start, y + 13.0), &text, SIZE, ink));
            }
            y += ROW;
            let line = vec![(MARGIN, y - 0.5), (MARGIN + width, y - 0.5)];
            let ink = if titles { MUTED } else { RULE };
            scene.stroke(Outline::Line(line), Stroke::new(ink, 1.0));
        }
        scene.resize(width + 2.0 * MARGIN, y + MARGIN);
        Ok(scene)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let table = Table::new(&["a", "b"])
            .row(&["wide enough", "1"])
            .row(&["x"]);
        let widest = Weight::Regular.width("wide enough", SIZE);
        let [first, second, _] = table.edges(&table.lines())[..] else {
            panic!("{:?}", table.lines());
        };
        assert!((second - first - widest - GAP).abs() < 1e-9);
        assert!(Table::new(&["a"]).to_svg().is_err());
    }

    #[test]
    fn a_table_is_no_wider_than_its_width() {
        let long = "word ".repeat(1000);
        let table = Table {
            width: Some(300.0),
            ..Table::new(&[]).row(&["name", &long])
        };
        assert_eq!(table.scene().unwrap().size().0, 340.0);
    }
}
