//! The images of each split, at the network's input size.

use crate::config::RunConfig;
use crate::error::TrainError;
use receptive_data::{DataSet, Samples, Split, check_size};
use receptive_model::{InputSpec, Plan};
use std::sync::Arc;

/// The images of each split at the network's size.
pub(crate) struct Splits {
    pub(crate) train: Arc<Samples>,
    pub(crate) val: Arc<Samples>,
    pub(crate) test: Option<Arc<Samples>>,
}

impl Splits {
    /// `left` is the memory that a training step leaves, if known.
    pub(crate) fn new(
        config: &RunConfig,
        plan: &Plan,
        data: &DataSet,
        left: Option<u64>,
    ) -> Result<Self, TrainError> {
        let size = plan.input();
        check_size(&size)?;
        // The splits share the memory for decoded images in proportion to their sizes.
        let images: usize = data.splits().map(Split::len).sum();
        let memory = u128::from((config.data.cache_mb << 20).min(left.unwrap_or(u64::MAX) / 2));
        let samples = |split: &Split| {
            let share = memory * split.len() as u128 / images.max(1) as u128;
            let fit = config.data.fit();
            Arc::new(Samples::new(split.clone(), size, fit, share as u64))
        };
        Ok(Self {
            train: samples(&data.train),
            val: samples(&data.val),
            // An empty split has no accuracy, rather than one of 0 %.
            test: data
                .test
                .as_ref()
                .filter(|test| !test.is_empty())
                .map(samples),
        })
    }
}

/// One split as inputs of a trained model; `cache_mb` is the memory for decoded images, in MiB.
pub fn samples_for(split: &Split, input: &InputSpec, cache_mb: u64) -> Arc<Samples> {
    Arc::new(Samples::new(
        split.clone(),
        input.size(),
        input.fit(),
        cache_mb << 20,
    ))
}
