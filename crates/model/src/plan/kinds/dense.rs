use super::{Site, Worked, and};
use crate::ModelError;
use crate::config::LinearLayer;
use crate::plan::check::MOST_SIDE;
use crate::plan::{Operation, Shape};

pub(in crate::plan) fn flatten(site: &Site<'_>) -> Worked {
    Worked {
        output: Shape::Flat(site.signal.shape.values()),
        ..Worked::same(&site.signal, "", Operation::Flatten)
    }
}

pub(in crate::plan) fn linear(layer: &LinearLayer, site: &Site<'_>) -> Result<Worked, ModelError> {
    let Shape::Flat(inputs) = site.signal.shape else {
        return Err(site.at.refuse(
            format!("it needs flat values but gets a map {}", site.signal.shape),
            "put `flatten` or `global_avg_pool2d` before it",
        ));
    };
    let (units, word) = match (layer.units, site.classes) {
        (Some(units), _) => (units, "units"),
        (None, Some(classes)) if site.last => (classes, "classes"),
        (None, _) if site.last => {
            return Err(site.at.refuse(
                "it leaves `units` out and the number of classes is not known",
                "set `classes` at the top of the config",
            ));
        }
        (None, _) => {
            return Err(site.at.refuse(
                "it leaves `units` out, which only the model's last layer may",
                "set `units`",
            ));
        }
    };
    site.at.count("units", units, MOST_SIDE)?;
    let weights = site.at.product("its weights", &[inputs, units])?;
    Ok(Worked {
        summary: format!("{units} {word}{}", and(layer.activation)),
        output: Shape::Flat(units),
        params: weights + units,
        buffers: 0,
        macs: weights,
        trf: site.signal.whole(),
        notes: Vec::new(),
        operation: Operation::Linear {
            inputs,
            units,
            activation: layer.activation,
            gain: site.gain,
        },
    })
}
