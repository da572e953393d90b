//! Convolutions, each with the fastest of several algorithms.

use super::blocks::{BLOCK, BlockConvolution, BlockDepthwise, Layout};
use crate::conv::winograd::{self, PackedWeights};
use crate::conv::{self, Addends, Conv2dOptions, ConvSizes, ConvWeights};
use crate::ending::Ending;
use crate::fresh::fresh;
use crate::nonlinearity::Nonlinearity;
use crate::rectifier::Rectifier;
use crate::threads::{CHUNK, each_part, shared};

/// A convolution with packed weights.
///
/// ```
/// use receptive_kernels::inference::{Conv2d, Layout, to_planes};
/// use receptive_kernels::{Algorithm, Conv2dOptions, Rectifier};
///
/// let options = Conv2dOptions {
///     strides: [1, 1],
///     padding: [0; 4],
///     dilation: [1, 1],
///     groups: 1,
///     rectifier: Rectifier::Relu,
///     algorithm: Algorithm::Auto,
/// };
/// let conv = Conv2d::new([2, 1, 2], &[1.0, 1.0], [1, 2, 1, 1], Some(vec![0.5]), options);
/// assert_eq!(conv.output(), [1, 1, 2]);
/// assert_eq!([conv.reads(), conv.writes()], [Layout::Planes, Layout::Blocks]);
/// let mut y = vec![0.0; 32];
/// conv.forward(1, &[1.0, 2.0, 3.0, -4.0], None, &mut y);
/// let mut planes = vec![0.0; 2];
/// to_planes(1, 2, &y, &mut planes);
/// assert_eq!(planes, [4.5, 0.0]);
/// ```
#[derive(Debug, Clone)]
pub struct Conv2d {
    /// `[channels, height, width]` of one image.
    input: [usize; 3],
    weight: [usize; 4],
    options: Conv2dOptions,
    form: Form,
    is_pooled: bool,
    /// After the rectifier of the options; the identity if there is one.
    nonlinearity: Nonlinearity,
}

/// The algorithm, with the weights in the order that it reads them.
#[derive(Debug, Clone)]
enum Form {
    Blocks(BlockConvolution),
    Depthwise(BlockDepthwise),
    Winograd {
        weights: PackedWeights,
        /// Padded to whole blocks.
        bias: Vec<f32>,
    },
    /// As in training.
    Planes {
        weights: ConvWeights<'static>,
        bias: Option<Vec<f32>>,
    },
}

impl Form {
    fn new(sizes: &ConvSizes, weight: &[f32], bias: Option<Vec<f32>>) -> Self {
        let mut padded = bias.clone().unwrap_or_default();
        padded.resize(sizes.all_filters().next_multiple_of(BLOCK), 0.0);
        if winograd::applies(sizes) && winograd::has_cached_weights(sizes) {
            return Self::Winograd {
                weights: PackedWeights::forward(weight, sizes.filters, sizes.channels),
                bias: padded,
            };
        }
        if let Some(conv) = BlockConvolution::new(sizes, weight, &padded) {
            return Self::Blocks(conv);
        }
        if let Some(conv) = BlockDepthwise::new(sizes, weight, &padded) {
            return Self::Depthwise(conv);
        }
        Self::Planes {
            weights: ConvWeights::kept(sizes, weight),
            bias,
        }
    }
}

impl Conv2d {
    /// A convolution of images `[channels, height, width]`.
    ///
    /// # Shapes
    /// - `weight`: `[filters, channels / groups, kernel height, kernel width]`, as given by `shape`
    /// - `bias`: `[filters]`
    ///
    /// # Panics
    /// If the shapes do not match.
    pub fn new(
        input: [usize; 3],
        weight: &[f32],
        shape: [usize; 4],
        bias: Option<Vec<f32>>,
        options: Conv2dOptions,
    ) -> Self {
        let sizes = ConvSizes::of_images(1, input, shape, options);
        assert_eq!(weight.len(), shape.iter().product::<usize>());
        assert!(bias.as_ref().is_none_or(|bias| bias.len() == shape[0]));
        Self {
            input,
            weight: shape,
            options,
            form: Form::new(&sizes, weight, bias),
            is_pooled: false,
            nonlinearity: Nonlinearity::default(),
        }
    }

    /// The same convolution followed by 2x2 max pooling with stride 2, which is computed while the
    /// outputs are in registers or in the cache; `None` if that is not supported for these sizes.
    pub fn with_max_pool_2x2(&self) -> Option<Self> {
        if self.nonlinearity != Nonlinearity::default() {
            return None;
        }
        let sizes = self.sizes(1);
        let has_window = sizes.output.iter().all(|side| *side >= 2);
        let form = match self.form.clone() {
            Form::Blocks(conv) if has_window => Form::Blocks(conv.pooled(&sizes)),
            form @ Form::Winograd { .. } if has_window => form,
            form @ Form::Planes { .. } if conv::fuses_pool(&sizes) => form,
            _ => return None,
        };
        Some(Self {
            form,
            is_pooled: true,
            ..self.clone()
        })
    }

    /// The same convolution with its output in [`Layout::Planes`], which saves rearranging it if planes are needed
    /// next; `None` if that is not supported. It has no addition.
    pub fn in_planes(&self) -> Option<Self> {
        if self.nonlinearity != Nonlinearity::default() {
            return None;
        }
        let form = match self.form.clone() {
            Form::Blocks(conv) => Form::Blocks(conv.in_planes()),
            form @ Form::Planes { .. } => form,
            Form::Depthwise(_) | Form::Winograd { .. } => return None,
        };
        Some(Self {
            form,
            ..self.clone()
        })
    }

    /// Whether planes are written that nothing can be added to.
    fn has_bare_planes(&self) -> bool {
        matches!(&self.form, Form::Blocks(conv) if conv.writes() == Layout::Planes)
    }

