//! Small pictures in rows, each with a caption.

mod place;
mod tile;

pub use tile::Tile;

use crate::axis::range::held;
use crate::heading::Heading;
use crate::{PlotError, Theme};

/// Small pictures in rows, each with a caption: predictions, feature maps, filters.
///
/// Every picture is enlarged by the same factor unless [`fitted`](Grid::fitted), its pixels as crisp
/// squares.
#[derive(Clone, Debug)]
pub struct Grid {
    heading: Heading,
    tiles: Vec<Tile>,
    columns: usize,
    tile: f64,
    fitted: bool,
    names: (Vec<String>, Vec<String>),
    theme: Theme,
}

impl Grid {
    /// A grid without pictures, eight to a row.
    #[must_use]
    pub fn new(title: &str) -> Self {
        let (heading, theme) = (Heading::new(title), Theme::default());
        Self {
            heading,
            tiles: Vec::new(),
            columns: 8,
            tile: 84.0,
            fitted: false,
            names: (Vec::new(), Vec::new()),
            theme,
        }
    }

    /// Another title.
    #[must_use]
    pub fn title(mut self, title: &str) -> Self {
        title.clone_into(&mut self.heading.title);
        self
    }

    /// The line under the title.
    #[must_use]
    pub fn subtitle(mut self, subtitle: &str) -> Self {
        subtitle.clone_into(&mut self.heading.subtitle);
        self
    }

    /// Adds a picture.
    #[must_use]
    pub fn tile(mut self, tile: Tile) -> Self {
        self.tiles.push(tile);
        self
    }

    /// How many pictures stand in a row.
    #[must_use]
    pub fn columns(mut self, columns: usize) -> Self {
        self.columns = columns.max(1);
        self
    }

    /// About how many points the longest side of a picture takes; held within 16 and 512.
    #[must_use]
    pub fn tile_size(mut self, points: f64) -> Self {
        self.tile = held(points, 16.0, 512.0);
        self
    }

    /// Enlarges each picture until it fills its place, instead of all by the same factor.
    #[must_use]
    pub fn fitted(mut self) -> Self {
        self.fitted = true;
        self
    }

    /// The names of columns, above them, and of rows, to their left.
    #[must_use]
    pub fn names(mut self, columns: &[&str], rows: &[&str]) -> Self {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        self.names = (owned(columns), owned(rows));
        self
    }

    /// The colours and the pixel density.
    #[must_use]
    pub fn theme(mut self, theme: Theme) -> Self {
        self.theme = theme;
        self
    }

    /// The pictures, in order.
    #[must_use]
    pub fn tiles(&self) -> &[Tile] {
        &self.tiles
    }

    fn check(&self) -> Result<(), PlotError> {
        const MOST: usize = 4096;
        let what = || self.heading.named("grid");
        if self.tiles.is_empty() {
            return Err(PlotError::Empty {
                what: what(),
                missing: "pictures",
            });
        }
        if self.tiles.len() > MOST {
            let (limit, found) = (MOST as u64, self.tiles.len() as u64);
            return Err(PlotError::TooLarge {
                what: what(),
                unit: "pictures",
                limit,
                found,
            });
        }
        for (index, tile) in self.tiles.iter().enumerate() {
            tile.check(|| format!("{}, picture {}", self.heading.named("grid"), index + 1))?;
        }
        Ok(())
    }
}
