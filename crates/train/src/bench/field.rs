//! Receptive fields.

use super::network::ERF_LAYERS;
use super::{Bench, Network, Timed};
use crate::TrainError;
use burn::tensor::Device;
use receptive_erf::{MeasureOptions, Network as Measured, Noise, Probe, measure_layer};
use std::time::Instant;

impl Bench {
    pub(super) fn erf(&self, device: &Device) -> Result<Timed, TrainError> {
        if self.network != Network::Erf {
            return Err(TrainError::setting(
                &self.network.to_string(),
                "receptive fields are timed on the network erf",
            ));
        }
        let plan = self.network.plan()?;
        let input = plan.input();
        let noise = Noise {
            shape: [input.channels, input.height, input.width],
            seed: 0,
        };
        let model = plan.init(device);
        let options = MeasureOptions {
            samples: (self.batch * self.steps) as u64,
            noise: 0.0,
            ..MeasureOptions::default()
        };
        let layer = ERF_LAYERS.to_string();
        let probe = Probe::central(&plan, &layer)?;
        let network = Measured::Given(&model);
        let began = Instant::now();
        let found = measure_layer(
            network,
            &layer,
            &probe,
            &noise,
            &options,
            device,
            &mut |_, _, _| (),
        )?;
        let seconds = began.elapsed().as_secs_f64();
        let per_step = seconds * self.batch as f64 / found.samples as f64;
        Ok(self.timed(vec![per_step]))
    }
}