    /// The layout of the input.
    pub fn reads(&self) -> Layout {
        match &self.form {
            Form::Blocks(conv) => conv.reads(),
            Form::Depthwise(_) | Form::Winograd { .. } => Layout::Blocks,
            Form::Planes { .. } => Layout::Planes,
        }
    }

    /// The layout of the output and of what is added to it.
    pub fn writes(&self) -> Layout {
        match &self.form {
            Form::Blocks(conv) => conv.writes(),
            Form::Depthwise(_) | Form::Winograd { .. } => Layout::Blocks,
            Form::Planes { .. } => Layout::Planes,
        }
    }

    /// The same convolution with this function of each output instead of its own.
    ///
    /// # Panics
    /// If the function is not a rectifier and pooling follows, since others do not commute with the maximum, or the
    /// convolution is [`in_planes`](Self::in_planes).
    #[must_use]
    pub fn with_nonlinearity(mut self, nonlinearity: Nonlinearity) -> Self {
        (self.options.rectifier, self.nonlinearity) = match nonlinearity {
            Nonlinearity::Rectifier(rectifier) => (rectifier, Nonlinearity::default()),
            other => (Rectifier::None, other),
        };
        let is_last = self.nonlinearity != Nonlinearity::default();
        assert!(
            !((self.is_pooled || self.has_bare_planes()) && is_last),
            "a convolution that pools or writes planes ends with a rectifier"
        );
        self
    }

    /// The rectifier after the convolution.
    pub fn rectifier(&self) -> Rectifier {
        self.options.rectifier
    }

    /// Whether nothing follows: no rectifier or other function, and no pooling.
    pub fn is_linear(&self) -> bool {
        let has_function =
            self.options.rectifier.is_some() || self.nonlinearity != Nonlinearity::default();
        !self.is_pooled && !has_function
    }

    /// The output's `[filters, height, width]`.
    pub fn output(&self) -> [usize; 3] {
        let [_, filters, height, width] = self.sizes(1).output_shape();
        if self.is_pooled {
            [filters, height / 2, width / 2]
        } else {
            [filters, height, width]
        }
    }

    /// The convolution of each image, plus bias and `added`, then the rectifier or other function.
    ///
    /// # Shapes
    /// - `x`: `[images, channels, height, width]`, in the layout that it [`reads`](Self::reads)
    /// - `y`, `added`: `[images, filters, out height, out width]`, in the layout that it
    ///   [`writes`](Self::writes); `y` is overwritten. `added` must be `None` if pooling follows or the convolution is
    ///   [`in_planes`](Self::in_planes).
    ///
    /// # Panics
    /// If the lengths do not match, or there is an `added` where there must be none.
    pub fn forward(&self, images: usize, x: &[f32], added: Option<&[f32]>, y: &mut [f32]) {
        let has_function = self.nonlinearity != Nonlinearity::default();
        let ending = has_function.then_some(Ending::Function(self.nonlinearity));
        self.forward_ended(images, x, added, ending, y);
    }

    /// [`forward`](Self::forward) of a new vector. Large outputs take less time than with `forward`, for which memory
    /// must be cleared or copied.
    pub fn forward_new(&self, images: usize, x: &[f32]) -> Vec<f32> {
        fresh(self.output_values(images), |y| match &self.form {
            Form::Blocks(conv) if self.nonlinearity == Nonlinearity::default() => {
                self.check_input(images, x);
                conv.forward(&self.sizes(images), x, None, None, y);
            }
            _ => self.forward(images, x, None, y.clear()),
        })
    }

    /// Number of values of the output.
    fn output_values(&self, images: usize) -> usize {
        let [filters, height, width] = self.output();
        images * self.writes().values(filters, height * width)
    }

    fn check_input(&self, images: usize, x: &[f32]) {
        let [channels, height, width] = self.input;
        let input = images * self.reads().values(channels, height * width);
        assert_eq!(x.len(), input, "input of a convolution");
    }

    /// [`forward`](Self::forward) with this ending instead of a nonlinearity; a mask is shaped as `y`.
    pub(crate) fn forward_ended(
        &self,
        images: usize,
        x: &[f32],
        added: Option<&[f32]>,
        ending: Option<Ending<'_>>,
        y: &mut [f32],
    ) {
        let sizes = self.sizes(images);
        self.check_input(images, x);
        assert_eq!(
            y.len(),
            self.output_values(images),
            "output of a convolution"
        );
        if let Some(added) = added {
            assert!(
                !self.is_pooled && !self.has_bare_planes(),
                "a convolution that pools or writes planes has no addition"
            );
            assert_eq!(added.len(), y.len(), "addend of a convolution");
        }
        match &self.form {
            Form::Blocks(conv) => conv.forward(&sizes, x, added, ending, y),
            Form::Depthwise(conv) => conv.forward(&sizes, x, added, ending, y),
            Form::Winograd { weights, bias } => {
                let bias = Some(&**bias);
                let addends = Addends { bias, map: added };
                winograd::forward_blocks(&sizes, x, weights, addends, ending, self.is_pooled, y);
            }
            Form::Planes { weights, bias } => {
                let bias = bias.as_deref();
                shared(|| {
                    if self.is_pooled {
                        weights.forward_pooled(&sizes, x, bias, y);
                    } else {
                        weights.forward(&sizes, x, Addends { bias, map: added }, y);
                    }
                });
                if let Some(ending) = ending {
                    each_part(y, CHUNK, 1, |i, y| ending.apply(i * CHUNK, y));
                }
            }
        }
    }

    fn sizes(&self, images: usize) -> ConvSizes {
        ConvSizes::of_images(images, self.input, self.weight, self.options)
    }
}
