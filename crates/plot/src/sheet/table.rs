//! A table of texts.

use crate::axis::range::held;
use crate::heading::MARGIN;
use crate::paint::font::Weight;
use crate::paint::scene::{Outline, Scene, Stroke, Text};
use crate::paint::wrap::{clean, cut};
use crate::{Draw, PlotError, Theme};

const SIZE: f64 = 11.5;
const ROW: f64 = 19.0;
const GAP: f64 = 20.0;
/// No cell shows more characters than this, nor is wider.
const LONGEST: usize = 200;
const WIDEST: f64 = 360.0;

/// A table of texts, its columns as wide as what stands in them: a part of a
/// [`Sheet`](crate::Sheet).
#[derive(Clone, Debug)]
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
    width: f64,
    theme: Theme,
}

impl Table {
    /// A table without rows under these column heads; none at all where there are no heads.
    #[must_use]
    pub fn new(head: &[&str]) -> Self {
        Self {
            head: head.iter().map(|text| short(text)).collect(),
            rows: Vec::new(),
            width: 0.0,
            theme: Theme::default(),
        }
    }

    /// Adds a row. Rows may differ in length.
    #[must_use]
    pub fn row(mut self, cells: &[&str]) -> Self {
        self.rows
            .push(cells.iter().map(|text| short(text)).collect());
        self
    }

    /// The width in points, held within 100 and 4000: columns are spread over it, and the last is
    /// cut to it. As wide as its texts unless set.
    #[must_use]
    pub fn width(mut self, points: f64) -> Self {
        self.width = held(points, 100.0, 4000.0);
        self
    }

    /// The colours and the pixel density.
    #[must_use]
    pub fn theme(mut self, theme: Theme) -> Self {
        self.theme = theme;
        self
    }

    /// Where each column starts from the left, and where the last ends.
    fn edges(&self) -> Vec<f64> {
        let all = || self.rows.iter().chain([&self.head]);
        let columns = all().map(Vec::len).max().unwrap_or(0);
        let mut widths = vec![0.0_f64; columns];
        for row in all() {
            for (width, cell) in widths.iter_mut().zip(row) {
                let wide = Weight::Regular.width(cell, SIZE).min(WIDEST);
                *width = width.max(wide + GAP);
            }
        }
        let spare = (self.width - widths.iter().sum::<f64>()) / columns.max(1) as f64;
        // Far apart, cells of one row are hard to see as one.
        let spare = spare.clamp(0.0, 2.0 * GAP);
        let mut edges = vec![0.0];
        for width in widths {
            edges.push(edges.last().copied().unwrap_or(0.0) + width + spare);
        }
        edges
    }
}

fn short(text: &str) -> String {
    let start: String = text.chars().take(LONGEST).collect();
    clean(&start)
}

impl Draw for Table {
    fn scene(&self) -> Result<Scene, PlotError> {
        const MOST: usize = 1000;
        let empty = |missing| PlotError::Empty {
            what: "table".to_owned(),
            missing,
        };
        if self.rows.is_empty() {
            return Err(empty("rows"));
        }
        if self.rows.len() > MOST {
            return Err(PlotError::TooLarge {
                what: "table".to_owned(),
                unit: "rows",
                limit: MOST as u64,
                found: self.rows.len() as u64,
            });
        }
        let theme = &self.theme;
        let edges = self.edges();
        let natural = edges.last().copied().unwrap_or(0.0).max(40.0);
        let width = if self.width > 0.0 {
            self.width
        } else {
            natural
        };
        let mut scene = Scene::new("", theme);
        let mut y = MARGIN;
        let head = Some(&self.head).filter(|head| !head.is_empty());
        for (index, row) in head.into_iter().chain(&self.rows).enumerate() {
            let titles = head.is_some() && index == 0;
            for (column, cell) in row.iter().enumerate() {
                let start = edges.get(column).copied().unwrap_or(0.0);
                let end = edges.get(column + 1).map_or(width, |end| end - GAP / 2.0);
                let text = cut(cell, SIZE, Weight::Regular, end.min(width) - start);
                let label = titles || column == 0;
                let ink = if label { theme.muted } else { theme.ink };
                scene.text(Text::new((MARGIN + start, y + 13.0), &text, SIZE, ink));
            }
            y += ROW;
            let line = vec![(MARGIN, y - 0.5), (MARGIN + width, y - 0.5)];
            let ink = if titles { theme.muted } else { theme.rule };
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
        let [first, second, _] = table.edges()[..] else {
            panic!("{:?}", table.edges());
        };
        assert!((second - first - widest - GAP).abs() < 1e-9);
        assert!(Table::new(&["a"]).to_svg().is_err());
    }

    #[test]
    fn a_table_is_no_wider_than_told() {
        let long = "word ".repeat(1000);
        let table = Table::new(&[]).row(&["name", &long]).width(300.0);
        assert_eq!(table.scene().unwrap().size().0, 340.0);
    }
}
