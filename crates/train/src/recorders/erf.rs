//! The effective receptive field of one layer before, during and after training: `erf.png`, and columns of
//! `metrics.csv`. Does not affect the weights.

use super::{EpochEnd, Recorder, RunStart, not_drawn};
use crate::compute::{Compute, on_threads};
use crate::config::FieldConfig;
use crate::error::TrainError;
use crate::inputs::SplitInputs;
use crate::prepare::RunSetup;
use crate::records::{EpochField, FieldFrame, RecorderState, ResumePoint};
use crate::run::RunDirectory;
use burn::module::Module;
use receptive_erf::picture::{self, Frame};
use receptive_erf::{
    Aggregate, Inputs, MeasureOptions, MeasuredNetwork, Noise, Peers, Probe, Processors,
    default_layer, measure_layer,
};
use receptive_model::Classifier;
use receptive_plot::Draw;

/// Measures the field when it is due, and draws its growth.
pub(super) struct ErfTracker<'a> {
    layer: String,
    probe: Probe,
    inputs: Box<dyn Inputs>,
    options: MeasureOptions,
    compute: &'a Compute,
    /// The epochs after which it is measured; 0 is before the first epoch.
    due: Vec<usize>,
    frames: Vec<FieldFrame>,
    run: RunDirectory,
    title: String,
    notes: Vec<String>,
}

impl<'a> ErfTracker<'a> {
    pub(super) fn new(
        config: &FieldConfig,
        setup: &RunSetup,
        run: &RunDirectory,
        compute: &'a Compute,
        title: &str,
    ) -> Result<Self, TrainError> {
        let plan = &setup.plan;
        let layer = match &config.layer {
            Some(layer) => plan.find(layer)?,
            None => default_layer(plan)?,
        };
        let samples = if setup.val.is_empty() {
            &setup.train
        } else {
            &setup.val
        };
        let inputs: Box<dyn Inputs> = if samples.is_empty() {
            let input = plan.input();
            Box::new(Noise {
                shape: [input.channels, input.height, input.width],
                seed: setup.config.train.seed,
            })
        } else {
            Box::new(SplitInputs::new(samples.clone(), &setup.input)?)
        };
        let (epochs, times) = (setup.config.train.epochs, config.times);
        let mut due: Vec<usize> = (0..times).map(|i| i * epochs / (times - 1)).collect();
        due.dedup();
        Ok(Self {
            probe: Probe::central(plan, &layer.number)?,
            layer: layer.number.clone(),
            inputs,
            options: MeasureOptions {
                samples: config.samples,
                ..MeasureOptions::default()
            },
            compute,
            due,
            frames: Vec::new(),
            run: run.clone(),
            title: title.into(),
            notes: Vec::new(),
        })
    }

    /// Measures the model after this many epochs, if it is due.
    fn measure(
        &mut self,
        epoch: usize,
        model: &Classifier,
    ) -> Result<Option<EpochField>, TrainError> {
        if !self.due.contains(&epoch) {
            return Ok(None);
        }
        let model = model.valid();
        let peers = self.compute.ranks().map(|ranks| ranks as &dyn Peers);
        let measurement = on_threads(self.compute.threads(), || {
            measure_layer(
                MeasuredNetwork::Given(&model),
                &self.layer,
                &self.probe,
                &*self.inputs,
                &self.options,
                Processors::new(self.compute.device()).with_peers(peers),
                &mut |_, _, _| (),
            )
        })??;
        let judgement = measurement.judge(Aggregate::Abs);
        self.frames.push(FieldFrame {
            epoch,
            map: measurement.map(Aggregate::Abs).clone(),
            sigma: judgement.sigma_both(),
            tv: judgement.tv,
            verdict: judgement.verdict,
        });
        Ok(Some(EpochField {
            sigma: judgement.moments.sigma(),
            tv: judgement.tv.value,
            verdict: judgement.verdict,
        }))
    }

    /// Draws the measurements so far.
    fn draw(&self) -> Result<(), TrainError> {
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
        let path = self.run.path().join(RunDirectory::FIELD);
        picture::film(&self.title, &self.subtitle(), &frames)?.write(&path)?;
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

impl Recorder for ErfTracker<'_> {
    fn started(&mut self, start: &mut RunStart<'_>) -> Result<(), TrainError> {
        start.erf = self.measure(0, start.model)?;
        Ok(())
    }

    fn resumed(&mut self, from: &ResumePoint) -> Result<(), TrainError> {
        self.frames = from.state.get(RecorderState::ERF)?.unwrap_or_default();
        Ok(())
    }

    fn epoch(&mut self, end: &mut EpochEnd<'_>) -> Result<(), TrainError> {
        end.record.erf = self.measure(end.record.epoch, end.model)?;
        if end.record.erf.is_some()
            && self.compute.is_first()
            && let Err(error) = self.draw()
        {
            self.notes.push(not_drawn(RunDirectory::FIELD, error));
        }
        Ok(())
    }

    fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    fn saving(&mut self, state: &mut RecorderState) -> Result<(), TrainError> {
        match self.frames.as_slice() {
            [] => Ok(()),
            frames => state.set(RecorderState::ERF, &frames),
        }
    }
}
