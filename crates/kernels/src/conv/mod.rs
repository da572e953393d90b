//! Two-dimensional convolution as matrix products: the image's windows become the columns of a
//! matrix (im2col) that stays in the cache, a band of output rows at a time.

mod bands;
mod columns;
mod forward;
mod input_gradient;
mod weight_gradient;
mod winograd;

pub(crate) use forward::{forward, forward_halved, is_halved};
pub(crate) use input_gradient::input_gradient;
pub(crate) use weight_gradient::{WeightGradients, weight_gradients};

use crate::MaxPool2dOptions;
use crate::slide::places;

/// How a convolution moves over its input, and whether a ReLU follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2dOptions {
    /// Rows and columns that the window moves.
    pub strides: [usize; 2],
    /// Zeros at the top, left, bottom and right.
    pub padding: [usize; 4],
    /// Rows and columns between neighbouring taps.
    pub dilation: [usize; 2],
    /// Whether negative values become 0.
    pub relu: bool,
    /// How it is computed.
    pub algorithm: Algorithm,
}

impl Conv2dOptions {
    /// The same without its ReLU, which the pool of 2x2 after it has instead.
    pub(crate) fn before_pool(self) -> (Self, MaxPool2dOptions) {
        let plain = Self {
            relu: false,
            ..self
        };
        (plain, MaxPool2dOptions::halving(self.relu))
    }
}

/// How a convolution and its gradients are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Algorithm {
    /// The fastest: Winograd's F(4x4, 3x3) where it applies (3x3 taps, stride 1, from 16 channels and
    /// filters on), with errors up to about 5e-6 of the largest output.
    #[default]
    Auto,
    /// Plain sums of products: what does not depend on an input is exactly 0, as in burn.
    Direct,
}

/// The sizes of one convolution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) images: usize,
    pub(crate) channels: usize,
    /// Height and width.
    pub(crate) input: [usize; 2],
    pub(crate) filters: usize,
    pub(crate) kernel: [usize; 2],
    pub(crate) output: [usize; 2],
    pub(crate) options: Conv2dOptions,
}

impl Sizes {
    /// # Panics
    /// When the shapes do not fit each other, as burn's own convolution does.
    pub(crate) fn new(
        [images, channels, height, width]: [usize; 4],
        [filters, weight_channels, kernel_height, kernel_width]: [usize; 4],
        options: Conv2dOptions,
    ) -> Self {
        assert_eq!(channels, weight_channels, "input channels of a convolution");
        let (input, kernel) = ([height, width], [kernel_height, kernel_width]);
        let Conv2dOptions {
            strides,
            padding,
            dilation,
            ..
        } = options;
        Self {
            images,
            channels,
            input,
            filters,
            kernel,
            output: places(input, kernel, strides, padding, dilation),
            options,
        }
    }

    /// Values in one window: the rows of the column matrix.
    pub(crate) fn window(&self) -> usize {
        self.channels * self.kernel[0] * self.kernel[1]
    }

    /// Places of the window in one image.
    pub(crate) fn places(&self) -> usize {
        self.output[0] * self.output[1]
    }

    pub(crate) fn input_plane(&self) -> usize {
        self.input[0] * self.input[1]
    }

    pub(crate) fn output_shape(&self) -> [usize; 4] {
        let [height, width] = self.output;
        [self.images, self.filters, height, width]
    }

    pub(crate) fn input_shape(&self) -> [usize; 4] {
        let [height, width] = self.input;
        [self.images, self.channels, height, width]
    }

    pub(crate) fn weight_shape(&self) -> [usize; 4] {
        let [height, width] = self.kernel;
        [self.filters, self.channels, height, width]
    }
}
