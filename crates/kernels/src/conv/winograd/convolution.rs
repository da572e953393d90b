//! The three convolutions of a layer: forward, input gradient and weight gradient.

use super::channels_last::to_planes;
use super::tiles::{Block, Grid, Segment, Source, TransformedTiles, pixel_strides};
use super::transform::{InputTransform, OutputGradient, OutputTransform, transform};
use super::weights::{PackedWeights, TransformedGradients};
use super::{ConvSizes, ELEMENTS, INPUT_TILE, OUTPUT_TILE, output_ranges, padded};
use crate::conv::Addends;
use crate::conv::bands::{by_filters, forward_parts, take_from_each};
use crate::matrix::add_product;
use crate::product::{Finish, product};
use crate::profile::{end_loop, slice_of};
use crate::rectifier::{add_bias, add_map};
use crate::scratch::with_scratch;
use rayon::prelude::*;
use std::ops::Range;

/// With fewer filters per task the input would be transformed too often.
const MIN_FILTERS: usize = 32;
/// Maximum number of partial sums of the weight gradient.
const MAX_SUMS: usize = 8;

/// As [`crate::conv::ConvWeights::forward`].
pub(in crate::conv) fn forward(
    sizes: &ConvSizes,
    x: &[f32],
    weights: &PackedWeights,
    addends: Addends<'_>,
    y: &mut [f32],
) {
    let all = 0..sizes.filters;
    Convolution::forward(sizes).run(x, weights, all, y, finish(sizes, addends));
}

/// As [`forward`], with weights that are used once: `[filters, channels, 3, 3]`.
pub(in crate::conv) fn forward_once(
    sizes: &ConvSizes,
    x: &[f32],
    weight: &[f32],
    addends: Addends<'_>,
    y: &mut [f32],
) {
    let of_filter = sizes.patch();
    for filters in output_ranges(sizes.channels, sizes.filters) {
        let weight = &weight[filters.start * of_filter..filters.end * of_filter];
        let weights = PackedWeights::forward(weight, filters.len(), sizes.channels);
        Convolution::forward(sizes).run(x, &weights, filters, y, finish(sizes, addends));
    }
}

/// Adds bias and map to some values of a filter that begin at this place of the output, and applies
/// the rectifier.
fn finish(
    sizes: &ConvSizes,
    Addends { bias, map }: Addends<'_>,
) -> impl Fn(usize, usize, &mut [f32]) + Sync {
    let rectifier = sizes.options.rectifier;
    move |filter, at, values| {
        let bias = bias.map_or(0.0, |bias| bias[filter]);
        match map {
            Some(map) => add_map(values, bias, &map[at..], rectifier),
            None => add_bias(values, bias, rectifier),
        }
    }
}

/// As [`crate::conv::GradientWeights::gradient`].
pub(in crate::conv) fn input_gradient(
    sizes: &ConvSizes,
    weights: &PackedWeights,
    grad: &[f32],
    dx: &mut [f32],
) {
    let all = 0..sizes.channels;
    Convolution::backward(sizes).run(grad, weights, all, dx, |_, _, _| ());
}

/// As [`input_gradient`], with weights that are used once: `[filters, channels, 3, 3]`.
pub(in crate::conv) fn input_gradient_once(
    sizes: &ConvSizes,
    weight: &[f32],
    grad: &[f32],
) -> Vec<f32> {
    let mut dx = vec![0.0; sizes.images * sizes.channels * sizes.input_plane()];
    for channels in output_ranges(sizes.filters, sizes.channels) {
        let weights = PackedWeights::backward(weight, sizes.channels, channels.clone());
        Convolution::backward(sizes).run(grad, &weights, channels, &mut dx, |_, _, _| ());
    }
    dx
}

