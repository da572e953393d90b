//! Random convolutions, and values in both layouts.

use crate::random::{Random, values};
use burn::tensor::{Device, Tensor};
use receptive_kernels::inference::{Conv2d, Layout, to_blocks, to_planes};
use receptive_kernels::{Algorithm, Conv2dOptions};

/// `[images, channels, plane]` in this layout, with NaN in the padding of blocks, which must not be read.
pub(crate) fn stored(layout: Layout, [images, channels, plane]: [usize; 3], x: &[f32]) -> Vec<f32> {
    match layout {
        Layout::Planes => x.to_vec(),
        Layout::Blocks => {
            let mut y = vec![0.0; images * layout.values(channels, plane)];
            to_blocks(channels, plane, x, &mut y);
            let blocks = channels.div_ceil(16);
            let of_block = plane * 16;
            for (i, value) in y.iter_mut().enumerate() {
                let block = i / of_block % blocks;
                if block * 16 + i % 16 >= channels {
                    *value = f32::NAN;
                }
            }
            y
        }
    }
}

/// The planes of values in this layout.
pub(crate) fn planes(layout: Layout, [images, channels, plane]: [usize; 3], y: &[f32]) -> Vec<f32> {
    match layout {
        Layout::Planes => y.to_vec(),
        Layout::Blocks => {
            let mut planes = vec![f32::NAN; images * channels * plane];
            to_planes(channels, plane, y, &mut planes);
            planes
        }
    }
}

/// The largest difference, relative to the largest expected value or to 1.
pub(crate) fn apart(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(1.0, |max: f32, y| max.max(y.abs()));
    let pairs = found.iter().zip(expected);
    let largest = pairs.fold(0.0, |max: f32, (a, b)| match (a - b).abs() {
        apart if apart.is_nan() => f32::INFINITY,
        apart => max.max(apart),
    });
    largest / scale
}

#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) images: usize,
    pub(crate) channels: usize,
    pub(crate) filters: usize,
    pub(crate) side: [usize; 2],
    pub(crate) kernel: [usize; 2],
    pub(crate) options: Conv2dOptions,
}

impl Case {
    pub(crate) fn random(random: &mut Random) -> Self {
        let form = random.between(0, 9);
        let is_winograd = form < 2;
        let kernel = if is_winograd {
            [3, 3]
        } else {
            random.pair(1, 6)
        };
        let strides = if is_winograd {
            [1, 1]
        } else {
            random.pair(1, 5)
        };
        let dilation = if is_winograd {
            [1, 1]
        } else {
            random.pair(1, 3)
        };
        let padding = if form == 9 {
            [0; 4]
        } else {
            [(); 4].map(|()| random.between(0, 3))
        };
        let (groups, channels, filters) = match form {
            0 | 1 => (1, random.between(16, 50), random.between(16, 50)),
            2 => {
                let groups = random.between(2, 40);
                (groups, groups, groups)
            }
            3 => {
                let [groups, channels] = [random.between(2, 4), random.between(1, 4)];
                (groups, groups * channels, groups * random.between(1, 4))
            }
            _ => (1, random.between(1, 70), random.between(1, 70)),
        };
        let excess = random.pair(0, 20);
        let side = [0, 1].map(|axis| {
            let span = dilation[axis] * (kernel[axis] - 1) + 1;
            // The window fits the padded input, and a map is more than its padding.
            span.saturating_sub(padding[axis] + padding[axis + 2])
                .max(1)
                + excess[axis]
        });
        Self {
            images: random.between(1, 3),
            channels,
            filters,
            side,
            kernel,
            options: Conv2dOptions {
                strides,
                padding,
                dilation,
                groups,
                rectifier: random.rectifier(),
                algorithm: Algorithm::Auto,
            },
        }
    }

    pub(crate) fn weight(&self) -> [usize; 4] {
        let [height, width] = self.kernel;
        [
            self.filters,
            self.channels / self.options.groups,
            height,
            width,
        ]
    }

    /// The prepared convolution, its input in planes, its weight and its bias.
    pub(crate) fn make(
        &self,
        random: &mut Random,
        device: &Device,
    ) -> (Conv2d, [Tensor<4>; 2], Tensor<1>) {
        let [height, width] = self.side;
        let x = random.tensor([self.images, self.channels, height, width], device);
        let weight = random.tensor(self.weight(), device);
        let bias = random.tensor([self.filters], device);
        let conv = Conv2d::new(
            [self.channels, height, width],
            &values(weight.clone()),
            self.weight(),
            Some(values(bias.clone())),
            self.options,
        );
        (conv, [x, weight], bias)
    }

    /// The output in planes of some images of `x`.
    pub(crate) fn forward(&self, conv: &Conv2d, x: &[f32], added: Option<&[f32]>) -> Vec<f32> {
        let [height, width] = self.side;
        let images = x.len() / (self.channels * height * width);
        let x = stored(conv.reads(), [images, self.channels, height * width], x);
        let [filters, height, width] = conv.output();
        let output = [images, filters, height * width];
        let added = added.map(|added| stored(conv.writes(), output, added));
        let mut y = vec![f32::NAN; images * conv.writes().values(filters, height * width)];
        conv.forward(images, &x, added.as_deref(), &mut y);
        planes(conv.writes(), output, &y)
    }
}

/// Winograd's filtering has larger rounding errors than other sums.
pub(crate) const TOLERANCE: f32 = 1e-4;
