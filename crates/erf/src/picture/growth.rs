//! How the field grows: over the layers of one network, and over the epochs of its training.

use super::raster::{Raster, above, grown};
use super::style::{by_verdict, colour, mark, number};
use crate::gaussian::{Estimate, Verdict, moments};
use crate::map::{Map, Region};
use crate::study::Study;
use receptive_plot::{
    Chart, Color, Curve, Draw as _, Grid, LineStyle, Mark, Panel, PlotError, Sheet,
};

const MEASURED: Color = Color::new(90, 90, 90);
const THEORY: Color = Color::new(0, 140, 100);
const ROOT: Color = Color::new(204, 121, 167);

/// Maximum number of maps in a filmstrip; if there are more, evenly spaced ones are shown.
const MAX_FRAMES: usize = 48;

/// The field of one layer.
#[derive(Debug, Clone)]
pub struct GrowthPoint {
    /// The layer's name.
    pub name: String,
    /// The measured standard deviation, in input pixels.
    pub sigma: Estimate,
    /// The predicted standard deviation.
    pub predicted_sigma: Option<f64>,
    /// The effective field's size by Luo's threshold, in input pixels.
    pub size: Estimate,
    /// The theoretical field's size, in input pixels.
    pub trf: f64,
    /// `size` divided by `trf`.
    pub ratio: Estimate,
    /// Whether the map is a Gaussian.
    pub verdict: Verdict,
}

impl GrowthPoint {
    /// The field of a study's layer and headline aggregate.
    pub fn from_study(study: &Study) -> Self {
        let headline = &study.headline;
        Self {
            name: study.layer.number.clone(),
            sigma: headline.sigma_both,
            predicted_sigma: moments(&study.expected()).map(|theory| theory.sigma()),
            size: headline.size,
            trf: study.measurement.trf_side(),
            ratio: headline.ratio,
            verdict: headline.judgement.verdict,
        }
    }
}

/// Standard deviation, size and ratio to the theoretical field over the layers, in order, each
/// point marked by its verdict.
pub fn growth(title: &str, subtitle: &str, layers: &[GrowthPoint]) -> Chart {
    let places = || (1..=layers.len()).map(|n| n as f64);
    let over = |value: &dyn Fn(&GrowthPoint) -> f64| -> Vec<(f64, f64)> {
        places().zip(layers.iter().map(value)).collect()
    };
    let sigma = estimates(Panel::new("σ, pixels"), layers, true, |layer| &layer.sigma)
        .curve(Curve {
            style: LineStyle::Dashed,
            mark: Some(Mark::None),
            color: Some(THEORY),
            ..Curve::new("theory", &over(&|l| l.predicted_sigma.unwrap_or(f64::NAN)))
        })
        .curve(Curve {
            style: LineStyle::Dotted,
            mark: Some(Mark::None),
            color: Some(ROOT),
            ..Curve::new("like √n", &root(layers))
        });
    let size = estimates(Panel::new("size, pixels"), layers, false, |layer| {
        &layer.size
    })
    .curve(Curve {
        style: LineStyle::Dashed,
        mark: Some(Mark::None),
        color: Some(THEORY),
        ..Curve::new("theoretical field", &over(&|layer| layer.trf))
    });
    let ratio = Panel::new("effective / theoretical size");
    let ratio = estimates(ratio, layers, false, |layer| &layer.ratio);
    let names = places().zip(layers.iter().map(|layer| layer.name.clone()));
    Chart {
        subtitle: subtitle.to_owned(),
        columns: 1,
        panel_size: (900.0, 250.0),
        x_label: "layer, in order".into(),
        x_whole: true,
        x_names: names.collect(),
        panels: vec![sigma, size, ratio],
        ..Chart::new(title)
    }
}

/// Adds a line with error bars and marks for the verdicts; `in_legend` adds the verdicts to the
/// legend.
fn estimates(
    panel: Panel,
    layers: &[GrowthPoint],
    in_legend: bool,
    estimate: impl Fn(&GrowthPoint) -> &Estimate,
) -> Panel {
    let point = |index: usize| (index as f64 + 1.0, estimate(&layers[index]).value);
    let bar = |index: usize| {
        let Estimate { low, high, .. } = *estimate(&layers[index]);
        (index as f64 + 1.0, low, high)
    };
    let panel = by_verdict(layers.iter().map(|layer| layer.verdict))
        .into_iter()
        .fold(panel, |panel, (verdict, indices)| {
            let points: Vec<(f64, f64)> = indices.iter().map(|index| point(*index)).collect();
            let bars: Vec<(f64, f64, f64)> = indices
                .iter()
                .map(|index| bar(*index))
                .filter(|(_, low, high)| low < high)
                .collect();
            panel.curve(Curve {
                bars,
                ..marks(verdict, in_legend, &points)
            })
        });
    let line: Vec<(f64, f64)> = (0..layers.len()).map(point).collect();
    panel.curve(Curve {
        mark: Some(Mark::None),
        color: Some(MEASURED),
        ..Curve::new("measured", &line)
    })
}

/// The points with this verdict, as marks without a line.
fn marks(verdict: Verdict, in_legend: bool, points: &[(f64, f64)]) -> Curve {
    let name = if in_legend {
        verdict.to_string()
    } else {
        String::new()
    };
    Curve {
        style: LineStyle::None,
        mark: Some(mark(&verdict)),
        color: Some(colour(&verdict)),
        ..Curve::new(&name, points)
    }
}

