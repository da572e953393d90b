use crate::axis::scale::Scale;
use crate::paint::scene::{Area, Point};

/// Where values stand in the plot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) plot: Area,
    /// The values at the left and the right.
    pub(crate) x: (f64, f64),
    /// The values at the bottom and the top.
    pub(crate) y: (f64, f64),
    pub(crate) scales: (Scale, Scale),
}

impl Frame {
    pub(crate) fn x(&self, value: f64) -> Option<f64> {
        Some(self.plot.x + self.plot.w * self.scales.0.share(value, self.x)?)
    }
    pub(crate) fn y(&self, value: f64) -> Option<f64> {
        Some(self.plot.bottom() - self.plot.h * self.scales.1.share(value, self.y)?)
    }
    pub(crate) fn at(&self, (x, y): (f64, f64)) -> Option<Point> {
        Some((self.x(x)?, self.y(y)?))
    }
}
