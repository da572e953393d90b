//! A picture as a list of shapes, texts and bitmaps, in points from the top left.

use super::font::Weight;
use super::wrap::clean;
use crate::Colour;

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

/// A line's look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stroke {
    pub(crate) colour: Colour,
    pub(crate) width: f64,
    pub(crate) opacity: f64,
    /// Lengths of dash and gap.
    pub(crate) dash: Option<(f64, f64)>,
    /// Ends exactly at its last point instead of in a half circle about it.
    pub(crate) blunt: bool,
}

impl Stroke {
    pub(crate) const fn new(colour: Colour, width: f64) -> Self {
        Self {
            colour,
            width,
            opacity: 1.0,
            dash: None,
            blunt: false,
        }
    }
}

/// Where a text's position lies on it.
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
    pub(crate) colour: Colour,
    pub(crate) anchor: Anchor,
    /// Degrees, clockwise.
    pub(crate) turn: f64,
}

impl Text {
    pub(crate) fn new(at: Point, text: &str, size: f64, colour: Colour) -> Self {
        let (weight, anchor) = (Weight::Regular, Anchor::Start);
        Self {
            at,
            text: clean(text),
            size,
            weight,
            colour,
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

/// A bitmap of RGB bytes, each pixel drawn as a crisp rectangle.
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
        fill: Option<(Colour, f64)>,
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

/// A picture laid out and ready to be stored: what [`Draw::scene`](crate::Draw::scene) returns.
#[derive(Clone, Debug)]
pub struct Scene {
    pub(crate) title: String,
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) background: Colour,
    pub(crate) density: f64,
    pub(crate) items: Vec<Item>,
}

impl Scene {
    pub(crate) fn new(title: &str, theme: &crate::Theme) -> Self {
        let (background, density) = (theme.background, theme.pixels_per_point());
        let title = clean(title);
        Self {
            title,
            width: 1.0,
            height: 1.0,
            background,
            density,
            items: Vec::new(),
        }
    }

    /// Width and height in points; a PNG has [`Theme::density`](crate::Theme) pixels for each.
    #[must_use]
    pub fn size(&self) -> (f64, f64) {
        (self.width, self.height)
    }

    pub(crate) fn resize(&mut self, width: f64, height: f64) {
        self.width = width.ceil().max(1.0);
        self.height = height.ceil().max(1.0);
    }

    /// Adds all of another picture, its top left at a point.
    pub(crate) fn place(&mut self, part: &Self, by: Point) {
        if part.background != self.background {
            let ground = Area::new(by.0, by.1, part.width, part.height);
            self.fill(Outline::Rect(ground), part.background);
        }
        let items = part.items.iter().cloned();
        self.items.extend(items.map(|item| item.moved(by)));
    }

    pub(crate) fn fill(&mut self, outline: Outline, colour: Colour) {
        self.fill_through(outline, colour, 1.0);
    }
    pub(crate) fn fill_through(&mut self, outline: Outline, colour: Colour, opacity: f64) {
        self.shape(outline, Some((colour, opacity)), None);
    }
    pub(crate) fn stroke(&mut self, outline: Outline, stroke: Stroke) {
        self.shape(outline, None, Some(stroke));
    }

    /// Adds a shape, unless a coordinate is not a number: no such thing may reach a file.
    fn shape(&mut self, outline: Outline, fill: Option<(Colour, f64)>, stroke: Option<Stroke>) {
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
