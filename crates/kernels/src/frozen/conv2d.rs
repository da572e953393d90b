//! The input gradient of a convolution. It is a convolution of the output gradient with the kernel
//! rotated by 180 degrees and filters and channels exchanged, and is computed as one where that is
//! fastest.

use super::maps::rectifier_gradient;
use crate::conv::{Conv2dOptions, ConvSizes, GradientWeights};
use crate::inference::{BLOCK, CHUNK, Conv2d, Layout, add};
use crate::rectifier::{Rectifier, RectifierMask};
use crate::scratch::with_scratch;
use crate::threads::{each_part, shared};

/// With fewer channels, blocks would be mostly padding.
const MIN_CHANNELS: usize = 8;

/// The input gradient of a convolution, with packed weights.
///
/// ```
/// use receptive_kernels::frozen::Conv2dGradient;
/// use receptive_kernels::inference::Layout;
/// use receptive_kernels::{Algorithm, Conv2dOptions, Rectifier};
///
/// let options = Conv2dOptions {
///     strides: [1, 1],
///     padding: [0; 4],
///     dilation: [1, 1],
///     groups: 1,
///     rectifier: Rectifier::None,
///     algorithm: Algorithm::Auto,
/// };
/// let gradient = Conv2dGradient::new([2, 1, 2], &[3.0, -1.0], [1, 2, 1, 1], options);
/// assert_eq!([gradient.reads(), gradient.writes()], [Layout::Planes; 2]);
/// let mut dx = vec![0.0; 4];
/// gradient.forward(1, &[1.0, 2.0], None, None, &mut dx);
/// assert_eq!(dx, [3.0, 6.0, -1.0, -2.0]);
/// ```
#[derive(Debug, Clone)]
pub struct Conv2dGradient {
    /// `[channels, height, width]` of one image.
    input: [usize; 3],
    weight: [usize; 4],
    options: Conv2dOptions,
    form: Form,
}

/// The algorithm, with the weights in the order that it reads them.
#[derive(Debug, Clone)]
enum Form {
    /// A convolution of the output gradient; for strides above 1 with zeros between its values.
    Convolution(Conv2d),
    /// A convolution of the output gradient whose filters are the [`Phases`] of the input gradient.
    Phases(Conv2d, Layout),
    /// As in training.
    Planes(GradientWeights<'static>),
}

impl Form {
    fn new(sizes: &ConvSizes, weight: &[f32]) -> Self {
        let groups = sizes.options.groups;
        let is_depthwise = groups > 1 && sizes.channels == 1 && sizes.filters == 1;
        let is_strided = sizes.options.strides != [1, 1];
        let form = if is_depthwise || (groups == 1 && !is_strided) {
            convolution(sizes, weight).map(Self::Convolution)
        } else if groups == 1 {
            phases(sizes, weight)
        } else {
            None
        };
        form.unwrap_or_else(|| Self::Planes(GradientWeights::new(sizes, weight.to_vec().into())))
    }
}

impl Conv2dGradient {
    /// For a convolution of images `[channels, height, width]`. The rectifier is not part of it:
    /// see [`rectifier_gradient`](super::rectifier_gradient).
    ///
    /// # Shapes
    /// - `weight`: `[filters, channels / groups, kernel height, kernel width]`, as given by `shape`
    ///
    /// # Panics
    /// If the shapes do not match.
    pub fn new(
        input: [usize; 3],
        weight: &[f32],
        shape: [usize; 4],
        options: Conv2dOptions,
    ) -> Self {
        let sizes = ConvSizes::new(with_images(1, input), shape, options);
        assert_eq!(weight.len(), shape.iter().product::<usize>());
        Self {
            input,
            weight: shape,
            options,
            form: Form::new(&sizes, weight),
        }
    }

    /// The layout of the output gradient that it takes.
    pub fn reads(&self) -> Layout {
        match &self.form {
            Form::Convolution(conv) | Form::Phases(conv, _) => conv.reads(),
            Form::Planes(_) => Layout::Planes,
        }
    }

    /// The layout of the input gradient and of what is added to it.
    pub fn writes(&self) -> Layout {
        match &self.form {
            Form::Convolution(conv) => conv.writes(),
            Form::Phases(_, writes) => *writes,
            Form::Planes(_) => Layout::Planes,
        }
    }

