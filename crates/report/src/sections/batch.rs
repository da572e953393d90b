//! Training images as the network saw them.

use crate::html::{Figure, pictures, tiles};
use crate::text::{Part, sentence};
use maud::{Markup, html};
use receptive_inspect::{TrainingView, augmentation_summary};
use receptive_model::Artifact;
use receptive_train::{RunConfig, RunImages, samples_for};

#[derive(Debug)]
pub(crate) struct BatchSection {
    tiles: Vec<(Figure, String)>,
    changes: String,
}

impl BatchSection {
    pub(crate) fn new(
        images: &Part<RunImages>,
        config: &RunConfig,
        artifact: &Artifact,
        count: usize,
    ) -> Part<Self> {
        let images = images.as_ref().map_err(String::clone)?;
        let samples = samples_for(&images.data.train, &artifact.input, 0);
        if samples.is_empty() {
            return Err("The data set has no training images.".into());
        }
        let augment = &config.train.augment;
        let view = TrainingView {
            samples: &samples,
            classes: &artifact.classes,
            augment,
            mean: &artifact.input.mean,
            std: &artifact.input.std,
            seed: config.train.seed,
        };
        let grid = view
            .batch(count, config.train.batch_size)
            .map_err(sentence)?;
        Ok(Self {
            tiles: pictures(&grid)?,
            changes: augmentation_summary(augment),
        })
    }

    pub(crate) fn html(&self) -> Markup {
        html! {
            p {
                "The first " (self.tiles.len()) " images of the first epoch, resized, with "
                (self.changes) ". Augmentation is redrawn in each epoch."
            }
            (tiles("batch", &self.tiles))
        }
    }
}
