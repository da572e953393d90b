use super::{Site, Worked};
use crate::ModelError;
use crate::config::{ActivationLayer, BatchNormLayer, DropoutLayer};
use crate::plan::{Operation, Shape};

pub(in crate::plan) fn batch_norm(
    norm: &BatchNormLayer,
    site: &Site<'_>,
) -> Result<Worked, ModelError> {
    let &BatchNormLayer { epsilon, momentum } = norm;
    if !(epsilon.is_finite() && epsilon > 0.0) {
        return Err(site.at.refuse(
            format!("`epsilon` is {epsilon}"),
            "set it to a positive number such as 1e-5",
        ));
    }
    if !(0.0..=1.0).contains(&momentum) {
        return Err(site.at.refuse(
            format!("`momentum` is {momentum}"),
            "set it to a number from 0 to 1",
        ));
    }
    let features = match site.signal.shape {
        Shape::Map { channels, .. } => channels,
        Shape::Flat(features) => features,
    };
    Ok(Worked {
        params: 2 * features,
        buffers: 2 * features,
        macs: site.signal.shape.values(),
        ..Worked::same(
            &site.signal,
            "",
            Operation::BatchNorm {
                features,
                epsilon,
                momentum,
            },
        )
    })
}

pub(in crate::plan) fn activation(layer: &ActivationLayer, site: &Site<'_>) -> Worked {
    let operation = Operation::Activation(layer.activation);
    Worked::same(&site.signal, layer.activation.name(), operation)
}

pub(in crate::plan) fn dropout(
    layer: &DropoutLayer,
    site: &Site<'_>,
) -> Result<Worked, ModelError> {
    let rate = layer.rate;
    if !(0.0..1.0).contains(&rate) {
        return Err(site.at.refuse(
            format!("`rate` is {rate}"),
            "set it to a number from 0 to below 1",
        ));
    }
    Ok(Worked::same(
        &site.signal,
        format!("rate {rate}"),
        Operation::Dropout { rate },
    ))
}
