//! A training step on a device whose operations are not profiled, by kind of layer: what a layer adds to a pass.

use super::profile::OperationTime;
use super::timing::{fastest, seconds_of};
use super::{Bench, wait};
use crate::error::CliError;
use burn::tensor::Tensor;
use receptive_data::Batch;
use receptive_model::{Features, Precision};
use receptive_train::{Compute, images_on};

/// How often each pass is timed, after one that is not, in which a device chooses its kernels.
const PASSES: usize = 5;
/// Each layer takes passes through all layers before it.
const MAX_LAYERS: usize = 32;

impl Bench {
    /// The upload of a batch, each kind of layer forward and backward, and the rest of a step, which takes `step`
    /// milliseconds. Nothing for networks of many layers and for half precision.
    pub(super) fn by_kind(
        &self,
        batch: &Batch,
        step: f64,
        compute: &Compute,
    ) -> Result<Vec<OperationTime>, CliError> {
        let layers = &self.plan.layers;
        if layers.len() > MAX_LAYERS || self.precision != Precision::F32 {
            return Ok(Vec::new());
        }
        let device = compute.device().autodiff();
        let model = self.plan.init(&device);
        let upload = || images_on(batch, 0..batch.labels.len(), &device);
        let mut operations = vec![OperationTime {
            name: "upload".into(),
            layers: None,
            ms: timed(compute, || drop(upload()))?,
        }];
        let images = upload();
        let [mut forward_before, mut both_before] = [0.0; 2];
        let mut has_weights = false;
        for (index, layer) in layers.iter().enumerate() {
            let output = || model.forward_first(images.clone(), index + 1);
            let forward = timed(compute, || drop(output()))?;
            has_weights |= layer.params > 0;
            // Before the first weights there is nothing to go back to.
            let both = match has_weights {
                true => timed(compute, || drop(sum(output()).backward()))?,
                false => forward,
            };
            let added = [
                (forward - forward_before).max(0.0),
                (both - forward - (both_before - forward_before)).max(0.0),
            ];
            for (name, ms) in [layer.kind.to_string(), format!("{} gradient", layer.kind)]
                .into_iter()
                .zip(added)
            {
                match operations.iter_mut().find(|one| one.name == name) {
                    Some(one) => {
                        one.ms += ms;
                        one.layers = one.layers.map(|layers| layers + 1);
                    }
                    None => operations.push(OperationTime {
                        name,
                        layers: Some(1),
                        ms,
                    }),
                }
            }
            [forward_before, both_before] = [forward, both];
        }
        let known: f64 = operations.iter().map(|one| one.ms).sum();
        operations.push(OperationTime {
            name: "loss, optimizer and the rest".into(),
            layers: None,
            ms: (step - known).max(0.0),
        });
        Ok(operations)
    }
}

fn sum(features: Features) -> Tensor<1> {
    match features {
        Features::Map(maps) => maps.sum(),
        Features::Flat(rows) => rows.sum(),
    }
}

/// The fastest in milliseconds, until the device has finished.
fn timed(compute: &Compute, mut pass: impl FnMut()) -> Result<f64, CliError> {
    let times = seconds_of(1, PASSES, |_| {
        pass();
        Ok(wait(compute)?)
    })?;
    Ok(fastest(&times) * 1e3)
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::super::network::{BenchNetwork, Work};
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn a_step_is_the_upload_each_kind_of_layer_and_the_rest() {
        let network = BenchNetwork::Preset("small".into(), None);
        let bench = Bench {
            plan: network.plan().unwrap(),
            network,
            work: Work::Train,
            batch: 2,
            steps: 1,
            scaling: false,
            precision: Precision::F32,
            checkpointing: false,
        };
        let compute = Compute::new(Device::flex(), 1).unwrap();
        let batch = bench.images(&compute).unwrap();
        let step = 1e6;
        let operations = bench.by_kind(&batch, step, &compute).unwrap();
        let total: f64 = operations.iter().map(|one| one.ms).sum();
        assert!((total - step).abs() < 1e-3, "{total}");
        let layers_of = |name: &str| {
            let found = operations.iter().find(|one| one.name == name);
            found.unwrap_or_else(|| panic!("no {name}")).layers
        };
        let plan = &bench.plan;
        let of_plan = |kind: &str| {
            plan.layers
                .iter()
                .filter(|layer| layer.kind == kind)
                .count()
        };
        for kind in ["conv2d", "batch_norm", "residual", "linear"] {
            assert_eq!(layers_of(kind), Some(of_plan(kind)), "{kind}");
            assert_eq!(layers_of(&format!("{kind} gradient")), Some(of_plan(kind)));
        }
        assert_eq!(layers_of("upload"), None);
        let half = Bench {
            precision: Precision::Bf16,
            ..bench
        };
        assert!(half.by_kind(&batch, step, &compute).unwrap().is_empty());
    }
}
