//! Batch norms of random shapes, forward and backward, against burn's own on flex.

use crate::against_burn::rectified;
use crate::random::{Random, cases, difference};
use burn::tensor::module::batch_norm_train as burn_batch_norm_train;
use burn::tensor::{Device, Tensor};
use receptive_kernels::{BatchNormOptions, batch_norm, batch_norm_train};

const CASES: u64 = 2_000;
const TOLERANCE: f32 = 2e-5;

#[test]
fn batch_norms_and_their_gradients_match_burn() {
    let device = Device::flex().autodiff();
    for case in 0..cases(CASES) {
        let mut random = Random::new(case);
        let epsilon = [1e-5, 1e-3][random.between(0, 1)];
        let rectifier = random.rectifier();
        let options = BatchNormOptions {
            epsilon,
            nonlinearity: rectifier.into(),
        };
        let channels = random.between(1, 20);
        // At least two values of each channel: one alone has no variance.
        let dims = [
            random.between(2, 5),
            channels,
            random.between(1, 9),
            random.between(1, 9),
        ];
        // Away from 0, where a careless variance would lose its digits.
        let x = random.tensor(dims, &device).add_scalar(3.0).require_grad();
        let gamma = random.tensor([channels], &device).require_grad();
        let beta = random.tensor([channels], &device).require_grad();

        let theirs = burn_batch_norm_train(x.clone(), gamma.clone(), beta.clone(), options.epsilon);
        let ours = batch_norm_train(x.clone(), gamma.clone(), beta.clone(), options);
        let what = format!("case {case}: {dims:?}, {options:?}");
        let distance = difference(ours.mean, theirs.mean.without_autodiff());
        assert!(distance < TOLERANCE, "{what}: mean {distance}");
        let distance = difference(ours.variance, theirs.variance.without_autodiff());
        assert!(distance < TOLERANCE, "{what}: variance {distance}");
        let ours = ours.output;
        let theirs = rectified(theirs.output, &ours, rectifier);
        let distance = difference(ours.clone().inner(), theirs.clone().inner());
        assert!(distance < TOLERANCE, "{what}: output {distance}");

        let pull = random.tensor(dims, &device);
        let ours = (ours * pull.clone()).sum().backward();
        let theirs = (theirs * pull).sum().backward();
        // Few values of almost no variance make large gradients, whose terms cancel.
        let distance = difference(x.grad(&ours).unwrap(), x.grad(&theirs).unwrap());
        assert!(distance < 1e-3, "{what}: input gradient {distance}");
        let distance = difference(gamma.grad(&ours).unwrap(), gamma.grad(&theirs).unwrap());
        assert!(distance < 1e-3, "{what}: gamma gradient {distance}");
        let distance = difference(beta.grad(&ours).unwrap(), beta.grad(&theirs).unwrap());
        assert!(distance < TOLERANCE, "{what}: beta gradient {distance}");
    }
}

/// By statistics that are not its own.
#[test]
fn batch_norms_by_given_statistics_and_their_gradients_match_burn() {
    let device = Device::flex().autodiff();
    for case in 0..cases(CASES) {
        let mut random = Random::new(case);
        let epsilon = [1e-5, 1e-3][random.between(0, 1)];
        let rectifier = random.rectifier();
        let options = BatchNormOptions {
            epsilon,
            nonlinearity: rectifier.into(),
        };
        let channels = random.between(1, 20);
        let dims = [
            random.between(1, 5),
            channels,
            random.between(1, 9),
            random.between(1, 9),
        ];
        let x = random.tensor(dims, &device).mul_scalar(4.0).require_grad();
        let gamma = random.tensor([channels], &device).require_grad();
        let beta = random.tensor([channels], &device).require_grad();
        let mean: Tensor<1> = random.tensor([channels], &device);
        let variance = random.tensor([channels], &device).square().add_scalar(0.1);

        let parameters = [gamma.clone(), beta.clone()];
        let statistics = [mean.clone(), variance.clone()];
        let ours = batch_norm(x.clone(), parameters, statistics, options);
        let row = |values: Tensor<1>| values.reshape([1, channels, 1, 1]);
        let deviation = variance.add_scalar(options.epsilon).sqrt();
        let theirs = (x.clone() - row(mean)) / row(deviation) * row(gamma.clone());
        let theirs = rectified(theirs + row(beta.clone()), &ours, rectifier);
        let what = format!("case {case}: {dims:?}, {options:?}");
        let distance = difference(ours.clone().inner(), theirs.clone().inner());
        assert!(distance < TOLERANCE, "{what}: output {distance}");

        let pull = random.tensor(dims, &device);
        let ours = (ours * pull.clone()).sum().backward();
        let theirs = (theirs * pull).sum().backward();
        let distance = difference(x.grad(&ours).unwrap(), x.grad(&theirs).unwrap());
        assert!(distance < TOLERANCE, "{what}: input gradient {distance}");
        let distance = difference(gamma.grad(&ours).unwrap(), gamma.grad(&theirs).unwrap());
        assert!(distance < TOLERANCE, "{what}: gamma gradient {distance}");
        let distance = difference(beta.grad(&ours).unwrap(), beta.grad(&theirs).unwrap());
        assert!(distance < TOLERANCE, "{what}: beta gradient {distance}");
    }
}
