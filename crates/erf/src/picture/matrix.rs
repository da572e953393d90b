//! A matrix of maps: Luo's picture of depths against kinds of network.

use super::shown::Shown;
use crate::Map;
use receptive_plot::Grid;

/// One map of a [`Row`].
#[derive(Debug, Clone)]
pub struct Cell<'a> {
    /// The map, shown whole.
    pub map: &'a Map,
    /// A line below it, such as its standard deviation.
    pub caption: String,
}

/// One row: a kind of network.
#[derive(Debug, Clone)]
pub struct Row<'a> {
    /// Its name.
    pub name: String,
    /// Its maps, one a column.
    pub cells: Vec<Cell<'a>>,
}

/// Rows of maps under named columns. Each map fills its place, so that fields of any size compare
/// as shares of what is shown, and is drawn as shares of its own peak.
pub fn matrix(title: &str, subtitle: &str, columns: &[String], rows: &[Row<'_>]) -> Grid {
    let names: Vec<&str> = columns.iter().map(String::as_str).collect();
    let kinds: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    let widest = rows.iter().map(|row| row.cells.len()).max().unwrap_or(0);
    let blank = Map::zeros(crate::Region::image(1, 1));
    let grid = Grid::new(title)
        .subtitle(subtitle)
        .columns(widest.max(1))
        .tile_size(176.0)
        .fitted()
        .names(&names, &kinds);
    rows.iter().fold(grid, |grid, row| {
        (0..widest).fold(grid, |grid, column| {
            let cell = row.cells.get(column);
            let map = cell.map_or(&blank, |cell| cell.map);
            let tile = Shown::of(map, map.region(), 352).tile();
            let caption = cell.map_or("", |cell| cell.caption.as_str());
            grid.tile(tile.caption(caption))
        })
    })
}
