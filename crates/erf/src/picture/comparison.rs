//! Several networks side by side.

use super::raster::{Raster, above, per_peak};
use super::style::{colour, nth_style, number};
use crate::gaussian::{Estimate, Verdict};
use crate::map::{Map, Region};
use crate::study::Study;
use receptive_plot::{Chart, Curve, Draw as _, Grid, Mark, Overlay, Panel, PlotError, Sheet};

/// The field of one network.
#[derive(Debug, Clone)]
pub struct ComparisonField<'a> {
    /// Its name.
    pub name: String,
    /// The measured map.
    pub map: &'a Map,
    /// The theoretical receptive field.
    pub trf: Region,
    /// The measured standard deviation, in input pixels.
    pub sigma: Estimate,
    /// Whether the map is a Gaussian.
    pub verdict: Verdict,
}

impl<'a> ComparisonField<'a> {
    /// The field of a study's headline aggregate.
    pub fn from_study(name: &str, study: &'a Study) -> Self {
        Self {
            name: name.to_owned(),
            map: study.measurement.map(study.aggregate()),
            trf: study.measurement.trf,
            sigma: study.headline.sigma_both,
            verdict: study.headline.judgement.verdict,
        }
    }

    /// The pixel at the centre of the theoretical field.
    fn middle(&self) -> [i64; 2] {
        self.trf.centre().map(|place| place.floor() as i64)
    }

    /// How far the visible part of the map extends from the centre.
    fn reach(&self) -> usize {
        let visible = above(self.map, 0.01).unwrap_or(self.map.region());
        let [row, column] = self.middle();
        let sides = [
            row - visible.top,
            visible.bottom() - 1 - row,
            column - visible.left,
            visible.right() - 1 - column,
        ];
        let side = self.map.region().height.max(self.map.region().width);
        let reach = sides.into_iter().max().unwrap_or(0).max(0) as usize;
        reach.min(2 * side)
    }
}

/// The maps about the centres of their theoretical fields, all at the same scale, above their cross
/// sections relative to the peak.
///
/// # Errors
/// As [`Draw::scene`](receptive_plot::Draw::scene): if there are no networks.
pub fn comparison(
    title: &str,
    subtitle: &str,
    networks: &[ComparisonField<'_>],
) -> Result<Sheet, PlotError> {
    let reach = reach(networks);
    let columns = networks.len().clamp(3, 5);
    let grid = Grid {
        columns,
        tile_size: 190.0,
        ..Grid::new("")
    };
    let grid = networks.iter().fold(grid, |grid, network| {
        let [row, column] = network.middle();
        let window = Region {
            top: row - reach as i64,
            left: column - reach as i64,
            height: 2 * reach + 1,
            width: 2 * reach + 1,
        };
        let raster = Raster::new(network.map, window, 380);
        let [x, y, width, height] = raster.rect(network.trf);
        let trf = Overlay::Rect {
            x,
            y,
            width,
            height,
            label: String::new(),
        };
        let size = format!("TRF {} × {}", network.trf.height, network.trf.width);
        let sigma = format!("σ {} pixels", number(network.sigma.value));
        let verdict = network.verdict.to_string();
        grid.tile(
            raster
                .tile()
                .overlay(trf)
                .caption(&network.name)
                .line(&format!("{size} · {sigma}"), None)
                .line(&verdict, Some(colour(&network.verdict))),
        )
    });
    let caption = format!(
        "maps: {0} × {0} pixels around the centre of the theoretical field (a box, unless it is \
         larger), relative to the peak",
        2 * reach + 1
    );
    let subtitle = match subtitle.is_empty() {
        true => caption,
        false => format!("{subtitle} · {caption}"),
    };
    let wide = (grid.scene()?.size().0 - 66.0) / 2.0;
    let chart = Chart {
        panel_size: (wide.max(330.0), 300.0),
        x_label: "distance from the centre of the theoretical field, pixels".into(),
        x_whole: true,
        ..Chart::new("")
    };
    let chart = chart
        .panel(sections(
            "central row, relative to the peak",
            networks,
            reach,
            true,
        ))
        .panel(sections(
            "central column, relative to the peak",
            networks,
            reach,
            false,
        ));
    Sheet::new(title)
        .subtitle(&subtitle)
        .row(&[&grid])?
        .row(&[&chart])
}

/// How far from the centre the maps are drawn.
fn reach(networks: &[ComparisonField<'_>]) -> usize {
    let visible = networks
        .iter()
        .map(ComparisonField::reach)
        .max()
        .unwrap_or(0);
    // Includes the boxes, except those that would make everything else small.
    let sides = networks.iter().map(|n| n.trf.height.max(n.trf.width) / 2);
    let boxes = sides.filter(|side| *side <= 2 * visible).max().unwrap_or(0);
    let reach = visible.max(boxes);
    reach + reach / 10 + 1
}

fn sections(label: &str, networks: &[ComparisonField<'_>], reach: usize, row: bool) -> Panel {
    let lines = networks.iter().enumerate();
    lines.fold(Panel::new(label), |panel, (index, network)| {
        let [middle_row, middle_column] = network.middle();
        let reach = reach as i64;
        let scale = per_peak(network.map);
        let points: Vec<(f64, f64)> = (-reach..=reach)
            .map(|step| {
                let value = if row {
                    network.map.at(middle_row, middle_column + step)
                } else {
                    network.map.at(middle_row + step, middle_column)
                };
                (step as f64, value * scale)
            })
            .collect();
        panel.curve(Curve {
            style: nth_style(index),
            mark: Some(Mark::None),
            ..Curve::new(&network.name, &points)
        })
    })
}
