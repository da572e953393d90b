//! The held-out images and the model's predictions for them, used by several sections.

use crate::options::ReportOptions;
use crate::text::{Part, sentence};
use receptive_data::Samples;
use receptive_model::{Artifact, InferenceDevice};
use receptive_train::metrics::{Calibration, CalibrationSums, TopLosses, in_top};
use receptive_train::{
    Compute, Evaluation, RunImages, TrainError, check_evaluation, evaluate, samples_for,
};
use std::ops::ControlFlow;
use std::sync::Arc;

/// The test split or, without one, the validation split, and the model's figures on it.
#[derive(Debug)]
pub(crate) struct HeldOutImages {
    /// `test` or `val`.
    pub(crate) split: &'static str,
    /// The data set's name.
    pub(crate) data: String,
    pub(crate) samples: Arc<Samples>,
    pub(crate) evaluation: Evaluation,
    pub(crate) losses: TopLosses,
    pub(crate) calibration: Calibration,
    /// The index of the first image classified correctly, otherwise of the first image.
    pub(crate) example: usize,
}

/// The cache for decoded images in MiB: they are read for predictions, figures and the field.
const CACHE_MB: u64 = 512;

impl HeldOutImages {
    pub(crate) fn new(
        images: &RunImages,
        artifact: &Artifact,
        options: &ReportOptions,
        device: &InferenceDevice,
        progress: &mut dyn FnMut(&str, usize, usize),
    ) -> Part<Self> {
        let (split, name) = images.choose(None).map_err(|error| {
            let comparison = images.data.comparison.as_ref();
            let lost = comparison.map_or(0, |of| {
                let [missing, unreadable] = [&of.missing, &of.unreadable];
                missing.val + missing.test + unreadable.val + unreadable.test
            });
            match lost {
                0 => "No images were held out: the run has neither a test nor a validation split, and \
                      accuracy on training images says little."
                    .to_string(),
                _ => error.to_string(),
            }
        })?;
        let samples = samples_for(split, &artifact.input, CACHE_MB);
        let mut losses = TopLosses::new(options.losses).with_temperature(artifact.temperature);
        let mut calibration = CalibrationSums::new(artifact.temperature);
        let mut example = None;
        let mut answer = || -> Result<Evaluation, TrainError> {
            let compute = Compute::new(device.clone(), options.threads)?;
            check_evaluation(artifact.model.plan(), samples.len(), &compute)?;
            evaluate(
                &artifact.model,
                &artifact.input,
                &samples,
                &compute,
                &mut |answers| {
                    for answer in answers.answers {
                        losses.add(answer);
                        calibration.add(answer);
                        let is_right = in_top(answer.logits, answer.label, 1);
                        if is_right && example.is_none() {
                            example = Some(answer.index);
                        }
                    }
                    progress(answers.split, answers.done, answers.total);
                    ControlFlow::Continue(())
                },
            )
        };
        let evaluation = answer().map_err(sentence)?;
        Ok(Self {
            split: name,
            data: images.data.name.clone(),
            samples,
            evaluation,
            losses,
            calibration: calibration.finish(),
            example: example.unwrap_or(0),
        })
    }

    /// The name of the split in sentences.
    pub(crate) fn words(&self) -> &'static str {
        split_words(self.split)
    }
}

/// `test` as `test split`.
pub(crate) fn split_words(split: &str) -> &'static str {
    match split {
        "test" => "test split",
        "new" => "images that are new since training",
        _ => "validation split",
    }
}
