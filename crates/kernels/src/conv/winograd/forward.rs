use super::blocks::{Grid, Segment};
use super::channels_last::to_planes;
use super::linear::{Input, Output};
use super::patches::{Patches, Source, pixel_strides};
use super::tiles::transform;
use super::weights::Transformed;
use super::{PATCH, PLACES, Sizes, TILE, padded};
use crate::conv::forward::finish;
use crate::matrix::{Write, multiply};
use crate::scratch::with_scratch;
use rayon::prelude::*;

/// As [`crate::conv::forward`].
pub(in super::super) fn forward(
    sizes: &Sizes,
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let [top, left, ..] = sizes.options.padding;
    let convolution = Convolution {
        images: sizes.images,
        channels: sizes.channels,
        input: sizes.input,
        filters: sizes.filters,
        output: sizes.output,
        first: [-(top as isize), -(left as isize)],
    };
    let weights = Transformed::forward(weight, sizes.filters, sizes.channels);
    convolution.run(x, &weights, |filter, values| {
        let bias = bias.map_or(0.0, |bias| bias[filter]);
        finish(values, bias, sizes.options.relu);
    })
}

/// A convolution of 3x3 taps with stride 1, of images or of gradients.
pub(super) struct Convolution {
    pub(super) images: usize,
    pub(super) channels: usize,
    pub(super) input: [usize; 2],
    pub(super) filters: usize,
    pub(super) output: [usize; 2],
    /// The input row and column under the first tap of the first output.
    pub(super) first: [isize; 2],
}

/// A segment with its part of each output plane.
type Part<'a> = (Segment, Vec<&'a mut [f32]>);

impl Convolution {
    /// `finish(filter, values)` is called on all values of the output, once on each.
    pub(super) fn run(
        &self,
        x: &[f32],
        weights: &Transformed,
        finish: impl Fn(usize, &mut [f32]) + Sync,
    ) -> Vec<f32> {
        let source = Source {
            planes: x,
            plane: self.input,
            first: self.first,
        };
        let places = self.output[0] * self.output[1];
        let mut y = vec![0.0; self.images * self.filters * places];
        let grid = Grid::new(self.images, self.output);
        let blocks = grid.blocks(self.channels, self.filters);
        let [tiles, segment] = grid.most(&blocks);
        let before = Patches {
            tiles,
            channels: self.channels,
        };
        let after = Patches {
            tiles,
            channels: self.filters,
        };
        // Pixels of a segment, before and after; the latter are fewer.
        let lengths = [
            grid.pixels(segment) * padded(self.channels).max(padded(self.filters)),
            before.values(),
            after.values(),
        ];
        self.parts(&grid, blocks, &mut y)
            .into_par_iter()
            .for_each(|block| {
                with_scratch(lengths.iter().sum(), |scratch| {
                    let (pixels, rest) = scratch.split_at_mut(lengths[0]);
                    let (inputs, outputs) = rest.split_at_mut(lengths[1]);
                    let segments: Vec<Segment> =
                        block.iter().map(|(segment, _)| segment.clone()).collect();
                    // The last block may be short.
                    let tiles = segments.iter().map(|segment| grid.count(segment)).sum();
                    let before = Patches { tiles, ..before };
                    let after = Patches { tiles, ..after };
                    before.fill::<Input, PATCH>(&grid, &segments, source, pixels, inputs);
                    for place in 0..PLACES {
                        multiply(
                            &mut outputs[place * after.place()..],
                            padded(self.filters),
                            before.at(inputs, place),
                            weights.at(place),
                            Write::Over,
                        );
                    }
                    self.write(&grid, after, outputs, pixels, block, &finish);
                });
            });
        y
    }

    /// Gives each block its part of the output.
    fn parts<'a>(
        &self,
        grid: &Grid,
        blocks: Vec<Vec<Segment>>,
        y: &'a mut [f32],
    ) -> Vec<Vec<Part<'a>>> {
        let places = self.output[0] * self.output[1];
        let mut images = y.chunks_exact_mut(self.filters * places);
        let mut planes: Vec<&mut [f32]> = Vec::new();
        let mut part = |segment: Segment| {
            if segment.lines.start == 0 {
                planes = images
                    .next()
                    .into_iter()
                    .flat_map(|image| image.chunks_exact_mut(places))
                    .collect();
            }
            let length = grid.places(&segment);
            let own = planes
                .iter_mut()
                .map(|plane| {
                    let (own, rest) = std::mem::take(plane).split_at_mut(length);
                    *plane = rest;
                    own
                })
                .collect();
            (segment, own)
        };
        blocks
            .into_iter()
            .map(|block| block.into_iter().map(&mut part).collect())
            .collect()
    }

    fn write(
        &self,
        grid: &Grid,
        patches: Patches,
        values: &[f32],
        pixels: &mut [f32],
        block: Vec<Part<'_>>,
        finish: impl Fn(usize, &mut [f32]),
    ) {
        let (pixel, width) = (padded(self.filters), grid.columns() * TILE);
        let mut done = 0;
        for (segment, mut planes) in block {
            let tiles = grid.count(&segment);
            transform::<Output, PATCH, TILE>(
                tiles,
                pixel,
                &values[done * pixel..],
                patches.strides(),
                pixels,
                pixel_strides(grid, width, pixel),
            );
            done += tiles;
            let columns = self.output[1];
            let rows = grid.places(&segment) / columns;
            if columns == width {
                to_planes(pixels, pixel, &mut planes, 0..rows * columns);
            } else {
                for (row, line) in pixels.chunks_exact(width * pixel).take(rows).enumerate() {
                    to_planes(line, pixel, &mut planes, row * columns..(row + 1) * columns);
                }
            }
            for (filter, plane) in planes.into_iter().enumerate() {
                finish(filter, plane);
            }
        }
    }
}
