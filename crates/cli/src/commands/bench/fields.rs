//! Timing the measurement of receptive fields.

use super::Bench;
use super::timing::Timing;
use crate::error::CliError;
use clap::ValueEnum;
use receptive_erf::{
    MeasureOptions, MeasuredNetwork, Noise, Probe, default_layer, measure_layer, seeing_layers,
};
use receptive_train::{Compute, on_threads};
use serde::Serialize;
use std::time::Instant;

/// The layers whose receptive fields are timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Fields {
    /// The last layer with feature maps
    Last,
    /// Every layer with feature maps
    All,
}

impl Bench {
    /// Times receptive fields, layer by layer; the samples of each are divided among the threads. An image is one
    /// sample of one layer.
    pub(super) fn erf(&self, fields: Fields, compute: &Compute) -> Result<Timing, CliError> {
        let plan = &self.plan;
        let input = plan.input();
        let noise = Noise {
            shape: [input.channels, input.height, input.width],
            seed: 0,
        };
        let model = plan.init(compute.device());
        let options = MeasureOptions {
            samples: (self.batch * self.steps) as u64,
            noise: 0.0,
            ..MeasureOptions::default()
        };
        let layers = match fields {
            Fields::Last => vec![default_layer(plan)?],
            Fields::All => seeing_layers(plan),
        };
        let network = MeasuredNetwork::Given(&model);
        let began = Instant::now();
        let mut samples = 0;
        for layer in layers {
            let probe = Probe::central(plan, &layer.number)?;
            let measurement = on_threads(compute.threads(), || {
                measure_layer(
                    network,
                    &layer.number,
                    &probe,
                    &noise,
                    &options,
                    compute.device(),
                    &mut |_, _, _| (),
                )
            })??;
            samples += measurement.samples;
        }
        let seconds = began.elapsed().as_secs_f64();
        let per_step = seconds * self.batch as f64 / samples as f64;
        Ok(Timing::of_whole(self.batch, per_step))
    }
}
