//! Vertical markers and ringed points, with labels that cover as little as can be.

use super::frame::Frame;
use super::panel::Panel;
use crate::Theme;
use crate::paint::clip;
use crate::paint::font::Weight;
use crate::paint::scene::{Anchor, Area, Outline, Point, Scene, Stroke, Text};
use crate::paint::wrap::{clean, cut};

/// The height of a row of marker labels.
pub(crate) const ROW: f64 = 16.0;

const SIZE: f64 = 11.0;
const ROWS: usize = 3;

/// The rows of marker labels to leave room for: one each, up to three.
pub(crate) fn rows(panel: &Panel) -> usize {
    panel.markers.len().min(ROWS)
}

/// Draws the markers; their labels stand in the strip above the plot.
pub(crate) fn markers(panel: &Panel, scene: &mut Scene, theme: &Theme, frame: &Frame) {
    let plot = frame.plot;
    let inside = |x: &f64| (plot.x - 0.01..=plot.right() + 0.01).contains(x);
    let colour = theme.muted.mix(theme.background, 0.15);
    let mut labels = Vec::new();
    for (index, (x, label)) in panel.markers.iter().enumerate() {
        let Some(x) = frame.x(*x).filter(inside) else {
            continue;
        };
        let x = x.floor() + 0.5;
        let label = cut(&clean(label), SIZE, Weight::Regular, plot.w);
        let half = Weight::Regular.width(&label, SIZE) / 2.0;
        // Centred on its line, but within the plot.
        let centre = x.min(plot.right() - half).max(plot.x + half);
        let y = plot.y - 6.0 - (index % ROWS) as f64 * ROW;
        let stroke = Stroke {
            dash: Some((4.0, 3.0)),
            ..Stroke::new(colour, 1.0)
        };
        scene.stroke(
            Outline::Line(vec![(x, y + 5.0), (x, plot.bottom())]),
            stroke,
        );
        if !label.is_empty() {
            labels.push(((centre, y), half, label));
        }
    }
    // Lines from the rows above pass behind the labels.
    for ((centre, y), half, label) in labels {
        let ground = Area::new(centre - half - 2.0, y - 10.0, 2.0 * half + 4.0, 13.5);
        scene.fill(Outline::Rect(ground), theme.background);
        scene.text(Text::new((centre, y), &label, SIZE, theme.muted).anchor(Anchor::Middle));
    }
}

/// Draws the ringed points, each label where it crosses the fewest lines.
pub(crate) fn notes(panel: &Panel, scene: &mut Scene, theme: &Theme, frame: &Frame) {
    let plot = frame.plot;
    let lines: Vec<Point> = obstacles(panel, frame);
    let mut taken: Vec<Area> = Vec::new();
    for (value, label) in &panel.notes {
        let Some(at) = frame
            .at(*value)
            .filter(|at| clip::segment(*at, *at, plot).is_some())
        else {
            continue;
        };
        scene.fill(Outline::Circle(at, 5.0), theme.background);
        scene.stroke(Outline::Circle(at, 5.0), Stroke::new(theme.ink, 1.5));
        let label = cut(&clean(label), SIZE, Weight::Regular, plot.w * 0.7);
        let (w, h) = (Weight::Regular.width(&label, SIZE) + 6.0, 15.0);
        let boxes = [
            (0.5, 1.9),
            (0.5, -0.9),
            (1.15, 0.5),
            (-0.15, 0.5),
            (1.0, 1.9),
            (0.0, 1.9),
            (1.0, -0.9),
            (0.0, -0.9),
        ]
        .map(|(right, down)| {
            let x = at.0 - w + right * w + (right - 0.5) * 12.0;
            let x = x.min(plot.right() - w).max(plot.x);
            Area::new(x, at.1 - h / 2.0 + (down - 0.5) * h, w, h)
        });
        let cost = |area: &Area| {
            let crossed = lines.chunks_exact(2).filter(|pair| match pair {
                [a, b] => clip::segment(*a, *b, *area).is_some(),
                _ => false,
            });
            let outside = area.y < plot.y || area.bottom() > plot.bottom();
            let over = taken.iter().filter(|other| overlap(**other, *area)).count();
            crossed.count() + over * 1000 + usize::from(outside) * 10_000
        };
        let Some(best) = boxes.iter().min_by_key(|area| cost(area)).copied() else {
            continue;
        };
        taken.push(best);
        scene.fill_through(Outline::Rect(best), theme.background, 0.8);
        let place = (best.x + best.w / 2.0, best.y + 11.5);
        scene.text(Text::new(place, &label, SIZE, theme.ink).anchor(Anchor::Middle));
    }
}

/// Every segment on the panel as pairs of points; few enough to try each label against.
fn obstacles(panel: &Panel, frame: &Frame) -> Vec<Point> {
    const MOST: usize = 20_000;
    let mut pairs = Vec::new();
    for series in &panel.series {
        let points: Vec<Point> = series
            .points
            .iter()
            .filter_map(|point| frame.at(*point))
            .collect();
        let stride = (points.len() * panel.series.len() / MOST).max(1);
        let points: Vec<Point> = points.into_iter().step_by(stride).collect();
        pairs.extend(points.windows(2).flatten().copied());
    }
    for x in panel.markers.iter().filter_map(|marker| frame.x(marker.0)) {
        pairs.extend([(x, frame.plot.y), (x, frame.plot.bottom())]);
    }
    pairs
}

fn overlap(a: Area, b: Area) -> bool {
    a.x < b.right() && b.x < a.right() && a.y < b.bottom() && b.y < a.bottom()
}
