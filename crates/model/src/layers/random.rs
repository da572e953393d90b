//! Randomness as a pure function of a seed: initial weights and dropout masks.

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use receptive_core::hash::mix;

/// The source of one network's initial weights, as in He et al. 2015, "Delving deep into
/// rectifiers". Each tensor has its own generator, so a change to one layer does not change the
/// weights of the others.
pub(crate) struct RandomWeights<'a> {
    seed: u64,
    drawn: u64,
    pub(super) device: &'a Device,
}

impl<'a> RandomWeights<'a> {
    pub(crate) fn new(seed: u64, device: &'a Device) -> Self {
        Self {
            seed,
            drawn: 0,
            device,
        }
    }

    /// Normal values with standard deviation `gain / sqrt(fan_in)`.
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

/// What the dropout masks of one shard of a step are drawn from. Shards get the masks that the
/// whole batch would, since an image's mask depends only on its row in the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DropoutKey {
    /// The run's seed.
    pub seed: u64,
    /// The step, counted from the start of training.
    pub step: u64,
    /// The row of the shard's first image in the batch.
    pub first_row: usize,
}

impl DropoutKey {
    /// A mask of 0 and `1 / (1 - rate)`.
    ///
    /// # Shapes
    /// - output: `dims`, rows (images) first
    pub(super) fn mask<const D: usize>(
        &self,
        layer: u64,
        rate: f64,
        dims: [usize; D],
        device: &Device,
    ) -> Tensor<D> {
        let rows = dims[0];
        let values: usize = dims[1..].iter().product();
        let scale = (1.0 / (1.0 - rate)) as f32;
        // A uniform 32-bit word is below this with probability `rate`.
        let threshold = (rate * 4_294_967_296.0) as u64;
        let mut mask = vec![0.0; rows * values];
        for (row, mask) in mask.chunks_mut(values.max(1)).enumerate() {
            let row = (self.first_row + row) as u64;
            let key = mix(mix(mix(mix(self.seed, self.step), layer), row), DROPOUT);
            for (pair, mask) in mask.chunks_mut(2).enumerate() {
                let word = mix(key, pair as u64);
                for (kept, half) in mask.iter_mut().zip([word >> 32, word & 0xffff_ffff]) {
                    *kept = if half < threshold { 0.0 } else { scale };
                }
            }
        }
        Tensor::from_data(TensorData::new(mask, dims), device)
    }
}

/// Keeps dropout's random numbers independent of others drawn from the same seed.
const DROPOUT: u64 = 0x64726f_706f7574;
