//! `--track-erf`: the field of one layer, before, during and after training.

use super::{SplitInputs, on_threads};
use crate::checkpoint::FieldFrame;
use crate::{Prepared, RunDirectory, TrainError};
use burn::module::Module;
use burn::tensor::Device;
use receptive_erf::gaussian::Verdict;
use receptive_erf::picture::{self, Frame};
use receptive_erf::{
    Aggregate, Inputs, MeasureOptions, Network, Noise, Probe, default_layer, measure_layer,
};
use receptive_model::Classifier;
use receptive_plot::Draw;
use serde::{Deserialize, Serialize};

/// What is measured of the network's field while it trains. It has no influence on the weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FieldConfig {
    /// The layer, by number or name; the last one that is a map where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// How often it is measured: before the first epoch, after the last, and between.
    pub times: usize,
    /// The most images (of the validation split, or the training split where there is none) for
    /// each.
    pub samples: u64,
}

impl Default for FieldConfig {
    fn default() -> Self {
        Self {
            layer: None,
            times: 6,
            samples: 400,
        }
    }
}

impl FieldConfig {
    pub(crate) fn check(&self) -> Result<(), TrainError> {
        if self.times < 2 || self.samples == 0 {
            return Err(TrainError::setting(
                "track_erf",
                format!(
                    "times is {} and samples {}; use at least 2 and 1",
                    self.times, self.samples
                ),
            ));
        }
        Ok(())
    }
}

/// What one measurement found, as `metrics.csv` keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EpochField {
    /// The standard deviation of the mean absolute gradient, in pixels: the geometric mean of both
    /// axes.
    pub sigma: f64,
    /// Total variation to the Gaussian of the same moments, corrected for noise.
    pub tv: f64,
    /// Whether it looks like a Gaussian.
    pub verdict: Verdict,
}

pub(crate) struct Tracker {
    layer: String,
    probe: Probe,
    inputs: Box<dyn Inputs>,
    options: MeasureOptions,
    threads: usize,
    device: Device,
    due: Vec<usize>,
    frames: Vec<FieldFrame>,
}

impl Tracker {
    /// What the config asks for; `None` where it does not.
    pub(crate) fn begin(
        prepared: &Prepared,
        device: &Device,
        threads: usize,
    ) -> Result<Option<Self>, TrainError> {
        let Some(config) = &prepared.config.track_erf else {
            return Ok(None);
        };
        let plan = &prepared.plan;
        let layer = match &config.layer {
            Some(layer) => plan.find(layer)?,
            None => default_layer(plan)?,
        };
        let samples = if prepared.val.is_empty() {
            &prepared.train
        } else {
            &prepared.val
        };
        let inputs: Box<dyn Inputs> = if samples.is_empty() {
            let input = plan.input();
            Box::new(Noise {
                shape: [input.channels, input.height, input.width],
                seed: prepared.config.train.seed,
            })
        } else {
            Box::new(SplitInputs::new(samples.clone(), &prepared.input)?)
        };
        let (epochs, times) = (prepared.config.train.epochs, config.times);
        let mut due: Vec<usize> = (0..times).map(|i| i * epochs / (times - 1)).collect();
        due.dedup();
        Ok(Some(Self {
            probe: Probe::central(plan, &layer.number)?,
            layer: layer.number.clone(),
            inputs,
            options: MeasureOptions {
                samples: config.samples,
                ..MeasureOptions::default()
            },
            threads,
            device: device.clone(),
            due,
            frames: Vec::new(),
        }))
    }

    /// Measures the model after this many epochs, if it is time to.
    pub(crate) fn measure(
        &mut self,
        epoch: usize,
        model: &Classifier,
    ) -> Result<Option<EpochField>, TrainError> {
        if !self.due.contains(&epoch) {
            return Ok(None);
        }
        let model = model.valid();
        let found = on_threads(self.threads, || {
            measure_layer(
                Network::Given(&model),
                &self.layer,
                &self.probe,
                &*self.inputs,
                &self.options,
                &self.device,
                &mut |_, _, _| (),
            )
        })??;
        let judgement = found.judge(Aggregate::Abs);
        let field = EpochField {
            sigma: judgement.moments.sigma(),
            tv: judgement.tv.value,
            verdict: judgement.verdict,
        };
        self.frames.push(FieldFrame {
            epoch,
            map: found.map(Aggregate::Abs).clone(),
            sigma: judgement.sigma_both(),
            tv: judgement.tv,
            verdict: judgement.verdict,
        });
        Ok(Some(field))
    }

    /// What was seen so far, for a checkpoint.
    pub(crate) fn frames(&self) -> &[FieldFrame] {
        &self.frames
    }

    /// Goes on from what a checkpoint holds.
    pub(crate) fn restore(&mut self, frames: Vec<FieldFrame>) {
        self.frames = frames;
    }

    /// Draws what was seen so far.
    pub(crate) fn draw(&self, run: &RunDirectory, title: &str) -> Result<(), TrainError> {
        if self.frames.is_empty() {
            return Ok(());
        }
        let frames: Vec<Frame<'_>> = self
            .frames
            .iter()
            .map(|frame| Frame {
                epoch: frame.epoch,
                map: &frame.map,
                sigma: frame.sigma,
                tv: frame.tv,
                verdict: frame.verdict,
            })
            .collect();
        let path = run.path().join(RunDirectory::FIELD);
        picture::film(title, &self.subtitle(), &frames)?.write(&path)?;
        Ok(())
    }

    fn subtitle(&self) -> String {
        format!(
            "{} over at most {} images, {} of layer {}",
            Aggregate::Abs.formula(),
            self.options.samples,
            self.probe,
            self.layer
        )
    }
}
