//! Dense layers against burn's, and their bits on any number of threads.

use crate::convolutions::apart;
use crate::random::{Random, cases, values};
use burn::tensor::{Device, Tensor, module};
use receptive_kernels::{KernelThreads, linear};

/// Sums of a few hundred products in another order.
const TOLERANCE: f32 = 2e-5;

/// From single values to several parts of every product.
fn sizes(random: &mut Random) -> [usize; 3] {
    [
        random.between(1, 40),
        random.between(1, 1_100),
        random.between(1, 150),
    ]
}

/// The output, and the gradients of input, weight and bias.
fn results(
    of: impl Fn(Tensor<2>, Tensor<2>, Option<Tensor<1>>) -> Tensor<2>,
    [images, inputs, units]: [usize; 3],
    seed: u64,
) -> Vec<Vec<f32>> {
    let device = Device::flex().autodiff();
    let mut random = Random::new(seed);
    let x = random.tensor([images, inputs], &device).require_grad();
    let weight = random.tensor([inputs, units], &device).require_grad();
    let bias = random.tensor([units], &device).require_grad();
    let pull = random.tensor([images, units], &device);
    let has_bias = !seed.is_multiple_of(3);
    let y = of(x.clone(), weight.clone(), has_bias.then(|| bias.clone()));
    let grads = (y.clone() * pull).sum().backward();
    let mut all = vec![
        values(y),
        values(x.grad(&grads).unwrap()),
        values(weight.grad(&grads).unwrap()),
    ];
    assert_eq!(bias.grad(&grads).is_some(), has_bias);
    all.extend(bias.grad(&grads).map(values));
    all
}

#[test]
fn a_dense_layer_and_its_gradients_are_burns() {
    for case in 0..cases(150) {
        let sizes = sizes(&mut Random::new(case));
        let found = results(linear, sizes, case);
        let expected = results(module::linear, sizes, case);
        for (number, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let apart = apart(found, expected);
            assert!(
                apart < TOLERANCE,
                "case {case}, {sizes:?}, result {number}: {apart}"
            );
        }
    }
}

#[test]
fn a_dense_layer_has_the_same_bits_on_any_number_of_threads() {
    for sizes in [[16, 3_136, 128], [5, 700, 1_000], [1, 1, 1], [64, 512, 10]] {
        let bits = |threads: usize| {
            let threads = KernelThreads::new(threads).unwrap();
            let all = threads.share(|| results(linear, sizes, 1));
            let bits = all.into_iter().flatten().map(f32::to_bits);
            bits.collect::<Vec<u32>>()
        };
        let one = bits(1);
        for threads in [2, 3, 5, 16] {
            assert!(bits(threads) == one, "{sizes:?}, {threads} threads");
        }
    }
}

#[test]
fn what_is_frozen_has_no_gradient() {
    let device = Device::flex().autodiff();
    let mut random = Random::new(3);
    let x = random.tensor([4, 6], &device);
    let weight = random.tensor([6, 5], &device);
    let bias = random.tensor([5], &device).require_grad();
    let y = linear(x.clone(), weight.clone(), Some(bias.clone()));
    let grads = y.sum().backward();
    assert!(x.grad(&grads).is_none() && weight.grad(&grads).is_none());
    assert_eq!(values(bias.grad(&grads).unwrap()), [4.0; 5]);
}

#[test]
fn empty_and_transposed_tensors_are_multiplied_as_by_burn() {
    let device = Device::flex().autodiff();
    let mut random = Random::new(9);
    for [images, inputs, units] in [[0, 3, 2], [3, 2, 0]] {
        let x = Tensor::<2>::zeros([images, inputs], &device).require_grad();
        let weight = Tensor::<2>::ones([inputs, units], &device).require_grad();
        let y = linear(x.clone(), weight.clone(), None);
        assert_eq!(y.dims(), [images, units]);
        let grads = y.sum().backward();
        assert_eq!(values(x.grad(&grads).unwrap()), vec![0.0; images * inputs]);
        let of_weight = values(weight.grad(&grads).unwrap());
        assert_eq!(of_weight, vec![0.0; inputs * units]);
    }
    let x = random.tensor([70, 5], &device).require_grad();
    let weight = random.tensor([90, 70], &device).require_grad();
    let pull = random.tensor([90, 5], &device);
    for checkpointing in [false, true] {
        let device = match checkpointing {
            true => device.clone().gradient_checkpointing(),
            false => device.clone(),
        };
        let [x, weight, pull] = [&x, &weight, &pull].map(|tensor| {
            let data = tensor.to_data();
            Tensor::<2>::from_data(data, &device)
        });
        let (x, weight) = (x.require_grad(), weight.require_grad());
        let results = |of: fn(Tensor<2>, Tensor<2>, Option<Tensor<1>>) -> Tensor<2>| {
            let y = of(x.clone().transpose(), weight.clone().transpose(), None);
            let grads = (y.transpose() * pull.clone()).sum().backward();
            [&x, &weight].map(|tensor| values(tensor.grad(&grads).unwrap()))
        };
        let (found, expected) = (results(linear), results(module::linear));
        for (found, expected) in found.iter().zip(&expected) {
            assert!(apart(found, expected) < TOLERANCE);
        }
    }
}

#[test]
#[should_panic(expected = "inputs of a dense layer")]
fn weights_of_another_number_of_inputs_are_rejected() {
    let device = Device::flex();
    linear(
        Tensor::ones([2, 3], &device),
        Tensor::ones([4, 2], &device),
        None,
    );
}
