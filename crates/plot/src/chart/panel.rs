//! One plot of a chart: its series, its vertical axis and its marks.

use super::series::Series;
use crate::axis::scale::Scale;

/// One plot of a [`Chart`](crate::Chart).
#[derive(Clone, Debug)]
pub struct Panel {
    pub(crate) label: String,
    pub(crate) series: Vec<Series>,
    pub(crate) scale: Scale,
    pub(crate) range: Option<(f64, f64)>,
    pub(crate) limits: Option<(f64, f64)>,
    pub(crate) markers: Vec<(f64, String)>,
    pub(crate) notes: Vec<((f64, f64), String)>,
}

impl Panel {
    /// A panel whose vertical axis shows `label`.
    #[must_use]
    pub fn new(label: &str) -> Self {
        Self {
            label: label.to_owned(),
            series: Vec::new(),
            scale: Scale::Linear,
            range: None,
            limits: None,
            markers: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds a line. Lines of the same index have the same colour in every panel.
    #[must_use]
    pub fn series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// The scale of the vertical axis.
    #[must_use]
    pub fn y_scale(mut self, scale: Scale) -> Self {
        self.scale = scale;
        self
    }

    /// Shows exactly this range; what lies outside is cut off.
    #[must_use]
    pub fn y_range(mut self, low: f64, high: f64) -> Self {
        self.range = Some((low, high));
        self
    }

    /// The values that can occur, such as 0 to 100 for a percentage: the axis gets no air past them.
    #[must_use]
    pub fn y_within(mut self, low: f64, high: f64) -> Self {
        self.limits = Some((low, high));
        self
    }

    /// A vertical dashed line at `x` with a label above the plot.
    #[must_use]
    pub fn marker(mut self, x: f64, label: &str) -> Self {
        self.markers.push((x, label.to_owned()));
        self
    }

    /// A ring about a point, with a label where it covers least.
    #[must_use]
    pub fn note(mut self, x: f64, y: f64, label: &str) -> Self {
        self.notes.push(((x, y), label.to_owned()));
        self
    }

    /// Every horizontal position on the panel.
    pub(crate) fn xs(&self) -> impl Iterator<Item = f64> {
        let lines = self
            .series
            .iter()
            .flat_map(|s| s.points.iter().map(|p| p.0));
        let bands = self.series.iter().flat_map(|s| s.spreads().map(|p| p.0));
        lines
            .chain(bands)
            .chain(self.notes.iter().map(|note| note.0.0))
    }

    /// Every vertical position on the panel.
    pub(crate) fn ys(&self) -> impl Iterator<Item = f64> {
        let lines = self
            .series
            .iter()
            .flat_map(|s| s.points.iter().map(|p| p.1));
        let bands = self
            .series
            .iter()
            .flat_map(|s| s.spreads().flat_map(|p| [p.1, p.2]));
        lines
            .chain(bands)
            .chain(self.notes.iter().map(|note| note.0.1))
    }
}
