//! Confusion matrices.

mod draw;
mod layout;

use crate::draw::Draw;
use crate::error::PlotError;
use crate::heading::{MARGIN, heading, named};
use crate::number::{count, percent};
use crate::paint::font::class_label;
use crate::paint::scene::Scene;
use layout::Layout;

/// A confusion matrix: one row per true class, one column per predicted class.
///
/// Colours show each cell's fraction of its row, with one hue for the diagonal and another for
/// mistakes, so that rare mistakes stand out. With up to 20 classes, cells also show the counts.
///
/// ```
/// use receptive_plot::{Draw, Matrix};
///
/// let matrix = Matrix::new("Fashion-MNIST", &["shirt", "coat"], &[90, 10, 20, 80]);
/// assert!(matrix.to_png()?.starts_with(b"\x89PNG"));
/// # Ok::<(), receptive_plot::PlotError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Matrix {
    /// The title.
    pub title: String,
    /// The line under the title; if empty, the overall accuracy.
    pub subtitle: String,
    /// The names of the classes.
    pub classes: Vec<String>,
    /// `[true][predicted]`, row-major.
    pub counts: Vec<u64>,
    /// The number of each class, which is drawn if no font has the characters of its name. If this
    /// is empty, classes are numbered 0, 1, 2 and so on.
    pub numbers: Vec<usize>,
    /// If only some classes of a model are drawn, each class's counts with the others: its images
    /// predicted as other classes, and other classes' images predicted as it. They are included in
    /// the sums, so fractions, recall and precision are those of all classes. Empty if all classes
    /// are drawn.
    pub others: Vec<[u64; 2]>,
}

impl Matrix {
    /// Maximum number of classes.
    pub const MAX_CLASSES: usize = 1000;

    /// A matrix of `counts[true][predicted]`, row-major.
    #[must_use]
    pub fn new<S: AsRef<str>>(title: &str, classes: &[S], counts: &[u64]) -> Self {
        Self {
            title: title.to_owned(),
            subtitle: String::new(),
            classes: classes
                .iter()
                .map(|class| class.as_ref().to_owned())
                .collect(),
            counts: counts.to_vec(),
            numbers: Vec::new(),
            others: Vec::new(),
        }
    }

    fn check(&self) -> Result<Counts<'_>, PlotError> {
        let what = || named("confusion matrix", &self.title);
        let classes = self.classes.len();
        if classes == 0 {
            return Err(PlotError::Empty {
                what: what(),
                missing: "classes",
            });
        }
        if classes > Self::MAX_CLASSES {
            let (limit, found) = (Self::MAX_CLASSES as u64, classes as u64);
            return Err(PlotError::TooLarge {
                what: what(),
                unit: "classes",
                limit,
                found,
            });
        }
        let expected = classes * classes;
        if self.counts.len() != expected {
            let rule = format!("{classes} x {classes}");
            return Err(PlotError::Shape {
                what: what(),
                rule,
                expected,
                found: self.counts.len(),
            });
        }
        if !self.others.is_empty() && self.others.len() != classes {
            return Err(PlotError::Shape {
                what: what(),
                rule: "one pair of `others` per class".into(),
                expected: classes,
                found: self.others.len(),
            });
        }
        let mut counts = Counts::new(&self.classes, &self.counts);
        let sums = counts.rows.iter_mut().zip(&mut counts.columns);
        for ((row, column), [images, predictions]) in sums.zip(&self.others) {
            *row = row.saturating_add(*images);
            *column = column.saturating_add(*predictions);
        }
        Ok(counts)
    }
}

/// The counts with their sums.
#[derive(Clone, Debug)]
pub(crate) struct Counts<'a> {
    pub(crate) classes: &'a [String],
    counts: &'a [u64],
    /// Number of images of each true class.
    pub(crate) rows: Vec<u64>,
    /// Number of predictions of each class.
    pub(crate) columns: Vec<u64>,
    /// Number of correct predictions of each class.
    pub(crate) right: Vec<u64>,
}

impl<'a> Counts<'a> {
    fn new(classes: &'a [String], counts: &'a [u64]) -> Self {
        let n = classes.len();
        let sum = |cells: &mut dyn Iterator<Item = &u64>| {
            cells.fold(0, |sum: u64, c| sum.saturating_add(*c))
        };
        let rows = counts.chunks(n).map(|row| sum(&mut row.iter())).collect();
        let columns = (0..n)
            .map(|column| sum(&mut counts.iter().skip(column).step_by(n)))
            .collect();
        let right = counts.iter().step_by(n + 1).copied().collect();
        Self {
            classes,
            counts,
            rows,
            columns,
            right,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.classes.len()
    }

    /// The row, column, count and share of its row for every cell.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (usize, usize, u64, f64)> {
        let n = self.len();
        self.counts.iter().enumerate().map(move |(index, count)| {
            let whole = self.rows.get(index / n).copied().unwrap_or(0).max(1);
            (index / n, index % n, *count, *count as f64 / whole as f64)
        })
    }

    fn summary(&self) -> String {
        let sum = |counts: &[u64]| counts.iter().fold(0, |sum: u64, c| sum.saturating_add(*c));
        let (right, all) = (sum(&self.right), sum(&self.rows));
        format!(
            "{} of {} correct ({})",
            count(right),
            count(all),
            percent(right, all)
        )
    }
}

impl Draw for Matrix {
    fn scene(&self) -> Result<Scene, PlotError> {
        let counts = self.check()?;
        let mut scene = Scene::new(&self.title);
        let label = |(index, class): (usize, &String)| {
            let number = self.numbers.get(index).copied().unwrap_or(index);
            let (label, missing) = class_label(class, number);
            if !missing.is_empty() {
                scene.missing.add_class(number, class, missing);
            }
            label
        };
        let labels: Vec<String> = self.classes.iter().enumerate().map(label).collect();
        let mut layout = Layout::new(&counts, &labels);
        let subtitle = match self.subtitle.as_str() {
            "" => counts.summary(),
            subtitle => subtitle.to_owned(),
        };
        let top = heading(&mut scene, &self.title, &subtitle, layout.width);
        layout.start(top);
        draw::cells(&counts, &mut scene, &layout);
        draw::labels(&counts, &mut scene, &layout);
        draw::sums(&counts, &mut scene, &layout);
        let foot = draw::key(&mut scene, &layout);
        scene.resize(layout.width, foot + MARGIN);
        Ok(scene)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_run_along_rows_and_columns() {
        let classes = ["a".to_owned(), "b".to_owned()];
        let sums = Counts::new(&classes, &[8, 2, 1, 4]);
        assert_eq!(
            (sums.rows.as_slice(), sums.columns.as_slice()),
            (&[10, 5][..], &[9, 6][..])
        );
        assert_eq!(sums.right, [8, 4]);
        assert_eq!(sums.cells().nth(1), Some((0, 1, 2, 0.2)));
        assert_eq!(sums.summary(), "12 of 15 correct (80.0 %)");
    }

    #[test]
    fn a_class_without_examples_has_shares_of_zero() {
        let classes = ["a".to_owned()];
        assert_eq!(
            Counts::new(&classes, &[0]).cells().next(),
            Some((0, 0, 0, 0.0))
        );
    }
}
