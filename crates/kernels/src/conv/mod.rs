//! 2D convolution and its gradients: the options, the sizes, and the choice between [`direct`],
//! [`winograd`] and [`depthwise`] convolution.

mod bands;
mod depthwise;
mod direct;
mod im2col;
pub(crate) mod winograd;

pub(crate) use bands::{forward_parts, take_from_each};

use crate::fresh::{Unwritten, fresh};
use crate::output_size::output_size;
use crate::pool::MaxPool2dOptions;
use crate::product::Rows;
use crate::profile::{self, slice};
use crate::rectifier::Rectifier;
use crate::simd::{total, vectorized};
use crate::threads;
use rayon::prelude::*;
use std::borrow::Cow;

/// The options of a convolution, including the rectifier after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2dOptions {
    /// Vertical and horizontal stride.
    pub strides: [usize; 2],
    /// Zeros at the top, left, bottom and right.
    pub padding: [usize; 4],
    /// Vertical and horizontal dilation.
    pub dilation: [usize; 2],
    /// Groups of channels that are convolved separately, each with its share of the filters.
    pub groups: usize,
    /// Applied after convolution and bias.
    pub rectifier: Rectifier,
    /// How the convolution and its gradients are computed.
    pub algorithm: Algorithm,
}

impl Conv2dOptions {
    /// The options without the rectifier, and those of a 2x2 pool that applies it instead.
    pub(crate) fn before_2x2_pool(self) -> (Self, MaxPool2dOptions) {
        let plain = Self {
            rectifier: Rectifier::None,
            ..self
        };
        (plain, MaxPool2dOptions::new_2x2(self.rectifier))
    }
}

/// How a convolution and its gradients are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Algorithm {
    /// The fastest: Winograd's F(4x4, 3x3) where it applies (3x3 taps, stride 1, at least 16
    /// channels and filters), with errors of up to about 5e-6 of the largest output.
    #[default]
    Auto,
    /// Plain sums of products: gradients with respect to inputs that are not read are exactly 0, as
    /// in burn.
    Direct,
}

/// The sizes of one convolution. Each group of channels of an image counts as a separate image;
/// they are contiguous in memory, and so are their weights.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConvSizes {
    /// Images times groups.
    pub(crate) images: usize,
    /// Per group, like `filters`.
    pub(crate) channels: usize,
    /// Height and width, as in `kernel` and `output`.
    pub(crate) input: [usize; 2],
    pub(crate) filters: usize,
    pub(crate) kernel: [usize; 2],
    pub(crate) output: [usize; 2],
    pub(crate) options: Conv2dOptions,
}

impl ConvSizes {
    /// # Panics
    /// If the shapes do not match, as in burn's own convolution.
    pub(crate) fn new(
        [images, channels, height, width]: [usize; 4],
        [filters, weight_channels, kernel_height, kernel_width]: [usize; 4],
        options: Conv2dOptions,
    ) -> Self {
        let Conv2dOptions {
            strides,
            padding,
            dilation,
            groups,
            ..
        } = options;
        assert_eq!(
            channels,
            weight_channels * groups,
            "input channels of a convolution of {groups} groups"
        );
        assert!(
            filters.is_multiple_of(groups),
            "{groups} groups of {filters} filters"
        );
        let (input, kernel) = ([height, width], [kernel_height, kernel_width]);
        Self {
            images: images * groups,
            channels: weight_channels,
            input,
            filters: filters / groups,
            kernel,
            output: output_size(input, kernel, strides, padding, dilation),
            options,
        }
    }

    /// The sizes for so many images `[channels, height, width]`.
    pub(crate) fn of_images(
        images: usize,
        [channels, height, width]: [usize; 3],
        weight: [usize; 4],
        options: Conv2dOptions,
    ) -> Self {
        Self::new([images, channels, height, width], weight, options)
    }

    /// Whether each of several groups has one channel and one filter.
    pub(crate) fn is_depthwise(&self) -> bool {
        self.channels == 1 && self.filters == 1 && self.options.groups > 1
    }

    /// Number of values in a patch: the rows of the im2col matrix.
    fn patch(&self) -> usize {
        self.channels * self.kernel[0] * self.kernel[1]
    }

    /// Number of values in an output plane: the columns of the im2col matrix.
    fn output_plane(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// Number of values in an input plane.
    fn input_plane(&self) -> usize {
        self.input[0] * self.input[1]
    }

    /// Whether it is a matrix product of the weights and the unchanged input planes.
    fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.options.strides == [1, 1] && self.options.padding == [0; 4]
    }

    pub(crate) fn output_shape(&self) -> [usize; 4] {
        let [height, width] = self.output;
        let groups = self.options.groups;
        [self.images / groups, self.filters * groups, height, width]
    }

    pub(crate) fn input_shape(&self) -> [usize; 4] {
        let [height, width] = self.input;
        let groups = self.options.groups;
        [self.images / groups, self.channels * groups, height, width]
    }

