//! The layer that Grad-CAM looks at.

use crate::TrainError;
use receptive_model::{Plan, PlannedLayer, Role, Shape};

/// Rows and columns of units below which a map can't tell where.
const LEAST: usize = 5;

/// Where no layer is named: the last convolution (or residual with one) that leaves at least 5x5
/// units, else the last one, with the batch norm, activation and dropout that follow it.
///
/// # Errors
/// When no layer of the network gives maps.
pub fn usual_layer(plan: &Plan) -> Result<String, TrainError> {
    let layers = &plan.layers;
    let is_map = |layer: &&PlannedLayer| matches!(layer.output, Shape::Map { .. });
    let is_fine = |layer: &PlannedLayer| layer.output.map_size().iter().all(|n| *n >= LEAST);
    let fine = layers
        .iter()
        .rposition(|layer| sees(layer) && is_fine(layer));
    let last = match fine.or_else(|| layers.iter().rposition(sees)) {
        Some(last) => {
            let after = layers[last + 1..]
                .iter()
                .take_while(|layer| is_pointwise(layer) && is_map(layer));
            layers.get(last + after.count())
        }
        None => layers.iter().rfind(is_map),
    };
    last.map(|layer| layer.number.clone()).ok_or_else(|| {
        TrainError::setting(
            "--layer",
            "the network has no layer with maps, so there is nothing that Grad-CAM could weigh; \
             it needs a convolution or a pool",
        )
    })
}

fn sees(layer: &PlannedLayer) -> bool {
    match layer.role() {
        Role::Convolution => true,
        Role::Branches => layer
            .branches()
            .iter()
            .flat_map(|branch| &branch.layers)
            .any(sees),
        Role::Pool | Role::Pointwise | Role::Whole => false,
    }
}

fn is_pointwise(layer: &PlannedLayer) -> bool {
    layer.role() == Role::Pointwise
}

#[cfg(test)]
mod tests {
    use super::*;
    use receptive_model::{
        Conv2dLayer, FlattenLayer, ImageSize, LinearLayer, MaxPool2dLayer, ModelConfig, presets,
    };

    #[test]
    fn it_is_the_last_convolution_s_with_what_follows_it() {
        let input = ImageSize {
            channels: 3,
            height: 28,
            width: 28,
        };
        for (name, kind) in [
            ("tutorial", "conv2d"),
            ("small", "activation"),
            ("resnet", "residual"),
        ] {
            let config = presets::preset(name, input).unwrap().with_classes(4);
            let plan = config.plan().unwrap();
            let layer = plan.find(&usual_layer(&plan).unwrap()).unwrap();
            assert_eq!(layer.kind, kind, "{name}: {}", layer.number);
            let number: usize = layer.number.parse().unwrap();
            assert!(
                !plan.layers[number..].iter().any(sees),
                "{name}: {}",
                layer.number
            );
        }
    }

    #[test]
    fn a_last_convolution_of_a_few_units_is_passed_over_for_one_that_tells_where() {
        let input = ImageSize {
            channels: 3,
            height: 64,
            width: 64,
        };
        // Its last convolution leaves 2x2 units, the one before 8x8.
        let config = presets::preset("small", input).unwrap().with_classes(4);
        let plan = config.plan().unwrap();
        let layer = plan.find(&usual_layer(&plan).unwrap()).unwrap();
        assert_eq!(layer.output.map_size(), [8, 8]);
        let tiny = ModelConfig::new(1, 6, 6)
            .with_classes(2)
            .layer(Conv2dLayer::new(2, 3))
            .layer(Conv2dLayer::new(2, 3))
            .layer(FlattenLayer::default())
            .layer(LinearLayer::classes());
        assert_eq!(usual_layer(&tiny.plan().unwrap()).unwrap(), "2");
    }

    #[test]
    fn without_a_convolution_it_is_the_last_map_and_without_maps_an_error() {
        let bare = ModelConfig::new(1, 8, 8).with_classes(2);
        let pooled = bare
            .clone()
            .layer(MaxPool2dLayer::new(2))
            .layer(FlattenLayer::default())
            .layer(LinearLayer::classes());
        assert_eq!(usual_layer(&pooled.plan().unwrap()).unwrap(), "1");
        let flat = bare
            .layer(FlattenLayer::default())
            .layer(LinearLayer::classes());
        let error = usual_layer(&flat.plan().unwrap()).unwrap_err().to_string();
        assert!(error.contains("no layer with maps"), "{error}");
    }
}
