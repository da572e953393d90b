//! Convolution of blocks of channels: a product of the windows at neighbouring positions with the
//! weights, without im2col.

use super::layout::{BLOCK, Layout};
use crate::conv::{ConvSizes, forward_parts, take_from_each};
use crate::ending::Ending;
use crate::fresh::Target;
use crate::product::{Offsets, Positions, STEPS, WindowProduct};
use crate::scratch::with_scratch;
use crate::threads::each;
use crate::transpose::transpose;
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

/// A convolution with packed weights that writes blocks of channels or planes.
#[derive(Debug, Clone)]
pub(crate) struct BlockConvolution {
    /// The layout of the input.
    reads: Layout,
    /// The layout of the output.
    writes: Layout,
    /// Whether only the largest output of each 2x2 is written.
    is_pooled: bool,
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

    /// Distance between the windows of neighbouring output rows.
    fn line(&self, sizes: &ConvSizes) -> usize {
        sizes.options.strides[0] * self.size[1] * self.unit
    }

    /// The rows of positions of some output rows, in the copied band or in the image.
    fn positions(&self, sizes: &ConvSizes, rows: &Range<usize>) -> Vec<Positions> {
        let [down, right] = sizes.options.strides;
        let width = sizes.output[1];
        let first = if self.is_copied { 0 } else { rows.start };
        // Rows that follow each other without a gap are one.
        if down == 1 && right == 1 && width == self.size[1] {
            return vec![Positions {
                from: first * self.line(sizes),
                to: 0,
                count: rows.len() * width,
            }];
        }
        let each = 0..rows.len();
        each.map(|row| Positions {
            from: (first + row) * self.line(sizes),
            to: row * width,
            count: width,
        })
        .collect()
    }

    /// As [`positions`](Self::positions), the rows of squares of two by two positions.
    fn squares(&self, sizes: &ConvSizes, rows: &Range<usize>) -> Vec<Positions> {
        let width = sizes.output[1] / 2;
        let first = if self.is_copied { 0 } else { rows.start };
        let each = 0..rows.len() / 2;
        each.map(|row| Positions {
            from: (first + 2 * row) * self.line(sizes),
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
struct Task<T> {
    image: usize,
    /// The first block.
    block: usize,
    rows: Range<usize>,
    /// Of each block, or of each filter if the output is planes.
    targets: Vec<T>,
}

impl<'a, T: Target<'a>> Task<T> {
    fn ready(self) -> Task<&'a mut [f32]> {
        Task {
            image: self.image,
            block: self.block,
            rows: self.rows,
            targets: T::all_ready(self.targets),
        }
    }
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
            writes: Layout::Blocks,
            is_pooled: false,
            weights: packed(sizes, weight, tile.unit),
            bias: bias.to_vec(),
            offsets,
            tile,
        })
    }

    /// The same convolution followed by 2x2 max pooling.
    pub(crate) fn pooled(mut self, sizes: &ConvSizes) -> Self {
        self.is_pooled = true;
        self.tile = Tile::new(sizes, self.reads, 2);
        self.offsets = self.tile.offsets(sizes);
        self
    }

    /// The same convolution with planes as its output. It has no addition and no ending.
    pub(crate) fn in_planes(mut self) -> Self {
        self.writes = Layout::Planes;
        self
    }

    /// The layout that [`forward`](Self::forward) reads.
    pub(crate) fn reads(&self) -> Layout {
        self.reads
    }

    /// The layout that [`forward`](Self::forward) writes.
    pub(crate) fn writes(&self) -> Layout {
        self.writes
    }

