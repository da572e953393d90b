//! Weights drawn from a seed alone: He et al. 2015, "Delving deep into rectifiers".

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use receptive_core::hash::mix;

/// The source of one network's first weights. Each tensor has a generator of its own, so a change
/// to one layer leaves the draws of the others alone.
pub(super) struct Weights<'a> {
    seed: u64,
    drawn: u64,
    pub(super) device: &'a Device,
}

impl<'a> Weights<'a> {
    pub(super) fn new(seed: u64, device: &'a Device) -> Self {
        Self {
            seed,
            drawn: 0,
            device,
        }
    }

    /// Normal values of standard deviation `gain / sqrt(fan_in)`.
    pub(super) fn normal<const D: usize>(
        &mut self,
        dims: [usize; D],
        fan_in: usize,
        gain: f64,
    ) -> Param<Tensor<D>> {
        let mut generator = ChaCha12Rng::seed_from_u64(mix(self.seed, self.drawn));
        self.drawn += 1;
        let deviation = (gain / (fan_in as f64).sqrt()) as f32;
        let values: Vec<f32> = (0..dims.iter().product::<usize>())
            .map(|_| {
                let normal: f32 = StandardNormal.sample(&mut generator);
                deviation * normal
            })
            .collect();
        Param::from_data(TensorData::new(values, dims), self.device)
    }

    pub(super) fn zeros(&self, values: usize) -> Param<Tensor<1>> {
        Param::from_data(TensorData::zeros::<f32, _>([values]), self.device)
    }
}
