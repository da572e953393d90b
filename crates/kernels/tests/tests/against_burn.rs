//! Random shapes, forward and backward, against burn's own operations on flex.

use crate::random::{Random, difference};
use burn::tensor::module::{conv2d as burn_conv2d, max_pool2d as burn_max_pool2d};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor};
use receptive_kernels::{Conv2dOptions, MaxPool2dOptions, conv2d, max_pool2d};

const CASES: u64 = 2_000;
/// Sums of up to a few thousand products in another order.
const TOLERANCE: f32 = 2e-5;

#[test]
fn convolutions_and_their_gradients_are_those_of_burn() {
    let device = Device::flex().autodiff();
    for case in 0..CASES {
        let mut random = Random::new(case);
        let kernel = random.pair(1, 5);
        let options = Conv2dOptions {
            strides: random.pair(1, 3),
            padding: [(); 4].map(|()| random.between(0, 3)),
            dilation: random.pair(1, 3),
            relu: random.between(0, 1) == 1,
        };
        let [channels, filters] = random.pair(1, 20);
        let images = random.between(1, 5);
        let [top, left, bottom, right] = options.padding;
        let least = |axis: usize, padding: usize| {
            (options.dilation[axis] * (kernel[axis] - 1) + 1)
                .saturating_sub(padding)
                .max(1)
        };
        let height = least(0, top + bottom) + random.between(0, 12);
        let width = least(1, left + right) + random.between(0, 12);

        let x = random
            .tensor([images, channels, height, width], &device)
            .require_grad();
        let weight = random
            .tensor([filters, channels, kernel[0], kernel[1]], &device)
            .require_grad();
        let bias =
            (random.between(0, 1) == 1).then(|| random.tensor([filters], &device).require_grad());

        let burns = burn_conv2d(
            x.clone(),
            weight.clone(),
            bias.clone(),
            ConvOptions::new_with_padding(
                options.strides,
                [(top, bottom), (left, right)],
                options.dilation,
                1,
            ),
        );
        // Where sums are almost zero, a ReLU may open in one and not in the other: the gradients
        // are compared through our own decision.
        let ours = conv2d(x.clone(), weight.clone(), bias.clone(), options);
        let burns = if options.relu {
            let open = ours.clone().without_autodiff().greater_scalar(0.0).float();
            burns * Tensor::from_inner(open)
        } else {
            burns
        };
        let pull = random.tensor(ours.dims(), &device);
        let what = format!(
            "case {case}: x {:?}, weight {:?}, {options:?}",
            x.dims(),
            weight.dims()
        );
        let far = difference(ours.clone().inner(), burns.clone().inner());
        assert!(far < TOLERANCE, "{what}: output {far}");

        let ours = (ours * pull.clone()).sum().backward();
        let burns = (burns * pull).sum().backward();
        let far = difference(x.grad(&ours).unwrap(), x.grad(&burns).unwrap());
        assert!(far < TOLERANCE, "{what}: input gradient {far}");
        let far = difference(weight.grad(&ours).unwrap(), weight.grad(&burns).unwrap());
        assert!(far < TOLERANCE, "{what}: weight gradient {far}");
        if let Some(bias) = bias {
            let far = difference(bias.grad(&ours).unwrap(), bias.grad(&burns).unwrap());
            assert!(far < TOLERANCE, "{what}: bias gradient {far}");
        }
    }
}

#[test]
fn max_pools_and_their_gradients_are_those_of_burn() {
    let device = Device::flex().autodiff();
    for case in 0..CASES {
        let mut random = Random::new(case);
        let halving = random.between(0, 1) == 1;
        let options = if halving {
            MaxPool2dOptions {
                kernel_size: [2, 2],
                strides: [2, 2],
                padding: [0; 4],
                dilation: [1, 1],
            }
        } else {
            let kernel_size = random.pair(1, 4);
            // Less than the window, so that none lies in the padding alone.
            let padding = [0, 1, 0, 1].map(|axis| random.between(0, kernel_size[axis] - 1));
            MaxPool2dOptions {
                kernel_size,
                strides: random.pair(1, 3),
                padding,
                dilation: random.pair(1, 2),
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
        let burns = burn_max_pool2d(
            x.clone(),
            MaxPoolOptions::new(options.kernel_size)
                .with_stride(options.strides)
                .with_padding_pairs([(top, bottom), (left, right)])
                .with_dilation(options.dilation),
        );
        let ours = max_pool2d(x.clone(), options);
        let what = format!("case {case}: {dims:?}, {options:?}");
        let pull = random.tensor(ours.dims(), &device);
        let far = difference(ours.clone().inner(), burns.clone().inner());
        assert!(far == 0.0, "{what}: output {far}");
        let ours = (ours * pull.clone()).sum().backward();
        let burns = (burns * pull).sum().backward();
        let far = difference(x.grad(&ours).unwrap(), x.grad(&burns).unwrap());
        assert!(far < 1e-6, "{what}: input gradient {far}");
    }
}