    pub(crate) fn weight_shape(&self) -> [usize; 4] {
        let [height, width] = self.kernel;
        [self.all_filters(), self.channels, height, width]
    }

    /// Number of filters in all groups.
    pub(crate) fn all_filters(&self) -> usize {
        self.filters * self.options.groups
    }

    /// The group that an "image" belongs to.
    fn group(&self, image: usize) -> usize {
        image % self.options.groups
    }

    /// The weights for an "image": `[filters, patch]` of its group.
    fn weight_of<'a>(&self, weight: &'a [f32], image: usize) -> &'a [f32] {
        let values = self.filters * self.patch();
        &weight[self.group(image) * values..][..values]
    }
}

/// What is added to a convolution before the rectifier.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Addends<'a> {
    /// `[filters]`.
    pub(crate) bias: Option<&'a [f32]>,
    /// Shaped as the output.
    pub(crate) map: Option<&'a [f32]>,
}

/// A convolution's weights in the form that its forward pass reads. Each output is computed in the
/// same way whatever the number of images and threads.
#[derive(Debug, Clone)]
pub(crate) enum ConvWeights<'a> {
    Winograd(winograd::PackedWeights),
    Depthwise(Cow<'a, [f32]>),
    /// One for each group.
    Direct(Vec<Rows<'a>>),
}

impl<'a> ConvWeights<'a> {
    /// For a single call.
    ///
    /// # Shapes
    /// - `weight`: `[filters, channels / groups, kernel height, kernel width]`
    pub(crate) fn once(sizes: &ConvSizes, weight: &'a [f32]) -> Self {
        let direct = || direct::pack_once(sizes, weight);
        Self::new(sizes, weight, || weight.into(), direct)
    }

    /// For any number of calls; the weights are shaped as for [`once`](Self::once).
    pub(crate) fn kept(sizes: &ConvSizes, weight: &[f32]) -> ConvWeights<'static> {
        let direct = || direct::pack(sizes, weight);
        ConvWeights::new(sizes, weight, || weight.to_vec().into(), direct)
    }

    fn new(
        sizes: &ConvSizes,
        weight: &[f32],
        depthwise: impl FnOnce() -> Cow<'a, [f32]>,
        direct: impl FnOnce() -> Vec<Rows<'a>>,
    ) -> Self {
        if winograd::applies(sizes) {
            let (filters, channels) = (sizes.filters, sizes.channels);
            Self::Winograd(winograd::PackedWeights::forward(weight, filters, channels))
        } else if sizes.is_depthwise() {
            Self::Depthwise(depthwise())
        } else {
            Self::Direct(direct())
        }
    }

    /// The convolution of every image, plus bias and map, then the rectifier.
    ///
    /// # Shapes
    /// - `x`: `[images, channels, height, width]`
    /// - `y`: `[images, filters, output height, output width]`, overwritten
    pub(crate) fn forward(
        &self,
        sizes: &ConvSizes,
        x: &[f32],
        addends: Addends<'_>,
        y: &mut [f32],
    ) {
        match self {
            Self::Winograd(weights) => winograd::forward(sizes, x, weights, addends, y),
            Self::Depthwise(weight) => depthwise::forward(sizes, x, weight, addends, y),
            Self::Direct(weights) => direct::forward(sizes, x, weights, addends, y),
        }
    }

    /// Like [`forward`](Self::forward) with 2x2 max pooling, for convolutions that [`fuses_pool`]
    /// accepts.
    ///
    /// # Shapes
    /// As [`Self::forward`], with the output's height and width halved.
    pub(crate) fn forward_pooled(
        &self,
        sizes: &ConvSizes,
        x: &[f32],
        bias: Option<&[f32]>,
        y: &mut [f32],
    ) {
        if let Self::Direct(weights) = self {
            direct::forward_pooled(sizes, x, weights, bias, y);
        }
    }
}

/// The convolution of every image, plus bias, with weights that are used once.
///
/// # Shapes
/// - `x`: `[images, channels, height, width]`
/// - `weight`: `[filters, channels / groups, kernel height, kernel width]`
/// - `bias`: `[filters]`
/// - result: `[images, filters, output height, output width]`
pub(crate) fn forward_once(
    sizes: &ConvSizes,
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let addends = Addends { bias, map: None };
    fresh(sizes.output_shape().iter().product(), |y| {
        if winograd::packs_in_parts(sizes) {
            return winograd::forward_once(sizes, x, weight, addends, y.clear());
        }
        match ConvWeights::once(sizes, weight) {
            ConvWeights::Direct(weights) => direct::forward(sizes, x, &weights, addends, y),
            weights => for_few_images(sizes, x, y, |sizes, x, y| {
                weights.forward(sizes, x, addends, y);
            }),
        }
    })
}

