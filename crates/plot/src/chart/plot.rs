//! Drawing a panel: axes, bands, lines.

use super::curve::{Curve, LineStyle, Mark, Panel};
use super::labels::{self, NameLayout};
use crate::axis::{Frame, Scale, Tick, extent, padded, ticks, widened};
use crate::color::{BACKGROUND, Color, MUTED, RULE, curve_color};
use crate::paint::font::{Weight, clean, cut};
use crate::paint::scene::{
    Anchor, Area, Outline, Point, Scene, Stroke, Text, clip_line, clip_segment,
};

const TICK_SIZE: f64 = 11.0;

/// The horizontal axis that all panels share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct XAxis<'a> {
    pub(crate) range: (f64, f64),
    pub(crate) scale: Scale,
    pub(crate) whole: bool,
    pub(crate) label: &'a str,
    /// Names instead of numbers.
    pub(crate) names: Option<&'a [(f64, String)]>,
}

fn y_range(panel: &Panel) -> (f64, f64) {
    let fitting = || {
        let range = widened(extent(panel.ys(), panel.y_scale), panel.y_scale);
        padded(range, panel.y_scale)
    };
    // A range that begins at or below zero is invalid on a logarithmic axis.
    let given = panel
        .y_range
        .filter(|range| panel.y_scale.share(range.0, *range).is_some());
    given.unwrap_or_else(fitting)
}

fn y_ticks(panel: &Panel) -> Vec<Tick> {
    ticks(y_range(panel), panel.y_scale, 6, false)
}

/// The width of the vertical axis's labels.
pub(crate) fn label_width(panel: &Panel) -> f64 {
    y_ticks(panel)
        .iter()
        .map(|tick| Weight::Regular.width(&tick.label, TICK_SIZE))
        .fold(0.0, f64::max)
        + 10.0
}

/// Draws the panel into `area`; its plot begins `left` points from the left.
pub(crate) fn draw(panel: &Panel, scene: &mut Scene, area: Area, x_axis: &XAxis<'_>, left: f64) {
    let head = labels::legend(panel, scene, area);
    let wide = Area::new((area.x + left).round(), area.y + head, 0.0, 0.0);
    let wide = Area {
        w: area.right() - wide.x,
        ..wide
    };
    let strip = labels::marker_rows(panel) as f64 * labels::MARKER_ROW;
    let layout = x_axis.names.map(|names| NameLayout::new(names, wide.w));
    let numbers = layout.map_or(20.0, NameLayout::room);
    let foot = numbers
        + if clean(x_axis.label).is_empty() {
            0.0
        } else {
            20.0
        };
    let top = (wide.y + strip).round();
    let bottom = (area.bottom() - foot).round().max(top + 40.0);
    let plot = Area {
        y: top,
        h: bottom - top,
        ..wide
    };
    let frame = Frame {
        plot,
        x: x_axis.range,
        y: y_range(panel),
        scales: (x_axis.scale, panel.y_scale),
    };

    axes(panel, scene, &frame);
    match (x_axis.names, layout) {
        (Some(all), Some(layout)) => labels::tick_names(all, layout, scene, &frame),
        _ => numbers_below(scene, &frame, x_axis),
    }
    let label = cut(&clean(x_axis.label), 12.0, Weight::Regular, plot.w);
    let at = (plot.x + plot.w / 2.0, plot.bottom() + numbers + 15.5);
    scene.text(Text::new(at, &label, 12.0, MUTED).anchor(Anchor::Middle));
    labels::markers(panel, scene, &frame);
    let color = |(index, curve): (usize, &Curve)| curve.color.unwrap_or_else(|| curve_color(index));
    for entry in panel.curves.iter().enumerate() {
        band(entry.1, scene, &frame, color(entry));
    }
    for entry in panel.curves.iter().enumerate() {
        bars(entry.1, scene, &frame, color(entry));
    }
    // The first curve is drawn last, and so on top.
    for entry in panel.curves.iter().enumerate().rev() {
        line(entry.1, scene, &frame, color(entry));
    }
    labels::notes(panel, scene, &frame);
}

