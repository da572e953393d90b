//! The forward pass on blocks of channels: pixels of 16 channels, which need no transposition.

use super::convolution::{Convolution, Part, filters_per_task, products};
use super::tiles::{Grid, Segment, TransformedTiles, pixel_strides};
use super::transform::{InputTransform, OutputTransform, transform};
use super::weights::PackedWeights;
use super::{ConvSizes, INPUT_TILE, LANES, OUTPUT_TILE};
use crate::conv::Addends;
use crate::ending::Ending;
use crate::pool::max_pool_2x2_blocks;
use crate::rectifier::Rectifier;
use crate::scratch::with_scratch;
use crate::simd::vectorized;
use crate::threads::each;

/// The convolution of every image, plus bias and map, then the rectifier; then the ending, or 2x2 max
/// pooling if `is_pooled`, without a map.
///
/// # Shapes
/// - `x`: `[images, channels / 16, height, width, 16]`
/// - `y`, map, a mask: `[images, filters / 16, output height, output width, 16]`; `y` is overwritten; half
///   the height and width, rounded down, if `is_pooled`
/// - bias: `[filters]`, padded to whole blocks
pub(crate) fn forward_blocks(
    sizes: &ConvSizes,
    x: &[f32],
    weights: &PackedWeights,
    Addends { bias, map }: Addends<'_>,
    ending: Option<Ending<'_>>,
    is_pooled: bool,
    y: &mut [f32],
) {
    let convolution = Convolution::forward(sizes);
    let grid = Grid::new(sizes.images, sizes.output);
    let blocks = grid.blocks(sizes.channels, sizes.filters);
    let [tiles, segment] = grid.max_tiles(&blocks);
    let (filters, _) = filters_per_task(sizes.filters, blocks.len());
    let filters = filters.next_multiple_of(LANES);
    let layout = |channels| TransformedTiles { tiles, channels };
    let lengths = [
        grid.pixels(segment) * LANES,
        layout(sizes.channels).len(),
        layout(filters).len(),
    ];
    let step = if is_pooled { 2 } else { 1 };
    let plane = sizes.output[0] * sizes.output[1] * LANES;
    let tasks = convolution.tasks(
        &grid,
        blocks,
        &(0..sizes.filters),
        filters,
        [LANES, step],
        y,
    );
    each(tasks, 1, |task| {
        with_scratch(lengths.iter().sum(), |scratch| {
            let (pixels, rest) = scratch.split_at_mut(lengths[0]);
            let (inputs, outputs) = rest.split_at_mut(lengths[1]);
            let (segments, tiles) = task.segments(&grid);
            let before = TransformedTiles {
                tiles,
                channels: sizes.channels,
            };
            transform_input(&convolution, &grid, before, &segments, x, pixels, inputs);
            let after = products(before, inputs, weights, &task.filters, outputs);
            let output = Output {
                width: sizes.output[1],
                plane,
                bias: bias.map(|bias| &bias[task.filters.start..]),
                map,
                ending,
                is_pooled,
                rectifier: sizes.options.rectifier,
            };
            let mut done = 0;
            for part in task.parts {
                let tiles = grid.segment_tiles(&part.segment);
                let values = &outputs[done * super::padded(after.channels)..];
                output.write(&grid, after, values, pixels, part);
                done += tiles;
            }
        });
    });
}

/// Transforms the tiles of some segments, block by block.
fn transform_input(
    convolution: &Convolution,
    grid: &Grid,
    layout: TransformedTiles,
    segments: &[Segment],
    x: &[f32],
    pixels: &mut [f32],
    values: &mut [f32],
) {
    let plane = convolution.input;
    let of_block = plane[0] * plane[1] * LANES;
    let blocks = convolution.channels.div_ceil(LANES);
    let mut done = 0;
    for segment in segments {
        let window = grid.window::<INPUT_TILE>(segment, plane, convolution.origin);
        let size = window.size;
        for block in 0..blocks {
            let x = &x[(segment.image * blocks + block) * of_block..][..of_block];
            let pixels = &mut pixels[..size[0] * size[1] * LANES];
            window.copy_block(x, pixels);
            transform::<InputTransform, INPUT_TILE, INPUT_TILE>(
                grid.segment_tiles(segment),
                LANES,
                pixels,
                pixel_strides(grid, size[1], LANES),
                &mut values[done * super::padded(layout.channels) + block * LANES..],
                layout.strides(),
            );
        }
        done += grid.segment_tiles(segment);
    }
}

/// What is done with the products' transforms.
struct Output<'a> {
    /// Columns of the output.
    width: usize,
    /// Number of values of a block of the whole output.
    plane: usize,
    /// From the first filter on.
    bias: Option<&'a [f32]>,
    map: Option<&'a [f32]>,
    ending: Option<Ending<'a>>,
    is_pooled: bool,
    rectifier: Rectifier,
}

impl Output<'_> {
    /// Transforms the products of a segment back and writes them to its part of the output.
    fn write(
        &self,
        grid: &Grid,
        layout: TransformedTiles,
        values: &[f32],
        pixels: &mut [f32],
        part: Part<'_>,
    ) {
        let tiled = grid.columns() * OUTPUT_TILE;
        for (block, y) in part.planes.into_iter().enumerate() {
            transform::<OutputTransform, INPUT_TILE, OUTPUT_TILE>(
                grid.segment_tiles(&part.segment),
                LANES,
                &values[block * LANES..],
                layout.strides(),
                pixels,
                pixel_strides(grid, tiled, LANES),
            );
            let mut bias = [0.0; LANES];
            if let Some(all) = self.bias {
                bias.copy_from_slice(&all[block * LANES..][..LANES]);
            }
            if self.is_pooled {
                let (rectifier, pixels) = (self.rectifier, &*pixels);
                let widths = [tiled, self.width / 2];
                vectorized!({
                    let finish = |lane: usize, value: f32| rectifier.of(value + bias[lane]);
                    max_pool_2x2_blocks::<LANES>(widths, pixels, y, finish);
                });
                continue;
            }
            let at = part.at + block * self.plane;
            let map = self.map.map(|map| &map[at..]);
            let (width, rectifier) = (self.width * LANES, self.rectifier);
            let (pixels, values) = (&*pixels, &mut *y);
            vectorized!({
                let lines = pixels.chunks_exact(tiled * LANES);
                for (row, (y, line)) in values.chunks_exact_mut(width).zip(lines).enumerate() {
                    let values = y.as_chunks_mut::<LANES>().0.iter_mut();
                    let values = values.zip(line.as_chunks::<LANES>().0);
                    match map {
                        Some(map) => {
                            let map = map[row * width..][..width].as_chunks::<LANES>().0;
                            for ((value, product), added) in values.zip(map) {
                                for lane in 0..LANES {
                                    let sum = product[lane] + bias[lane] + added[lane];
                                    value[lane] = rectifier.of(sum);
                                }
                            }
                        }
                        None => {
                            for (value, product) in values {
                                for lane in 0..LANES {
                                    value[lane] = rectifier.of(product[lane] + bias[lane]);
                                }
                            }
                        }
                    }
                }
            });
            if let Some(ending) = self.ending {
                ending.apply(at, y);
            }
        }
    }
}
