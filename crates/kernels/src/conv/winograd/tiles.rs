//! The tiles of a convolution: how they are grouped into blocks (which depends only on the sizes),
//! and a block's transformed tiles.

use super::channels_last::{TileWindow, to_pixels};
use super::transform::{Linear, Strides, transform};
use super::{ELEMENTS, INPUT_TILE, LANES, OUTPUT_TILE, padded};
use crate::matrix::Matrix;
use crate::product::Left;
use std::ops::Range;

/// Number of values in a block's transformed tiles before and after the products; should stay in
/// the second-level cache.
const BLOCK_VALUES: usize = 160 * 1024;
/// With fewer tiles per block the transformed weights would be read too often; the second number is
/// for those of more than [`LARGE_WEIGHTS`] values.
const MIN_TILES: [usize; 2] = [32, 64];
/// Weights with more values come from memory for each block, not from the cache.
pub(super) const LARGE_WEIGHTS: usize = 4 << 20;

/// Some lines of tiles of one image.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) image: usize,
    pub(super) lines: Range<usize>,
}

/// The input of one task: segments of a few images.
pub(super) type Block = Vec<Segment>;

/// The tiles that cover the output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    images: usize,
    /// Height and width of the output.
    output: [usize; 2],
    /// Lines of tiles per image.
    lines: usize,
    /// Tiles per line.
    columns: usize,
}

impl Grid {
    pub(super) fn new(images: usize, output: [usize; 2]) -> Self {
        let [lines, columns] = output.map(|side| side.div_ceil(OUTPUT_TILE));
        Self {
            images,
            output,
            lines,
            columns,
        }
    }

    /// Number of tiles in all images.
    pub(super) fn tiles(&self) -> usize {
        self.images * self.lines * self.columns
    }

    /// Tiles per line.
    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// Whole images or bands of one, with as many tiles as stay in the cache.
    pub(super) fn blocks(&self, channels: usize, filters: usize) -> Vec<Block> {
        let tiles = BLOCK_VALUES / (ELEMENTS * (padded(channels) + padded(filters)));
        let is_large = ELEMENTS * channels * filters > LARGE_WEIGHTS;
        let tiles = tiles.max(MIN_TILES[usize::from(is_large)]);
        let lines = tiles.div_ceil(self.columns.max(1));
        let segment = |image, lines| Segment { image, lines };
        if lines < self.lines {
            // Bands of roughly equal height.
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

    /// Number of tiles in a segment.
    pub(super) fn segment_tiles(&self, segment: &Segment) -> usize {
        segment.lines.len() * self.columns
    }

    /// The largest number of tiles in a block and in a segment.
    pub(super) fn max_tiles(&self, blocks: &[Block]) -> [usize; 2] {
        let of_block = |block: &Block| block.iter().map(|part| self.segment_tiles(part)).sum();
        let segments = blocks.iter().flatten();
        [
            blocks.iter().map(of_block).max().unwrap_or(0),
            segments
                .map(|part| self.segment_tiles(part))
                .max()
                .unwrap_or(0),
        ]
    }

    /// Number of input pixels that a segment with this many tiles depends on.
    pub(super) fn pixels(&self, tiles: usize) -> usize {
        let lines = tiles / self.columns.max(1);
        (lines * OUTPUT_TILE + INPUT_TILE - OUTPUT_TILE)
            * (self.columns * OUTPUT_TILE + INPUT_TILE - OUTPUT_TILE)
    }

    /// The window of a segment's tiles, which have `IN` rows and columns and start [`OUTPUT_TILE`] apart, on a
    /// plane of which the first tile begins at `origin`.
    pub(super) fn window<const IN: usize>(
        &self,
        segment: &Segment,
        plane: [usize; 2],
        [top, left]: [isize; 2],
    ) -> TileWindow {
        let first = (segment.lines.start * OUTPUT_TILE) as isize;
        let size = [segment.lines.len(), self.columns];
        TileWindow {
            plane,
            origin: [first + top, left],
            size: size.map(|tiles| tiles * OUTPUT_TILE + IN - OUTPUT_TILE),
        }
    }

    /// Number of values in an output plane before a segment's, after pooling with this step.
    pub(super) fn outputs_before(&self, segment: &Segment, step: usize) -> usize {
        segment.lines.start * OUTPUT_TILE / step * (self.output[1] / step)
    }

    /// Number of values in an output plane that a segment's tiles cover, after pooling with this step.
    pub(super) fn outputs(&self, segment: &Segment, step: usize) -> usize {
        let end = (segment.lines.end * OUTPUT_TILE).min(self.output[0]);
        (end - segment.lines.start * OUTPUT_TILE) / step * (self.output[1] / step)
    }
}

/// The layout of a block's transformed tiles in a slice: one matrix `[tiles, channels]` per element
/// of a tile.
#[derive(Clone, Copy)]
pub(super) struct TransformedTiles {
    pub(super) tiles: usize,
    pub(super) channels: usize,
}

impl TransformedTiles {
    /// Distance between the elements' matrices, padded for the cache like that of the weights.
    pub(super) fn matrix_len(self) -> usize {
        self.tiles * padded(self.channels) + LANES
    }

    /// Number of values in all matrices.
    pub(super) fn len(self) -> usize {
        ELEMENTS * self.matrix_len()
    }

    /// The matrix of one element.
    pub(super) fn matrix(self, values: &[f32], element: usize) -> Matrix<'_> {
        let values = &values[element * self.matrix_len()..];
        Matrix::strided(values, self.tiles, self.channels, padded(self.channels))
    }

    /// Like [`matrix`](Self::matrix), as the left factor of a product.
    pub(super) fn left(self, values: &[f32], element: usize) -> Left<'_> {
        let values = &values[element * self.matrix_len()..];
        Left::lines(values, self.tiles, self.channels, padded(self.channels))
    }

