//! The three convolutions of a layer: of its input, of its output's gradient, and of both.

use super::channels_last::to_planes;
use super::tiles::{Block, Grid, Segment, Source, TransformedTiles, pixel_strides};
use super::transform::{Input, Output, OutputGradient, transform};
use super::weights::TransformedWeights;
use super::{ConvSizes, ELEMENTS, INPUT_TILE, OUTPUT_TILE, padded};
use crate::matrix::{Write, multiply};
use crate::rectifier::add_bias;
use crate::scratch::with_scratch;
use crate::simd::{add, vectorized};
use rayon::prelude::*;

/// Partial sums of the weights' gradient, at most.
const MAX_SUMS: usize = 8;

/// As [`crate::conv::forward`].
pub(in crate::conv) fn forward(
    sizes: &ConvSizes,
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
        origin: [-(top as isize), -(left as isize)],
    };
    let weights = TransformedWeights::forward(weight, sizes.filters, sizes.channels);
    convolution.run(x, &weights, |filter, values| {
        let bias = bias.map_or(0.0, |bias| bias[filter]);
        add_bias(values, bias, sizes.options.rectifier);
    })
}

/// As [`crate::conv::input_gradient`].
pub(in crate::conv) fn input_gradient(sizes: &ConvSizes, weight: &[f32], grad: &[f32]) -> Vec<f32> {
    let [top, left, ..] = sizes.options.padding;
    let convolution = Convolution {
        images: sizes.images,
        channels: sizes.filters,
        input: sizes.output,
        filters: sizes.channels,
        output: sizes.input,
        origin: [top as isize - 2, left as isize - 2],
    };
    let weights = TransformedWeights::backward(weight, sizes.filters, sizes.channels);
    convolution.run(grad, &weights, |_, _| ())
}

/// The gradient with respect to the weight alone, as [`crate::conv::weight_gradients`] has it.
pub(in crate::conv) fn weight_gradient(sizes: &ConvSizes, x: &[f32], grad: &[f32]) -> Vec<f32> {
    let (channels, filters) = (sizes.channels, sizes.filters);
    let grid = Grid::new(sizes.images, sizes.output);
    let blocks = grid.blocks(channels, filters);
    let [tiles, segment] = grid.max_tiles(&blocks);
    let of_x = TransformedTiles { tiles, channels };
    let of_grad = TransformedTiles {
        tiles,
        channels: filters,
    };
    let lengths = [
        grid.pixels(segment) * padded(channels).max(padded(filters)),
        of_x.len(),
        of_grad.len(),
    ];
    let [top, left, ..] = sizes.options.padding;
    let x = Source {
        planes: x,
        plane: sizes.input,
        origin: [-(top as isize), -(left as isize)],
    };
    let grad = Source {
        planes: grad,
        plane: sizes.output,
        origin: [0, 0],
    };
    // Blocks are added up in groups, and then the groups in order: the same bits on any number of
    // threads. With few tiles there are fewer groups, since a group's sums would outweigh its tiles.
    let sums = (grid.tiles() / (4 * channels.max(filters))).clamp(1, MAX_SUMS);
    let total = blocks
        .par_chunks(blocks.len().div_ceil(sums).max(1))
        .map(|blocks| {
            let mut sum = TransformedWeights::zeros(channels, filters);
            for block in blocks {
                with_scratch(lengths.iter().sum(), |scratch| {
                    let (pixels, rest) = scratch.split_at_mut(lengths[0]);
                    let (inputs, grads) = rest.split_at_mut(lengths[1]);
                    let tiles = block
                        .iter()
                        .map(|segment| grid.segment_tiles(segment))
                        .sum();
                    let of_x = TransformedTiles { tiles, ..of_x };
                    let of_grad = TransformedTiles { tiles, ..of_grad };
                    of_x.fill::<Input, INPUT_TILE>(&grid, block, x, pixels, inputs);
                    of_grad.fill::<OutputGradient, OUTPUT_TILE>(&grid, block, grad, pixels, grads);
                    let (matrices, line) = sum.matrices_mut();
                    for (element, target) in matrices.enumerate() {
                        multiply(
                            target,
                            line,
                            of_x.matrix(inputs, element).transposed(),
                            of_grad.matrix(grads, element),
                            Write::Add,
                        );
                    }
                });
            }
            sum
        })
        .collect::<Vec<_>>()
        .into_iter()
        .reduce(|mut all, part| {
            vectorized(|| add(&mut all.values, &part.values));
            all
        });
    total.map_or_else(
        || vec![0.0; filters * sizes.patch()],
        |total| total.gradient(),
    )
}

