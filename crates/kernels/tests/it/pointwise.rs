//! Operations on the values of each position: alone, after a batch norm, and computed again.

use crate::random::{Random, cases, difference, values};
use burn::nn::LayerNormConfig;
use burn::tensor::{Device, Tensor};
use receptive_kernels::{
    BatchNormInput, BatchNormOptions, MaxPool2dOptions, Nonlinearity, Rectifier, batch_norm_train,
    layer_norm, max_pool2d, nonlinear, scale_channels,
};

const CASES: u64 = 60;
const TOLERANCE: f32 = 1e-5;

const NONLINEARITIES: [Nonlinearity; 12] = [
    Nonlinearity::Rectifier(Rectifier::Relu),
    Nonlinearity::Rectifier(Rectifier::Relu6),
    Nonlinearity::LeakyRelu(0.1),
    Nonlinearity::Gelu,
    Nonlinearity::Tanh,
    Nonlinearity::Sigmoid,
    Nonlinearity::HardSwish,
    Nonlinearity::HardSigmoid,
    Nonlinearity::Silu,
    Nonlinearity::Mish,
    Nonlinearity::Elu(1.5),
    Nonlinearity::Clip([-1.0, 2.5]),
];

/// Batches of maps, from one value to several blocks of positions.
fn dims(random: &mut Random) -> [usize; 4] {
    [
        random.between(1, 5),
        random.between(1, 40),
        random.between(1, 15),
        random.between(1, 15),
    ]
}

#[test]
fn a_batch_norm_ends_with_the_nonlinearity_that_would_follow_it() {
    for (case, nonlinearity) in NONLINEARITIES.into_iter().enumerate() {
        let device = Device::flex().autodiff();
        let mut random = Random::new(case as u64);
        let x = random.tensor([3, 5, 7, 6], &device).require_grad();
        let [gamma, beta] = [0; 2].map(|_| random.tensor([5], &device).mul_scalar(3.0));
        let pull = random.tensor(x.dims(), &device);
        let options = |nonlinearity| BatchNormOptions {
            epsilon: 1e-5,
            nonlinearity,
        };
        let norm = |x: Tensor<4>, nonlinearity| {
            let options = options(nonlinearity);
            batch_norm_train(x, gamma.clone(), beta.clone(), options).output
        };
        let [fused, apart] = [
            norm(x.clone(), nonlinearity),
            nonlinear(norm(x.clone(), Nonlinearity::default()), nonlinearity),
        ];
        assert!(
            values(fused.clone()) == values(apart.clone()),
            "{nonlinearity:?}"
        );
        let [of_fused, of_apart] = [fused, apart].map(|y| {
            let grads = (y * pull.clone()).sum().backward();
            values(x.grad(&grads).unwrap())
        });
        assert!(of_fused == of_apart, "{nonlinearity:?}");
    }
}

#[test]
fn channels_times_factors_and_their_gradients_match_burn() {
    let device = Device::flex().autodiff();
    for case in 0..cases(CASES) {
        let mut random = Random::new(case);
        let dims = dims(&mut random);
        let rows = [1, dims[0]][random.between(0, 1)];
        let x = random.tensor(dims, &device).require_grad();
        let factors = random.tensor([rows, dims[1], 1, 1], &device).require_grad();
        let pull = random.tensor(dims, &device);
        let ours = scale_channels(x.clone(), factors.clone());
        let theirs = x.clone() * factors.clone();
        let what = format!("case {case}: {dims:?}, {rows} rows of factors");
        assert!(values(ours.clone()) == values(theirs.clone()), "{what}");
        let [ours, theirs] = [ours, theirs].map(|y| {
            let grads = (y * pull.clone()).sum().backward();
            (x.grad(&grads).unwrap(), factors.grad(&grads).unwrap())
        });
        assert!(values(ours.0) == values(theirs.0), "{what}");
        let distance = difference(ours.1, theirs.1);
        assert!(
            distance < TOLERANCE,
            "{what}: gradient of the factors {distance}"
        );
    }
}

