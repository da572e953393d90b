//! Text and marks on and around a plot: the legend, markers, ringed points, tick labels.

use super::curve::{Curve, LineStyle, Mark, Panel};
use crate::axis::Frame;
use crate::color::{BACKGROUND, INK, MUTED, curve_color};
use crate::paint::font::{Weight, clean, cut};
use crate::paint::scene::{Anchor, Area, Outline, Point, Scene, Stroke, Text, clip_segment};

const LEGEND_SIZE: f64 = 11.5;
const LEGEND_ROW: f64 = 17.0;
const SAMPLE: f64 = 22.0;
const GAP: f64 = 16.0;
/// Maximum number of legend rows; after them, the number of remaining names is shown.
const MAX_LEGEND_ROWS: usize = 4;

/// Draws the panel's label and the legend at the top of `area`; returns their height.
pub(crate) fn legend(panel: &Panel, scene: &mut Scene, area: Area) -> f64 {
    let label = cut(&clean(&panel.label), 12.5, Weight::Medium, area.w);
    scene.text(Text::new((area.x, area.y + 12.0), &label, 12.5, INK).medium());
    let label_end =
        area.x + Weight::Medium.width(&label, 12.5) + if label.is_empty() { 0.0 } else { 20.0 };

    let named: Vec<(usize, &Curve)> = panel
        .curves
        .iter()
        .enumerate()
        .filter(|(_, s)| !clean(&s.name).is_empty())
        .collect();
    let width = |curve: &Curve| {
        SAMPLE + 6.0 + Weight::Regular.width(&curve_name(curve, area.w), LEGEND_SIZE) + GAP
    };
    let all: f64 = named.iter().map(|(_, curve)| width(curve)).sum();
    // Next to the label if everything fits there, otherwise on rows of their own.
    let beside = label_end + all - GAP <= area.right();
    let (mut x, mut row) = if beside {
        (area.right() - all + GAP, 0)
    } else {
        (area.x, 1)
    };
    for (drawn, (index, curve)) in named.iter().enumerate() {
        if x + width(curve) - GAP > area.right() && x > area.x {
            (x, row) = (area.x, row + 1);
        }
        let y = area.y + row as f64 * LEGEND_ROW + 12.0;
        if row > MAX_LEGEND_ROWS {
            let more = format!("and {} more", named.len() - drawn);
            scene.text(Text::new((area.x, y), &more, LEGEND_SIZE, MUTED));
            break;
        }
        let color = curve.color.unwrap_or_else(|| curve_color(*index));
        let middle = (y - 4.0).round();
        if !curve.band.is_empty() {
            let swatch = Area::new(x, middle - 5.0, SAMPLE, 10.0);
            scene.fill_through(Outline::Rect(swatch), color, 0.18);
        }
        if !curve.points.is_empty() && curve.style != LineStyle::None {
            let stroke = Stroke {
                dash: curve.dash(),
                ..Stroke::new(color, 2.0)
            };
            scene.stroke(
                Outline::Line(vec![(x, middle), (x + SAMPLE, middle)]),
                stroke,
            );
        }
        let mark = curve
            .mark
            .or((curve.style == LineStyle::None).then_some(Mark::Dot));
        if let Some(mark) = mark {
            let at = (x + SAMPLE / 2.0, middle);
            mark.draw(scene, at, 3.5, color);
        }
        scene.text(Text::new(
            (x + SAMPLE + 6.0, y),
            &curve_name(curve, area.w),
            LEGEND_SIZE,
            INK,
        ));
        x += width(curve);
    }
    (row + 1) as f64 * LEGEND_ROW + 3.0
}

fn curve_name(curve: &Curve, room: f64) -> String {
    cut(
        &clean(&curve.name),
        LEGEND_SIZE,
        Weight::Regular,
        (room - SAMPLE - 6.0).min(260.0),
    )
}

/// The height of a row of marker labels.
pub(crate) const MARKER_ROW: f64 = 16.0;

const NOTE_SIZE: f64 = 11.0;
const MAX_MARKER_ROWS: usize = 3;

/// The number of rows reserved for marker labels: one per marker, up to three.
pub(crate) fn marker_rows(panel: &Panel) -> usize {
    panel.markers.len().min(MAX_MARKER_ROWS)
}