/// The gradient with respect to the weight only, as in [`crate::conv::weight_gradient`].
pub(in crate::conv) fn weight_gradient(sizes: &ConvSizes, x: &[f32], grad: &[f32]) -> Vec<f32> {
    let ranges = output_ranges(sizes.channels, sizes.filters);
    let gradients = ranges.map(|filters| gradient_of(sizes, filters, x, grad));
    gradients.collect::<Vec<_>>().concat()
}

/// The gradient with respect to the weights of these filters.
fn gradient_of(sizes: &ConvSizes, range: Range<usize>, x: &[f32], grad: &[f32]) -> Vec<f32> {
    end_loop_before(&range);
    let (channels, filters) = (sizes.channels, sizes.filters);
    let grid = Grid::new(sizes.images, sizes.output);
    let blocks = grid.blocks(channels, filters);
    let [tiles, segment] = grid.max_tiles(&blocks);
    let of_x = TransformedTiles { tiles, channels };
    let of_grad = TransformedTiles {
        tiles,
        channels: range.len(),
    };
    let lengths = [
        grid.pixels(segment) * padded(channels).max(padded(range.len())),
        of_x.len(),
        of_grad.len(),
    ];
    let [top, left, ..] = sizes.options.padding;
    let x = Source {
        planes: x,
        channels,
        plane: sizes.input,
        origin: [-(top as isize), -(left as isize)],
    };
    // Blocks are summed within groups, and then the groups in order, so that the result is
    // bit-identical on any number of threads. Few tiles make few groups, because a group's sums
    // must not outweigh its tiles.
    let sums = (grid.tiles() / (4 * channels.max(filters))).clamp(1, MAX_SUMS);
    let groups: Vec<_> = blocks.chunks(blocks.len().div_ceil(sums).max(1)).collect();
    let of_filters = by_filters(range.len(), &groups, |filters, blocks| {
        let grad = Source {
            planes: &grad[(range.start + filters.start) * sizes.output_plane()..],
            channels: sizes.filters,
            plane: sizes.output,
            origin: [0, 0],
        };
        let of_grad = TransformedTiles {
            tiles,
            channels: filters.len(),
        };
        let mut sum = TransformedGradients::zeros(channels, filters.len());
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
                of_x.fill::<InputTransform, INPUT_TILE>(&grid, block, x, pixels, inputs);
                of_grad.fill::<OutputGradient, OUTPUT_TILE>(&grid, block, grad, pixels, grads);
                let (matrices, line) = sum.matrices_mut();
                for (element, target) in matrices.enumerate() {
                    add_product(
                        target,
                        line,
                        of_x.matrix(inputs, element).transposed(),
                        of_grad.matrix(grads, element),
                    );
                }
            });
        }
        sum
    });
    let gradients = of_filters.iter().map(TransformedGradients::gradient);
    gradients.collect::<Vec<_>>().concat()
}

/// Several ranges of outputs are computed one after the other, in loops of their own.
fn end_loop_before(range: &Range<usize>) {
    if range.start > 0 {
        end_loop();
    }
}

/// A convolution with 3x3 taps and stride 1, of images or of gradients.
pub(super) struct Convolution {
    pub(super) images: usize,
    pub(super) channels: usize,
    pub(super) input: [usize; 2],
    pub(super) filters: usize,
    pub(super) output: [usize; 2],
    /// The input row and column under the first tap for the first output.
    pub(super) origin: [isize; 2],
}

/// A segment with its part of some output planes.
pub(super) struct Part<'a> {
    pub(super) segment: Segment,
    /// Where the first plane's part begins in the whole output.
    pub(super) at: usize,
    pub(super) planes: Vec<&'a mut [f32]>,
}

/// Some filters of one block.
pub(super) struct WinogradTask<'a> {
    pub(super) filters: Range<usize>,
    pub(super) parts: Vec<Part<'a>>,
}

