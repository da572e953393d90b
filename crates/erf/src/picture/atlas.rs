//! All networks of an atlas in one chart: effective against theoretical size.

use super::style::{by_verdict, colour, mark, nth_style};
use crate::atlas::{Atlas, Stage};
use receptive_plot::{Chart, Color, Curve, LineStyle, Mark, Panel, Scale};

/// As many networks as can be distinguished by colour and dash; if there are more, only marks are
/// drawn.
const MAX_NAMED: usize = 16;

/// Size and ratio to the theoretical field against the side of the theoretical field, with one
/// point per stage and one line per network, marked by verdict.
pub fn atlas_chart(atlas: &Atlas) -> Chart {
    let size = panel(atlas, "effective size, pixels", |stage| {
        (stage.size.value, stage.size.low, stage.size.high)
    });
    let ratio = panel(atlas, "effective / theoretical size", |stage| {
        (stage.ratio.value, stage.ratio.low, stage.ratio.high)
    });
    Chart {
        subtitle: "mean absolute gradient of each stage's central unit; one line per network"
            .into(),
        columns: 1,
        panel_size: (900.0, 420.0),
        x_label: "side of the theoretical field, pixels".into(),
        x_scale: Scale::Log,
        panels: vec![size, ratio],
        ..Chart::new("Effective receptive fields, stage by stage")
    }
}

fn panel(atlas: &Atlas, label: &str, value: impl Fn(&Stage) -> (f64, f64, f64)) -> Panel {
    let side = |stage: &Stage| ((stage.trf[0] * stage.trf[1]) as f64).sqrt();
    let mut panel = Panel {
        y_scale: Scale::Log,
        ..Panel::new(label)
    };
    let stages: Vec<&Stage> = atlas.networks.iter().flat_map(|one| &one.stages).collect();
    for (verdict, indices) in by_verdict(stages.iter().map(|stage| stage.verdict)) {
        let of = |index: &usize| (side(stages[*index]), value(stages[*index]));
        let points: Vec<(f64, f64)> = indices.iter().map(of).map(|(x, y)| (x, y.0)).collect();
        let bars = indices.iter().map(of).map(|(x, y)| (x, y.1, y.2));
        panel = panel.curve(Curve {
            bars: bars
                .filter(|(_, low, high)| low < high && *low > 0.0)
                .collect(),
            style: LineStyle::None,
            mark: Some(mark(&verdict)),
            color: Some(colour(&verdict)),
            ..Curve::new(&verdict.to_string(), &points)
        });
    }
    for (index, network) in atlas.networks.iter().enumerate() {
        let points = network.stages.iter();
        let points: Vec<(f64, f64)> = points.map(|stage| (side(stage), value(stage).0)).collect();
        let is_named = atlas.networks.len() <= MAX_NAMED;
        panel = panel.curve(Curve {
            mark: Some(Mark::None),
            style: nth_style(index),
            color: (!is_named).then_some(Color::new(190, 190, 190)),
            ..Curve::new(if is_named { &network.name } else { "" }, &points)
        });
    }
    panel
}
