//! Outlines over a heat map, with a key above it.

use crate::color::{Color, INK};
use crate::paint::font::{Weight, clean, cut};
use crate::paint::scene::{Area, Outline, Point, Scene, Stroke, Text, clip_line};

/// The position of the map in the figure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placement {
    pub(crate) area: Area,
    /// Points per pixel of the map.
    pub(crate) cell: f64,
}

impl Placement {
    pub(crate) fn at(&self, x: f64, y: f64) -> Point {
        (self.area.x + x * self.cell, self.area.y + y * self.cell)
    }
}

/// An outline over a [`HeatMap`](crate::HeatMap), in pixels of the map: 0 is the left or top edge
/// of the first pixel, 0.5 its centre. What is outside the map is clipped.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Overlay {
    /// A rectangle, such as the theoretical receptive field.
    Rect {
        /// Left edge.
        x: f64,
        /// Top edge.
        y: f64,
        /// Width.
        width: f64,
        /// Height.
        height: f64,
        /// Its name in the legend.
        label: String,
    },
    /// An ellipse, such as a fitted Gaussian's two standard deviations.
    Ellipse {
        /// Horizontal centre.
        x: f64,
        /// Vertical centre.
        y: f64,
        /// Half its width, before rotation.
        rx: f64,
        /// Half its height, before rotation.
        ry: f64,
        /// Clockwise rotation about its centre, in degrees.
        turn: f64,
        /// Its name in the legend.
        label: String,
    },
    /// A cross, such as the position of the unit.
    Cross {
        /// Horizontal centre.
        x: f64,
        /// Vertical centre.
        y: f64,
        /// Its name in the legend.
        label: String,
    },
}

impl Overlay {
    fn label(&self) -> &str {
        match self {
            Self::Rect { label, .. } | Self::Ellipse { label, .. } | Self::Cross { label, .. } => {
                label
            }
        }
    }

    /// The lines of the overlay on a map at this placement.
    fn lines(&self, placement: &Placement) -> Vec<Vec<Point>> {
        let at = |x: f64, y: f64| placement.at(x, y);
        match *self {
            Self::Rect {
                x,
                y,
                width,
                height,
                ..
            } => {
                let (right, bottom) = (x + width, y + height);
                vec![vec![
                    at(x, y),
                    at(right, y),
                    at(right, bottom),
                    at(x, bottom),
                    at(x, y),
                ]]
            }
            Self::Ellipse {
                x, y, rx, ry, turn, ..
            } => {
                let (sin, cos) = turn.to_radians().sin_cos();
                let point = |i: u32| {
                    // The last point is exactly the first, so that the outline is closed.
                    let angle = f64::from(i % 96) / 96.0 * std::f64::consts::TAU;
                    let (along, across) = (rx * angle.cos(), ry * angle.sin());
                    at(
                        x + along * cos - across * sin,
                        y + along * sin + across * cos,
                    )
                };
                vec![(0..=96).map(point).collect()]
            }
            Self::Cross { x, y, .. } => {
                let (cx, cy) = at(x, y);
                vec![
                    vec![(cx - 7.0, cy), (cx + 7.0, cy)],
                    vec![(cx, cy - 7.0), (cx, cy + 7.0)],
                ]
            }
        }
    }
}

/// Colours that stand out on every colour map, over a dark edge.
const COLORS: [Color; 4] = [
    Color::new(255, 255, 255),
    Color::new(255, 176, 0),
    Color::new(86, 214, 255),
    Color::new(255, 133, 200),
];
const EDGE: Color = Color::new(20, 20, 20);
const SIZE: f64 = 11.5;

/// The dark edge and the bright line on it, scaled by `weight` relative to a large map.
fn strokes(index: usize, weight: f64) -> [Stroke; 2] {
    let color = COLORS
        .get(index % COLORS.len())
        .copied()
        .unwrap_or(Color::WHITE);
    let edge = Stroke {
        opacity: 0.75,
        blunt: true,
        ..Stroke::new(EDGE, 3.5 * weight)
    };
    [
        edge,
        Stroke {
            blunt: true,
            ..Stroke::new(color, 1.75 * weight)
        },
    ]
}