#[test]
fn layer_norms_and_their_gradients_match_burn() {
    let device = Device::flex().autodiff();
    for case in 0..cases(CASES) {
        let mut random = Random::new(case);
        let mut dims = dims(&mut random);
        dims[1] += 1; // one channel alone has no variance
        let epsilon = [1e-6, 1e-3][random.between(0, 1)];
        // Away from 0, where a careless variance would lose its digits.
        let x = random.tensor(dims, &device).add_scalar(3.0).require_grad();
        let gamma = random.tensor([dims[1]], &device).require_grad();
        let beta = random.tensor([dims[1]], &device).require_grad();
        let pull = random.tensor(dims, &device);
        let ours = layer_norm(x.clone(), [gamma.clone(), beta.clone()], epsilon);
        let mut norm = LayerNormConfig::new(dims[1])
            .with_epsilon(epsilon)
            .init(&device);
        norm.gamma = norm.gamma.map(|_| gamma.clone());
        norm.beta = norm.beta.map(|param| param.map(|_| beta.clone()));
        let last = x.clone().permute([0, 2, 3, 1]);
        let theirs = norm.forward(last).permute([0, 3, 1, 2]);
        let what = format!("case {case}: {dims:?}, {epsilon}");
        let distance = difference(ours.clone(), theirs.clone());
        assert!(distance < TOLERANCE, "{what}: output {distance}");
        let [ours, theirs] = [ours, theirs].map(|y| (y * pull.clone()).sum().backward());
        // Two channels of almost equal values make large gradients, whose terms cancel.
        let distance = difference(x.grad(&ours).unwrap(), x.grad(&theirs).unwrap());
        assert!(distance < 1e-3, "{what}: input gradient {distance}");
        let distance = difference(gamma.grad(&ours).unwrap(), gamma.grad(&theirs).unwrap());
        assert!(distance < 1e-4, "{what}: gamma gradient {distance}");
        let distance = difference(beta.grad(&ours).unwrap(), beta.grad(&theirs).unwrap());
        assert!(distance < TOLERANCE, "{what}: beta gradient {distance}");
    }
}

/// With gradient checkpointing.
#[test]
fn outputs_that_are_computed_again_give_the_same_gradients() {
    let keeping = Device::flex().autodiff();
    let [kept, again] = [keeping.clone(), keeping.gradient_checkpointing()].map(|device| {
        let mut random = Random::new(5);
        let x = random.tensor([2, 6, 9, 8], &device).require_grad();
        let factors = random.tensor([2, 6, 1, 1], &device).require_grad();
        let gamma = random.tensor([6], &device).require_grad();
        let beta = random.tensor([6], &device).require_grad();
        let y = nonlinear(x.clone(), Nonlinearity::Silu);
        let y = scale_channels(y, factors.clone());
        let y = layer_norm(y, [gamma.clone(), beta.clone()], 1e-5);
        let y = nonlinear(y, Nonlinearity::Gelu);
        // Between two other outputs that are computed again.
        let windows = MaxPool2dOptions {
            kernel_size: [3, 3],
            strides: [1, 2],
            padding: [1; 4],
            dilation: [1, 1],
            rectifier: Rectifier::Relu,
        };
        let y = max_pool2d(y, windows);
        let y = nonlinear(y, Nonlinearity::Silu);
        let y = max_pool2d(y, MaxPool2dOptions::new_2x2(Rectifier::None));
        let y = nonlinear(y, Nonlinearity::Silu);
        let pull = random.tensor(y.dims(), &device);
        let grads = (y * pull).sum().backward();
        [
            values(x.grad(&grads).unwrap()),
            values(factors.grad(&grads).unwrap()),
            values(gamma.grad(&grads).unwrap()),
            values(beta.grad(&grads).unwrap()),
        ]
    });
    assert!(kept == again);
}

/// Output and gradients of `y` with respect to the inputs.
fn all<const N: usize>(
    y: Tensor<4>,
    inputs: [&Tensor<1>; N],
    maps: &[&Tensor<4>],
) -> Vec<Vec<f32>> {
    let pull = Random::new(3).tensor(y.dims(), &y.device());
    let grads = (y.clone() * pull).sum().backward();
    let inputs = inputs.into_iter().map(|x| values(x.grad(&grads).unwrap()));
    let maps = maps.iter().map(|x| values(x.grad(&grads).unwrap()));
    [values(y)].into_iter().chain(inputs).chain(maps).collect()
}

#[test]
fn maps_added_to_a_batch_norm_are_added_before_the_nonlinearity() {
    for (case, nonlinearity) in NONLINEARITIES.into_iter().enumerate() {
        let keeping = Device::flex().autodiff();
        for device in [keeping.clone(), keeping.gradient_checkpointing()] {
            let mut random = Random::new(case as u64);
            let dims = [3, 5, 7, 6];
            let [x, added] = [0; 2].map(|_| random.tensor(dims, &device).require_grad());
            let [gamma, beta] = [0; 2].map(|_| random.tensor([5], &device).require_grad());
            let variance = random.tensor([5], &device).square().add_scalar(0.1);
            let statistics = [random.tensor([5], &device), variance];
            let parameters = [gamma.clone(), beta.clone()];
            for input in [
                BatchNormInput::in_training(x.clone(), parameters.clone()),
                BatchNormInput::with_statistics(x.clone(), parameters, statistics),
            ] {
                let options = |nonlinearity| BatchNormOptions {
                    epsilon: 1e-5,
                    nonlinearity,
                };
                let fused = input.clone().plus(added.clone(), options(nonlinearity));
                let apart = input.output(options(Nonlinearity::default())) + added.clone();
                let apart = nonlinear(apart, nonlinearity);
                let [fused, apart] = [fused, apart].map(|y| all(y, [&gamma, &beta], &[&x, &added]));
                assert!(fused == apart, "{nonlinearity:?}");
            }
        }
    }
}
