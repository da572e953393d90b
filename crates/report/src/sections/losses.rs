//! The held-out images with the largest losses.

use super::HeldOutImages;
use crate::html::{Figure, table};
use crate::text::{Part, percent, sentence};
use maud::{Markup, html};
use receptive_inspect::sample_tile;
use receptive_model::Artifact;

#[derive(Debug)]
pub(crate) struct Losses {
    all: Vec<Loss>,
    split: &'static str,
}

#[derive(Debug)]
struct Loss {
    picture: Figure,
    label: String,
    predicted: String,
    probability: f64,
    own_probability: f64,
    loss: f64,
    path: String,
}

impl Losses {
    pub(crate) fn new(held_out: &Part<HeldOutImages>, artifact: &Artifact) -> Part<Self> {
        let held_out = held_out.as_ref().map_err(String::clone)?;
        let name = |class: usize| artifact.classes.get(class).cloned().unwrap_or_default();
        let samples = &held_out.samples;
        let all: Part<Vec<Loss>> = held_out
            .losses
            .found()
            .iter()
            .map(|found| {
                let sample = samples.get(found.index).map_err(sentence)?;
                Ok(Loss {
                    picture: Figure::tile(&sample_tile(samples, &sample))?,
                    label: name(found.label),
                    predicted: name(found.predicted),
                    probability: found.probability,
                    own_probability: found.own_probability,
                    loss: found.loss,
                    path: samples.path(found.index),
                })
            })
            .collect();
        Ok(Self {
            all: all?,
            split: held_out.words(),
        })
    }

    pub(crate) fn html(&self) -> Markup {
        let rows: Vec<Vec<String>> = self.all.iter().map(Loss::row).collect();
        let head = [
            "file",
            "is",
            "predicted",
            "probability",
            "of the true class",
            "loss",
        ];
        html! {
            p {
                "The " (self.all.len()) " images of the " (self.split) " with the largest losses: \
                                                                        often hard, unusual or \
                                                                        mislabelled images."
            }
            ul.tiles.losses {
                @for loss in &self.all { li { (loss.html()) } }
            }
            details.paths {
                summary { "Their files" }
                (table("Files with the largest loss", &head, 3, &rows))
            }
        }
    }
}

impl Loss {
    fn html(&self) -> Markup {
        let alt = format!(
            "Image of class {}, predicted {} with a probability of {}",
            self.label,
            self.predicted,
            percent(self.probability)
        );
        html! {
            figure title=(self.path) {
                (self.picture.html(&alt))
                figcaption {
                    span.is { "is " b { (self.label) } " " span.share { (percent(self.own_probability)) } }
                    @if self.predicted == self.label {
                        span.as { "and predicted as such" }
                    } @else {
                        span.as { "predicted as " b { (self.predicted) } " " span.share { (percent(self.probability)) } }
                    }
                }
            }
        }
    }

    fn row(&self) -> Vec<String> {
        vec![
            self.path.clone(),
            self.label.clone(),
            self.predicted.clone(),
            percent(self.probability),
            percent(self.own_probability),
            format!("{:.3}", self.loss),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use receptive_plot::Tile;

    #[test]
    fn classes_and_paths_are_escaped() {
        let bad = "<img src=x onerror=alert(1)>";
        let losses = Losses {
            all: vec![Loss {
                picture: Figure::tile(&Tile::grey(1, 1, &[0])).unwrap(),
                label: bad.into(),
                predicted: "b".into(),
                probability: 0.9,
                own_probability: 0.001,
                loss: 6.9,
                path: format!("\"{bad}"),
            }],
            split: "test split",
        };
        let page = losses.html().into_string();
        assert_eq!(page.matches("<img").count(), 1, "{page}");
        assert!(
            page.contains("90.0\u{a0}%") && page.contains("0.1\u{a0}%"),
            "{page}"
        );
    }
}
