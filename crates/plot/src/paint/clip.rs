//! Cutting lines to a rectangle, so that nothing is drawn outside a plot.

use super::scene::{Area, Point};

/// The part of the segment from `a` to `b` within `area` (Liang and Barsky), if any.
pub(crate) fn segment(a: Point, b: Point, area: Area) -> Option<(Point, Point)> {
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

/// The parts of a line within `area`, each at least two points long.
pub(crate) fn line(points: &[Point], area: Area) -> Vec<Vec<Point>> {
    let mut parts: Vec<Vec<Point>> = Vec::new();
    for (&a, &b) in points.iter().zip(points.iter().skip(1)) {
        let Some((from, to)) = segment(a, b, area) else {
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
            segment((-5.0, 5.0), (15.0, 5.0), BOX),
            Some(((0.0, 5.0), (10.0, 5.0)))
        );
        assert_eq!(
            segment((2.0, 2.0), (3.0, 3.0), BOX),
            Some(((2.0, 2.0), (3.0, 3.0)))
        );
        assert_eq!(segment((-5.0, 11.0), (15.0, 11.0), BOX), None);
    }

    #[test]
    fn a_line_that_leaves_and_returns_comes_in_two_parts() {
        let path = [(1.0, 5.0), (5.0, 15.0), (9.0, 5.0)];
        let parts = line(&path, BOX);
        assert_eq!(parts.len(), 2);
        assert!(parts.iter().flatten().all(|p| p.1 <= 10.0 + 1e-9));
    }
}