/// Draws the markers; their labels are in the strip above the plot.
pub(crate) fn markers(panel: &Panel, scene: &mut Scene, frame: &Frame) {
    let plot = frame.plot;
    let inside = |x: &f64| (plot.x - 0.01..=plot.right() + 0.01).contains(x);
    let color = MUTED.mix(BACKGROUND, 0.15);
    let mut labels = Vec::new();
    for (index, (x, label)) in panel.markers.iter().enumerate() {
        let Some(x) = frame.x(*x).filter(inside) else {
            continue;
        };
        let x = x.floor() + 0.5;
        let label = cut(&clean(label), NOTE_SIZE, Weight::Regular, plot.w);
        let half = Weight::Regular.width(&label, NOTE_SIZE) / 2.0;
        // Centred on its line, but kept within the plot.
        let centre = x.min(plot.right() - half).max(plot.x + half);
        let y = plot.y - 6.0 - (index % MAX_MARKER_ROWS) as f64 * MARKER_ROW;
        let stroke = Stroke {
            dash: Some((4.0, 3.0)),
            ..Stroke::new(color, 1.0)
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
        scene.fill(Outline::Rect(ground), BACKGROUND);
        scene.text(Text::new((centre, y), &label, NOTE_SIZE, MUTED).anchor(Anchor::Middle));
    }
}

/// Draws the ringed points; each label is placed where it crosses the fewest lines.
pub(crate) fn notes(panel: &Panel, scene: &mut Scene, frame: &Frame) {
    let plot = frame.plot;
    let lines: Vec<Point> = obstacles(panel, frame);
    let mut taken: Vec<Area> = Vec::new();
    for (value, label) in &panel.notes {
        let Some(at) = frame
            .at(*value)
            .filter(|at| clip_segment(*at, *at, plot).is_some())
        else {
            continue;
        };
        scene.fill(Outline::Circle(at, 5.0), BACKGROUND);
        scene.stroke(Outline::Circle(at, 5.0), Stroke::new(INK, 1.5));
        let label = cut(&clean(label), NOTE_SIZE, Weight::Regular, plot.w * 0.7);
        let (w, h) = (Weight::Regular.width(&label, NOTE_SIZE) + 6.0, 15.0);
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
                [a, b] => clip_segment(*a, *b, *area).is_some(),
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
        scene.fill_through(Outline::Rect(best), BACKGROUND, 0.8);
        let place = (best.x + best.w / 2.0, best.y + 11.5);
        scene.text(Text::new(place, &label, NOTE_SIZE, INK).anchor(Anchor::Middle));
    }
}

/// Every segment in the panel as pairs of points; few enough to test each label against all.
fn obstacles(panel: &Panel, frame: &Frame) -> Vec<Point> {
    const MAX_POINTS: usize = 20_000;
    let mut pairs = Vec::new();
    for curve in &panel.curves {
        let points: Vec<Point> = curve
            .points
            .iter()
            .filter_map(|point| frame.at(*point))
            .collect();
        let stride = (points.len() * panel.curves.len() / MAX_POINTS).max(1);
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

const TICK_NAME_SIZE: f64 = 10.5;
/// The minimum distance between two rotated names.
const TURNED_PITCH: f64 = 12.5;
/// The maximum height of rotated names below the axis.
const MAX_TURNED_LENGTH: f64 = 110.0;

/// The layout of names shown instead of numbers below a plot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum NameLayout {
    /// Horizontal, next to each other.
    Level,
    /// Rotated, reading upwards, with this height.
    Turned(f64),
}

impl NameLayout {
    /// Horizontal if each name fits between its neighbours on an axis `width` points long.
    pub(crate) fn new(names: &[(f64, String)], width: f64) -> Self {
        let widest = names
            .iter()
            .map(|(_, name)| name_width(name))
            .fold(0.0, f64::max);
        let pitch = width / names.len().saturating_sub(1).max(1) as f64;
        if widest + 10.0 <= pitch {
            Self::Level
        } else {
            Self::Turned(widest.min(MAX_TURNED_LENGTH))
        }
    }

    /// The height below the axis.
    pub(crate) fn room(self) -> f64 {
        match self {
            Self::Level => 20.0,
            Self::Turned(room) => room + 12.0,
        }
    }
}

/// Draws the names, leaving out those that would touch one already drawn.
pub(crate) fn tick_names(
    names: &[(f64, String)],
    layout: NameLayout,
    scene: &mut Scene,
    frame: &Frame,
) {
    let plot = frame.plot;
    let base = plot.bottom() + 0.5;
    let axis = Stroke::new(MUTED.mix(BACKGROUND, 0.35), 1.0);
    let mut free = f64::NEG_INFINITY;
    for (value, name) in names {
        let inside = |x: &f64| (plot.x - 0.01..=plot.right() + 0.01).contains(x);
        let Some(x) = frame.x(*value).filter(inside) else {
            continue;
        };
        let half = match layout {
            NameLayout::Level => name_width(name) / 2.0 + 3.0,
            NameLayout::Turned(_) => TURNED_PITCH / 2.0,
        };
        if x - half < free - 0.01 {
            continue;
        }
        free = x + half;
        let at = x.floor() + 0.5;
        scene.stroke(Outline::Line(vec![(at, base), (at, base + 4.0)]), axis);
        let text = match layout {
            NameLayout::Level => {
                Text::new((x, base + 16.0), name, TICK_NAME_SIZE, MUTED).anchor(Anchor::Middle)
            }
            NameLayout::Turned(room) => {
                let name = cut(&clean(name), TICK_NAME_SIZE, Weight::Regular, room);
                Text::new((x + 3.5, base + 8.0), &name, TICK_NAME_SIZE, MUTED)
                    .anchor(Anchor::End)
                    .turn(-90.0)
            }
        };
        scene.text(text);
    }
}

fn name_width(name: &str) -> f64 {
    // No name has more room than this, and measuring a text of megabytes would take too long.
    let start: String = name.chars().take(80).collect();
    Weight::Regular.width(&clean(&start), TICK_NAME_SIZE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_turned_when_they_would_touch() {
        let names = |count: u32| -> Vec<(f64, String)> {
            (0..count)
                .map(|i| (f64::from(i), format!("conv2d_{i}")))
                .collect()
        };
        assert_eq!(NameLayout::new(&names(5), 600.0), NameLayout::Level);
        assert!(
            matches!(NameLayout::new(&names(40), 600.0), NameLayout::Turned(room) if room > 40.0)
        );
        assert_eq!(NameLayout::new(&[], 600.0), NameLayout::Level);
    }
}
