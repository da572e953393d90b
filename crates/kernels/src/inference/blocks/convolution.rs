//! Convolution of blocks of channels: a product of the windows at neighbouring positions with the
//! weights, without im2col.

use super::layout::{BLOCK, Layout};
use crate::conv::{ConvSizes, forward_parts, take_from_each};
use crate::ending::Ending;
use crate::pool::max_pool_2x2_blocks;
use crate::product::{Offsets, Positions, STEPS, WindowProduct};
use crate::scratch::with_scratch;
use crate::simd::vectorized;
use crate::threads::each;
use std::ops::Range;

/// Maximum number of values of a band's input: half of the second-level cache.
const BAND_VALUES: usize = 96 * 1024;
/// Maximum number of bands that an image is split into for threads to share it.
const MAX_BANDS: usize = 8;
/// With fewer output rows per band, too many input rows are copied twice.
const MIN_ROWS: usize = 7;
/// Number of filters computed at a time with the widest vectors.
const MIN_FILTERS: usize = 2 * BLOCK;
/// With fewer channels, blocks would be mostly padding.
pub(crate) const MIN_CHANNELS: usize = 8;

/// A convolution with packed weights that writes blocks of channels.
#[derive(Debug, Clone)]
pub(crate) struct BlockConvolution {
    /// The layout of the input.
    reads: Layout,
    /// `[filters / 16, depth, 16]`.
    weights: Vec<f32>,
    /// `[filters]`, padded to whole blocks.
    bias: Vec<f32>,
    offsets: Offsets,
    tile: Tile,
}

/// How an image's input is read: in bands that are copied with zeros around them, or as it is if
/// there is no padding.
#[derive(Debug, Clone, Copy)]
struct Tile {
    is_copied: bool,
    /// Output rows per band.
    rows: usize,
    /// Height and width of a band's input, including padding.
    size: [usize; 2],
    /// Blocks or planes of an image.
    parts: usize,
    /// Neighbouring values of one position.
    unit: usize,
}

impl Tile {
    /// The rows of a band are a multiple of `step`.
    fn new(sizes: &ConvSizes, reads: Layout, step: usize) -> Self {
        let unit = reads.unit();
        let parts = sizes.channels.div_ceil(unit);
        let is_copied = sizes.options.padding != [0; 4];
        let span = |axis: usize, outputs: usize| {
            (outputs - 1) * sizes.options.strides[axis]
                + (sizes.kernel[axis] - 1) * sizes.options.dilation[axis]
                + 1
        };
        let [height, width] = sizes.output;
        let line = if is_copied {
            span(1, width)
        } else {
            sizes.input[1]
        };
        let of_row = (parts * unit * line * sizes.options.strides[0]).max(1);
        // Bands of equal height for most sizes.
        let bands = (height / MIN_ROWS).clamp(1, MAX_BANDS);
        let bands = 1 << bands.ilog2();
        let rows = (BAND_VALUES / of_row).clamp(1, height.div_ceil(bands));
        let rows = rows.next_multiple_of(step).min(height);
        let size = if is_copied {
            [span(0, rows), line]
        } else {
            sizes.input
        };
        Self {
            is_copied,
            rows,
            size,
            parts,
            unit,
        }
    }

    /// Number of values of a copied band.
    fn len(&self) -> usize {
        self.parts * self.size[0] * self.size[1] * self.unit
    }

    /// Copies the input of some output rows, with zeros around it.
    fn copy(&self, sizes: &ConvSizes, x: &[f32], rows: &Range<usize>, tile: &mut [f32]) {
        let [height, width] = sizes.input;
        let [top, left, ..] = sizes.options.padding;
        let line = self.size[1] * self.unit;
        let before = left.min(self.size[1]) * self.unit;
        let count = (self.size[1].saturating_sub(left)).min(width) * self.unit;
        let first = rows.start * sizes.options.strides[0];
        for (part, lines) in tile.chunks_exact_mut(self.size[0] * line).enumerate() {
            let x = &x[part * height * width * self.unit..][..height * width * self.unit];
            for (row, to) in lines.chunks_exact_mut(line).enumerate() {
                let row = (first + row).checked_sub(top).filter(|row| *row < height);
                let Some(row) = row else {
                    to.fill(0.0);
                    continue;
                };
                to[..before].fill(0.0);
                to[before + count..].fill(0.0);
                to[before..before + count].copy_from_slice(&x[row * width * self.unit..][..count]);
            }
        }
    }

