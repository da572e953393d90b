//! The effective receptive field, and whether it is a Gaussian.

use super::HeldOutImages;
use crate::html::{Figure, facts, figure, table};
use crate::options::ReportOptions;
use crate::text::{Part, sentence};
use maud::{Markup, html};
use receptive_erf::gaussian::Verdict;
use receptive_erf::theory::WeightAssumption;
use receptive_erf::{
    Aggregate, Inputs, MeasureOptions, MeasuredNetwork, Noise, Probe, Study, default_layer,
    measure_layer, picture,
};
use receptive_model::{Artifact, InferenceDevice};
use receptive_train::{SplitInputs, TrainError, on_threads};
use std::sync::Arc;

#[derive(Debug)]
pub(crate) struct FieldSection {
    study: Study,
    /// What was measured, and on which images.
    conditions: String,
    map: Figure,
    sections: Figure,
    radial: Option<Figure>,
}

impl FieldSection {
    pub(crate) fn new(
        artifact: &Artifact,
        held_out: &Part<HeldOutImages>,
        options: &ReportOptions,
        device: &InferenceDevice,
        progress: &(dyn Fn(u64, u64, f64) + Sync),
    ) -> Part<Self> {
        let (inputs, shown) = inputs(artifact, held_out).map_err(sentence)?;
        let study = study(artifact, &*inputs, options, device, progress).map_err(sentence)?;
        let charts = study.charts();
        Ok(Self {
            // Prevents a line break inside the formula.
            conditions: study.conditions(&shown).replace("|∂", "|\u{2060}∂"),
            map: Figure::drawn(&charts.map)?,
            sections: Figure::drawn(&charts.sections)?,
            radial: charts
                .radial
                .as_ref()
                .map(|chart| Figure::drawn(chart))
                .transpose()?,
            study,
        })
    }

    /// In pixels.
    pub(crate) fn sigma(&self) -> f64 {
        self.study.headline.sigma_both.value
    }

    pub(crate) fn verdict(&self) -> Verdict {
        self.study.headline.judgement.verdict
    }

    pub(crate) fn html(&self) -> Markup {
        let judgement = &self.study.headline.judgement;
        let layer = &self.study.layer;
        let rows: Vec<Vec<String>> = picture::numbers(judgement)
            .into_iter()
            .map(Vec::from)
            .collect();
        let alt = format!(
            "Heat map of the effective receptive field of layer {}: {}, σ {} pixels",
            layer.number,
            judgement.verdict,
            self.study.headline.sigma_both.rounded(2)
        );
        html! {
            p {
                "The influence of each input pixel on the central unit of layer "
                strong { (layer.number) " (" (layer.name) ")" } ": " (self.conditions) "."
            }
            p class={ "verdict " (colour(judgement.verdict)) } {
                strong { (judgement.verdict) } " " (judgement.explanation)
            }
            @for note in &judgement.notes { p.note { (note) } }
            div.pair {
                (figure(&self.map, &alt, &html! { "The field; the box is the theoretical field." }))
                (figure(
                    &self.sections,
                    "Cross sections of the field, a Gaussian and theory",
                    &html! { "Cross sections through its centre." },
                ))
            }
            (facts(&self.study.numbers()))
            @if let Some(radial) = &self.radial {
                details {
                    summary { "Radial profile" }
                    (figure(
                        radial,
                        "Radial mean of the field",
                        &html! { "Radial mean; a Gaussian gives a bell curve." },
                    ))
                }
            }
            details {
                summary { "All values" }
                (table("Values of the field", &["", "value", "95 % interval"], 1, &rows))
            }
        }
    }
}

/// The held-out images, or noise if they are missing; with a description.
fn inputs(
    artifact: &Artifact,
    held_out: &Part<HeldOutImages>,
) -> Result<(Box<dyn Inputs>, String), TrainError> {
    match held_out {
        Ok(held_out) => {
            let samples = Arc::clone(&held_out.samples);
            let inputs = SplitInputs::new(samples, &artifact.input)?;
            Ok((
                Box::new(inputs),
                format!("{}, {}, given weights", held_out.data, held_out.words()),
            ))
        }
        Err(_) => {
            let input = artifact.model.plan().input();
            let shape = [input.channels, input.height, input.width];
            Ok((
                Box::new(Noise { shape, seed: 0 }),
                "noise (the held-out images are not available), given weights".into(),
            ))
        }
    }
}

fn study(
    artifact: &Artifact,
    inputs: &dyn Inputs,
    options: &ReportOptions,
    device: &InferenceDevice,
    progress: &(dyn Fn(u64, u64, f64) + Sync),
) -> Result<Study, TrainError> {
    let plan = artifact.model.plan();
    let layer = default_layer(plan)?;
    let probe = Probe::central(plan, &layer.number)?;
    let measured = MeasureOptions {
        samples: options.samples,
        ..MeasureOptions::default()
    };
    let found = on_threads(options.threads, || {
        measure_layer(
            MeasuredNetwork::Given(&artifact.model),
            &layer.number,
            &probe,
            inputs,
            &measured,
            device,
            &mut |done, most, noise| progress(done, most, noise),
        )
    })??;
    let weights = WeightAssumption::Given(&artifact.model);
    Ok(Study::new(found, plan, layer, weights, Aggregate::Abs)?)
}

/// The CSS class for a verdict's colour.
fn colour(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Gaussian => "gaussian",
        Verdict::NotGaussian => "not-gaussian",
        Verdict::Borderline => "borderline",
        _ => "inconclusive",
    }
}
