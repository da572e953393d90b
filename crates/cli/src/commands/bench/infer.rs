//! Inference time, in total and per layer.

use super::timing::{LayerTime, Timing, fastest, seconds_of};
use super::{Bench, WARM_UP, wait};
use crate::error::CliError;
use burn::tensor::{Tensor, TensorData};
use receptive_data::Batch;
use receptive_model::{Classifier, InferenceDevice, Plan};
use receptive_train::backend::BackendKind;
use receptive_train::{Backend, Compute, Pass, TrainError, check_pass};

/// A longer table is hard to read, and each row takes a pass through all preceding layers.
const MAX_TIMED_LAYERS: usize = 24;

/// Maximum number of images for which layers are timed.
const IMAGES_BY_LAYER: usize = 8;

impl Bench {
    pub(super) fn infer(&self, compute: &Compute) -> Result<Timing, CliError> {
        let plan = &self.plan;
        let device = compute.device();
        // All shards of the batch are computed at the same time.
        check_pass(
            plan,
            Pass::Forward,
            self.batch,
            device,
            "a step of the network",
            "use a smaller --batch",
        )?;
        let model = plan.init(device);
        let batch = self.images(compute)?;
        let parts = shards(&batch, compute.threads(), device);
        let layers = self.network.inference_layers(plan);
        let network = model.prepare_first(layers, device);
        let pass = |x: &Tensor<4>| network.forward(x.clone()).into_data();
        let mut first = Vec::new();
        let times = self.time(|step| {
            let step = step as u64;
            let outputs = compute
                .map(parts.len(), |_| (), |(), i| pass(&parts[i]))
                .map_err(|reason| match compute.is_cpu() {
                    true => TrainError::Worker { step, reason },
                    false => TrainError::backend("a step of the network", &reason),
                })?;
            if !compute.is_cpu() {
                // Values that nothing uses may not have been waited for.
                std::hint::black_box(
                    outputs
                        .iter()
                        .flat_map(TensorData::iter::<f32>)
                        .sum::<f32>(),
                );
            }
            first = outputs.into_iter().take(1).collect();
            // The work that a step has queued is part of its time.
            Ok(wait(compute)?)
        })?;
        if layers == plan.layers.len() {
            check_values(plan, &batch, &first, compute)?;
        }
        let mut timing = Timing::of_steps(self.batch, times);
        if layers <= MAX_TIMED_LAYERS {
            let count = batch.labels.len().div_ceil(IMAGES_BY_LAYER);
            let x = shards(&batch, count, device).swap_remove(0);
            timing.layer_images = Some(x.dims()[0]);
            timing.layers = self.by_layer(&model, &x, layers, compute)?;
        }
        Ok(timing)
    }

    /// The time of each layer of the prepared network in one thread: the difference between passes with and
    /// without it, the fastest of each. A layer computed together with the preceding one may take no time.
    fn by_layer(
        &self,
        model: &Classifier,
        x: &Tensor<4>,
        layers: usize,
        compute: &Compute,
    ) -> Result<Vec<LayerTime>, CliError> {
        let [images, ..] = x.dims();
        let mut before = 0.0;
        (1..=layers)
            .zip(&self.plan.layers)
            .map(|(count, layer)| {
                let network = model.prepare_first(count, compute.device());
                // Waits for the result without reading it back, which would take longer for larger feature
                // maps.
                let times = seconds_of(WARM_UP, self.steps, |_| {
                    drop(network.forward(x.clone()));
                    Ok(wait(compute)?)
                })?;
                let until = fastest(&times) * 1e3;
                let ms = (until - before).max(0.0);
                before = until;
                Ok(LayerTime {
                    name: layer.name.clone(),
                    ms,
                    gmacs_per_s: if ms > 0.0 {
                        (layer.macs * images) as f64 / ms / 1e6
                    } else {
                        0.0
                    },
                })
            })
            .collect()
    }
}

/// Maximum deviation of a GPU's logits from a CPU's, relative to the largest: some GPUs compute 32-bit floats
/// as TF32, with ten bits of precision.
const TOLERANCE: f32 = 0.05;

/// On a GPU, checks the logits of the first image against those of a CPU. A kernel that fails silently is fast,
/// so its time would not be valid.
fn check_values(
    plan: &Plan,
    batch: &Batch,
    outputs: &[TensorData],
    compute: &Compute,
) -> Result<(), CliError> {
    let flex = Backend {
        kind: BackendKind::Flex,
        index: None,
    };
    let Ok(flex) = flex.device() else {
        return Ok(());
    };
    if compute.is_cpu() {
        return Ok(());
    }
    let found = outputs.first().map(|data| data.iter::<f32>());
    let found: Vec<f32> = found.into_iter().flatten().take(plan.classes).collect();
    let image = shards(batch, batch.labels.len(), &flex).swap_remove(0);
    let expected = plan.init(&flex).prepare(&flex).forward(image).into_data();
    let expected: Vec<f32> = expected.iter().collect();
    match apart(&found, &expected) {
        apart if apart <= TOLERANCE => Ok(()),
        apart => {
            let reason = format!(
                "its logits differ from a CPU's by {apart} of the largest, more than rounding error ({TOLERANCE}); \
                 the timing is not valid"
            );
            Err(TrainError::backend("a step of the network", &reason).into())
        }
    }
}

/// The largest difference, relative to the largest expected value; infinite if a value is NaN or missing.
fn apart(found: &[f32], expected: &[f32]) -> f32 {
    if found.len() != expected.len() || found.iter().any(|value| !value.is_finite()) {
        return f32::INFINITY;
    }
    let largest = |values: &mut dyn Iterator<Item = f32>| values.fold(0.0, f32::max);
    let apart = largest(&mut found.iter().zip(expected).map(|(a, b)| (a - b).abs()));
    apart / largest(&mut expected.iter().map(|value| value.abs())).max(f32::MIN_POSITIVE)
}

/// The batch's images, split into one part per thread.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_were_never_written_are_no_logits() {
        assert_eq!(apart(&[1.0, -2.0], &[1.0, -2.0]), 0.0);
        assert_eq!(apart(&[1.0, -1.5], &[1.0, -2.0]), 0.25);
        assert_eq!(apart(&[0.0, 0.0], &[1.0, -2.0]), 1.0);
        for found in [&[f32::NAN, -2.0][..], &[1.0][..], &[]] {
            assert_eq!(apart(found, &[1.0, -2.0]), f32::INFINITY);
        }
    }
}
