//! The figures of a sweep: sizes against depth, and Luo's matrix of maps.

use super::raster::Raster;
use crate::gaussian::{LUO_THRESHOLD, luo_size};
use crate::map::{Map, Region};
use crate::sweep::{Sweep, SweepPoint};
use crate::theory::chain_kernel;
use receptive_plot::{Chart, Curve, Grid, LineStyle, Panel, Scale};

/// Sizes and ratios to the theoretical field against depth, on logarithmic axes.
pub fn sweep_chart(sweep: &Sweep) -> Chart {
    let subtitle = "pixels above 4.55 % of the centre, 3x3 convolutions, weights redrawn";
    let share = |point: &SweepPoint, size| size / point.trf;
    Chart {
        subtitle: subtitle.into(),
        x_label: "convolutions".into(),
        x_scale: Scale::Log,
        ..Chart::new("The effective receptive field grows with the square root of depth")
    }
    .panel(sizes(sweep, "size, pixels", |_, size| size))
    .panel(sizes(sweep, "size / theoretical field", share))
}

fn sizes(sweep: &Sweep, label: &str, scaled: fn(&SweepPoint, f64) -> f64) -> Panel {
    let line = |family: &[SweepPoint], value: fn(&SweepPoint) -> f64| -> Vec<(f64, f64)> {
        family
            .iter()
            .map(|point| (point.x, scaled(point, value(point))))
            .collect()
    };
    let panel = Panel {
        y_scale: Scale::Log,
        ..Panel::new(label)
    };
    let panel = sweep.families().fold(panel, |panel, family| {
        let solid = |name: &str, value| {
            let name = format!("{}, {name}", family[0].family);
            Curve::new(&name, &line(family, value))
        };
        panel
            .curve(solid("|g|", |point| point.abs.size.value))
            .curve(solid("g²", |point| point.square.size.value))
    });
    // The theoretical size is the same for all families.
    let Some(family) = sweep.families().next_back() else {
        return panel;
    };
    let dotted = |name: &str, value| Curve {
        style: LineStyle::Dotted,
        ..Curve::new(name, &line(family, value))
    };
    panel
        .curve(dotted("theory, |g|", |point| point.abs.exact))
        .curve(dotted("theory, g²", |point| point.square.exact))
}

/// Luo's first figure: a row for equal weights and one per family, a column per depth.
pub fn sweep_maps(sweep: &Sweep) -> Grid {
    let depths: Vec<usize> = sweep
        .families()
        .next()
        .map(|family| family.iter().map(|point| point.x as usize).collect())
        .unwrap_or_default();
    let columns: Vec<String> = depths
        .iter()
        .map(|depth| format!("{depth} layers"))
        .collect();
    let uniform: Vec<Map> = depths.iter().map(|depth| paths(*depth)).collect();
    let cell = |map, size: f64| {
        let side = Map::region(map).width;
        Cell {
            map,
            caption: format!("{size:.1} of {side} px"),
        }
    };
    let mut rows = vec![Row {
        name: "uniform".into(),
        cells: uniform
            .iter()
            .map(|map| cell(map, luo_size(map, map.region().centre(), LUO_THRESHOLD)))
            .collect(),
    }];
    rows.extend(sweep.families().map(|family| {
        Row {
            name: family[0].family.clone(),
            cells: family
                .iter()
                .map(|point| cell(&point.map, point.abs.size.value))
                .collect(),
        }
    }));
    let subtitle = "path counts; mean |∂y/∂x| over networks; sizes above 4.55 % of the centre";
    matrix(
        "Receptive field of the central unit",
        subtitle,
        &columns,
        &rows,
    )
}

/// The map of a chain of equal weights: its path counts.
fn paths(depth: usize) -> Map {
    let line = chain_kernel(&vec![(3, 1, 1); depth]);
    // Relative to the peak, because the counts overflow 32-bit floats.
    let peak = line.iter().copied().fold(1.0, f64::max);
    Map::from_fn(Region::image(line.len(), line.len()), |row, column| {
        line[row as usize] / peak * (line[column as usize] / peak)
    })
}

/// One map of a [`Row`].
#[derive(Debug, Clone)]
pub(super) struct Cell<'a> {
    /// The map, drawn whole.
    pub(super) map: &'a Map,
    /// A line of text below it, such as its size.
    pub(super) caption: String,
}

/// One row: a kind of network.
#[derive(Debug, Clone)]
pub(super) struct Row<'a> {
    /// Its name.
    pub(super) name: String,
    /// Its maps, one per column.
    pub(super) cells: Vec<Cell<'a>>,
}

/// Rows of maps under named columns. Each map fills its cell, so fields of any size compare as
/// fractions of what is drawn, and is drawn relative to its own peak.
pub(super) fn matrix(title: &str, subtitle: &str, columns: &[String], rows: &[Row<'_>]) -> Grid {
    let widest = rows.iter().map(|row| row.cells.len()).max().unwrap_or(0);
    let blank = Map::zeros(Region::image(1, 1));
    let grid = Grid {
        subtitle: subtitle.to_owned(),
        columns: widest,
        tile_size: 176.0,
        fitted: true,
        column_names: columns.to_vec(),
        row_names: rows.iter().map(|row| row.name.clone()).collect(),
        ..Grid::new(title)
    };
    rows.iter().fold(grid, |grid, row| {
        (0..widest).fold(grid, |grid, column| {
            let cell = row.cells.get(column);
            let map = cell.map_or(&blank, |cell| cell.map);
            let tile = Raster::new(map, map.region(), 352).tile();
            let caption = cell.map_or("", |cell| cell.caption.as_str());
            grid.tile(tile.caption(caption))
        })
    })
}
