//! A figure as a list of shapes, texts and bitmaps, in points from the top left; and clipping of
//! lines to a rectangle, so that nothing is drawn outside a plot.

use super::font::{Weight, clean};
use super::missing::Missing;
use super::shape::missing;
use crate::color::Color;

/// A position in points.
pub(crate) type Point = (f64, f64);

/// A rectangle in points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Area {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) w: f64,
    pub(crate) h: f64,
}

impl Area {
    pub(crate) const fn new(x: f64, y: f64, w: f64, h: f64) -> Self {
        Self { x, y, w, h }
    }
    pub(crate) fn right(self) -> f64 {
        self.x + self.w
    }
    pub(crate) fn bottom(self) -> f64 {
        self.y + self.h
    }
}

/// The outline of a shape.
#[derive(Clone, Debug)]
pub(crate) enum Outline {
    Rect(Area),
    Line(Vec<Point>),
    Polygon(Vec<Point>),
    Circle(Point, f64),
}

/// The style of a line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stroke {
    pub(crate) color: Color,
    pub(crate) width: f64,
    pub(crate) opacity: f64,
    /// Lengths of dash and gap.
    pub(crate) dash: Option<(f64, f64)>,
    /// Whether it ends exactly at its last point instead of in a half circle around it.
    pub(crate) blunt: bool,
}

impl Stroke {
    pub(crate) const fn new(color: Color, width: f64) -> Self {
        Self {
            color,
            width,
            opacity: 1.0,
            dash: None,
            blunt: false,
        }
    }
}

/// Which point of a text its position refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A single line of text on a baseline.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) at: Point,
    pub(crate) text: String,
    pub(crate) size: f64,
    pub(crate) weight: Weight,
    pub(crate) color: Color,
    pub(crate) anchor: Anchor,
    /// Clockwise rotation in degrees.
    pub(crate) turn: f64,
}

impl Text {
    pub(crate) fn new(at: Point, text: &str, size: f64, color: Color) -> Self {
        let (weight, anchor) = (Weight::Regular, Anchor::Start);
        Self {
            at,
            text: clean(text),
            size,
            weight,
            color,
            anchor,
            turn: 0.0,
        }
    }
    pub(crate) fn medium(mut self) -> Self {
        self.weight = Weight::Medium;
        self
    }
    pub(crate) fn anchor(mut self, anchor: Anchor) -> Self {
        self.anchor = anchor;
        self
    }
    pub(crate) fn turn(mut self, degrees: f64) -> Self {
        self.turn = degrees;
        self
    }
}

/// A bitmap of RGB bytes, with each pixel drawn as a sharp rectangle.
#[derive(Clone, Debug)]
pub(crate) struct Bitmap {
    pub(crate) area: Area,
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) rgb: Vec<u8>,
}

#[derive(Clone, Debug)]
pub(crate) enum Item {
    Shape {
        outline: Outline,
        fill: Option<(Color, f64)>,
        stroke: Option<Stroke>,
    },
    Text(Text),
    Bitmap(Bitmap),
}

impl Item {
    fn moved(mut self, (right, down): Point) -> Self {
        let shift = |p: &mut Point| *p = (p.0 + right, p.1 + down);
        let area = |a: &mut Area| (a.x, a.y) = (a.x + right, a.y + down);
        match &mut self {
            Self::Shape { outline, .. } => match outline {
                Outline::Rect(rect) => area(rect),
                Outline::Circle(centre, _) => shift(centre),
                Outline::Line(points) | Outline::Polygon(points) => {
                    points.iter_mut().for_each(shift);
                }
            },
            Self::Text(text) => shift(&mut text.at),
            Self::Bitmap(bitmap) => area(&mut bitmap.area),
        }
        self
    }
}

/// A figure after layout, ready to be stored: the result of [`Draw::scene`](crate::Draw::scene).
#[derive(Clone, Debug)]
pub struct Scene {
    pub(crate) title: String,
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) items: Vec<Item>,
    pub(crate) missing: Missing,
}

impl Scene {
    pub(crate) fn new(title: &str) -> Self {
        Self {
            title: clean(title),
            width: 1.0,
            height: 1.0,
            items: Vec::new(),
            missing: Missing::default(),
        }
    }