fn axes(panel: &Panel, scene: &mut Scene, frame: &Frame) {
    let plot = frame.plot;
    for tick in y_ticks(panel) {
        let Some(y) = frame.y(tick.value) else {
            continue;
        };
        let y = half(y);
        let line = Outline::Line(vec![(plot.x, y), (plot.right(), y)]);
        scene.stroke(line, Stroke::new(RULE, 1.0));
        let text = Text::new((plot.x - 8.0, y + 4.0), &tick.label, TICK_SIZE, MUTED);
        scene.text(text.anchor(Anchor::End));
    }
    let base = plot.bottom() + 0.5;
    let axis = Stroke::new(MUTED.mix(BACKGROUND, 0.35), 1.0);
    scene.stroke(
        Outline::Line(vec![(plot.x, base), (plot.right(), base)]),
        axis,
    );
}

fn numbers_below(scene: &mut Scene, frame: &Frame, x_axis: &XAxis<'_>) {
    let plot = frame.plot;
    let base = plot.bottom() + 0.5;
    let axis = Stroke::new(MUTED.mix(BACKGROUND, 0.35), 1.0);
    let mut free = f64::NEG_INFINITY;
    for tick in ticks(
        x_axis.range,
        x_axis.scale,
        (plot.w / 48.0) as usize,
        x_axis.whole,
    ) {
        let Some(x) = frame.x(tick.value) else {
            continue;
        };
        let width = Weight::Regular.width(&tick.label, TICK_SIZE);
        if x - width / 2.0 < free {
            continue;
        }
        free = x + width / 2.0 + 6.0;
        let x = half(x);
        scene.stroke(Outline::Line(vec![(x, base), (x, base + 4.0)]), axis);
        let text = Text::new((x, base + 16.0), &tick.label, TICK_SIZE, MUTED);
        scene.text(text.anchor(Anchor::Middle));
    }
}

fn band(curve: &Curve, scene: &mut Scene, frame: &Frame, color: Color) {
    let plot = frame.plot;
    let held = |y: f64| y.clamp(plot.y, plot.bottom());
    let edges = curve.band.iter().map(|(x, low, high)| {
        let (x, low, high) = (frame.x(*x)?, frame.y(*low)?, frame.y(*high)?);
        (plot.x - 0.01..=plot.right() + 0.01)
            .contains(&x)
            .then_some((x, held(low), held(high)))
    });
    for run in runs(edges) {
        let upper = run.iter().map(|(x, _, high)| (*x, *high));
        let lower = run.iter().rev().map(|(x, low, _)| (*x, *low));
        scene.fill_through(Outline::Polygon(upper.chain(lower).collect()), color, 0.18);
    }
}

/// Error bars, clipped to the plot; ends inside the plot have caps.
fn bars(curve: &Curve, scene: &mut Scene, frame: &Frame, color: Color) {
    const CAP: f64 = 3.0;
    let plot = frame.plot;
    let room = Area::new(plot.x - 0.01, plot.y - 0.01, plot.w + 0.02, plot.h + 0.02);
    let stroke = Stroke {
        blunt: true,
        ..Stroke::new(color, 1.25)
    };
    for (x, low, high) in &curve.bars {
        // A lower end that a logarithmic axis cannot show is below the plot.
        let low = frame
            .y(*low)
            .or(low.is_finite().then_some(plot.bottom() + 1.0));
        let (Some(x), Some(low), Some(high)) = (frame.x(*x), low, frame.y(*high)) else {
            continue;
        };
        let Some((from, to)) = clip_segment((x, low), (x, high), room) else {
            continue;
        };
        scene.stroke(Outline::Line(vec![from, to]), stroke);
        for end in [low, high] {
            if clip_segment((x, end), (x, end), room).is_some() {
                let cap = vec![(x - CAP, end), (x + CAP, end)];
                scene.stroke(Outline::Line(cap), stroke);
            }
        }
    }
}

