//! Cross sections: the row and the column through the middle of the Gaussian.

use super::bell::Bell;
use super::measurement::Subject;
use super::shown::per_peak;
use super::spread;
use crate::{Map, Region};
use receptive_plot::{Chart, Colour, LineStyle, Mark, Panel, Series};

/// The colours of the measured map, of the Gaussian and of the theory.
pub(super) const MEASURED: Colour = Colour::new(0, 114, 178);
pub(super) const GAUSSIAN: Colour = Colour::new(213, 94, 0);
pub(super) const THEORY: Colour = Colour::new(0, 140, 100);

/// Which way a section runs.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// Along a row.
    Right,
    /// Along a column.
    Down,
}

/// Both sections, one above the other, over the distance from the middle.
pub(super) fn chart(
    subject: &Subject<'_>,
    bell: Option<(Bell, &str)>,
    window: Region,
    size: (f64, f64),
) -> Chart {
    let middle = bell.map_or(subject.trf.centre(), |(bell, _)| bell.mean());
    [Way::Right, Way::Down].into_iter().fold(
        Chart::new("")
            .columns(1)
            .panel_size(size.0, size.1)
            .x_label("distance from the middle, pixels"),
        |chart, way| chart.panel(panel(subject, bell, middle, window, way)),
    )
}

fn panel(
    subject: &Subject<'_>,
    bell: Option<(Bell, &str)>,
    middle: [f64; 2],
    window: Region,
    way: Way,
) -> Panel {
    let along = match way {
        Way::Right => 1,
        Way::Down => 0,
    };
    // Held within the window: a middle outside it has no pixels.
    let line = match way {
        Way::Right => held(middle[0], window.top, window.bottom()),
        Way::Down => held(middle[1], window.left, window.right()),
    };
    let (start, end) = match way {
        Way::Right => (window.left, window.right()),
        Way::Down => (window.top, window.bottom()),
    };
    let place = |step: f64| match way {
        Way::Right => (line as f64, step),
        Way::Down => (step, line as f64),
    };
    let at = |map: &Map, step: i64| match way {
        Way::Right => map.at(line, step),
        Way::Down => map.at(step, line),
    };
    // Beyond five standard deviations a section is flat.
    let reach = bell.map_or(f64::INFINITY, |(bell, _)| {
        (5.0 * bell.spread()[along]).max(8.0)
    });
    let steps: Vec<i64> = (start..end)
        .filter(|step| (*step as f64 - middle[along]).abs() <= reach)
        .collect();
    let scale = per_peak(subject.map);
    let points = |map: &Map, scale: f64| -> Vec<(f64, f64)> {
        let point = |step: &i64| (*step as f64 - middle[along], at(map, *step) * scale);
        steps.iter().map(point).collect()
    };
    let measured = points(subject.map, scale);
    let band: Vec<(f64, f64, f64)> = steps
        .iter()
        .zip(&measured)
        .filter_map(|(step, (x, y))| {
            let half = spread::half(subject.groups.iter().map(|map| at(map, *step)))? * scale;
            half.is_finite().then_some((*x, y - half, y + half))
        })
        .collect();

    let name = match way {
        Way::Right => format!("row {line}, share of the peak"),
        Way::Down => format!("column {line}, share of the peak"),
    };
    // The measured line last, which is lowest: the others are broken and let it show.
    let mut panel = Panel::new(&name);
    if let (Some((bell, word)), Some(first), Some(last)) = (bell, steps.first(), steps.last()) {
        // Finer than pixels, so that a narrow Gaussian is a curve.
        let fine = (0..=240).map(|i| {
            let step = *first as f64 + (*last - *first) as f64 * f64::from(i) / 240.0;
            let (row, column) = place(step);
            (step - middle[along], bell.at(row, column) * scale)
        });
        let curve = Series::new(word, &fine.collect::<Vec<_>>());
        panel = panel.series(curve.style(LineStyle::Dashed).colour(GAUSSIAN));
    }
    if let Some((theory, factor)) = theory(subject) {
        let line = Series::new("theory", &points(theory, scale * factor));
        let line = line.style(LineStyle::Dotted).mark(Mark::None);
        panel = panel.series(line.colour(THEORY));
    }
    panel.series(
        Series::new("measured", &measured)
            .band(&band)
            .colour(MEASURED),
    )
}

/// The theory's map and the factor that gives it the mass of the measured one.
pub(super) fn theory<'a>(subject: &Subject<'a>) -> Option<(&'a Map, f64)> {
    let theory = subject.prediction?;
    let mass = |map: &Map| -> f64 { map.values().iter().filter(|v| v.is_finite()).sum() };
    let factor = mass(subject.map) / mass(theory);
    (factor.is_finite() && factor > 0.0).then_some((theory, factor))
}

fn held(middle: f64, start: i64, end: i64) -> i64 {
    (middle.round() as i64).min(end - 1).max(start)
}