/// A convolution of 3x3 taps with stride 1, of images or of gradients.
struct Convolution {
    images: usize,
    channels: usize,
    input: [usize; 2],
    filters: usize,
    output: [usize; 2],
    /// The input row and column under the first tap of the first output.
    origin: [isize; 2],
}

/// A segment with its part of each output plane.
type Part<'a> = (Segment, Vec<&'a mut [f32]>);

impl Convolution {
    /// The output, `[images, filters, output height, output width]`; `finish(filter, values)` is called
    /// once on each value of it.
    ///
    /// # Shapes
    /// - `x`: `[images, channels, input height, input width]`
    fn run(
        &self,
        x: &[f32],
        weights: &TransformedWeights,
        finish: impl Fn(usize, &mut [f32]) + Sync,
    ) -> Vec<f32> {
        let source = Source {
            planes: x,
            plane: self.input,
            origin: self.origin,
        };
        let plane = self.output[0] * self.output[1];
        let mut y = vec![0.0; self.images * self.filters * plane];
        let grid = Grid::new(self.images, self.output);
        let blocks = grid.blocks(self.channels, self.filters);
        let [tiles, segment] = grid.max_tiles(&blocks);
        let before = TransformedTiles {
            tiles,
            channels: self.channels,
        };
        let after = TransformedTiles {
            tiles,
            channels: self.filters,
        };
        // The pixels of a segment share memory before and after the products; the latter are fewer.
        let lengths = [
            grid.pixels(segment) * padded(self.channels).max(padded(self.filters)),
            before.len(),
            after.len(),
        ];
        self.split_output(&grid, blocks, &mut y)
            .into_par_iter()
            .for_each(|block| {
                with_scratch(lengths.iter().sum(), |scratch| {
                    let (pixels, rest) = scratch.split_at_mut(lengths[0]);
                    let (inputs, outputs) = rest.split_at_mut(lengths[1]);
                    let segments: Vec<Segment> =
                        block.iter().map(|(segment, _)| segment.clone()).collect();
                    // The last block may be short.
                    let tiles = segments
                        .iter()
                        .map(|segment| grid.segment_tiles(segment))
                        .sum();
                    let before = TransformedTiles { tiles, ..before };
                    let after = TransformedTiles { tiles, ..after };
                    before.fill::<Input, INPUT_TILE>(&grid, &segments, source, pixels, inputs);
                    for element in 0..ELEMENTS {
                        multiply(
                            &mut outputs[element * after.matrix_len()..],
                            padded(self.filters),
                            before.matrix(inputs, element),
                            weights.matrix(element),
                            Write::Over,
                        );
                    }
                    self.write(&grid, after, outputs, pixels, block, &finish);
                });
            });
        y
    }

    /// Gives each block its part of the output.
    fn split_output<'a>(
        &self,
        grid: &Grid,
        blocks: Vec<Block>,
        y: &'a mut [f32],
    ) -> Vec<Vec<Part<'a>>> {
        let plane = self.output[0] * self.output[1];
        let mut images = y.chunks_exact_mut(self.filters * plane);
        let mut planes: Vec<&mut [f32]> = Vec::new();
        let mut part = |segment: Segment| {
            if segment.lines.start == 0 {
                planes = images
                    .next()
                    .into_iter()
                    .flat_map(|image| image.chunks_exact_mut(plane))
                    .collect();
            }
            let length = grid.outputs(&segment);
            let own = planes
                .iter_mut()
                .map(|unassigned| {
                    let (own, rest) = std::mem::take(unassigned).split_at_mut(length);
                    *unassigned = rest;
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

    /// Transforms a block's products back and writes them to its part of the output.
    fn write(
        &self,
        grid: &Grid,
        layout: TransformedTiles,
        values: &[f32],
        pixels: &mut [f32],
        block: Vec<Part<'_>>,
        finish: impl Fn(usize, &mut [f32]),
    ) {
        let (pixel, width) = (padded(self.filters), grid.columns() * OUTPUT_TILE);
        let mut done = 0;
        for (segment, mut planes) in block {
            let tiles = grid.segment_tiles(&segment);
            transform::<Output, INPUT_TILE, OUTPUT_TILE>(
                tiles,
                pixel,
                &values[done * pixel..],
                layout.strides(),
                pixels,
                pixel_strides(grid, width, pixel),
            );
            done += tiles;
            let columns = self.output[1];
            let rows = grid.outputs(&segment) / columns;
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