    /// The rows of positions of some output rows, in the copied band or in the image.
    fn positions(&self, sizes: &ConvSizes, rows: &Range<usize>) -> Vec<Positions> {
        let [down, right] = sizes.options.strides;
        let width = sizes.output[1];
        let first = if self.is_copied { 0 } else { rows.start * down };
        let line = self.size[1] * self.unit;
        // Rows that follow each other without a gap are one.
        if down == 1 && right == 1 && width == self.size[1] {
            return vec![Positions {
                from: first * line,
                to: 0,
                count: rows.len() * width,
            }];
        }
        let each = 0..rows.len();
        each.map(|row| Positions {
            from: (first + row * down) * line,
            to: row * width,
            count: width,
        })
        .collect()
    }

    /// Where the values of a window are, with the shift of their groups: first by blocks of channels,
    /// then by taps, then by the channels of a block.
    fn offsets(&self, sizes: &ConvSizes) -> Offsets {
        let shift = match self.unit {
            1 => 0,
            unit => sizes.channels.trailing_zeros().min(unit.trailing_zeros()),
        };
        let [height, width] = sizes.kernel;
        let [down, right] = sizes.options.dilation;
        let plane = self.size[0] * self.size[1] * self.unit;
        let mut offsets = Vec::new();
        for part in 0..self.parts {
            let channels = (sizes.channels - part * self.unit).min(self.unit);
            for tap in 0..height * width {
                let position = tap / width * down * self.size[1] + tap % width * right;
                for channel in (0..channels).step_by(1 << shift) {
                    offsets.push(part * plane + position * self.unit + channel);
                }
            }
        }
        Offsets::new(offsets, shift)
    }
}

/// Some rows of the output of some blocks of filters of an image.
struct Task<'a> {
    image: usize,
    /// The first block.
    block: usize,
    rows: Range<usize>,
    targets: Vec<&'a mut [f32]>,
}

impl BlockConvolution {
    /// `None` if such a convolution is not supported. `bias` is padded to whole blocks.
    pub(crate) fn new(sizes: &ConvSizes, weight: &[f32], bias: &[f32]) -> Option<Self> {
        let reads = if sizes.channels < MIN_CHANNELS {
            Layout::Planes
        } else {
            Layout::Blocks
        };
        let tile = Tile::new(sizes, reads, 1);
        if sizes.options.groups != 1 || !STEPS.contains(&(sizes.options.strides[1] * tile.unit)) {
            return None;
        }
        let offsets = tile.offsets(sizes);
        Some(Self {
            reads,
            weights: packed(sizes, weight, tile.unit),
            bias: bias.to_vec(),
            offsets,
            tile,
        })
    }

    /// The same convolution for pooled outputs.
    pub(crate) fn pooled(mut self, sizes: &ConvSizes) -> Self {
        self.tile = Tile::new(sizes, self.reads, 2);
        self.offsets = self.tile.offsets(sizes);
        self
    }

    /// The layout that [`forward`](Self::forward) reads.
    pub(crate) fn reads(&self) -> Layout {
        self.reads
    }

