//! The feature maps of one image.

use super::HeldOutImages;
use crate::html::{Figure, pictures, tiles};
use crate::text::{Part, percent, sentence};
use maud::{Markup, html};
use receptive_inspect::{FeatureMaps, InputImage, default_feature_layer, feature_maps, map_layers};
use receptive_model::{Artifact, InferenceDevice};

#[derive(Debug)]
pub(crate) struct FeatureSection {
    /// The image's true class.
    label: String,
    path: String,
    answers: Vec<String>,
    layers: Vec<Layer>,
}

/// One layer's maps.
#[derive(Debug)]
struct Layer {
    heading: String,
    caption: String,
    tiles: Vec<(Figure, String)>,
}

impl FeatureSection {
    pub(crate) fn new(
        held_out: &Part<HeldOutImages>,
        artifact: &Artifact,
        most: usize,
        device: &InferenceDevice,
    ) -> Part<Self> {
        let held_out = held_out.as_ref().map_err(String::clone)?;
        let sample = held_out.samples.get(held_out.example).map_err(sentence)?;
        // A layer of high resolution, which shows what is detected where, and the last one that
        // still has positions.
        let plan = artifact.model.plan();
        let mut layers: Vec<String> = default_feature_layer(plan).into_iter().collect();
        layers.extend(map_layers(plan).pop());
        layers.dedup();
        if layers.is_empty() {
            return Err("The network has no layer whose output is a feature map.".into());
        }
        let image =
            InputImage::from_pixels(sample.pixels.to_vec(), &artifact.input).map_err(sentence)?;
        let maps = feature_maps(artifact, &image, &layers, device).map_err(sentence)?;
        Ok(Self {
            label: artifact
                .classes
                .get(sample.label)
                .cloned()
                .unwrap_or_default(),
            path: held_out.samples.path(held_out.example),
            answers: image
                .predict(artifact, 3, device)
                .iter()
                .map(|answer| format!("{} {}", answer.class, percent(answer.probability)))
                .collect(),
            layers: drawn(&maps, &image, most)?,
        })
    }

    pub(crate) fn html(&self) -> Markup {
        html! {
            p {
                "An image of class " strong { (self.label) } " (" span.path { (self.path) } "), \
                                                                                             predicted \
                                                                                             as "
                (self.answers.join(", ")) ". Strongest channels first, by their mean absolute value."
            }
            @for layer in &self.layers {
                h3 { (layer.heading) }
                p.note { (layer.caption) }
                (tiles("maps", &layer.tiles))
            }
        }
    }
}

fn drawn(maps: &[FeatureMaps], image: &InputImage, most: usize) -> Part<Vec<Layer>> {
    maps.iter()
        .map(|maps| {
            let grid = maps.draw("", image, most).map_err(sentence)?;
            Ok(Layer {
                heading: format!("Layer {} ({})", maps.number, maps.name),
                caption: format!(
                    "{} of {} feature maps of {} × {}; {}.",
                    maps.channels().min(most),
                    maps.channels(),
                    maps.size[0],
                    maps.size[1],
                    maps.scale()
                ),
                tiles: pictures(&grid)?,
            })
        })
        .collect()
}