    /// A sentence about characters that no installed font has: what is drawn instead, and what to
    /// install. `None` if everything is drawn as written.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        self.missing.sentence()
    }

    /// Width and height in points; a PNG has two pixels per point.
    #[must_use]
    pub fn size(&self) -> (f64, f64) {
        (self.width, self.height)
    }

    pub(crate) fn resize(&mut self, width: f64, height: f64) {
        self.width = width.ceil().max(1.0);
        self.height = height.ceil().max(1.0);
    }

    /// Adds all elements of another figure, with its top left at a point.
    pub(crate) fn place(&mut self, part: &Self, by: Point) {
        let items = part.items.iter().cloned();
        self.items.extend(items.map(|item| item.moved(by)));
        self.missing.merge(&part.missing);
    }

    pub(crate) fn fill(&mut self, outline: Outline, color: Color) {
        self.fill_through(outline, color, 1.0);
    }
    pub(crate) fn fill_through(&mut self, outline: Outline, color: Color, opacity: f64) {
        self.shape(outline, Some((color, opacity)), None);
    }
    pub(crate) fn stroke(&mut self, outline: Outline, stroke: Stroke) {
        self.shape(outline, None, Some(stroke));
    }

    /// Adds a shape, unless a coordinate is NaN or infinite, which must not reach a file.
    fn shape(&mut self, outline: Outline, fill: Option<(Color, f64)>, stroke: Option<Stroke>) {
        let finite = |p: &Point| p.0.is_finite() && p.1.is_finite();
        let sound = match &outline {
            Outline::Rect(a) => {
                [a.x, a.y, a.w, a.h].iter().all(|v| v.is_finite()) && a.w > 0.0 && a.h > 0.0
            }
            Outline::Circle(centre, radius) => {
                finite(centre) && radius.is_finite() && *radius > 0.0
            }
            Outline::Line(points) | Outline::Polygon(points) => {
                points.len() > 1 && points.iter().all(finite)
            }
        };
        if sound {
            self.items.push(Item::Shape {
                outline,
                fill,
                stroke,
            });
        }
    }

    pub(crate) fn text(&mut self, text: Text) {
        if !text.text.is_empty() && text.at.0.is_finite() && text.at.1.is_finite() {
            self.missing.add(missing(&text.text, text.weight));
            self.items.push(Item::Text(text));
        }
    }

    pub(crate) fn bitmap(&mut self, bitmap: Bitmap) {
        if bitmap.width > 0
            && bitmap.height > 0
            && bitmap.rgb.len() == bitmap.width * bitmap.height * 3
        {
            self.items.push(Item::Bitmap(bitmap));
        }
    }
}

/// The part of the segment from `a` to `b` within `area` (Liang and Barsky), if any.
pub(crate) fn clip_segment(a: Point, b: Point, area: Area) -> Option<(Point, Point)> {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
    let sides = [
        (-dx, a.0 - area.x),
        (dx, area.right() - a.0),
        (-dy, a.1 - area.y),
        (dy, area.bottom() - a.1),
    ];
    for (step, room) in sides {
        if step == 0.0 {
            if room < 0.0 {
                return None;
            }
        } else if step < 0.0 {
            enter = enter.max(room / step);
        } else {
            leave = leave.min(room / step);
        }
    }
    let at = |t: f64| (a.0 + dx * t, a.1 + dy * t);
    (enter <= leave).then(|| (at(enter), at(leave)))
}

/// The parts of a line inside `area`, each with at least two points.
pub(crate) fn clip_line(points: &[Point], area: Area) -> Vec<Vec<Point>> {
    let mut parts: Vec<Vec<Point>> = Vec::new();
    for (&a, &b) in points.iter().zip(points.iter().skip(1)) {
        let Some((from, to)) = clip_segment(a, b, area) else {
            continue;
        };
        match parts.last_mut() {
            Some(part) if part.last() == Some(&from) => part.push(to),
            _ => parts.push(vec![from, to]),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOX: Area = Area::new(0.0, 0.0, 10.0, 10.0);

    #[test]
    fn a_segment_is_cut_at_the_edges() {
        assert_eq!(
            clip_segment((-5.0, 5.0), (15.0, 5.0), BOX),
            Some(((0.0, 5.0), (10.0, 5.0)))
        );
        assert_eq!(
            clip_segment((2.0, 2.0), (3.0, 3.0), BOX),
            Some(((2.0, 2.0), (3.0, 3.0)))
        );
        assert_eq!(clip_segment((-5.0, 11.0), (15.0, 11.0), BOX), None);
    }

    #[test]
    fn a_line_that_leaves_and_returns_comes_in_two_parts() {
        let path = [(1.0, 5.0), (5.0, 15.0), (9.0, 5.0)];
        let parts = clip_line(&path, BOX);
        assert_eq!(parts.len(), 2);
        assert!(parts.iter().flatten().all(|p| p.1 <= 10.0 + 1e-9));
    }
}
