//! The contents of a report, gathered from a run's directory.

use crate::options::{ReportOptions, Watch};
use crate::sections::{
    BatchSection, Classes, Confusions, Curves, Data, FeatureSection, FieldSection, GainSection,
    Growth, Headline, HeldOutImages, Losses, Model, Probabilities, Settings,
};
use crate::text::{Part, sentence};
use receptive_erf::gaussian::Verdict;
use receptive_model::{Artifact, InferenceDevice};
use receptive_train::config::Monitor;
use receptive_train::{DataPlace, ImageQuery, RunDirectory, RunLog, TrainError};
use serde::Serialize;

/// The contents of a run's page.
#[derive(Debug)]
pub struct Report {
    pub(crate) headline: Headline,
    pub(crate) data: Data,
    pub(crate) model: Model,
    /// `None` if the run started from random weights.
    pub(crate) gain: Option<Part<GainSection>>,
    pub(crate) curves: Part<Curves>,
    pub(crate) confusions: Part<Confusions>,
    pub(crate) classes: Part<Classes>,
    pub(crate) probabilities: Part<Probabilities>,
    pub(crate) losses: Part<Losses>,
    pub(crate) batch: Part<BatchSection>,
    pub(crate) features: Part<FeatureSection>,
    pub(crate) field: Part<FieldSection>,
    /// `None` if the run did not track its receptive field.
    pub(crate) growth: Option<Part<Growth>>,
    pub(crate) settings: Settings,
}

/// The main figures, for programs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// The run's directory.
    pub run: String,
    /// The preset, if the network is one.
    pub network: Option<String>,
    /// The data set's name or path.
    pub data: String,
    /// Trainable parameters.
    pub params: usize,
    /// Multiply-adds per image.
    pub macs: usize,
    /// Completed epochs.
    pub epochs: usize,
    /// The kept epoch, from 1.
    pub best_epoch: Option<usize>,
    /// The split that was evaluated: `test`, or `val` without a test split.
    pub split: Option<&'static str>,
    /// Number of its images.
    pub images: Option<usize>,
    /// Top-1 accuracy on it, from 0 to 1.
    pub top1: Option<f64>,
    /// The mean of the classes' recalls on it, from 0 to 1.
    pub mean_recall: Option<f64>,
    /// Top-5 accuracy on it, from 0 to 1; `None` with five classes or fewer.
    pub top5: Option<f64>,
    /// The mean cross entropy on it.
    pub loss: Option<f64>,
    /// The temperature that calibrates the probabilities, if one was fitted.
    pub temperature: Option<f64>,
    /// The expected calibration error of the probabilities, using the temperature if there is one.
    pub calibration_error: Option<f64>,
    /// The standard deviation of the effective receptive field, in pixels.
    pub erf_sigma: Option<f64>,
    /// Whether that field is Gaussian.
    pub erf_verdict: Option<Verdict>,
    /// The gain by fine-tuning, if the run started from a pretrained model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gain: Option<receptive_train::Gain>,
    /// The missing sections, and why.
    pub missing: Vec<MissingSection>,
}

/// A missing section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissingSection {
    /// The section's heading.
    pub section: &'static str,
    /// Why it is missing, as on the page.
    pub reason: String,
}

impl Report {
    /// Gathers a run's report on this device.
    ///
    /// # Errors
    /// If the run has no model, its model or config cannot be read, or the data given by `options`
    /// cannot be opened. Everything else that is missing is explained in its section.
    pub fn new(
        run: &RunDirectory,
        options: &ReportOptions,
        device: impl Into<InferenceDevice>,
        watch: &mut Watch<'_>,
    ) -> Result<Self, TrainError> {
        let device = &device.into();
        let artifact = Artifact::load(&run.kept_model()?, device)?;
        let mut config = run.config()?;
        let log = RunLog::read(run).map_err(sentence);
        let path = run.path();
        let query = ImageQuery {
            place: DataPlace::new(options.data.as_deref(), None),
            labels: options.labels.as_deref(),
            data_dir: options.data_dir.as_deref(),
            ..ImageQuery::new(path, options.remedies.clone())
        };
        let images = match query.open(&artifact, watch.data) {
            // The path was requested, so a page without the data would not be acceptable.
            Err(error) if options.data.is_some() || options.labels.is_some() => return Err(error),
            images => images.map_err(sentence),
        };
        let images = images.map(|mut images| {
            images.data.notes.extend(images.stand_in());
            images
        });
        // Where the images were found, not where they used to be.
        if let Some(place) = &options.data {
            config.data.move_to(place);
        }
        let shows_recall = config.train.monitor == Monitor::ValMeanRecall
            || images
                .as_ref()
                .is_ok_and(|images| images.data.is_imbalanced());
        let is_validated = |log: &RunLog| log.epochs.iter().any(|epoch| epoch.val_loss.is_some());
        let chooses_epoch =
            config.train.monitor != Monitor::Last && log.as_ref().is_ok_and(is_validated);
        let held_out = match &images {
            Ok(images) => HeldOutImages::new(images, &artifact, options, device, watch.evaluation),
            Err(sentence) => Err(sentence.clone()),
        };
        let field = FieldSection::new(&artifact, &held_out, options, device, watch.field);
        Ok(Self {
            data: Data::new(&config, &artifact, &images),
            model: Model::new(&artifact),
            gain: GainSection::new(&config, &log),
            curves: Curves::new(&log, shows_recall, chooses_epoch),
            confusions: Confusions::new(run, &held_out, &artifact),
            classes: Classes::new(&held_out, &log, &artifact),
            probabilities: Probabilities::new(&held_out),
            losses: Losses::new(&held_out, &artifact),
            batch: BatchSection::new(&images, &config, &artifact, options.batch),
            features: FeatureSection::new(&held_out, &artifact, options.channels, device),
            growth: Growth::new(run, &config, &log),
            settings: Settings::new(run, &log)?,
            headline: Headline::new(
                run,
                &config,
                &artifact,
                &log,
                chooses_epoch,
                &held_out,
                &field,
            ),
            field,
        })
    }

    /// Remarks on the page's figures, one sentence each: characters that no font has.
    pub fn notes(&self) -> Vec<String> {
        let confusions = self.confusions.as_ref().ok();
        let note = confusions.and_then(Confusions::note);
        let of_data = self.data.notes().iter().cloned();
        of_data.chain(note.map(String::from)).collect()
    }

    /// The main figures.
    pub fn figures(&self) -> Figures {
        let headline = &self.headline;
        let held_out = headline.held_out.as_ref();
        Figures {
            run: headline.run.clone(),
            network: headline.network.clone(),
            data: headline.data.clone(),
            params: headline.params,
            macs: headline.macs,
            epochs: headline.epochs,
            best_epoch: headline.best_epoch,
            split: held_out.map(|figures| figures.split),
            images: held_out.map(|figures| figures.images),
            top1: held_out.map(|figures| figures.top1),
            mean_recall: held_out.and_then(|figures| figures.mean_recall),
            top5: held_out.and_then(|figures| figures.top5),
            loss: held_out.map(|figures| figures.loss),
            temperature: self
                .probabilities
                .as_ref()
                .ok()
                .and_then(|one| one.temperature()),
            calibration_error: self.probabilities.as_ref().ok().map(Probabilities::error),
            erf_sigma: self.field.as_ref().ok().map(FieldSection::sigma),
            erf_verdict: headline.verdict,
            gain: self
                .gain
                .as_ref()
                .and_then(|gain| Some(gain.as_ref().ok()?.figures().clone())),
            missing: self.missing(),
        }
    }
}
