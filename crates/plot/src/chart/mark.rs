//! The marks at the points of a series.

use crate::Colour;
use crate::paint::scene::{Outline, Point, Scene, Stroke};

/// The mark at each point of a [`Series`](crate::Series). Shapes tell series apart where colours
/// do not.
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
    /// Draws the mark, about as large as a dot of this radius, over a rim of the ground's colour.
    pub(crate) fn draw(
        self,
        scene: &mut Scene,
        at: Point,
        radius: f64,
        (colour, ground): (Colour, Colour),
    ) {
        if self == Self::None {
            return;
        }
        scene.fill(self.outline(at, radius + 1.0), ground);
        if self == Self::Ring {
            let ring = Outline::Circle(at, radius - 0.5);
            scene.stroke(ring, Stroke::new(colour, 1.5));
        } else {
            scene.fill(self.outline(at, radius), colour);
        }
    }

    fn outline(self, (x, y): Point, radius: f64) -> Outline {
        let polygon = |corners: &[Point]| {
            let corner = |(right, down): &Point| (x + right * radius, y + down * radius);
            Outline::Polygon(corners.iter().map(corner).collect())
        };
        // Each of about the area of the circle.
        match self {
            Self::None | Self::Dot | Self::Ring => Outline::Circle((x, y), radius),
            Self::Square => polygon(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]),
            Self::Triangle => polygon(&[(0.0, -1.35), (1.25, 0.85), (-1.25, 0.85)]),
            Self::Diamond => polygon(&[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)]),
        }
    }
}
