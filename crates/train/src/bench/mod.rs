//! How fast networks train and infer on this machine, on random images that lie in memory; and how
//! fast photographs become batches.
//!
//! The four networks are those that PyTorch and Keras are timed on beside it, see
//! `bench/README.md`; a run's own network is timed by `receptive train` itself.

mod data;
mod field;
mod infer;
mod network;
mod train;

pub use data::{Loaded, load};
pub use infer::LayerTime;
pub use network::Network;
pub use train::OperationTime;

use crate::{Compute, TrainError};
use receptive_data::Batch;
use receptive_model::ImageSize;
use serde::Serialize;
use std::time::Instant;

/// What is done to the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Work {
    /// Forward, backward, an AdamW step, the loss read back.
    Train,
    /// Forward, the answers read back.
    Infer,
    /// The gradient of one unit with respect to one image.
    Erf,
}

/// What is to be timed.
#[derive(Debug, Clone, PartialEq)]
pub struct Bench {
    /// The network.
    pub network: Network,
    /// What is done to it.
    pub work: Work,
    /// Images a step.
    pub batch: usize,
    /// Steps that are timed, after a few that are not.
    pub steps: usize,
}

/// What one measurement found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timed {
    /// The median step's images a second.
    pub images_per_s: f64,
    /// The median step.
    pub ms_per_step: f64,
    /// The fastest and the slowest tenth of the steps.
    pub ms_p10_p90: [f64; 2],
    /// Of inference: each layer's share of the time, in the network's order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<LayerTime>,
    /// Of training: each operation's share of a step in one thread.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<OperationTime>,
}

/// Steps before the clock is looked at: memory is mapped, kernels are chosen.
const WARM_UP: usize = 3;

impl Bench {
    /// Times it.
    ///
    /// # Errors
    /// When the network can't do that work, or a thread gives up.
    pub fn run(&self, compute: &Compute) -> Result<Timed, TrainError> {
        match self.work {
            Work::Train => self.train(compute),
            Work::Infer => self.infer(compute),
            Work::Erf => self.erf(compute.device()),
        }
    }

    /// Random images with labels, as peers have them: in memory before the clock starts.
    fn images(&self, input: ImageSize, classes: usize) -> Batch {
        let ImageSize {
            channels,
            height,
            width,
        } = input;
        let mut state = 1u32;
        let values = (0..self.batch * channels * height * width).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 22) as f32 - 2.0
        });
        Batch {
            images: values.collect(),
            labels: (0..self.batch).map(|i| i % classes).collect(),
            soft_targets: None,
            indices: (0..self.batch).collect(),
            shape: [self.batch, channels, height, width],
        }
    }

    /// The seconds of each step.
    fn time(&self, mut step: impl FnMut()) -> Vec<f64> {
        (0..WARM_UP).for_each(|_| step());
        (0..self.steps)
            .map(|_| {
                let began = Instant::now();
                step();
                began.elapsed().as_secs_f64()
            })
            .collect()
    }

    fn timed(&self, mut times: Vec<f64>) -> Timed {
        times.sort_by(f64::total_cmp);
        let at = |share: usize| times[(times.len() - 1) * share / 100] * 1e3;
        let middle = median(&times);
        Timed {
            images_per_s: self.batch as f64 / middle,
            ms_per_step: middle * 1e3,
            ms_p10_p90: [at(10), at(90)],
            layers: Vec::new(),
            operations: Vec::new(),
        }
    }
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;

    #[test]
    fn every_network_is_timed_at_what_it_can_do() {
        let compute = Compute::new(burn::tensor::Device::flex(), 1).unwrap();
        for network in Network::ALL {
            let bench = Bench {
                network,
                work: network.work(),
                batch: 1,
                steps: 1,
            };
            let timed = bench.run(&compute).unwrap();
            assert!(timed.images_per_s > 0.0, "{network}");
            assert_eq!(network.name().parse::<Network>().unwrap(), network);
        }
        assert!("photos".parse::<Network>().is_err());
    }
}
