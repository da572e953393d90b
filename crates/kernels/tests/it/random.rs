//! Random values and tensors, the same in every run.

use burn::tensor::{Device, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use receptive_kernels::Rectifier;

pub(crate) struct Random(ChaCha8Rng);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// From `min` to `max`, both included.
    pub(crate) fn between(&mut self, min: usize, max: usize) -> usize {
        min + self.0.next_u32() as usize % (max - min + 1)
    }

    pub(crate) fn pair(&mut self, min: usize, max: usize) -> [usize; 2] {
        [self.between(min, max), self.between(min, max)]
    }

    pub(crate) fn rectifier(&mut self) -> Rectifier {
        [Rectifier::None, Rectifier::Relu, Rectifier::Relu6][self.between(0, 2)]
    }

    /// From -1 to 1.
    pub(crate) fn value(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0
    }

    pub(crate) fn tensor<const D: usize>(
        &mut self,
        dims: [usize; D],
        device: &Device,
    ) -> Tensor<D> {
        let values: Vec<f32> = (0..dims.iter().product::<usize>())
            .map(|_| self.value())
            .collect();
        Tensor::from_data(TensorData::new(values, dims), device)
    }
}

/// The number of random cases of a test that has this many: fewer where each takes long, as on an emulated
/// processor, where the environment variable `RECEPTIVE_TEST_SHARE=20` leaves one of twenty.
pub(crate) fn cases(all: u64) -> u64 {
    let share = std::env::var("RECEPTIVE_TEST_SHARE");
    let share = share.map_or(1, |share| share.parse().expect("a number of 1 or more"));
    all.div_ceil(share)
}

pub(crate) fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// The largest difference, relative to the largest value of `right` or to 1, the size of the terms: a
/// sum that happens to be small is no more exact than they are.
pub(crate) fn difference<const D: usize>(left: Tensor<D>, right: Tensor<D>) -> f32 {
    assert_eq!(left.dims(), right.dims());
    let (left, right) = (values(left), values(right));
    let scale = right
        .iter()
        .fold(1.0_f32, |max, value| max.max(value.abs()));
    let largest = left
        .iter()
        .zip(&right)
        .fold(0.0_f32, |max, (left, right)| max.max((left - right).abs()));
    largest / scale
}