impl WinogradTask<'_> {
    /// The segments, and the number of their tiles: the last block may have fewer than others.
    pub(super) fn segments(&self, grid: &Grid) -> (Vec<Segment>, usize) {
        let segments = self.parts.iter().map(|part| part.segment.clone());
        let segments: Vec<Segment> = segments.collect();
        let tiles = segments.iter().map(|segment| grid.segment_tiles(segment));
        let tiles = tiles.sum();
        (segments, tiles)
    }
}

/// The products of the transformed tiles with the weights of some filters, element by element.
pub(super) fn products(
    before: TransformedTiles,
    inputs: &[f32],
    weights: &PackedWeights,
    filters: &Range<usize>,
    outputs: &mut [f32],
) -> TransformedTiles {
    let after = TransformedTiles {
        tiles: before.tiles,
        channels: filters.len(),
    };
    for element in 0..ELEMENTS {
        let target = &mut outputs[element * after.matrix_len()..];
        let target = target.chunks_exact_mut(padded(filters.len()));
        product(
            &mut target.take(before.tiles).collect::<Vec<_>>(),
            before.left(inputs, element),
            weights.matrix(element, filters),
            Finish::default(),
        );
    }
    after
}

/// The number of `filters` per task, a multiple of the lanes if a block has several tasks; and the
/// number of parts that so many filters would be split into on many threads.
pub(super) fn filters_per_task(filters: usize, blocks: usize) -> (usize, impl Fn(usize) -> usize) {
    forward_parts(blocks, move |parts| {
        let of_part = filters.div_ceil(parts).max(MIN_FILTERS);
        padded(of_part).min(filters)
    })
}

impl Convolution {
    /// The forward pass.
    pub(super) fn forward(sizes: &ConvSizes) -> Self {
        let [top, left, ..] = sizes.options.padding;
        Self {
            images: sizes.images,
            channels: sizes.channels,
            input: sizes.input,
            filters: sizes.filters,
            output: sizes.output,
            origin: [-(top as isize), -(left as isize)],
        }
    }

    /// The input gradient, as a convolution of the outputs' gradients.
    fn backward(sizes: &ConvSizes) -> Self {
        let [top, left, ..] = sizes.options.padding;
        Self {
            images: sizes.images,
            channels: sizes.filters,
            input: sizes.output,
            filters: sizes.channels,
            output: sizes.input,
            origin: [top as isize - 2, left as isize - 2],
        }
    }

    /// Computes these filters' part of the output, `[images, filters, output height, output width]`,
    /// with the weights of these filters only. `finish(filter, at, values)` is called exactly once
    /// for each value; `at` is the offset of `values` in the output.
    ///
    /// # Shapes
    /// - `x`: `[images, channels, input height, input width]`
    fn run(
        &self,
        x: &[f32],
        weights: &PackedWeights,
        range: Range<usize>,
        y: &mut [f32],
        finish: impl Fn(usize, usize, &mut [f32]) + Sync,
    ) {
        end_loop_before(&range);
        let source = Source {
            planes: x,
            channels: self.channels,
            plane: self.input,
            origin: self.origin,
        };
        let grid = Grid::new(self.images, self.output);
        let blocks = grid.blocks(self.channels, self.filters);
        let [tiles, segment] = grid.max_tiles(&blocks);
        let before = TransformedTiles {
            tiles,
            channels: self.channels,
        };
        let (filters, splits) = filters_per_task(range.len(), blocks.len());
        let after = TransformedTiles {
            tiles,
            channels: filters,
        };
        // The pixels of a segment use the same memory before and after the products; there are
        // fewer after them.
        let lengths = [
            grid.pixels(segment) * padded(self.channels).max(padded(filters)),
            before.len(),
            after.len(),
        ];
        self.tasks(&grid, blocks, &range, filters, [1, 1], y)
            .into_par_iter()
            .for_each(|task| {
                let _slice = slice_of(splits(task.filters.len()));
                with_scratch(lengths.iter().sum(), |scratch| {
                    let (pixels, rest) = scratch.split_at_mut(lengths[0]);
                    let (inputs, outputs) = rest.split_at_mut(lengths[1]);
                    let (segments, tiles) = task.segments(&grid);
                    let before = TransformedTiles { tiles, ..before };
                    before.fill::<InputTransform, INPUT_TILE>(
                        &grid, &segments, source, pixels, inputs,
                    );
                    let own = task.filters.start - range.start..task.filters.end - range.start;
                    let after = products(before, inputs, weights, &own, outputs);
                    self.write(&grid, after, outputs, pixels, task, &finish);
                });
            });
    }