/// [`GradientWeights::gradient`] with weights that are used once, as in [`forward_once`].
pub(crate) fn input_gradient_once(sizes: &ConvSizes, weight: &[f32], grad: &[f32]) -> Vec<f32> {
    if winograd::packs_in_parts(sizes) {
        return winograd::input_gradient_once(sizes, weight, grad);
    }
    GradientWeights::new(sizes, weight.into()).gradient(sizes, grad)
}

/// Values that stay in the cache from when they are cleared until they are written.
const CLEARED: usize = 1 << 17;

/// Calls `work(sizes, from, to)` for a few images at a time with their part of `from` and their part
/// of the new values, which are 0. With several threads for all at once, since few images would not
/// occupy them, and in a profile, which tells how many threads could be.
fn for_few_images(
    sizes: &ConvSizes,
    from: &[f32],
    to: Unwritten<'_>,
    work: impl Fn(&ConvSizes, &[f32], &mut [f32]),
) {
    let groups = sizes.options.groups;
    let images = sizes.images / groups;
    let of_image = [from.len(), to.len()].map(|values| values / images.max(1));
    let few = if threads::count() > 1 || profile::is_active() {
        images
    } else {
        CLEARED / of_image[1].max(1)
    };
    let few = few.clamp(1, images.max(1));
    if of_image.contains(&0) || few == images {
        return work(sizes, from, to.clear());
    }
    let [from_few, to_few] = of_image.map(|values| few * values);
    for (from, to) in from.chunks(from_few).zip(to.chunks(to_few)) {
        let images = from.len() / of_image[0] * groups;
        work(&ConvSizes { images, ..*sizes }, from, to.clear());
    }
}

/// Whether [`ConvWeights::forward_pooled`] supports convolutions of these sizes.
pub(crate) fn fuses_pool(sizes: &ConvSizes) -> bool {
    sizes.options.groups == 1
        && !winograd::applies(sizes)
        && sizes.output.iter().all(|side| *side >= 2)
}

/// A convolution's weights in the form that its input gradient reads.
#[derive(Debug, Clone)]
pub(crate) enum GradientWeights<'a> {
    Winograd(winograd::PackedWeights),
    Depthwise(Cow<'a, [f32]>),
    /// One for each group.
    Direct(Vec<Rows<'static>>),
}

impl<'a> GradientWeights<'a> {
    /// # Shapes
    /// - `weight`: `[filters, channels / groups, kernel height, kernel width]`
    pub(crate) fn new(sizes: &ConvSizes, weight: Cow<'a, [f32]>) -> Self {
        if winograd::applies(sizes) {
            let all = 0..sizes.channels;
            Self::Winograd(winograd::PackedWeights::backward(
                &weight,
                sizes.channels,
                all,
            ))
        } else if sizes.is_depthwise() {
            Self::Depthwise(weight)
        } else {
            Self::Direct(direct::pack_transposed(sizes, &weight))
        }
    }

    /// The gradient with respect to the input.
    ///
    /// # Shapes
    /// - `grad`: `[images, filters, output height, output width]`
    /// - result: `[images, channels, height, width]`
    pub(crate) fn gradient(&self, sizes: &ConvSizes, grad: &[f32]) -> Vec<f32> {
        fresh(sizes.input_shape().iter().product(), |dx| match self {
            Self::Direct(weights) => direct::input_gradient(sizes, weights, grad, dx),
            Self::Depthwise(weight) => for_few_images(sizes, grad, dx, |sizes, grad, dx| {
                depthwise::input_gradient(sizes, weight, grad, dx);
            }),
            Self::Winograd(weights) => for_few_images(sizes, grad, dx, |sizes, grad, dx| {
                winograd::input_gradient(sizes, weights, grad, dx);
            }),
        })
    }
}

/// The gradient with respect to the weight: `[filters, channels / groups, kernel height, kernel width]`.
///
/// # Shapes
/// - `x`: `[images, channels, height, width]`
/// - `grad`: `[images, filters, output height, output width]`
pub(crate) fn weight_gradient(sizes: &ConvSizes, x: &[f32], grad: &[f32]) -> Vec<f32> {
    if winograd::applies(sizes) {
        winograd::weight_gradient(sizes, x, grad)
    } else if sizes.is_depthwise() {
        depthwise::weight_gradient(sizes, x, grad)
    } else {
        direct::weight_gradient(sizes, x, grad)
    }
}

/// The gradient with respect to the bias: the sum of the output gradients per filter.
///
/// # Shapes
/// - `grad`: `[images, filters, plane]`
/// - result: `[filters]`
pub(crate) fn bias_gradient(filters: usize, plane: usize, grad: &[f32]) -> Vec<f32> {
    (0..filters)
        .into_par_iter()
        .map(|filter| {
            let _slice = slice();
            let of_filter = grad.chunks_exact(plane.max(1)).skip(filter);
            let planes = of_filter.step_by(filters);
            planes.map(|values| vectorized!(total(values))).sum()
        })
        .collect()
}
