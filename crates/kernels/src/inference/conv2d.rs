//! Convolutions, each with the fastest of several algorithms.

use super::blocks::{BLOCK, BlockConvolution, BlockDepthwise, Layout};
use crate::conv::winograd::{self, PackedWeights};
use crate::conv::{self, Addends, Conv2dOptions, ConvSizes, ConvWeights};
use crate::rectifier::{Rectifier, RectifierMask};
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
        }
    }

    /// The same convolution followed by 2x2 max pooling with stride 2, which is computed while the
    /// outputs are in the cache; `None` if that is not supported for these sizes.
    pub fn with_max_pool_2x2(&self) -> Option<Self> {
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
        match self.form {
            Form::Planes { .. } => Layout::Planes,
            _ => Layout::Blocks,
        }
    }

    /// The same convolution with another rectifier.
    #[must_use]
    pub fn with_rectifier(mut self, rectifier: Rectifier) -> Self {
        self.options.rectifier = rectifier;
        self
    }

    /// The rectifier after the convolution.
    pub fn rectifier(&self) -> Rectifier {
        self.options.rectifier
    }

    /// Whether max pooling follows.
    pub fn is_pooled(&self) -> bool {
        self.is_pooled
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

    /// The convolution of each image, plus bias and `added`, then the rectifier.
    ///
    /// # Shapes
    /// - `x`: `[images, channels, height, width]`, in the layout that it [`reads`](Self::reads)
    /// - `y`, `added`: `[images, filters, out height, out width]`, in the layout that it
    ///   [`writes`](Self::writes); `y` is overwritten. `added` must be `None` if pooling follows.
    ///
    /// # Panics
    /// If the lengths do not match.
    pub fn forward(&self, images: usize, x: &[f32], added: Option<&[f32]>, y: &mut [f32]) {
        self.forward_masked(images, x, added, None, y);
    }

    /// [`forward`](Self::forward), then the mask, which is shaped as `y`.
    pub(crate) fn forward_masked(
        &self,
        images: usize,
        x: &[f32],
        added: Option<&[f32]>,
        mask: Option<RectifierMask<'_>>,
        y: &mut [f32],
    ) {
        let sizes = self.sizes(images);
        let values = |layout: Layout, [channels, height, width]: [usize; 3]| {
            images * layout.values(channels, height * width)
        };
        let (input, output) = (
            values(self.reads(), self.input),
            values(self.writes(), self.output()),
        );
        assert_eq!(x.len(), input, "input of a convolution");
        assert_eq!(y.len(), output, "output of a convolution");
        if let Some(added) = added {
            assert!(!self.is_pooled, "a pooled convolution has no addition");
            assert_eq!(added.len(), y.len(), "addend of a convolution");
        }
        match &self.form {
            Form::Blocks(conv) => conv.forward(&sizes, x, added, mask, self.is_pooled, y),
            Form::Depthwise(conv) => conv.forward(&sizes, x, added, mask, y),
            Form::Winograd { weights, bias } => {
                let bias = Some(&**bias);
                let addends = Addends { bias, map: added };
                winograd::forward_blocks(&sizes, x, weights, addends, mask, self.is_pooled, y);
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
                if let Some(mask) = mask {
                    each_part(y, CHUNK, 1, |i, y| mask.apply(i * CHUNK, y));
                }
            }
        }
    }

    fn sizes(&self, images: usize) -> ConvSizes {
        ConvSizes::of_images(images, self.input, self.weight, self.options)
    }
}
