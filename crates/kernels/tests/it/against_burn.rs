//! Convolutions and max pools of random shapes, forward and backward, against burn's own operations on flex.

use crate::random::{Random, cases, difference};
use burn::tensor::activation::relu as burn_relu;
use burn::tensor::module::{conv2d as burn_conv2d, max_pool2d as burn_max_pool2d};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor};
use receptive_kernels::{
    Algorithm, Conv2dOptions, MaxPool2dOptions, Rectifier, conv2d, conv2d_max_pool_2x2, max_pool2d,
};

const CASES: u64 = 2_000;
/// Sums of up to a few thousand products in another order.
const TOLERANCE: f32 = 2e-5;

#[test]
fn convolutions_and_their_gradients_match_burn() {
    for case in 0..cases(CASES) {
        let mut random = Random::new(case);
        let convolution = Convolution {
            kernel: random.pair(1, 5),
            options: Conv2dOptions {
                strides: random.pair(1, 3),
                padding: [(); 4].map(|()| random.between(0, 3)),
                dilation: random.pair(1, 3),
                groups: 1,
                rectifier: random.rectifier(),
                algorithm: Algorithm::Auto,
            },
            channels: random.between(1, 20),
            filters: random.between(1, 20),
            images: random.between(1, 5),
            excess: random.pair(0, 12),
        };
        let differences = convolution.differences(&mut random);
        assert!(
            differences.max() < TOLERANCE,
            "case {case}: {convolution:?}: {differences:?}"
        );
    }
}

#[test]
fn grouped_and_depthwise_convolutions_match_burn() {
    for case in 0..cases(CASES) {
        let mut random = Random::new(case);
        let groups = random.between(2, 9);
        let [channels, filters] = match random.between(0, 1) {
            0 => [1, 1],
            _ => random.pair(1, 4),
        };
        let convolution = Convolution {
            kernel: random.pair(1, 9),
            options: Conv2dOptions {
                strides: random.pair(1, 3),
                padding: [(); 4].map(|()| random.between(0, 4)),
                dilation: random.pair(1, 3),
                groups,
                rectifier: random.rectifier(),
                algorithm: Algorithm::Auto,
            },
            channels: channels * groups,
            filters: filters * groups,
            images: random.between(1, 4),
            excess: random.pair(0, 20),
        };
        let differences = convolution.differences(&mut random);
        assert!(
            differences.max() < TOLERANCE,
            "case {case}: {convolution:?}: {differences:?}"
        );
    }
}

/// Depthwise kernels from those of MobileNets to those of networks with large kernels, also where most of the window is
/// padding; and the dilated and grouped convolutions of published networks.
#[test]
fn depthwise_grouped_and_dilated_convolutions_of_published_sizes_match_burn() {
    for (kernel, stride, dilation, [groups, channels], excess) in [
        (3, 1, 1, [24, 1], 25),
        (3, 2, 1, [24, 1], 26),
        (5, 2, 1, [17, 1], 13),
        (7, 1, 1, [16, 1], 7),
        (7, 1, 3, [16, 1], 9),
        (13, 1, 1, [5, 1], 1),
        (31, 1, 1, [6, 1], 9),
        (31, 2, 1, [3, 1], 34),
        (3, 1, 2, [1, 20], 15),
        (3, 2, 1, [8, 4], 14),
    ] {
        let mut random = Random::new(kernel as u64);
        let convolution = Convolution {
            kernel: [kernel; 2],
            options: Conv2dOptions {
                strides: [stride; 2],
                padding: [dilation * (kernel / 2); 4],
                dilation: [dilation; 2],
                groups,
                rectifier: random.rectifier(),
                algorithm: Algorithm::Auto,
            },
            channels: channels * groups,
            filters: channels * groups,
            images: 2,
            excess: [excess, excess + 3],
        };
        let differences = convolution.differences(&mut random);
        assert!(
            differences.max() < TOLERANCE,
            "{convolution:?}: {differences:?}"
        );
    }
}

/// Winograd's filtering has larger rounding errors.
const WINOGRAD_TOLERANCE: f32 = 1e-4;

#[test]
fn convolutions_by_winograd_and_their_gradients_match_burn() {
    let mut largest = Differences::default();
    for case in 0..cases(CASES) {
        let mut random = Random::new(case);
        let convolution = Convolution {
            kernel: [3, 3],
            options: Conv2dOptions {
                strides: [1, 1],
                padding: [(); 4].map(|()| random.between(0, 3)),
                dilation: [1, 1],
                groups: 1,
                rectifier: random.rectifier(),
                algorithm: Algorithm::Auto,
            },
            channels: random.between(16, 50),
            filters: random.between(16, 50),
            images: random.between(1, 5),
            excess: random.pair(2, 20),
        };
        let differences = convolution.differences(&mut random);
        assert!(
            differences.max() < WINOGRAD_TOLERANCE,
            "case {case}: {convolution:?}: {differences:?}"
        );
        largest = largest.max_of_each(&differences);
    }
    eprintln!("{largest:?}");
}

