//! The names of the series, in rows above the plot where they cover nothing.

use super::mark::Mark;
use super::panel::Panel;
use super::series::{LineStyle, Series};
use crate::Theme;
use crate::paint::font::Weight;
use crate::paint::scene::{Area, Outline, Scene, Stroke, Text};
use crate::paint::wrap::{clean, cut};

const SIZE: f64 = 11.5;
const ROW: f64 = 17.0;
const SAMPLE: f64 = 22.0;
const GAP: f64 = 16.0;
/// Rows of names at most; the last says how many more there are.
const ROWS: usize = 4;

/// Draws the panel's label and the legend in `area` from its top; returns the height taken.
pub(crate) fn draw(panel: &Panel, scene: &mut Scene, theme: &Theme, area: Area) -> f64 {
    let label = cut(&clean(&panel.label), 12.5, Weight::Medium, area.w);
    scene.text(Text::new((area.x, area.y + 12.0), &label, 12.5, theme.ink).medium());
    let label_end =
        area.x + Weight::Medium.width(&label, 12.5) + if label.is_empty() { 0.0 } else { 20.0 };

    let named: Vec<(usize, &Series)> = panel
        .series
        .iter()
        .enumerate()
        .filter(|(_, s)| !clean(&s.name).is_empty())
        .collect();
    let width =
        |series: &Series| SAMPLE + 6.0 + Weight::Regular.width(&name(series, area.w), SIZE) + GAP;
    let all: f64 = named.iter().map(|(_, series)| width(series)).sum();
    // Beside the label if everything fits there, else on rows of its own.
    let beside = label_end + all - GAP <= area.right();
    let (mut x, mut row) = if beside {
        (area.right() - all + GAP, 0)
    } else {
        (area.x, 1)
    };
    for (shown, (index, series)) in named.iter().enumerate() {
        if x + width(series) - GAP > area.right() && x > area.x {
            (x, row) = (area.x, row + 1);
        }
        let y = area.y + row as f64 * ROW + 12.0;
        if row > ROWS {
            let more = format!("and {} more", named.len() - shown);
            scene.text(Text::new((area.x, y), &more, SIZE, theme.muted));
            break;
        }
        let colour = series.colour.unwrap_or_else(|| theme.series(*index));
        let middle = (y - 4.0).round();
        if !series.band.is_empty() {
            let swatch = Area::new(x, middle - 5.0, SAMPLE, 10.0);
            scene.fill_through(Outline::Rect(swatch), colour, 0.18);
        }
        if !series.points.is_empty() && series.style != LineStyle::None {
            let stroke = Stroke {
                dash: series.dash(),
                ..Stroke::new(colour, 2.0)
            };
            scene.stroke(
                Outline::Line(vec![(x, middle), (x + SAMPLE, middle)]),
                stroke,
            );
        }
        let shown = series
            .mark
            .or((series.style == LineStyle::None).then_some(Mark::Dot));
        if let Some(mark) = shown {
            let at = (x + SAMPLE / 2.0, middle);
            mark.draw(scene, at, 3.5, (colour, theme.background));
        }
        scene.text(Text::new(
            (x + SAMPLE + 6.0, y),
            &name(series, area.w),
            SIZE,
            theme.ink,
        ));
        x += width(series);
    }
    (row + 1) as f64 * ROW + 3.0
}

fn name(series: &Series, room: f64) -> String {
    cut(
        &clean(&series.name),
        SIZE,
        Weight::Regular,
        (room - SAMPLE - 6.0).min(260.0),
    )
}
