//! How tiles are cut into blocks, by the sizes alone.

use super::{PATCH, PLACES, TILE, padded};
use std::ops::Range;

/// Values of a block's transformed tiles, before and after the products: they should stay in the
/// second-level cache.
const BLOCK_VALUES: usize = 160 * 1024;
/// Fewer tiles read the transformed weights too often.
const LEAST_TILES: usize = 32;

/// Lines of tiles of one image.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) image: usize,
    pub(super) lines: Range<usize>,
}

/// The tiles that cover all outputs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    images: usize,
    /// Height and width of the outputs.
    output: [usize; 2],
    /// Lines of tiles an image, and tiles a line.
    lines: usize,
    columns: usize,
}

impl Grid {
    pub(super) fn new(images: usize, output: [usize; 2]) -> Self {
        let [lines, columns] = output.map(|side| side.div_ceil(TILE));
        Self {
            images,
            output,
            lines,
            columns,
        }
    }

    /// All of them.
    pub(super) fn tiles(&self) -> usize {
        self.images * self.lines * self.columns
    }

    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// Whole images, or bands of one: as many tiles as stay in the cache.
    pub(super) fn blocks(&self, channels: usize, filters: usize) -> Vec<Vec<Segment>> {
        let tiles = BLOCK_VALUES / (PLACES * (padded(channels) + padded(filters)));
        let lines = tiles.max(LEAST_TILES).div_ceil(self.columns.max(1));
        let segment = |image, lines| Segment { image, lines };
        if lines < self.lines {
            // Bands of about the same height.
            let band = self.lines.div_ceil(self.lines.div_ceil(lines));
            return (0..self.images)
                .flat_map(|image| {
                    (0..self.lines)
                        .step_by(band)
                        .map(move |from| vec![segment(image, from..(from + band).min(self.lines))])
                })
                .collect();
        }
        let images: Vec<usize> = (0..self.images).collect();
        images
            .chunks(lines / self.lines.max(1))
            .map(|images| {
                images
                    .iter()
                    .map(|image| segment(*image, 0..self.lines))
                    .collect()
            })
            .collect()
    }

    /// Tiles of a segment.
    pub(super) fn count(&self, segment: &Segment) -> usize {
        segment.lines.len() * self.columns
    }

    /// The most tiles of a block, and of a segment.
    pub(super) fn most(&self, blocks: &[Vec<Segment>]) -> [usize; 2] {
        let of_block = |block: &Vec<Segment>| block.iter().map(|part| self.count(part)).sum();
        let segments = blocks.iter().flatten();
        [
            blocks.iter().map(of_block).max().unwrap_or(0),
            segments.map(|part| self.count(part)).max().unwrap_or(0),
        ]
    }

    /// The pixels that a segment of so many tiles sees.
    pub(super) fn pixels(&self, tiles: usize) -> usize {
        let lines = tiles / self.columns.max(1);
        (lines * TILE + PATCH - TILE) * (self.columns * TILE + PATCH - TILE)
    }

    /// The values of an output plane that a segment's tiles hold.
    pub(super) fn places(&self, segment: &Segment) -> usize {
        let end = (segment.lines.end * TILE).min(self.output[0]);
        (end - segment.lines.start * TILE) * self.output[1]
    }
}
