//! The field over the layers of one network.

use super::verdict::{colour, mark};
use crate::gaussian::{Estimate, Verdict};
use receptive_plot::{Chart, Colour, LineStyle, Mark, Panel, Series};

const MEASURED: Colour = Colour::new(90, 90, 90);
const THEORY: Colour = Colour::new(0, 140, 100);
const ROOT: Colour = Colour::new(204, 121, 167);

/// One layer of a network.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Its name.
    pub name: String,
    /// The measured standard deviation, in input pixels.
    pub sigma: Estimate,
    /// The theory's.
    pub predicted_sigma: Option<f64>,
    /// The effective field's size by Luo's threshold, in input pixels.
    pub size: Estimate,
    /// The theoretical field's size, in input pixels.
    pub trf: f64,
    /// The first size over the second.
    pub ratio: Estimate,
    /// Whether the map is a Gaussian.
    pub verdict: Verdict,
}

/// Standard deviation, size and share of the theoretical field over the layers, in order, each point
/// marked by its verdict.
pub fn growth(title: &str, subtitle: &str, layers: &[Layer]) -> Chart {
    let places = || (1..=layers.len()).map(|n| n as f64);
    let over = |value: &dyn Fn(&Layer) -> f64| -> Vec<(f64, f64)> {
        places().zip(layers.iter().map(value)).collect()
    };
    let sigma = estimates(Panel::new("σ, pixels"), layers, true, |layer| &layer.sigma)
        .series(
            Series::new("theory", &over(&|l| l.predicted_sigma.unwrap_or(f64::NAN)))
                .style(LineStyle::Dashed)
                .mark(Mark::None)
                .colour(THEORY),
        )
        .series(
            Series::new("like √n", &root(layers))
                .style(LineStyle::Dotted)
                .mark(Mark::None)
                .colour(ROOT),
        );
    let size = estimates(Panel::new("size, pixels"), layers, false, |layer| {
        &layer.size
    })
    .series(
        Series::new("theoretical field", &over(&|layer| layer.trf))
            .style(LineStyle::Dashed)
            .mark(Mark::None)
            .colour(THEORY),
    );
    let ratio = Panel::new("effective / theoretical size");
    let ratio = estimates(ratio, layers, false, |layer| &layer.ratio);
    let names: Vec<(f64, String)> = places()
        .zip(layers.iter().map(|layer| layer.name.clone()))
        .collect();
    Chart::new(title)
        .subtitle(subtitle)
        .columns(1)
        .panel_size(900.0, 250.0)
        .x_label("layer, in order")
        .x_whole()
        .x_names(&names)
        .panel(sigma)
        .panel(size)
        .panel(ratio)
}

/// Adds a line with error bars, and over it a mark for each verdict; `named` puts the verdicts into
/// the legend.
fn estimates(
    panel: Panel,
    layers: &[Layer],
    named: bool,
    of: impl Fn(&Layer) -> &Estimate,
) -> Panel {
    let all = || layers.iter().enumerate();
    let at = |(index, layer): (usize, &Layer)| (index as f64 + 1.0, of(layer).value);
    let mut panel = panel;
    let mut words: Vec<String> = Vec::new();
    for layer in layers {
        let word = layer.verdict.to_string();
        if words.contains(&word) {
            continue;
        }
        let same = || all().filter(|(_, layer)| layer.verdict.to_string() == word);
        let bar = |(index, layer): (usize, &Layer)| {
            let estimate = of(layer);
            (index as f64 + 1.0, estimate.low, estimate.high)
        };
        let points: Vec<(f64, f64)> = same().map(at).collect();
        let bars: Vec<(f64, f64, f64)> = same()
            .filter(|(_, layer)| of(layer).low < of(layer).high)
            .map(bar)
            .collect();
        panel = panel.series(
            Series::new(if named { &word } else { "" }, &points)
                .bars(&bars)
                .style(LineStyle::None)
                .mark(mark(&layer.verdict))
                .colour(colour(&layer.verdict)),
        );
        words.push(word);
    }
    let line: Vec<(f64, f64)> = all().map(at).collect();
    panel.series(
        Series::new("measured", &line)
            .mark(Mark::None)
            .colour(MEASURED),
    )
}

/// The multiple of the root of the layer's number nearest to the measured standard deviations.
fn root(layers: &[Layer]) -> Vec<(f64, f64)> {
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