    /// The convolution of every image, plus bias and `added`, then the rectifier and the ending; or, without `added`
    /// and ending, 2x2 max pooling if it is [`pooled`](Self::pooled).
    ///
    /// # Shapes
    /// - `x`: `[images, channels, height, width]`, in the layout that it [`reads`](Self::reads)
    /// - `y`, `added`, a mask: `[images, filters, output height, output width]`, in the layout that it
    ///   [`writes`](Self::writes)
    pub(crate) fn forward<'a>(
        &self,
        sizes: &ConvSizes,
        x: &[f32],
        added: Option<&[f32]>,
        ending: Option<Ending<'_>>,
        y: impl Target<'a>,
    ) {
        let input = self.tile.parts * sizes.input[0] * sizes.input[1] * self.tile.unit;
        each(self.tasks(sizes, y), 1, |task| {
            let mut task = task.ready();
            let x = &x[task.image * input..][..input];
            if !self.tile.is_copied {
                return self.write(sizes, x, added, ending, &mut task);
            }
            with_scratch(self.tile.len(), |tile| {
                self.tile.copy(sizes, x, &task.rows, tile);
                self.write(sizes, tile, added, ending, &mut task);
            });
        });
    }

    /// Computes a task, whose windows are on `values`.
    fn write(
        &self,
        sizes: &ConvSizes,
        values: &[f32],
        added: Option<&[f32]>,
        ending: Option<Ending<'_>>,
        task: &mut Task<&mut [f32]>,
    ) {
        let positions = if self.is_pooled {
            self.tile.squares(sizes, &task.rows)
        } else {
            self.tile.positions(sizes, &task.rows)
        };
        let all = WindowProduct {
            values,
            offsets: &self.offsets,
            step: sizes.options.strides[1] * self.tile.unit,
            rows: &positions,
            weights: &self.weights[task.block * self.offsets.depth() * BLOCK..],
            bias: &self.bias[task.block * BLOCK..],
            added: None,
            rectifier: sizes.options.rectifier,
        };
        let line = self.is_pooled.then(|| self.tile.line(sizes));
        if self.writes == Layout::Planes {
            return write_planes(&all, line, &mut task.targets);
        }
        if let Some(line) = line {
            return all.write_largest(line, &mut task.targets);
        }
        let [height, width] = sizes.output;
        let first = task.image * sizes.filters.div_ceil(BLOCK) + task.block;
        let (plane, from) = (height * width * BLOCK, task.rows.start * width * BLOCK);
        let added: Option<Vec<&[f32]>> = added.map(|added| {
            let targets = (first..).zip(&task.targets);
            let of_targets = targets.map(|(block, y)| &added[block * plane + from..][..y.len()]);
            of_targets.collect()
        });
        let added = added.as_deref();
        WindowProduct { added, ..all }.write(&mut task.targets);
        if let Some(ending) = ending {
            for (block, y) in (first..).zip(&mut task.targets) {
                ending.apply(block * plane + from, y);
            }
        }
    }

    /// Splits the output by images, by bands of rows, and by filters as far as there are threads.
    fn tasks<'a, T: Target<'a>>(&self, sizes: &ConvSizes, y: T) -> Vec<Task<T>> {
        let step = if self.is_pooled { 2 } else { 1 };
        let [height, width] = sizes.output.map(|side| side / step);
        let rows = (self.tile.rows / step).max(1);
        let bands = height.div_ceil(rows);
        let (filters, _) = forward_parts(sizes.images * bands, |parts| {
            sizes.filters.div_ceil(parts).next_multiple_of(MIN_FILTERS)
        });
        let unit = self.writes.unit();
        let of_task = (filters / unit).max(1);
        let plane = height * width * unit;
        let of_image = sizes.filters.div_ceil(unit) * plane;
        let mut tasks = Vec::new();
        for (image, y) in y.parts(of_image).into_iter().enumerate() {
            let mut planes = y.parts(plane);
            for band in 0..bands {
                let rows = band * rows..((band + 1) * rows).min(height);
                let length = rows.len() * width * unit;
                for (part, planes) in planes.chunks_mut(of_task).enumerate() {
                    tasks.push(Task {
                        image,
                        block: part * of_task * unit / BLOCK,
                        rows: rows.start * step..rows.end * step,
                        targets: take_from_each(planes, length),
                    });
                }
            }
        }
        tasks
    }
}

/// Number of neighbouring positions that are written to planes at a time.
const PIECE: usize = 512;

/// Writes products to planes, piece by piece: blocks first, which stay in the cache. With a `line` only the largest of
/// each 2x2, as [`WindowProduct::write_largest`] does.
fn write_planes(product: &WindowProduct<'_>, line: Option<usize>, targets: &mut [&mut [f32]]) {
    let filters = targets.len().next_multiple_of(BLOCK);
    let step = product.step * if line.is_some() { 2 } else { 1 };
    let pieces = product.rows.iter().flat_map(|row| {
        let starts = (0..row.count).step_by(PIECE);
        starts.map(move |done| Positions {
            from: row.from + done * step,
            to: row.to + done,
            count: (row.count - done).min(PIECE),
        })
    });
    for row in pieces {
        let count = row.count;
        with_scratch((filters + BLOCK) * count, |scratch| {
            let (maps, planes) = scratch.split_at_mut(filters * count);
            let mut maps: Vec<&mut [f32]> = maps.chunks_exact_mut(BLOCK * count).collect();
            let of_row = WindowProduct {
                rows: &[Positions { to: 0, ..row }],
                ..*product
            };
            match line {
                Some(line) => of_row.write_largest(line, &mut maps),
                None => of_row.write(&mut maps),
            }
            for (map, targets) in maps.iter().zip(targets.chunks_mut(BLOCK)) {
                transpose(map, BLOCK, [count, targets.len()], planes, count);
                for (target, plane) in targets.iter_mut().zip(planes.chunks_exact(count)) {
                    target[row.to..row.to + count].copy_from_slice(plane);
                }
            }
        });
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