#[test]
fn many_channels_and_images_by_winograd() {
    for (case, [channels, filters, side, images]) in
        // The weights of the last are transformed in several parts.
        [
            [256, 256, 8, 16],
            [64, 64, 32, 8],
            [128, 80, 14, 6],
            [420, 500, 7, 5],
        ]
        .into_iter()
        .enumerate()
    {
        let mut random = Random::new(case as u64);
        let convolution = Convolution {
            kernel: [3, 3],
            options: Conv2dOptions {
                strides: [1, 1],
                padding: [1; 4],
                dilation: [1, 1],
                groups: 1,
                rectifier: Rectifier::Relu,
                algorithm: Algorithm::Auto,
            },
            channels,
            filters,
            images,
            excess: [side - 1; 2],
        };
        let differences = convolution.differences(&mut random);
        assert!(
            differences.max() < WINOGRAD_TOLERANCE,
            "{convolution:?}: {differences:?}"
        );
        eprintln!("{channels} to {filters} on {side}: {differences:?}");
    }
}

#[derive(Debug)]
struct Convolution {
    kernel: [usize; 2],
    options: Conv2dOptions,
    channels: usize,
    filters: usize,
    images: usize,
    /// Height and width in excess of the smallest that fits.
    excess: [usize; 2],
}

/// The largest differences of a convolution from that of burn.
#[derive(Debug, Default)]
struct Differences {
    output: f32,
    input_gradient: f32,
    weight_gradient: f32,
    bias_gradient: f32,
}

impl Differences {
    fn max(&self) -> f32 {
        let gradients = self.input_gradient.max(self.weight_gradient);
        self.output.max(gradients).max(self.bias_gradient)
    }

    fn max_of_each(&self, other: &Self) -> Self {
        Self {
            output: self.output.max(other.output),
            input_gradient: self.input_gradient.max(other.input_gradient),
            weight_gradient: self.weight_gradient.max(other.weight_gradient),
            bias_gradient: self.bias_gradient.max(other.bias_gradient),
        }
    }
}

impl Convolution {
    /// On random values, half of the time with a bias.
    fn differences(&self, random: &mut Random) -> Differences {
        let device = Device::flex().autodiff();
        let options = self.options;
        let [top, left, bottom, right] = options.padding;
        let [height, width] = [(0, top + bottom), (1, left + right)].map(|(axis, padding)| {
            let span = options.dilation[axis] * (self.kernel[axis] - 1) + 1;
            span.saturating_sub(padding).max(1) + self.excess[axis]
        });
        let x = random
            .tensor([self.images, self.channels, height, width], &device)
            .require_grad();
        let weight = random
            .tensor(
                [
                    self.filters,
                    self.channels / options.groups,
                    self.kernel[0],
                    self.kernel[1],
                ],
                &device,
            )
            .require_grad();
        let bias = (random.between(0, 1) == 1)
            .then(|| random.tensor([self.filters], &device).require_grad());

        let theirs = burn_conv2d(
            x.clone(),
            weight.clone(),
            bias.clone(),
            ConvOptions::new_with_padding(
                options.strides,
                [(top, bottom), (left, right)],
                options.dilation,
                options.groups,
            ),
        );
        let ours = conv2d(x.clone(), weight.clone(), bias.clone(), options);
        let theirs = rectified(theirs, &ours, options.rectifier);
        let pull = random.tensor(ours.dims(), &device);
        let output = difference(ours.clone().inner(), theirs.clone().inner());
        let ours = (ours * pull.clone()).sum().backward();
        let theirs = (theirs * pull).sum().backward();
        Differences {
            output,
            input_gradient: difference(x.grad(&ours).unwrap(), x.grad(&theirs).unwrap()),
            weight_gradient: difference(weight.grad(&ours).unwrap(), weight.grad(&theirs).unwrap()),
            bias_gradient: bias.map_or(0.0, |bias| {
                difference(bias.grad(&ours).unwrap(), bias.grad(&theirs).unwrap())
            }),
        }
    }
}

/// Their convolution after the rectifier. Where sums are almost at a bound, one may pass and the other
/// not: the gradients are compared through our own decision.
pub(crate) fn rectified(theirs: Tensor<4>, ours: &Tensor<4>, rectifier: Rectifier) -> Tensor<4> {
    let ours = ours.clone().without_autodiff();
    let above = |bound: f32| Tensor::from_inner(ours.clone().greater_elem(bound).float());
    match rectifier {
        Rectifier::None => theirs,
        Rectifier::Relu => theirs * above(0.0),
        Rectifier::Relu6 => {
            let at_most = above(5.999_999);
            theirs * (above(0.0) - at_most.clone()) + at_most.mul_scalar(6.0)
        }
    }
}

