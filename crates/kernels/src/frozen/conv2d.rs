//! The input gradient of a convolution. It is a convolution of the output gradient with the kernel
//! rotated by 180 degrees and filters and channels exchanged, and is computed as one where that is
//! fastest.

use super::maps::rectifier_gradient;
use super::phases::{After, Phases};
use crate::conv::{Conv2dOptions, ConvSizes, GradientWeights};
use crate::ending::Ending;
use crate::inference::{Conv2d, Layout, MIN_CHANNELS, add};
use crate::rectifier::{Rectifier, RectifierMask};
use crate::threads::shared;

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
    /// A convolution of the output gradient.
    Convolution(Box<Conv2d>),
    /// Convolutions of the output gradient for a stride above 1.
    Phases(Phases),
    /// As in training.
    Planes(GradientWeights<'static>),
}

impl Form {
    fn new(sizes: &ConvSizes, weight: &[f32]) -> Self {
        let groups = sizes.options.groups;
        let is_depthwise = sizes.is_depthwise();
        let is_strided = sizes.options.strides != [1, 1];
        let form = match (is_strided, is_depthwise) {
            _ if groups > 1 && !is_depthwise => None,
            (false, _) => convolution(sizes, weight)
                .map(Box::new)
                .map(Self::Convolution),
            (true, false) => Phases::new(sizes, weight).map(Self::Phases),
            (true, true) => Phases::depthwise(sizes, weight).map(Self::Phases),
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
        let sizes = ConvSizes::of_images(1, input, shape, options);
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
            Form::Convolution(conv) => conv.reads(),
            Form::Phases(..) => Layout::Blocks,
            Form::Planes(_) => Layout::Planes,
        }
    }

    /// The layout of the input gradient and of what is added to it.
    pub fn writes(&self) -> Layout {
        match &self.form {
            Form::Convolution(conv) => conv.writes(),
            Form::Phases(phases) => phases.writes(),
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
        let sizes = |images| ConvSizes::of_images(images, self.input, self.weight, self.options);
        match &self.form {
            Form::Convolution(conv) => {
                conv.forward_ended(images, grad, added, mask.map(Ending::Mask), dx)
            }
            Form::Phases(phases) => {
                let one = sizes(1);
                let each = grad.chunks_exact((grad.len() / images.max(1)).max(1));
                let length = dx.len() / images.max(1);
                for (image, (grad, dx)) in each.zip(dx.chunks_exact_mut(length.max(1))).enumerate()
                {
                    let after = After {
                        added: added.map(|added| &added[image * length..]),
                        mask: mask.map(|mask| RectifierMask {
                            output: &mask.output[image * length..],
                            ..mask
                        }),
                    };
                    phases.forward(&one, grad, after, dx);
                }
            }
            Form::Planes(weights) => {
                let values = shared(|| weights.gradient(&sizes(images), grad));
                dx.copy_from_slice(&values);
                if let Some(added) = added {
                    add(dx, added, Rectifier::None);
                }
                if let Some(mask) = mask {
                    rectifier_gradient(mask, dx);
                }
            }
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
    let mut padding = [0; 4];
    for axis in [0, 1] {
        let span = sizes.options.dilation[axis] * (sizes.kernel[axis] - 1);
        let before = span.checked_sub(sizes.options.padding[axis])?;
        let after = (sizes.input[axis] + span).checked_sub(sizes.output[axis] + before)?;
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
    let [height, width] = sizes.output;
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
