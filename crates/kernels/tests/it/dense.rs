//! Dense layers against burn's, and their bits on any number of threads.

use crate::inference::apart;
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