    /// The convolution of every image, plus bias and `added`, then the rectifier; then the ending, or 2x2
    /// max pooling if `is_pooled`, as [`pooled`](Self::pooled) prepares it.
    ///
    /// # Shapes
    /// - `x`: `[images, channels, height, width]`, in blocks or planes
    /// - `y`, `added`, a mask: `[images, filters / 16, output height, output width, 16]`
    pub(crate) fn forward(
        &self,
        sizes: &ConvSizes,
        x: &[f32],
        added: Option<&[f32]>,
        ending: Option<Ending<'_>>,
        is_pooled: bool,
        y: &mut [f32],
    ) {
        let [height, width] = sizes.output;
        let step = if is_pooled { 2 } else { 1 };
        let input = self.tile.parts * sizes.input[0] * sizes.input[1] * self.tile.unit;
        let blocks = sizes.filters.div_ceil(BLOCK);
        let plane = height / step * (width / step) * BLOCK;
        each(self.tasks(sizes, step, y), 1, |mut task| {
            let x = &x[task.image * input..][..input];
            let copied = if self.tile.is_copied {
                self.tile.len()
            } else {
                0
            };
            let of_block = task.rows.len() * width * BLOCK;
            let products = if is_pooled {
                task.targets.len() * of_block
            } else {
                0
            };
            with_scratch(copied + products, |scratch| {
                let (tile, products) = scratch.split_at_mut(copied);
                if self.tile.is_copied {
                    self.tile.copy(sizes, x, &task.rows, tile);
                }
                let from = task.rows.start * width * BLOCK;
                let added: Option<Vec<&[f32]>> = added.map(|added| {
                    let first = task.image * blocks + task.block;
                    let each = first..first + task.targets.len();
                    each.map(|block| &added[block * plane + from..][..of_block])
                        .collect()
                });
                let product = WindowProduct {
                    values: if self.tile.is_copied { tile } else { x },
                    offsets: &self.offsets,
                    step: sizes.options.strides[1] * self.tile.unit,
                    rows: &self.tile.positions(sizes, &task.rows),
                    weights: &self.weights[task.block * self.offsets.depth() * BLOCK..],
                    bias: &self.bias[task.block * BLOCK..],
                    added: added.as_deref(),
                    rectifier: sizes.options.rectifier,
                };
                if is_pooled {
                    let mut maps: Vec<&mut [f32]> = products.chunks_exact_mut(of_block).collect();
                    product.write(&mut maps);
                    for (y, map) in task.targets.iter_mut().zip(maps) {
                        let widths = [width, width / 2];
                        vectorized!({
                            max_pool_2x2_blocks::<BLOCK>(widths, map, y, |_, largest| largest);
                        });
                    }
                    return;
                }
                product.write(&mut task.targets);
                if let Some(ending) = ending {
                    let first = task.image * blocks + task.block;
                    for (block, y) in (first..).zip(&mut task.targets) {
                        ending.apply(block * plane + from, y);
                    }
                }
            });
        });
    }

    /// Splits the output by images, by bands of rows, and by filters as far as there are threads.
    fn tasks<'a>(&self, sizes: &ConvSizes, step: usize, y: &'a mut [f32]) -> Vec<Task<'a>> {
        let [height, width] = sizes.output.map(|side| side / step * step);
        let blocks = sizes.filters.div_ceil(BLOCK);
        let bands = height.div_ceil(self.tile.rows.max(1));
        let (filters, _) = forward_parts(sizes.images * bands, |parts| {
            sizes.filters.div_ceil(parts).next_multiple_of(MIN_FILTERS)
        });
        let of_task = (filters / BLOCK).max(1);
        let plane = height / step * (width / step) * BLOCK;
        let mut tasks = Vec::new();
        for (image, y) in y.chunks_exact_mut((blocks * plane).max(1)).enumerate() {
            let mut planes: Vec<&mut [f32]> = y.chunks_exact_mut(plane).collect();
            for band in 0..bands {
                let rows = band * self.tile.rows..((band + 1) * self.tile.rows).min(height);
                let length = rows.len() / step * (width / step) * BLOCK;
                for (part, planes) in planes.chunks_mut(of_task).enumerate() {
                    tasks.push(Task {
                        image,
                        block: part * of_task,
                        rows: rows.clone(),
                        targets: take_from_each(planes, length),
                    });
                }
            }
        }
        tasks
    }
}

/// The weights in the order of [`Tile::offsets`]: `[filters / 16, depth, 16]`.
fn packed(sizes: &ConvSizes, weight: &[f32], unit: usize) -> Vec<f32> {
    let taps = sizes.kernel[0] * sizes.kernel[1];
    let depth = sizes.channels * taps;
    let mut packed = vec![0.0; sizes.filters.next_multiple_of(BLOCK) * depth];
    for (filter, weight) in weight.chunks_exact(depth.max(1)).enumerate() {
        let to = &mut packed[filter / BLOCK * depth * BLOCK + filter % BLOCK..];
        let mut to = to.iter_mut().step_by(BLOCK);
        for channels in weight.chunks(unit * taps) {
            for tap in 0..taps {
                let from = channels.iter().skip(tap).step_by(taps);
                for (from, to) in from.zip(to.by_ref()) {
                    *to = *from;
                }
            }
        }
    }
    packed
}