    /// Splits these filters' part of the output among the tasks. Its planes have `unit` filters each,
    /// of which a task has a multiple, and are pooled with this step.
    pub(super) fn tasks<'a>(
        &self,
        grid: &Grid,
        blocks: Vec<Block>,
        range: &Range<usize>,
        filters: usize,
        [unit, step]: [usize; 2],
        y: &'a mut [f32],
    ) -> Vec<WinogradTask<'a>> {
        let plane = self.output[0] / step * (self.output[1] / step) * unit;
        let of_image = self.filters.div_ceil(unit);
        let mut images = y.chunks_exact_mut(of_image * plane);
        let mut planes: Vec<&mut [f32]> = Vec::new();
        let mut tasks = Vec::new();
        for block in blocks {
            let mut of_block: Vec<WinogradTask<'a>> = range
                .clone()
                .step_by(filters)
                .map(|first| WinogradTask {
                    filters: first..(first + filters).min(range.end),
                    parts: Vec::with_capacity(block.len()),
                })
                .collect();
            for segment in block {
                if segment.lines.start == 0 {
                    planes = images
                        .next()
                        .into_iter()
                        .flat_map(|image| image.chunks_exact_mut(plane))
                        .skip(range.start / unit)
                        .take(range.len().div_ceil(unit))
                        .collect();
                }
                let length = grid.outputs(&segment, step) * unit;
                let done = grid.outputs_before(&segment, step) * unit;
                let unassigned = planes.chunks_mut(filters.div_ceil(unit));
                for (task, unassigned) in of_block.iter_mut().zip(unassigned) {
                    let own = take_from_each(unassigned, length);
                    let first = segment.image * of_image + task.filters.start / unit;
                    task.parts.push(Part {
                        segment: segment.clone(),
                        at: first * plane + done,
                        planes: own,
                    });
                }
            }
            tasks.extend(of_block);
        }
        tasks
    }

    /// Transforms a task's products back and writes them to its part of the output.
    fn write(
        &self,
        grid: &Grid,
        layout: TransformedTiles,
        values: &[f32],
        pixels: &mut [f32],
        task: WinogradTask<'_>,
        finish: impl Fn(usize, usize, &mut [f32]),
    ) {
        let (pixel, width) = (padded(layout.channels), grid.columns() * OUTPUT_TILE);
        let plane = self.output[0] * self.output[1];
        let mut done = 0;
        for Part {
            segment,
            at,
            mut planes,
        } in task.parts
        {
            let tiles = grid.segment_tiles(&segment);
            transform::<OutputTransform, INPUT_TILE, OUTPUT_TILE>(
                tiles,
                pixel,
                &values[done * pixel..],
                layout.strides(),
                pixels,
                pixel_strides(grid, width, pixel),
            );
            done += tiles;
            let columns = self.output[1];
            let rows = grid.outputs(&segment, 1) / columns;
            if columns == width {
                to_planes(pixels, pixel, &mut planes, 0..rows * columns);
            } else {
                for (row, line) in pixels.chunks_exact(width * pixel).take(rows).enumerate() {
                    to_planes(line, pixel, &mut planes, row * columns..(row + 1) * columns);
                }
            }
            for (i, values) in planes.into_iter().enumerate() {
                finish(task.filters.start + i, at + i * plane, values);
            }
        }
    }
}