/// With a gradient and without; the layers one by one are compared with burn's above.
#[test]
fn a_convolution_with_a_pool_of_2x2_is_both_in_turn() {
    for case in 0..cases(CASES) {
        let mut random = Random::new(case);
        let (channels, filters) = (random.between(1, 20), random.between(1, 20));
        let options = Conv2dOptions {
            strides: random.pair(1, 2),
            padding: [(); 4].map(|()| random.between(0, 2)),
            dilation: [1, 1],
            groups: 1,
            rectifier: random.rectifier(),
            algorithm: Algorithm::Auto,
        };
        let kernel = random.pair(1, 3);
        // At least two output positions each way.
        let [height, width] = [0, 1].map(|axis| kernel[axis] + 2 + random.between(0, 30));
        let device = Device::flex();
        let images = random.between(1, 3);
        let x = random.tensor([images, channels, height, width], &device);
        let weight = random.tensor([filters, channels, kernel[0], kernel[1]], &device);
        let bias = (random.between(0, 1) == 1).then(|| random.tensor([filters], &device));
        let pool = MaxPool2dOptions::new_2x2(Rectifier::None);
        let two = max_pool2d(
            conv2d(x.clone(), weight.clone(), bias.clone(), options),
            pool,
        );
        let what = format!("case {case}: {height}x{width}, {kernel:?}, {options:?}");
        let one = conv2d_max_pool_2x2(x.clone(), weight.clone(), bias.clone(), options);
        assert_eq!(one.dims(), two.dims(), "{what}");
        let distance = difference(one, two.clone());
        assert!(distance < 1e-6, "{what}: {distance}");

        let followed = device.autodiff();
        let x = Tensor::from_data(x.into_data(), &followed).require_grad();
        let weight = Tensor::from_data(weight.into_data(), &followed);
        let bias = bias.map(|bias| Tensor::from_data(bias.into_data(), &followed));
        let pull = random.tensor(two.dims(), &followed);
        let gradient = |y: Tensor<4>| x.grad(&(y * pull.clone()).sum().backward()).unwrap();
        let one = conv2d_max_pool_2x2(x.clone(), weight.clone(), bias.clone(), options);
        let two = max_pool2d(conv2d(x.clone(), weight, bias, options), pool);
        let distance = difference(gradient(one), gradient(two));
        assert!(distance < 1e-6, "{what}: input gradient {distance}");
    }
}

#[test]
fn max_pools_and_their_gradients_match_burn() {
    let device = Device::flex().autodiff();
    for case in 0..cases(CASES) {
        let mut random = Random::new(case);
        let (is_2x2, rectifier) = (random.between(0, 1) == 1, random.rectifier());
        let options = if is_2x2 {
            MaxPool2dOptions::new_2x2(rectifier)
        } else {
            let kernel_size = random.pair(1, 4);
            // Less than the window, so that none lies in the padding alone.
            let padding = [0, 1, 0, 1].map(|axis| random.between(0, kernel_size[axis] - 1));
            MaxPool2dOptions {
                kernel_size,
                strides: random.pair(1, 3),
                padding,
                dilation: random.pair(1, 2),
                rectifier,
            }
        };
        let span = |axis: usize| options.dilation[axis] * (options.kernel_size[axis] - 1) + 1;
        let dims = [
            random.between(1, 3),
            random.between(1, 5),
            span(0) + random.between(0, 12),
            span(1) + random.between(0, 12),
        ];
        let x = random.tensor(dims, &device);
        // Few different values, so that windows have equal ones, as after a ReLU.
        let x = x.mul_scalar(3.0).round().clamp_min(-1.0).require_grad();

        let [top, left, bottom, right] = options.padding;
        let before = match rectifier {
            Rectifier::None => x.clone(),
            // No value exceeds 6.
            Rectifier::Relu | Rectifier::Relu6 => burn_relu(x.clone()),
        };
        let theirs = burn_max_pool2d(
            before,
            MaxPoolOptions::new(options.kernel_size)
                .with_stride(options.strides)
                .with_padding_pairs([(top, bottom), (left, right)])
                .with_dilation(options.dilation),
        );
        let ours = max_pool2d(x.clone(), options);
        let what = format!("case {case}: {dims:?}, {options:?}");
        let pull = random.tensor(ours.dims(), &device);
        let distance = difference(ours.clone().inner(), theirs.clone().inner());
        assert!(distance == 0.0, "{what}: output {distance}");
        let ours = (ours * pull.clone()).sum().backward();
        let theirs = (theirs * pull).sum().backward();
        let distance = difference(x.grad(&ours).unwrap(), x.grad(&theirs).unwrap());
        assert!(distance < 1e-6, "{what}: input gradient {distance}");
    }
}