    /// The input gradient of each image plus `added`, then the mask.
    ///
    /// # Shapes
    /// - `grad`: `[images, filters, out height, out width]`, in the layout that it
    ///   [`reads`](Self::reads)
    /// - `dx`, `added`, mask: `[images, channels, height, width]`, in the layout that it
    ///   [`writes`](Self::writes); `dx` is overwritten
    ///
    /// # Panics
    /// If the lengths do not match.
    pub fn forward(
        &self,
        images: usize,
        grad: &[f32],
        added: Option<&[f32]>,
        mask: Option<RectifierMask<'_>>,
        dx: &mut [f32],
    ) {
        let sizes = ConvSizes::new(with_images(images, self.input), self.weight, self.options);
        match &self.form {
            Form::Convolution(conv) if self.options.strides == [1, 1] => {
                conv.forward_masked(images, grad, added, mask, dx);
                return;
            }
            Form::Convolution(conv) => {
                let [height, width] = spread_size(&sizes);
                let length = conv.reads().values(sizes.all_filters(), height * width);
                with_scratch(images * length, |spread| {
                    spread_out(&sizes, grad, spread);
                    conv.forward_masked(images, spread, added, mask, dx);
                });
                return;
            }
            Form::Phases(conv, writes) => {
                let [filters, height, width] = conv.output();
                let length = conv.writes().values(filters, height * width);
                with_scratch(images * length, |phases| {
                    conv.forward(images, grad, None, phases);
                    interleave(&sizes, *writes, phases, dx);
                });
            }
            Form::Planes(weights) => {
                let values = shared(|| weights.gradient(&sizes, grad));
                dx.copy_from_slice(&values);
            }
        }
        if let Some(added) = added {
            add(dx, added, Rectifier::None);
        }
        if let Some(mask) = mask {
            rectifier_gradient(mask, dx);
        }
    }
}

/// The convolution of the output gradient that computes the input gradient; `None` if another way is
/// faster or it does not exist.
fn convolution(sizes: &ConvSizes, weight: &[f32]) -> Option<Conv2d> {
    let groups = sizes.options.groups;
    let channels = sizes.channels * groups;
    if channels < MIN_CHANNELS {
        return None;
    }
    let spread = spread_size(sizes);
    let mut padding = [0; 4];
    for axis in [0, 1] {
        let span = sizes.options.dilation[axis] * (sizes.kernel[axis] - 1);
        let before = span.checked_sub(sizes.options.padding[axis])?;
        let after = (sizes.input[axis] + span).checked_sub(spread[axis] + before)?;
        (padding[axis], padding[axis + 2]) = (before, after);
    }
    let taps = sizes.kernel[0] * sizes.kernel[1];
    let mut rotated = vec![0.0; weight.len()];
    for (i, kernel) in weight.chunks_exact(taps.max(1)).enumerate() {
        // `[filters, channels]` to `[channels, filters]` within each group.
        let (filter, channel) = (i / sizes.channels, i % sizes.channels);
        let to = (filter / sizes.filters * sizes.channels + channel) * sizes.filters
            + filter % sizes.filters;
        let to = &mut rotated[to * taps..][..taps];
        to.copy_from_slice(kernel);
        to.reverse();
    }
    let [height, width] = spread;
    let [rows, columns] = sizes.kernel;
    Some(Conv2d::new(
        [sizes.all_filters(), height, width],
        &rotated,
        [channels, sizes.filters, rows, columns],
        None,
        Conv2dOptions {
            strides: [1, 1],
            padding,
            rectifier: Rectifier::None,
            ..sizes.options
        },
    ))
}

/// The phases of an input gradient along an axis: the values at every `stride`-th place. Each phase is a
/// correlation of the output gradient with every `stride`-th tap of the kernel, from the last to the
/// first.
struct Phases {
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

impl Phases {
    /// `None` if outputs at the end do not affect any input.
    fn new(sizes: &ConvSizes, axis: usize) -> Option<Self> {
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

/// Number of filters of one of [`phases`]' phases.
fn of_phase(channels: usize, writes: Layout) -> usize {
    writes.values(channels, 1)
}

/// A convolution with the phases of all channels as its filters; `None` if there is none.
fn phases(sizes: &ConvSizes, weight: &[f32]) -> Option<Form> {
    if sizes.options.dilation != [1, 1] || sizes.filters < MIN_CHANNELS {
        return None;
    }
    let (channels, filters) = (sizes.channels, sizes.filters);
    let [rows, columns] = [Phases::new(sizes, 0)?, Phases::new(sizes, 1)?];
    let writes = if channels < MIN_CHANNELS {
        Layout::Planes
    } else {
        Layout::Blocks
    };
    let of_phase = of_phase(channels, writes);
    let outputs = rows.stride * columns.stride * of_phase;
    let taps = rows.taps * columns.taps;
    let [height, width] = sizes.kernel;
    let mut packed = vec![0.0; outputs * filters * taps];
    for (i, kernel) in packed.chunks_exact_mut(taps).enumerate() {
        let (output, filter) = (i / filters, i % filters);
        let (phase, channel) = (output / of_phase, output % of_phase);
        if channel >= channels {
            continue;
        }
        let from = &weight[(filter * channels + channel) * height * width..][..height * width];
        for (tap, to) in kernel.iter_mut().enumerate() {
            let row = rows.tap(phase / columns.stride, tap / columns.taps);
            let column = columns.tap(phase % columns.stride, tap % columns.taps);
            if let (Some(row), Some(column)) = (row, column) {
                *to = from[row * width + column];
            }
        }
    }
    let [top, bottom] = rows.padding;
    let [left, right] = columns.padding;
    let [height, width] = sizes.output;
    let conv = Conv2d::new(
        [filters, height, width],
        &packed,
        [outputs, filters, rows.taps, columns.taps],
        None,
        Conv2dOptions {
            strides: [1, 1],
            padding: [top, left, bottom, right],
            rectifier: Rectifier::None,
            ..sizes.options
        },
    );
    debug_assert_eq!(conv.output(), [outputs, rows.count, columns.count]);
    (conv.writes() == Layout::Blocks).then_some(Form::Phases(conv, writes))
}

/// Puts the values of the phases in their places.
///
/// # Shapes
/// - `phases`: `[images, phases * channels / 16, height, width, 16]`, each phase with its channels
///   [padded](of_phase)
/// - `dx`: `[images, channels, input height, input width]` in the layout `writes`, overwritten
fn interleave(sizes: &ConvSizes, writes: Layout, phases: &[f32], dx: &mut [f32]) {
    let [down, right] = sizes.options.strides;
    let [height, width] = sizes.input;
    let [rows, columns] = [height.div_ceil(down), width.div_ceil(right)];
    let of_phase = of_phase(sizes.channels, writes);
    let blocks = (down * right * of_phase).div_ceil(BLOCK);
    let of_block = rows * columns * BLOCK;
    let unit = match writes {
        Layout::Planes => 1,
        Layout::Blocks => BLOCK,
    };
    let parts = (of_phase / unit).max(1);
    let line = (width * unit).max(1);
    each_part(dx, line, CHUNK / line + 1, |i, to| {
        let (part, row) = (i / height, i % height);
        let phases = &phases[part / parts * blocks * of_block..][..blocks * of_block];
        for first in 0..right.min(width) {
            let filter = (row % down * right + first) * of_phase + part % parts * unit;
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
    });
}

/// Height and width of the output gradient with zeros between its values.
fn spread_size(sizes: &ConvSizes) -> [usize; 2] {
    [0, 1].map(|axis| (sizes.output[axis] - 1) * sizes.options.strides[axis] + 1)
}

/// Copies the output gradient with `stride - 1` zeros between its values.
///
/// # Shapes
/// - `grad`: `[images, filters / 16, output height, output width, 16]`
/// - `spread`: the same with the height and width of [`spread_size`], overwritten
fn spread_out(sizes: &ConvSizes, grad: &[f32], spread: &mut [f32]) {
    let [down, right] = sizes.options.strides;
    let [height, width] = spread_size(sizes);
    let [rows, columns] = sizes.output;
    let (from, to) = (rows * columns * BLOCK, height * width * BLOCK);
    each_part(spread, to, 1, |i, block| {
        block.fill(0.0);
        let lines = grad[i * from..][..from].chunks_exact((columns * BLOCK).max(1));
        let targets = block.chunks_mut((width * BLOCK).max(1)).step_by(down);
        for (line, target) in lines.zip(targets) {
            let values = line.as_chunks::<BLOCK>().0.iter();
            let targets = target.as_chunks_mut::<BLOCK>().0.iter_mut();
            for (value, target) in values.zip(targets.step_by(right)) {
                *target = *value;
            }
        }
    });
}

fn with_images(images: usize, [channels, height, width]: [usize; 3]) -> [usize; 4] {
    [images, channels, height, width]
}
