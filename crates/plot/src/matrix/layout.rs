//! The layout of a confusion matrix.

use super::Counts;
use crate::heading::MARGIN;
use crate::number::count;
use crate::paint::font::{Weight, cut};
use crate::paint::scene::Area;

/// Space for the axis title on the left, and the height of one line.
const TITLE: f64 = 22.0;
const MAX_LABEL: f64 = 150.0;
/// The width of the key.
pub(crate) const KEY: f64 = 500.0;

/// The positions of the parts of a confusion matrix.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// The cells.
    pub(crate) grid: Area,
    pub(crate) cell: f64,
    /// The class names, truncated to the available space.
    pub(crate) labels: Vec<String>,
    pub(crate) size: f64,
    /// One in this many classes is labelled.
    pub(crate) every: usize,
    /// Rotation of the column labels in degrees.
    pub(crate) turn: f64,
    /// The height of the column labels above the grid.
    pub(crate) rise: f64,
    /// Whether sums are written as numbers; if there is no room, they are drawn as bars.
    pub(crate) numbers: bool,
    /// Widths of the columns "recall" and "examples" on the right.
    pub(crate) sums: (f64, f64),
    /// The width of the whole figure.
    pub(crate) width: f64,
}

impl Layout {
    /// The layout for classes with these names.
    pub(crate) fn new(counts: &Counts<'_>, names: &[String]) -> Self {
        let n = counts.len();
        let cell = match n {
            0..=4 => 64.0,
            5..=10 => 46.0,
            11..=20 => 38.0,
            _ => ((880.0 / n as f64 * 2.0).floor() / 2.0).clamp(1.0, 24.0),
        };
        let every = (7.5 / cell).ceil() as usize;
        let size = (cell * every as f64 * 0.84).clamp(6.0, 12.0);
        let width = |text: &str| Weight::Regular.width(text, size);
        let labels: Vec<String> = names
            .iter()
            .map(|name| cut(name, size, Weight::Regular, MAX_LABEL))
            .collect();
        let longest = labels.iter().map(|label| width(label)).fold(0.0, f64::max);
        // Horizontal if every name fits its column, slanted if there is room for that.
        let turn = if longest <= cell * every as f64 - 6.0 {
            0.0
        } else if n <= 30 {
            -45.0
        } else {
            -90.0
        };
        let rise = match turn {
            0.0 => size + 13.0,
            -45.0 => longest * std::f64::consts::FRAC_1_SQRT_2 + size + 8.0,
            _ => longest + 12.0,
        };
        let largest = counts
            .rows
            .iter()
            .chain(&counts.columns)
            .copied()
            .max()
            .unwrap_or(0);
        let total = width(&count(largest)).max(width("examples"));
        let sums = (width("100.0 %").max(width("recall")) + 20.0, total + 18.0);
        let side = cell * n as f64;
        let below = Weight::Regular.width("predictions", 10.5);
        let left = MARGIN + (TITLE + longest).max(below) + 8.0;
        // Slanted labels extend to the right of the grid.
        let lean = if turn == -45.0 {
            longest * std::f64::consts::FRAC_1_SQRT_2
        } else {
            0.0
        };
        let right = (sums.0 + sums.1).max(lean) + MARGIN;
        let grid = Area::new(left.ceil(), 0.0, side, side);
        let width = (grid.right() + right).max(KEY + 2.0 * MARGIN).ceil();
        Self {
            grid,
            cell,
            labels,
            size,
            every,
            turn,
            rise,
            numbers: every == 1,
            sums,
            width,
        }
    }

    /// Moves everything below `top`.
    pub(crate) fn start(&mut self, top: f64) {
        self.grid.y = (top + 18.0 + self.rise).ceil();
    }

    /// The centre of a row or column, from the grid's edge.
    pub(crate) fn middle(&self, index: usize) -> f64 {
        (index as f64 + 0.5) * self.cell
    }

    /// The height of the column sums below the grid.
    pub(crate) fn foot(&self) -> f64 {
        if self.cell >= 30.0 { 40.0 } else { 4.0 }
    }
}
