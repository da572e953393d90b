//! Inference, and each layer's part in it.

use super::{Bench, Timed, median};
use crate::{TrainError, Workers};
use burn::tensor::{Device, Tensor, TensorData};
use receptive_data::Batch;
use receptive_model::{Classifier, Plan};
use serde::Serialize;

/// One layer's part in a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerTime {
    /// Its name, such as `conv2d_1`.
    pub name: String,
    /// The median, in milliseconds.
    pub ms: f64,
    /// Billions of multiply-adds a second.
    pub gmacs_per_s: f64,
}

impl Bench {
    pub(super) fn infer(&self, device: &Device, workers: &Workers) -> Result<Timed, TrainError> {
        let plan = self.network.plan()?;
        let model = plan.init(device);
        let batch = self.images(plan.input(), plan.classes);
        let shards = shards(&batch, workers.len());
        let layers = self.network.inferred(&plan);
        let pass = |shard: &Batch, layers: usize| -> Vec<f32> {
            let images = TensorData::new(shard.images.to_vec(), shard.shape);
            let x = Tensor::<4>::from_data(images, device);
            read(&model, x, layers)
        };
        let mut failed = None;
        let times = self.time(|| {
            let answers = workers.map(shards.len(), || (), |(), i| pass(&shards[i], layers));
            if let Err(reason) = answers {
                failed = Some(TrainError::Worker { step: 0, reason });
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        let mut timed = self.timed(times);
        timed.layers = self.by_layer(&plan, &model, &batch, layers, device);
        Ok(timed)
    }

    /// Each layer alone, on what the ones before it give, in one thread.
    fn by_layer(
        &self,
        plan: &Plan,
        model: &Classifier,
        batch: &Batch,
        layers: usize,
        device: &Device,
    ) -> Vec<LayerTime> {
        let one = shards(batch, batch.labels.len().div_ceil(8)).swap_remove(0);
        let images = one.labels.len();
        let x = Tensor::<4>::from_data(TensorData::new(one.images.into_vec(), one.shape), device);
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

/// The output of the first layers, read back.
fn read(model: &Classifier, x: Tensor<4>, layers: usize) -> Vec<f32> {
    let out = model.forward_first(x, layers).flat();
    out.into_data().iter().collect()
}

/// The batch in as many parts as there are threads.
fn shards(batch: &Batch, threads: usize) -> Vec<Batch> {
    let images = batch.labels.len();
    let values = batch.images.len() / images;
    let [_, channels, height, width] = batch.shape;
    let size = images.div_ceil(threads.clamp(1, images));
    (0..images)
        .step_by(size)
        .map(|from| {
            let to = (from + size).min(images);
            Batch {
                images: batch.images[from * values..to * values].to_vec().into(),
                labels: batch.labels[from..to].to_vec(),
                indices: batch.indices[from..to].to_vec(),
                shape: [to - from, channels, height, width],
            }
        })
        .collect()
}
