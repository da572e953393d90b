//! The layers of a plan whose receptive fields can be measured.

use crate::ErfError;
use receptive_model::{LayerRole, ModelConfig, Plan, PlannedLayer, Shape};

/// The last layer whose output is a map, which the classifier's head reads.
///
/// # Errors
/// If no layer's output is a map.
pub fn default_layer(plan: &Plan) -> Result<&PlannedLayer, ErfError> {
    plan.layers
        .iter()
        .rev()
        .find(|layer| is_map(layer))
        .ok_or_else(|| ErfError::Network {
            problem: "has no layer with feature maps, so units have no position; add a conv2d"
                .into(),
        })
}

/// The layers that widen the receptive field, in order: convolutions, pools and branches.
pub fn seeing_layers(plan: &Plan) -> Vec<&PlannedLayer> {
    plan.layers
        .iter()
        .filter(|layer| is_map(layer) && widens(layer))
        .collect()
}

/// The last layer of each stage: among the layers whose outputs are maps, the last one before each
/// downsampling, and the last of all.
pub fn stages(plan: &Plan) -> Vec<&PlannedLayer> {
    let maps: Vec<&PlannedLayer> = plan.layers.iter().filter(|layer| is_map(layer)).collect();
    let size = |layer: &PlannedLayer| layer.output.map_size();
    // A global pool on a map of one pixel does not end a stage.
    let is_stage = |layer: &&PlannedLayer| layer.role() != LayerRole::Whole;
    maps.chunk_by(|a, b| size(a) == size(b))
        .filter_map(|stage| stage.iter().copied().rfind(is_stage))
        .collect()
}

/// The largest side, in pixels, to which `erf` enlarges an image.
pub const MAX_GROWN: usize = 1024;

/// The config's plan for images enlarged where needed (up to `largest` pixels per side), so that at
/// least one unit of the layer (by default [`default_layer`]) sees no padding.
///
/// # Errors
/// If the config has no such layer, or its layers do not fit the larger image.
pub fn plan_that_fits(
    config: &ModelConfig,
    layer: Option<&str>,
    largest: usize,
) -> Result<Plan, ErfError> {
    let plan = config.plan()?;
    let layer = match layer {
        None => default_layer(&plan)?,
        Some(layer) => plan.find(layer)?,
    };
    let wanted = |axis: usize, side: usize| {
        // The field through a gate is the whole image, whatever its size.
        let field = layer.ungated_trf[axis];
        // Fields start `stride` pixels apart, so one stride more always contains a whole one.
        let whole = field.size().saturating_add(field.stride - 1);
        (whole.max(side as i64) as usize).min(largest.max(side))
    };
    let mut config = config.clone();
    let input = &mut config.input;
    (input.height, input.width) = (wanted(0, input.height), wanted(1, input.width));
    Ok(config.plan()?)
}

/// The layers whose theoretical receptive field, with gates held constant, is larger than the
/// image, so that they only extend it into padding ("unproductive" in Richter et al. 2021).
pub fn unproductive_layers(plan: &Plan) -> Vec<&PlannedLayer> {
    let input = plan.input();
    let image = [input.height as i64, input.width as i64];
    seeing_layers(plan)
        .into_iter()
        .filter(|layer| (0..2).all(|axis| layer.ungated_trf[axis].size() > image[axis]))
        .collect()
}

fn widens(layer: &PlannedLayer) -> bool {
    match layer.role() {
        LayerRole::Convolution | LayerRole::Pool | LayerRole::Branches => true,
        LayerRole::Pointwise | LayerRole::Whole => false,
    }
}

fn is_map(layer: &PlannedLayer) -> bool {
    matches!(layer.output, Shape::Map { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use receptive_model::presets;

    #[test]
    fn a_stage_ends_before_each_downsampling() {
        let config = presets::preset("resnet", presets::default_input("resnet")).unwrap();
        let plan = config.with_classes(10).plan().unwrap();
        let stages = stages(&plan);
        let sizes: Vec<usize> = stages.iter().map(|s| s.output.map_size()[0]).collect();
        assert_eq!(sizes, [32, 16, 8]);
        assert_eq!(
            stages.last().unwrap().number,
            default_layer(&plan).unwrap().number
        );
    }

    #[test]
    fn layers_that_see_more_than_the_image_are_unproductive() {
        let plan = presets::preset("plain-20", presets::default_input("plain-20"))
            .unwrap()
            .with_classes(10)
            .plan()
            .unwrap();
        assert_eq!(default_layer(&plan).unwrap().number, "20");
        assert_eq!(seeing_layers(&plan).len(), 20);
        // 2 n + 1 > 28 from n = 14 on.
        let first = unproductive_layers(&plan)[0];
        assert_eq!(first.number, "14");
    }
}
