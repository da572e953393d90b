//! Inference, and the time of each layer.

use super::{Bench, Timing, median};
use crate::error::CliError;
use burn::tensor::{Tensor, TensorData};
use receptive_data::Batch;
use receptive_model::{Classifier, InferenceDevice, Plan};
use receptive_train::{Compute, Pass, check_pass};
use serde::Serialize;

/// The time of one layer in a step.
#[derive(Serialize)]
pub(super) struct LayerTime {
    /// Such as `conv2d_1`.
    pub(super) name: String,
    /// The median, in milliseconds.
    pub(super) ms: f64,
    /// Billions of multiply-adds per second.
    pub(super) gmacs_per_s: f64,
}

/// A table of more layers is too long to read, and each row takes a pass through the layers before it.
const MAX_TIMED_LAYERS: usize = 24;

impl Bench {
    pub(super) fn infer(&self, compute: &Compute) -> Result<Timing, CliError> {
        let plan = self.network.plan()?;
        let device = compute.device();
        // All shards of the batch are computed at a time.
        check_pass(
            &plan,
            Pass::Forward,
            self.batch,
            device,
            "a step of the network",
            "use a smaller --batch",
        )?;
        let model = plan.init(device);
        let batch = self.images(plan.input(), plan.classes);
        let shards = shards(&batch, compute.threads(), device);
        let layers = self.network.inference_layers(&plan);
        let network = model.prepare(device);
        let pass = |x: &Tensor<4>| {
            let output = if layers == plan.layers.len() {
                network.forward(x.clone())
            } else {
                model.forward_first(x.clone(), layers).into_flat()
            };
            output.into_data()
        };
        let mut failure = None;
        let times = self.time(|| {
            let logits = compute.map(shards.len(), |_| (), |(), i| pass(&shards[i]));
            if let Err(reason) = logits {
                failure = Some(reason);
            }
        });
        if let Some(reason) = failure {
            return Err(receptive_train::TrainError::Worker { step: 0, reason }.into());
        }
        let mut timing = self.timing(times);
        if layers <= MAX_TIMED_LAYERS {
            timing.layers = self.by_layer(&plan, &model, &batch, layers, device);
        }
        Ok(timing)
    }

    /// Each layer alone, on what the ones before it give, in one thread. One that is computed together
    /// with the layer before it may take no time of its own.
    fn by_layer(
        &self,
        plan: &Plan,
        model: &Classifier,
        batch: &Batch,
        layers: usize,
        device: &InferenceDevice,
    ) -> Vec<LayerTime> {
        let x = shards(batch, batch.labels.len().div_ceil(8), device).swap_remove(0);
        let [images, ..] = x.dims();
        let mut before = 0.0;
        (1..=layers)
            .zip(&plan.layers)
            .map(|(count, layer)| {
                // Waited for, but not read back: that costs more for a larger map.
                let times = self.time(|| {
                    drop(model.forward_first(x.clone(), count));
                    let _ = device.sync();
                });
                let until = median(&times) * 1e3;
                let ms = (until - before).max(0.0);
                before = until;
                LayerTime {
                    name: layer.name.clone(),
                    ms,
                    gmacs_per_s: if ms > 0.0 {
                        (layer.macs * images) as f64 / ms / 1e6
                    } else {
                        0.0
                    },
                }
            })
            .collect()
    }
}

/// The batch's images in as many parts as there are threads.
fn shards(batch: &Batch, threads: usize, device: &InferenceDevice) -> Vec<Tensor<4>> {
    let [images, channels, height, width] = batch.shape;
    let values = channels * height * width;
    let size = images.div_ceil(threads.clamp(1, images));
    batch
        .images
        .chunks(size * values)
        .map(|part| {
            let shape = [part.len() / values, channels, height, width];
            Tensor::from_data(TensorData::new(part.to_vec(), shape), device)
        })
        .collect()
}
