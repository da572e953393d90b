use receptive_model::{Operation, Plan, PlannedLayer};

/// A layer's path in burn's module, and its name in other formats.
pub(crate) struct Place {
    /// burn's path without the names of enum variants: `layers.3.body.0`.
    pub(crate) path: String,
    /// The name in the plan: `conv2d_2`.
    pub(crate) name: String,
}

/// All layers, including those within branches.
pub(crate) fn places(plan: &Plan) -> Vec<Place> {
    let mut places = Vec::new();
    collect("layers", &plan.layers, &mut places);
    places
}

fn collect(at: &str, layers: &[PlannedLayer], places: &mut Vec<Place>) {
    for (i, layer) in layers.iter().enumerate() {
        let path = format!("{at}.{i}");
        if let Operation::Branches(op) = &layer.operation {
            for (branch, within) in op.branches.iter().enumerate() {
                let path = format!("{path}.{}", op.path(branch));
                collect(&path, &within.layers, places);
            }
        }
        places.push(Place {
            path,
            name: layer.name.clone(),
        });
    }
}