/// The multiple of the square root of the layer's number that fits the measured standard deviations
/// best.
fn root(layers: &[GrowthPoint]) -> Vec<(f64, f64)> {
    let known = layers.iter().enumerate().filter_map(|(index, layer)| {
        let n = index as f64 + 1.0;
        layer
            .sigma
            .value
            .is_finite()
            .then_some((n, layer.sigma.value))
    });
    let (product, square) = known.fold((0.0, 0.0), |(product, square), (n, sigma)| {
        (product + n.sqrt() * sigma, square + n)
    });
    let slope = product / square;
    (1..=layers.len())
        .map(|n| (n as f64, slope * (n as f64).sqrt()))
        .collect()
}

/// The field after one epoch.
#[derive(Debug, Clone)]
pub struct Frame<'a> {
    /// The epoch; 0 is before training.
    pub epoch: usize,
    /// The measured map.
    pub map: &'a Map,
    /// Its standard deviation, in input pixels.
    pub sigma: Estimate,
    /// Its total variation from a Gaussian.
    pub tv: Estimate,
    /// Whether it is a Gaussian.
    pub verdict: Verdict,
}

/// A strip of maps, all at the same scale and each relative to its own peak, above the standard
/// deviation and the distance from a Gaussian against the epoch.
///
/// # Errors
/// As [`Draw::scene`](receptive_plot::Draw::scene): if there are no frames or a map has no pixels.
pub fn film(title: &str, subtitle: &str, frames: &[Frame<'_>]) -> Result<Sheet, PlotError> {
    const COLUMNS: usize = 8;
    let window = window(frames);
    let columns = frames.len().clamp(4, COLUMNS);
    let strip = evenly_spread(frames.len())
        .filter_map(|index| frames.get(index))
        .fold(
            Grid {
                columns,
                tile_size: 112.0,
                ..Grid::new("")
            },
            |grid, frame| {
                let tile = Raster::new(frame.map, window, 224).tile();
                let sigma = format!("σ {}", number(frame.sigma.value));
                let tile = tile
                    .line(&format!("epoch {}", frame.epoch), None)
                    .line(&sigma, None);
                let verdict = frame.verdict.to_string();
                grid.tile(tile.line(&verdict, Some(colour(&frame.verdict))))
            },
        );
    let caption = format!(
        "each map: rows {} to {}, columns {} to {}, relative to its own peak",
        window.top,
        window.bottom() - 1,
        window.left,
        window.right() - 1
    );
    let subtitle = match subtitle.is_empty() {
        true => caption,
        false => format!("{subtitle} · {caption}"),
    };
    let width = (strip.scene()?.size().0 - 66.0) / 2.0;
    let chart = Chart {
        panel_size: (width.max(300.0), 270.0),
        x_label: "epoch".into(),
        x_whole: true,
        ..Chart::new("")
    };
    let chart = chart
        .panel(epochs("σ, pixels", frames, true, |frame| frame.sigma))
        .panel(epochs(
            "distance to a Gaussian, TV",
            frames,
            false,
            |frame| frame.tv,
        ));
    Sheet::new(title)
        .subtitle(&subtitle)
        .row(&[&strip])?
        .row(&[&chart])
}

/// The visible part of all frames, with a margin.
fn window(frames: &[Frame<'_>]) -> Region {
    let all = frames.iter().map(|frame| frame.map.region());
    let all = all.reduce(|a, b| a.hull(&b)).unwrap_or(Region::image(0, 0));
    let bright = frames.iter().filter_map(|frame| above(frame.map, 0.01));
    match bright.reduce(|a, b| a.hull(&b)) {
        Some(bright) => grown(bright, bright.height.max(bright.width) / 10 + 1).intersection(&all),
        None => all,
    }
}

/// The indices of the frames to draw out of this many: the first, the last, and evenly spaced ones
/// between.
fn evenly_spread(count: usize) -> impl Iterator<Item = usize> {
    let drawn = count.min(MAX_FRAMES);
    (0..drawn).map(move |index| index * (count - 1) / (drawn - 1).max(1))
}

/// An estimate against the epoch, each point marked by its verdict; `in_legend` adds the verdicts
/// to the legend.
fn epochs(
    label: &str,
    frames: &[Frame<'_>],
    in_legend: bool,
    estimate: fn(&Frame<'_>) -> Estimate,
) -> Panel {
    let point = |frame: &Frame<'_>| (frame.epoch as f64, estimate(frame).value);
    let band = |frame: &Frame<'_>| {
        let Estimate { low, high, .. } = estimate(frame);
        (frame.epoch as f64, low, high)
    };
    let panel = by_verdict(frames.iter().map(|frame| frame.verdict))
        .into_iter()
        .fold(Panel::new(label), |panel, (verdict, indices)| {
            let points: Vec<(f64, f64)> = indices.iter().map(|i| point(&frames[*i])).collect();
            panel.curve(marks(verdict, in_legend, &points))
        });
    let line: Vec<(f64, f64)> = frames.iter().map(point).collect();
    let spread: Vec<(f64, f64, f64)> = frames.iter().map(band).collect();
    // A band needs at least two points.
    let (bars, band) = match frames.len() {
        1 => (spread, Vec::new()),
        _ => (Vec::new(), spread),
    };
    panel.curve(Curve {
        bars,
        band,
        mark: Some(Mark::None),
        color: Some(MEASURED),
        ..Curve::new("", &line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_frames_the_first_and_the_last_are_drawn() {
        let drawn: Vec<usize> = evenly_spread(1000).collect();
        assert_eq!((drawn.len(), drawn[0], drawn[47]), (48, 0, 999));
        assert_eq!(evenly_spread(1).collect::<Vec<_>>(), [0]);
        assert_eq!(evenly_spread(0).count(), 0);
        assert_eq!(evenly_spread(5).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    }
}
