//! The transformed tiles of a block.

use super::blocks::{Grid, Segment};
use super::channels_last::{Window, to_pixels};
use super::linear::Linear;
use super::tiles::{Strides, transform};
use super::{LANES, PATCH, PLACES, TILE, padded};
use crate::matrix::Matrix;

/// For each place of a transformed tile a matrix `[tiles, channels]`, in memory of the caller's.
#[derive(Clone, Copy)]
pub(super) struct Patches {
    pub(super) tiles: usize,
    pub(super) channels: usize,
}

impl Patches {
    /// Values from a place's matrix to the next; not a power of two, as with the weights'.
    pub(super) fn place(self) -> usize {
        self.tiles * padded(self.channels) + LANES
    }

    pub(super) fn values(self) -> usize {
        PLACES * self.place()
    }

    pub(super) fn at(self, values: &[f32], at: usize) -> Matrix<'_> {
        let values = &values[at * self.place()..];
        Matrix::strided(values, self.tiles, self.channels, padded(self.channels))
    }

    /// Where the elements of the tiles lie.
    pub(super) fn strides(self) -> Strides {
        let place = self.place();
        Strides::in_line(padded(self.channels), PATCH * place, place)
    }

    /// Transforms the tiles of a block's segments by `T`, which takes tiles of `IN` rows and columns
    /// in steps of [`TILE`].
    pub(super) fn fill<T: Linear<IN, PATCH>, const IN: usize>(
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
            plane,
            first,
        } = source;
        let mut done = 0;
        for segment in block {
            let size = [segment.lines.len(), grid.columns()].map(|tiles| tiles * TILE + IN - TILE);
            let window = Window {
                plane,
                first: [(segment.lines.start * TILE) as isize + first[0], first[1]],
                size,
            };
            let pixels = &mut pixels[..size[0] * size[1] * pixel];
            let image = self.channels * plane[0] * plane[1];
            let planes = &planes[segment.image * image..][..image];
            to_pixels(planes, window, self.channels, pixel, pixels);
            let tiles = grid.count(segment);
            transform::<T, IN, PATCH>(
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

/// Where tiles come from.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) planes: &'a [f32],
    /// Height and width of a plane.
    pub(super) plane: [usize; 2],
    /// The row and column of the first tile; negative where padding precedes it.
    pub(super) first: [isize; 2],
}

/// Where tiles lie in an image of `width` pixels.
pub(super) fn pixel_strides(grid: &Grid, width: usize, pixel: usize) -> Strides {
    Strides {
        per_line: grid.columns(),
        line: TILE * width * pixel,
        tile: TILE * pixel,
        row: width * pixel,
        column: pixel,
    }
}
