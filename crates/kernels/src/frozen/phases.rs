//! The input gradient of a convolution with a stride, phase by phase: the values at every
//! `stride`-th place depend on every `stride`-th tap only, and are a convolution without a stride.

use crate::conv::{Conv2dOptions, ConvSizes};
use crate::inference::{BLOCK, Conv2d, Layout, MIN_CHANNELS};
use crate::rectifier::{Rectifier, RectifierMask, add_map};
use crate::scratch::with_scratch;
use crate::threads::{each_part, per_task};

/// Convolutions of the output gradient whose filters, together, are the phases of the input
/// gradient.
#[derive(Debug, Clone)]
pub(super) struct Phases {
    convs: Vec<Conv2d>,
    writes: Layout,
}

/// What is done with the gradient of an image, from its first value on.
#[derive(Clone, Copy)]
pub(super) struct After<'a> {
    pub(super) added: Option<&'a [f32]>,
    pub(super) mask: Option<RectifierMask<'a>>,
}

/// The phases of an input gradient along an axis: the values at every `stride`-th place. Each phase is a
/// correlation of the output gradient with every `stride`-th tap of the kernel, from the last to the
/// first.
struct Axis {
    stride: usize,
    kernel: usize,
    /// Number of values of a phase.
    count: usize,
    /// For each phase the place of the last output gradient that its first value depends on, and the
    /// tap that it is multiplied by.
    ends: Vec<(usize, usize)>,
    /// Number of taps that all phases have together.
    taps: usize,
    /// Zeros before and after the output gradient.
    padding: [usize; 2],
}

impl Axis {
    /// `None` with a dilation, and if outputs at the end do not affect any input.
    fn new(sizes: &ConvSizes, axis: usize) -> Option<Self> {
        if sizes.options.dilation[axis] != 1 {
            return None;
        }
        let (stride, kernel) = (sizes.options.strides[axis], sizes.kernel[axis]);
        let before = sizes.options.padding[axis];
        let ends: Vec<(usize, usize)> = (0..stride)
            .map(|phase| ((phase + before) / stride, (phase + before) % stride))
            .collect();
        let used = ends.iter().filter(|(_, tap)| *tap < kernel);
        // Number of places before its first value that a phase depends on.
        let back = used
            .clone()
            .map(|(end, tap)| ((kernel - tap - 1) / stride).saturating_sub(*end));
        let padding = back.max()?;
        let taps = used.map(|(end, _)| end).max()? + padding + 1;
        let count = sizes.input[axis].div_ceil(stride);
        let after = (count + taps - 1).checked_sub(sizes.output[axis] + padding)?;
        Some(Self {
            stride,
            kernel,
            count,
            ends,
            taps,
            padding: [padding, after],
        })
    }

    /// The kernel's tap that is a phase's tap with this number, if there is one.
    fn tap(&self, phase: usize, number: usize) -> Option<usize> {
        let (end, first) = self.ends[phase];
        let steps = (end + self.padding[0]).checked_sub(number)?;
        Some(steps * self.stride + first).filter(|tap| *tap < self.kernel)
    }
}

/// Number of filters of a phase in a convolution with all phases.
fn of_phase(channels: usize, writes: Layout) -> usize {
    writes.values(channels, 1)
}

impl Phases {
    /// One convolution with the phases of all channels as its filters; `None` if there is none.
    pub(super) fn new(sizes: &ConvSizes, weight: &[f32]) -> Option<Self> {
        if sizes.filters < MIN_CHANNELS {
            return None;
        }
        let (channels, filters) = (sizes.channels, sizes.filters);
        let axes = [Axis::new(sizes, 0)?, Axis::new(sizes, 1)?];
        let writes = if channels < MIN_CHANNELS {
            Layout::Planes
        } else {
            Layout::Blocks
        };
        let of_phase = of_phase(channels, writes);
        let outputs = axes[0].stride * axes[1].stride * of_phase;
        let taps = axes[0].taps * axes[1].taps;
        let of_kernel = sizes.kernel[0] * sizes.kernel[1];
        let mut packed = vec![0.0; outputs * filters * taps];
        for (i, to) in packed.chunks_exact_mut(taps).enumerate() {
            let (output, filter) = (i / filters, i % filters);
            let (phase, channel) = (output / of_phase, output % of_phase);
            if channel < channels {
                let from = &weight[(filter * channels + channel) * of_kernel..][..of_kernel];
                pick(&axes, phase, from, to);
            }
        }
        let shape = [outputs, filters, axes[0].taps, axes[1].taps];
        let conv = of_gradient(sizes, &axes, &packed, shape);
        (conv.writes() == Layout::Blocks).then(|| Self {
            convs: vec![conv],
            writes,
        })
    }

