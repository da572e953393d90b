//! Networks that several tests use.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor, TensorData};
use receptive_erf::{
    ErfError, Inputs, MeasureOptions, MeasuredNetwork, Measurement, Noise, Probe, measure_layer,
};
use receptive_model::{Classifier, FlattenLayer, LinearLayer, ModelConfig, Plan};

/// The plan of these layers with the head that a classifier needs.
pub(crate) fn plan(config: ModelConfig) -> Plan {
    config
        .with_classes(2)
        .layer(FlattenLayer::default())
        .layer(LinearLayer::classes())
        .plan()
        .unwrap()
}

pub(crate) fn classifier(plan: &Plan, seed: u64) -> Classifier {
    plan.init_seeded(seed, &Device::flex())
}

/// A measurement on flex that nobody watches.
pub(crate) fn measured(
    network: MeasuredNetwork<'_>,
    layer: &str,
    probe: &Probe,
    inputs: &dyn Inputs,
    options: &MeasureOptions,
) -> Result<Measurement, ErfError> {
    let device = Device::flex();
    measure_layer(
        network,
        layer,
        probe,
        inputs,
        options,
        &device,
        &mut |_, _, _| (),
    )
}

/// Normal noise of the network's shape.
pub(crate) fn noise(plan: &Plan) -> Noise {
    let input = plan.input();
    Noise {
        shape: [input.channels, input.height, input.width],
        seed: 11,
    }
}

/// The network with every value of a parameter of these dimensions replaced: `value(dims, index)`,
/// where it gives one.
pub(crate) fn with_weights(
    classifier: Classifier,
    value: impl Fn(&[usize], usize) -> Option<f32>,
) -> Classifier {
    struct Mapper<F>(F);
    impl<F: Fn(&[usize], usize) -> Option<f32>> ModuleMapper for Mapper<F> {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|tensor| {
                let (dims, device) = (tensor.dims(), tensor.device());
                let old: Vec<f32> = tensor.into_data().try_into_vec().unwrap();
                let new: Vec<f32> = old
                    .iter()
                    .enumerate()
                    .map(|(index, old)| (self.0)(&dims, index).unwrap_or(*old))
                    .collect();
                Tensor::from_data(TensorData::new(new, dims), &device)
            })
        }
    }
    classifier.map(&mut Mapper(value))
}