/// Draws the overlays on the map; `weight` scales the line widths relative to a large map.
pub(crate) fn draw(overlays: &[Overlay], scene: &mut Scene, placement: &Placement, weight: f64) {
    for (index, overlay) in overlays.iter().enumerate() {
        let lines = overlay.lines(placement);
        // A coordinate that is NaN or infinite cannot be clipped to the map.
        let sound = lines
            .iter()
            .flatten()
            .all(|p| p.0.is_finite() && p.1.is_finite());
        for stroke in strokes(index, weight).into_iter().filter(|_| sound) {
            for part in lines
                .iter()
                .flat_map(|line| clip_line(line, placement.area))
            {
                let closed = part.len() > 2 && part.first() == part.last();
                let outline = if closed {
                    Outline::Polygon(part)
                } else {
                    Outline::Line(part)
                };
                scene.stroke(outline, stroke);
            }
        }
    }
}

/// Draws the key from `at`, within `width`; returns its height.
pub(crate) fn key(overlays: &[Overlay], scene: &mut Scene, at: Point, width: f64) -> f64 {
    const ROW: f64 = 20.0;
    let (mut x, mut y) = at;
    let mut any = false;
    for (index, overlay) in overlays.iter().enumerate() {
        let label = cut(&clean(overlay.label()), SIZE, Weight::Regular, width - 28.0);
        if label.is_empty() {
            continue;
        }
        let wide = 28.0 + Weight::Regular.width(&label, SIZE);
        if any && x + wide > at.0 + width {
            (x, y) = (at.0, y + ROW);
        }
        // On a dark patch like that of a map, for which the colours are chosen.
        let patch = Area::new(x, y, 22.0, 14.0);
        scene.fill(Outline::Rect(patch), Color::new(72, 72, 78));
        let (cx, cy) = (x + 11.0, y + 7.0);
        let sample: Vec<Vec<Point>> = match overlay {
            Overlay::Rect { .. } => {
                vec![vec![
                    (cx - 6.0, cy - 4.0),
                    (cx + 6.0, cy - 4.0),
                    (cx + 6.0, cy + 4.0),
                    (cx - 6.0, cy + 4.0),
                    (cx - 6.0, cy - 4.0),
                ]]
            }
            Overlay::Ellipse { .. } => {
                let turn = |i: u32| f64::from(i) / 24.0 * std::f64::consts::TAU;
                vec![
                    (0..=24)
                        .map(|i| (cx + 6.0 * turn(i).cos(), cy + 4.5 * turn(i).sin()))
                        .collect(),
                ]
            }
            Overlay::Cross { .. } => {
                vec![
                    vec![(cx - 5.0, cy), (cx + 5.0, cy)],
                    vec![(cx, cy - 5.0), (cx, cy + 5.0)],
                ]
            }
        };
        let [_, stroke] = strokes(index, 1.0);
        for line in sample {
            scene.stroke(Outline::Line(line), stroke);
        }
        scene.text(Text::new((x + 28.0, y + 11.0), &label, SIZE, INK));
        x += wide + 18.0;
        any = true;
    }
    if any { y - at.1 + ROW + 6.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turned_ellipse_has_its_long_axis_there_and_closes() {
        let ellipse = Overlay::Ellipse {
            x: 10.0,
            y: 10.0,
            rx: 4.0,
            ry: 1.0,
            turn: 90.0,
            label: String::new(),
        };
        let area = Area::new(0.0, 0.0, 20.0, 20.0);
        let lines = ellipse.lines(&Placement { area, cell: 1.0 });
        let line = lines.first().unwrap();
        assert_eq!(line.first(), line.last());
        let most = |along: fn(&Point) -> f64| line.iter().map(along).fold(0.0, f64::max);
        assert!((most(|p| p.0) - 11.0).abs() < 1e-9, "{}", most(|p| p.0));
        assert!((most(|p| p.1) - 14.0).abs() < 1e-9, "{}", most(|p| p.1));
    }
}
