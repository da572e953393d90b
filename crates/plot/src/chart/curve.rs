//! The content of a chart: panels of named lines with bands, error bars and marks.

use crate::axis::Scale;
use crate::color::{BACKGROUND, Color};
use crate::paint::scene::{Outline, Point, Scene, Stroke};

/// One plot of a [`Chart`](crate::Chart).
#[derive(Clone, Debug)]
pub struct Panel {
    /// The label of the vertical axis.
    pub label: String,
    /// The lines. Those with the same index have the same colour in every panel.
    pub curves: Vec<Curve>,
    /// The scale of the vertical axis.
    pub y_scale: Scale,
    /// The values at the lower and the upper end of the vertical axis; by default from the lines.
    /// What is beyond is clipped.
    pub y_range: Option<(f64, f64)>,
    /// Vertical dashed lines, each with a label above the plot.
    pub markers: Vec<(f64, String)>,
    /// Ringed points, each with a label where it covers least.
    pub notes: Vec<((f64, f64), String)>,
}

impl Panel {
    /// A panel without lines; `label` describes the vertical axis.
    #[must_use]
    pub fn new(label: &str) -> Self {
        Self {
            label: label.to_owned(),
            curves: Vec::new(),
            y_scale: Scale::Linear,
            y_range: None,
            markers: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds a curve.
    #[must_use]
    pub fn curve(mut self, curve: Curve) -> Self {
        self.curves.push(curve);
        self
    }

    /// Adds a vertical dashed line at `x` with a label above the plot.
    #[must_use]
    pub fn marker(mut self, x: f64, label: &str) -> Self {
        self.markers.push((x, label.to_owned()));
        self
    }

    /// Adds a ring about a point, with a label where it covers least.
    #[must_use]
    pub fn note(mut self, x: f64, y: f64, label: &str) -> Self {
        self.notes.push(((x, y), label.to_owned()));
        self
    }

    /// All horizontal positions in the panel.
    pub(crate) fn xs(&self) -> impl Iterator<Item = f64> {
        let lines = self
            .curves
            .iter()
            .flat_map(|s| s.points.iter().map(|p| p.0));
        let bands = self.curves.iter().flat_map(|s| s.spreads().map(|p| p.0));
        lines
            .chain(bands)
            .chain(self.notes.iter().map(|note| note.0.0))
    }

    /// All vertical positions in the panel.
    pub(crate) fn ys(&self) -> impl Iterator<Item = f64> {
        let lines = self
            .curves
            .iter()
            .flat_map(|s| s.points.iter().map(|p| p.1));
        let bands = self
            .curves
            .iter()
            .flat_map(|s| s.spreads().flat_map(|p| [p.1, p.2]));
        lines
            .chain(bands)
            .chain(self.notes.iter().map(|note| note.0.1))
    }
}

/// A named line through points in the given order. A point that the scale cannot show (not finite,
/// or not positive on a logarithmic axis) interrupts the line.
#[derive(Clone, Debug)]
pub struct Curve {
    /// The name in the legend; a curve without a name is not listed.
    pub name: String,
    /// `(x, y)`.
    pub points: Vec<(f64, f64)>,
    /// A shaded band of the line's colour through `(x, lower, upper)`: an error or a spread.
    pub band: Vec<(f64, f64, f64)>,
    /// Error bars in the line's colour through `(x, lower, upper)`.
    pub bars: Vec<(f64, f64, f64)>,
    /// The mark at each point; by default a dot if there are few points.
    pub mark: Option<Mark>,
    /// The style of the line.
    pub style: LineStyle,
    /// The colour; by default the palette's next.
    pub color: Option<Color>,
}

impl Curve {
    /// A solid line through `(x, y)` points.
    #[must_use]
    pub fn new(name: &str, points: &[(f64, f64)]) -> Self {
        Self {
            name: name.to_owned(),
            points: points.to_vec(),
            band: Vec::new(),
            bars: Vec::new(),
            mark: None,
            style: LineStyle::Solid,
            color: None,
        }
    }

    /// The values of the band and the error bars.
    pub(crate) fn spreads(&self) -> impl Iterator<Item = &(f64, f64, f64)> {
        self.band.iter().chain(&self.bars)
    }

    pub(crate) fn dash(&self) -> Option<(f64, f64)> {
        match self.style {
            LineStyle::Solid | LineStyle::None => None,
            LineStyle::Dashed => Some((6.0, 4.0)),
            LineStyle::Dotted => Some((2.0, 3.0)),
        }
    }
}

/// The style of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineStyle {
    /// Solid.
    #[default]
    Solid,
    /// Dashed.
    Dashed,
    /// Dotted.
    Dotted,
    /// No line: marks only.
    None,
}

/// The mark at each point of a [`Curve`](crate::Curve). Shapes distinguish curves where colours
/// cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mark {
    /// None.
    None,
    /// A filled circle.
    Dot,
    /// An empty circle.
    Ring,
    /// A filled square.
    Square,
    /// A filled triangle.
    Triangle,
    /// A filled diamond.
    Diamond,
}

impl Mark {
    /// Draws the mark, about as large as a dot of this radius, with a rim in the background's
    /// colour.
    pub(crate) fn draw(self, scene: &mut Scene, at: Point, radius: f64, color: Color) {
        if self == Self::None {
            return;
        }
        scene.fill(self.outline(at, radius + 1.0), BACKGROUND);
        if self == Self::Ring {
            let ring = Outline::Circle(at, radius - 0.5);
            scene.stroke(ring, Stroke::new(color, 1.5));
        } else {
            scene.fill(self.outline(at, radius), color);
        }
    }

    fn outline(self, (x, y): Point, radius: f64) -> Outline {
        let polygon = |corners: &[Point]| {
            let corner = |(right, down): &Point| (x + right * radius, y + down * radius);
            Outline::Polygon(corners.iter().map(corner).collect())
        };
        // All have about the area of the circle.
        match self {
            Self::None | Self::Dot | Self::Ring => Outline::Circle((x, y), radius),
            Self::Square => polygon(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]),
            Self::Triangle => polygon(&[(0.0, -1.35), (1.25, 0.85), (-1.25, 0.85)]),
            Self::Diamond => polygon(&[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)]),
        }
    }
}