    /// The strides of the elements of the tiles.
    pub(super) fn strides(self) -> Strides {
        let matrix = self.matrix_len();
        Strides::in_line(padded(self.channels), INPUT_TILE * matrix, matrix)
    }

    /// Transforms the tiles of a block's segments by `T`; the tiles have `IN` rows and columns and
    /// start [`OUTPUT_TILE`] apart.
    pub(super) fn fill<T: Linear<IN, INPUT_TILE>, const IN: usize>(
        self,
        grid: &Grid,
        block: &[Segment],
        source: Source<'_>,
        pixels: &mut [f32],
        values: &mut [f32],
    ) {
        let pixel = padded(self.channels);
        let Source {
            planes,
            channels,
            plane,
            origin,
        } = source;
        let mut done = 0;
        for segment in block {
            let window = grid.window::<IN>(segment, plane, origin);
            let size = window.size;
            let pixels = &mut pixels[..size[0] * size[1] * pixel];
            let [image, taken] = [channels, self.channels].map(|count| count * plane[0] * plane[1]);
            let planes = &planes[segment.image * image..][..taken];
            to_pixels(planes, window, self.channels, pixel, pixels);
            let tiles = grid.segment_tiles(segment);
            transform::<T, IN, INPUT_TILE>(
                tiles,
                pixel,
                pixels,
                pixel_strides(grid, size[1], pixel),
                &mut values[done * pixel..],
                self.strides(),
            );
            done += tiles;
        }
    }
}

/// The images from which the tiles are extracted.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    /// `[images, channels, height, width]`, beginning at the first channel that is used.
    pub(super) planes: &'a [f32],
    /// The number of channels of an image, including those that are not used.
    pub(super) channels: usize,
    /// Height and width of a plane.
    pub(super) plane: [usize; 2],
    /// The row and column of the first tile; negative if it begins in the padding.
    pub(super) origin: [isize; 2],
}

/// The strides of tiles in a channels-last image that is `width` pixels wide.
pub(super) fn pixel_strides(grid: &Grid, width: usize, pixel: usize) -> Strides {
    Strides {
        per_line: grid.columns(),
        line: OUTPUT_TILE * width * pixel,
        tile: OUTPUT_TILE * pixel,
        row: width * pixel,
        column: pixel,
    }
}