fn line(curve: &Curve, scene: &mut Scene, frame: &Frame, color: Color) {
    const FEW: usize = 40;
    // A value exactly on the edge must survive rounding.
    let plot = frame.plot;
    let room = Area::new(plot.x - 0.01, plot.y - 0.01, plot.w + 0.02, plot.h + 0.02);
    let stroke = Stroke {
        dash: curve.dash(),
        ..Stroke::new(color, 2.0)
    };
    let lone = curve.style == LineStyle::None;
    for run in runs(curve.points.iter().map(|point| frame.at(*point))) {
        for part in clip_line(&thin(&run), room) {
            if !lone {
                scene.stroke(Outline::Line(part), stroke);
            }
        }
        // A point without neighbours is not part of any line that would show it.
        let alone = run.len() == 1 && !lone;
        let mark = match curve.mark {
            None | Some(Mark::None) if alone => Some(Mark::Dot),
            None if lone || curve.points.len() <= FEW => Some(Mark::Dot),
            other => other,
        };
        let radius = match curve.mark {
            Some(_) => 3.5,
            None if alone => 4.0,
            None => 2.5,
        };
        for point in run
            .into_iter()
            .filter(|p| clip_segment(*p, *p, room).is_some())
        {
            let mark = mark.unwrap_or(Mark::None);
            mark.draw(scene, point, radius, color);
        }
    }
}

/// The contiguous runs of a sequence with gaps.
fn runs<T>(items: impl Iterator<Item = Option<T>>) -> Vec<Vec<T>> {
    let mut runs = vec![Vec::new()];
    for item in items {
        match (item, runs.last_mut()) {
            (Some(item), Some(run)) => run.push(item),
            _ => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// Keeps the first, the extreme and the last of all points within the same half point of width: a
/// line of a million points looks the same and the file stays small.
fn thin(points: &[Point]) -> Vec<Point> {
    const MANY: usize = 4000;
    if points.len() <= MANY {
        return points.to_vec();
    }
    let column = |p: &Point| (p.0 * 2.0).floor();
    let mut kept = Vec::new();
    for group in points.chunk_by(|a, b| column(a) == column(b)) {
        let low = group
            .iter()
            .enumerate()
            .min_by(|a, b| a.1.1.total_cmp(&b.1.1))
            .map(|e| e.0);
        let high = group
            .iter()
            .enumerate()
            .max_by(|a, b| a.1.1.total_cmp(&b.1.1))
            .map(|e| e.0);
        let mut chosen: Vec<usize> = [Some(0), low, high, Some(group.len() - 1)]
            .into_iter()
            .flatten()
            .collect();
        chosen.sort_unstable();
        chosen.dedup();
        kept.extend(chosen.into_iter().filter_map(|index| group.get(index)));
    }
    kept
}

/// Rounds to half points, where a line one point wide is sharp at two pixels per point.
fn half(value: f64) -> f64 {
    value.floor() + 0.5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_breaks_the_line() {
        assert_eq!(
            runs([None, Some(1), Some(2), None, None, Some(3)].into_iter()),
            [vec![1, 2], vec![3]]
        );
    }

    #[test]
    fn thinning_keeps_the_extremes() {
        let mut points: Vec<Point> = (0..100_000).map(|i| (f64::from(i) / 250.0, 50.0)).collect();
        if let Some(point) = points.get_mut(70_001) {
            point.1 = 3.0;
        }
        let kept = thin(&points);
        assert!(kept.len() < 4000, "{}", kept.len());
        assert!(kept.iter().any(|p| p.1 == 3.0));
        assert_eq!(kept.last(), points.last());
    }
}
