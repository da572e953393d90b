//! The default layer of Grad-CAM, and its map over the image's pixels.

use crate::error::InspectError;
use crate::features::is_map;
use receptive_erf::{Map, Region};
use receptive_model::{Field, LayerRole, Plan, PlannedLayer};

/// Minimum rows and columns of units for a useful map.
const MIN_UNITS: usize = 5;

/// The default layer: the last convolution (or residual with one) with at least 5x5 units,
/// otherwise the last convolution, in both cases including the batch norm, activation and dropout
/// after it.
///
/// # Errors
/// If no layer of the network outputs feature maps.
pub fn default_cam_layer(plan: &Plan) -> Result<String, InspectError> {
    let layers = &plan.layers;
    let is_fine = |layer: &PlannedLayer| layer.output.map_size().iter().all(|n| *n >= MIN_UNITS);
    let fine = layers
        .iter()
        .rposition(|layer| has_convolution(layer) && is_fine(layer));
    let last = match fine.or_else(|| layers.iter().rposition(has_convolution)) {
        Some(last) => {
            let after = layers[last + 1..]
                .iter()
                .take_while(|layer| is_pointwise(layer) && is_map(layer));
            layers.get(last + after.count())
        }
        None => layers.iter().rfind(|layer| is_map(layer)),
    };
    last.map(|layer| layer.number.clone()).ok_or_else(|| {
        InspectError::setting(
            "layer",
            "the network has no layer with feature maps, which Grad-CAM needs; use a network with a \
             convolution or a pool",
        )
    })
}

fn has_convolution(layer: &PlannedLayer) -> bool {
    match layer.role() {
        LayerRole::Convolution => true,
        LayerRole::Branches => layer
            .branches()
            .iter()
            .flat_map(|branch| &branch.layers)
            .any(has_convolution),
        LayerRole::Pool | LayerRole::Pointwise | LayerRole::Whole => false,
    }
}

fn is_pointwise(layer: &PlannedLayer) -> bool {
    layer.role() == LayerRole::Pointwise
}

/// A map of units over `image`: each unit at the centre of its receptive field, linearly
/// interpolated, and constant beyond the outermost units.
///
/// Stretching the map over the image, as is common, misplaces units after convolutions without
/// padding.
pub fn over_image(units: &Map, field: [Field; 2], image: Region) -> Map {
    let region = units.region();
    let sizes = [region.height, region.width];
    let between = |axis: usize, pixel: i64| -> (i64, i64, f64) {
        let last = sizes[axis].saturating_sub(1) as f64;
        let stride = field[axis].stride.max(1) as f64;
        let unit = ((pixel as f64 - field[axis].centre()) / stride).clamp(0.0, last);
        let low = unit.floor();
        (low as i64, (low + 1.0).min(last) as i64, unit - low)
    };
    Map::from_fn(image, |row, column| {
        let (top, bottom, down) = between(0, row);
        let (left, right, across) = between(1, column);
        let line = |row| (1.0 - across) * units.at(row, left) + across * units.at(row, right);
        (1.0 - down) * line(top) + down * line(bottom)
    })
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
            ("vgg", "activation"),
            ("small", "residual"),
            ("resnet", "residual"),
        ] {
            let config = presets::preset(name, input).unwrap().with_classes(4);
            let plan = config.plan().unwrap();
            let layer = plan.find(&default_cam_layer(&plan).unwrap()).unwrap();
            assert_eq!(layer.kind, kind, "{name}: {}", layer.number);
            let number: usize = layer.number.parse().unwrap();
            assert!(
                !plan.layers[number..].iter().any(has_convolution),
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
        // Its last block outputs 4x4 units, the one before 8x8.
        let config = presets::preset("small", input).unwrap().with_classes(4);
        let plan = config.plan().unwrap();
        let layer = plan.find(&default_cam_layer(&plan).unwrap()).unwrap();
        assert_eq!(layer.output.map_size(), [8, 8]);
        let tiny = ModelConfig::new(1, 6, 6)
            .with_classes(2)
            .layer(Conv2dLayer::new(2, 3))
            .layer(Conv2dLayer::new(2, 3))
            .layer(FlattenLayer::default())
            .layer(LinearLayer::classes());
        assert_eq!(default_cam_layer(&tiny.plan().unwrap()).unwrap(), "2");
    }

    #[test]
    fn without_a_convolution_it_is_the_last_map_and_without_maps_an_error() {
        let bare = ModelConfig::new(1, 8, 8).with_classes(2);
        let pooled = bare
            .clone()
            .layer(MaxPool2dLayer::new(2))
            .layer(FlattenLayer::default())
            .layer(LinearLayer::classes());
        assert_eq!(default_cam_layer(&pooled.plan().unwrap()).unwrap(), "1");
        let flat = bare
            .layer(FlattenLayer::default())
            .layer(LinearLayer::classes());
        let error = default_cam_layer(&flat.plan().unwrap())
            .unwrap_err()
            .to_string();
        assert!(error.contains("no layer with feature maps"), "{error}");
    }

    #[test]
    fn a_unit_s_value_lies_at_the_centre_of_what_it_sees() {
        // Two 3x3 convolutions without padding, the second with stride 2, on 9 pixels: 3 units that
        // see 5 pixels each, centred at 2, 4 and 6.
        let field = Field {
            first: 0,
            last: 4,
            stride: 2,
        };
        let units = Map::from_fn(Region::image(3, 3), |row, column| {
            f64::from(u8::from(row == 1)) * [0.0, 1.0, 4.0][column as usize]
        });
        let map = over_image(&units, [field; 2], Region::image(9, 9));
        let row: Vec<f64> = (0..9).map(|column| map.at(4, column)).collect();
        assert_eq!(row, [0.0, 0.0, 0.0, 0.5, 1.0, 2.5, 4.0, 4.0, 4.0]);
        assert_eq!(map.at(3, 6), 2.0);
        assert_eq!(map.at(0, 8), 0.0);
    }

    #[test]
    fn one_unit_covers_everything() {
        let field = Field {
            first: -3,
            last: 9,
            stride: 4,
        };
        let units = Map::from_fn(Region::image(1, 1), |_, _| 2.0);
        let map = over_image(&units, [field; 2], Region::image(3, 4));
        assert!(map.values().iter().all(|value| *value == 2.0));
    }
}
