//! Gradients against finite differences, which know nothing of burn.

use crate::random::{Random, values};
use burn::tensor::{Device, Tensor, TensorData};
use receptive_kernels::{
    Algorithm, BatchNormOptions, Conv2dOptions, Rectifier, batch_norm_train, conv2d,
};

const STEP: f32 = 1e-2;

/// The convolution is linear in each of its arguments, so central differences are exact but for
/// rounding; the ReLU is left out, since it has a corner.
const OPTIONS: Conv2dOptions = Conv2dOptions {
    strides: [2, 1],
    padding: [1, 0, 2, 1],
    dilation: [1, 2],
    groups: 1,
    rectifier: Rectifier::None,
    algorithm: Algorithm::Auto,
};

#[test]
fn gradients_are_finite_differences() {
    // All channels together, in groups, and each by itself.
    for [channels, filters, groups] in [[3, 4, 1], [4, 6, 2], [4, 4, 4]] {
        let options = Conv2dOptions { groups, ..OPTIONS };
        compare_conv2d(channels, filters, options);
    }
}

fn compare_conv2d(channels: usize, filters: usize, options: Conv2dOptions) {
    let device = Device::flex().autodiff();
    let mut random = Random::new(7);
    let x = random.tensor([2, channels, 7, 6], &device).require_grad();
    let per_filter = channels / options.groups;
    let weight = random
        .tensor([filters, per_filter, 3, 2], &device)
        .require_grad();
    let bias = random.tensor([filters], &device).require_grad();
    let y = conv2d(x.clone(), weight.clone(), Some(bias.clone()), options);
    let pull = random.tensor(y.dims(), &device);
    let grads = (y * pull.clone()).sum().backward();

    let value = |x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>| -> f32 {
        (conv2d(x, weight, Some(bias), options) * pull.clone().inner())
            .sum()
            .into_scalar()
    };
    let (plain_x, plain_weight, plain_bias) = (
        x.clone().inner(),
        weight.clone().inner(),
        bias.clone().inner(),
    );
    compare("x", x.grad(&grads).unwrap(), &plain_x, |x| {
        value(x, plain_weight.clone(), plain_bias.clone())
    });
    compare(
        "weight",
        weight.grad(&grads).unwrap(),
        &plain_weight,
        |weight| value(plain_x.clone(), weight, plain_bias.clone()),
    );
    compare("bias", bias.grad(&grads).unwrap(), &plain_bias, |bias| {
        value(plain_x.clone(), plain_weight.clone(), bias)
    });
}

fn compare<const D: usize>(
    name: &str,
    gradient: Tensor<D>,
    at: &Tensor<D>,
    value: impl Fn(Tensor<D>) -> f32,
) {
    let start = values(at.clone());
    for (i, gradient) in values(gradient).into_iter().enumerate() {
        let moved = |by: f32| {
            let mut moved = start.clone();
            moved[i] += by;
            value(Tensor::from_data(
                TensorData::new(moved, at.dims()),
                &at.device(),
            ))
        };
        let slope = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
        assert!(
            (slope - gradient).abs() < 2e-3,
            "{name}[{i}]: {gradient}, but by differences {slope}"
        );
    }
}

/// The derivative through mean and variance too.
#[test]
fn gradients_of_batch_norms_are_finite_differences() {
    let options = BatchNormOptions {
        epsilon: 1e-5,
        nonlinearity: Rectifier::None.into(),
    };
    let device = Device::flex().autodiff();
    let mut random = Random::new(9);
    let x = random.tensor([3, 2, 3, 4], &device).require_grad();
    let gamma = random.tensor([2], &device).require_grad();
    let beta = random.tensor([2], &device).require_grad();
    let pull = random.tensor(x.dims(), &device);
    let y = batch_norm_train(x.clone(), gamma.clone(), beta.clone(), options).output;
    let grads = (y * pull.clone()).sum().backward();

    let value = |x: Tensor<4>, gamma: Tensor<1>, beta: Tensor<1>| -> f32 {
        (batch_norm_train(x, gamma, beta, options).output * pull.clone().inner())
            .sum()
            .into_scalar()
    };
    let (plain_x, plain_gamma, plain_beta) = (
        x.clone().inner(),
        gamma.clone().inner(),
        beta.clone().inner(),
    );
    compare("x", x.grad(&grads).unwrap(), &plain_x, |x| {
        value(x, plain_gamma.clone(), plain_beta.clone())
    });
    compare(
        "gamma",
        gamma.grad(&grads).unwrap(),
        &plain_gamma,
        |gamma| value(plain_x.clone(), gamma, plain_beta.clone()),
    );
    compare("beta", beta.grad(&grads).unwrap(), &plain_beta, |beta| {
        value(plain_x.clone(), plain_gamma.clone(), beta)
    });
}

#[test]
fn only_tracked_tensors_get_a_gradient() {
    let device = Device::flex().autodiff();
    let mut random = Random::new(8);
    let x = random.tensor([1, 2, 5, 5], &device).require_grad();
    let weight = random.tensor([3, 2, 3, 3], &device);
    let grads = conv2d(x.clone(), weight.clone(), None, OPTIONS)
        .sum()
        .backward();
    assert!(x.grad(&grads).is_some());
    assert!(weight.grad(&grads).is_none());
}