    /// A depthwise convolution for each phase; `None` if there is none.
    pub(super) fn depthwise(sizes: &ConvSizes, weight: &[f32]) -> Option<Self> {
        let axes = [Axis::new(sizes, 0)?, Axis::new(sizes, 1)?];
        let channels = sizes.options.groups;
        let taps = axes[0].taps * axes[1].taps;
        let of_kernel = sizes.kernel[0] * sizes.kernel[1];
        let shape = [channels, 1, axes[0].taps, axes[1].taps];
        let convs = (0..axes[0].stride * axes[1].stride).map(|phase| {
            let mut packed = vec![0.0; channels * taps];
            for (to, from) in packed
                .chunks_exact_mut(taps)
                .zip(weight.chunks_exact(of_kernel))
            {
                pick(&axes, phase, from, to);
            }
            of_gradient(sizes, &axes, &packed, shape)
        });
        let convs: Vec<Conv2d> = convs.collect();
        let is_block = |conv: &Conv2d| [conv.reads(), conv.writes()] == [Layout::Blocks; 2];
        convs.iter().all(is_block).then_some(Self {
            convs,
            writes: Layout::Blocks,
        })
    }

    /// The layout of the gradient.
    pub(super) fn writes(&self) -> Layout {
        self.writes
    }

    /// Computes the phases of one image and puts their values in their places.
    ///
    /// # Shapes
    /// - `grad`: `[filters / 16, output height, output width, 16]`
    /// - `dx`: `[channels, input height, input width]` in the layout that it [`writes`](Self::writes),
    ///   overwritten
    pub(super) fn forward(
        &self,
        sizes: &ConvSizes,
        grad: &[f32],
        after: After<'_>,
        dx: &mut [f32],
    ) {
        let lengths = self.convs.iter().map(|conv| {
            let [filters, height, width] = conv.output();
            conv.writes().values(filters, height * width)
        });
        // `[phases * channels / 16, height, width, 16]`, with the channels of each phase padded.
        with_scratch(lengths.clone().sum(), |phases| {
            let mut rest = &mut *phases;
            for (conv, length) in self.convs.iter().zip(lengths) {
                let (own, others) = rest.split_at_mut(length);
                conv.forward(1, grad, None, own);
                rest = others;
            }
            interleave(sizes, self.writes, phases, after, dx);
        });
    }
}

/// Copies the taps of a phase from a kernel, which has zeros elsewhere.
fn pick([rows, columns]: &[Axis; 2], phase: usize, kernel: &[f32], to: &mut [f32]) {
    for (tap, to) in to.iter_mut().enumerate() {
        let row = rows.tap(phase / columns.stride, tap / columns.taps);
        let column = columns.tap(phase % columns.stride, tap % columns.taps);
        if let (Some(row), Some(column)) = (row, column) {
            *to = kernel[row * columns.kernel + column];
        }
    }
}

/// A convolution of the output gradient that computes phases.
fn of_gradient(
    sizes: &ConvSizes,
    [rows, columns]: &[Axis; 2],
    weight: &[f32],
    shape: [usize; 4],
) -> Conv2d {
    let [height, width] = sizes.output;
    let ([top, bottom], [left, right]) = (rows.padding, columns.padding);
    let options = Conv2dOptions {
        strides: [1, 1],
        padding: [top, left, bottom, right],
        rectifier: Rectifier::None,
        ..sizes.options
    };
    let input = [sizes.all_filters(), height, width];
    let conv = Conv2d::new(input, weight, shape, None, options);
    debug_assert_eq!(conv.output(), [shape[0], rows.count, columns.count]);
    conv
}

/// Puts the values of the phases in their places.
fn interleave(
    sizes: &ConvSizes,
    writes: Layout,
    phases: &[f32],
    After { added, mask }: After<'_>,
    dx: &mut [f32],
) {
    let [down, right] = sizes.options.strides;
    let [height, width] = sizes.input;
    let [rows, columns] = [height.div_ceil(down), width.div_ceil(right)];
    let of_phase = of_phase(sizes.channels * sizes.options.groups, writes);
    let of_block = rows * columns * BLOCK;
    let unit = writes.unit();
    let line = (width * unit).max(1);
    each_part(dx, line, per_task(line), |i, to| {
        let (part, row) = (i / height, i % height);
        for first in 0..right.min(width) {
            let filter = (row % down * right + first) * of_phase + part * unit;
            let from = filter / BLOCK * of_block + row / down * columns * BLOCK;
            let (from, _) = phases[from..].as_chunks::<BLOCK>();
            if unit == 1 {
                for (to, from) in to[first..].iter_mut().step_by(right).zip(from) {
                    *to = from[filter % BLOCK];
                }
            } else {
                let (to, _) = to.as_chunks_mut::<BLOCK>();
                for (to, from) in to[first..].iter_mut().step_by(right).zip(from) {
                    *to = *from;
                }
            }
        }
        if let Some(added) = added {
            add_map(to, 0.0, &added[i * line..], Rectifier::None);
        }
        if let Some(mask) = mask {
            mask.apply(i * line, to);
        }
    });
}
