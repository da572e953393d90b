//! The network, layer by layer.

use crate::html::{facts, table};
use maud::{Markup, html};
use receptive_core::text::grouped;
use receptive_model::{Artifact, Field, Plan, PlannedLayer};

#[derive(Debug)]
pub(crate) struct Model {
    rows: Vec<Vec<String>>,
    totals: Vec<(String, String)>,
    notes: Vec<String>,
}

impl Model {
    pub(crate) fn new(artifact: &Artifact) -> Self {
        Self::from_plan(artifact.model.plan())
    }

    fn from_plan(plan: &Plan) -> Self {
        let total = &plan.total;
        Self {
            rows: plan.rows().into_iter().map(row).collect(),
            totals: vec![
                ("parameters".into(), grouped(total.params)),
                ("running statistics".into(), grouped(total.buffers)),
                (
                    "weights".into(),
                    format!("{} KiB", grouped(total.weight_bytes() >> 10)),
                ),
                ("multiply-adds per image".into(), grouped(total.macs)),
            ],
            notes: plan.notes(),
        }
    }

    pub(crate) fn html(&self) -> Markup {
        let head = [
            "number",
            "layer",
            "output",
            "parameters",
            "multiply-adds",
            "field",
            "step",
        ];
        html! {
            (facts(&self.totals))
            (table("Layers of the network", &head, 2, &self.rows))
            p.note {
                "Output: channels × height × width. Field: input pixels that a unit can depend on in \
                 theory, padding included (*: gates held constant; through a gate each unit sees the \
                 whole image). Step: input pixels between neighbouring units."
            }
            @for note in &self.notes { p.note { (note) } }
        }
    }
}

fn row(layer: &PlannedLayer) -> Vec<String> {
    let words = format!("{} {}", layer.kind, layer.summary);
    vec![
        layer.number.clone(),
        words.trim_end().to_string(),
        layer.output.to_string().replace('x', " × "),
        grouped(layer.params),
        grouped(layer.macs),
        both(layer.ungated_trf, |field| field.size().to_string())
            + if layer.is_gated() { "*" } else { "" },
        both(layer.trf, |field| field.stride.to_string()),
    ]
}

/// One number if both axes agree, else height × width.
fn both(fields: [Field; 2], value: fn(&Field) -> String) -> String {
    let [height, width] = [value(&fields[0]), value(&fields[1])];
    if height == width {
        height
    } else {
        format!("{height} × {width}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use receptive_model::presets;

    #[test]
    fn every_layer_stands_with_its_numbers() {
        let config = presets::preset("tutorial", presets::default_input("tutorial")).unwrap();
        let model = Model::from_plan(&config.with_classes(10).plan().unwrap());
        assert_eq!(
            model.rows[0][2..],
            ["16 × 28 × 28", "160", "112,896", "3", "1"]
        );
        assert!(
            model
                .html()
                .into_string()
                .contains("<th scope=\"row\">1</th>")
        );
    }
}
