use super::{TrainProgress, say, say_paragraph};
use crate::error::note_with_arguments;
use receptive_core::text::{Printable, counted, duration, percent};
use receptive_train::{
    Divergence, EpochEnd, Outcome, Recorder, ResumePoint, RunFinish, RunSetup, SeriesWatch, Step,
    TrainError,
};

/// The progress of several runs: a bar for the current run, and a line for each finished one.
#[derive(Default)]
pub(crate) struct SeriesProgress {
    bar: TrainProgress,
    /// The current run and the number of runs: `seed-1 (2 of 5)`.
    title: String,
    name: String,
    has_notes: bool,
    /// Whether the reason for the missing result has been printed.
    has_reason: bool,
}

impl SeriesProgress {
    /// Prints the notes on the data, which all runs share.
    pub(crate) fn with_notes(notes: &[String]) -> Self {
        say_notes(notes);
        Self {
            has_notes: true,
            ..Self::default()
        }
    }

    /// Removes the bar.
    pub(crate) fn clear(&mut self) {
        self.bar.clear();
    }
}

fn say_notes(notes: &[String]) {
    for note in notes {
        say_paragraph("note", note_with_arguments(note));
    }
}

impl SeriesWatch for SeriesProgress {
    fn run_starts(&mut self, name: &str, number: usize, total: usize, setup: &RunSetup) {
        self.name = name.printable().into_owned();
        self.title = format!("{} ({number} of {total})", self.name);
        self.has_reason = false;
        // All runs open the same data, so its notes are printed once.
        if !std::mem::replace(&mut self.has_notes, true) {
            say_notes(&setup.data.notes);
        }
    }

    fn run_failed(&mut self, name: &str, reason: &str) {
        self.bar.clear();
        if !self.has_reason {
            say_paragraph("failed", format!("{}: {reason}", name.printable()));
        }
    }
}

impl Recorder for SeriesProgress {
    fn resumed(&mut self, from: &ResumePoint) -> Result<(), TrainError> {
        if from.ended.is_none() {
            let epochs = counted(from.epochs.len(), "whole epoch");
            say(format!("{}: resumed after {epochs}", self.name));
        }
        Ok(())
    }

    fn epoch_started(
        &mut self,
        epoch: usize,
        epochs: usize,
        images: usize,
    ) -> Result<(), TrainError> {
        let title = format!("{}, epoch {epoch}/{epochs}", self.title);
        self.bar.start(&title, images);
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<(), TrainError> {
        self.bar.step(step)
    }

    fn evaluating(&mut self, split: &str, done: usize, total: usize) -> Result<(), TrainError> {
        self.bar.evaluating(split, done, total)
    }

    fn epoch(&mut self, _end: &mut EpochEnd<'_>) -> Result<(), TrainError> {
        self.bar.clear();
        Ok(())
    }

    fn diverged(&mut self, divergence: &Divergence) -> Result<(), TrainError> {
        self.bar.clear();
        self.has_reason = true;
        say(format!(
            "{}: diverged in epoch {} at a learning rate of {:.1e}",
            self.name, divergence.epoch, divergence.learning_rate
        ));
        Ok(())
    }

    fn noted(&mut self, note: &str) -> Result<(), TrainError> {
        self.bar.clear();
        say_paragraph("note", note);
        Ok(())
    }

    fn ended(&mut self, end: &RunFinish<'_>) -> Result<(), TrainError> {
        self.bar.clear();
        let result = end.result;
        if result.outcome.signal().is_some() {
            return Ok(());
        }
        let test = result.test.as_ref().map(|test| ("test", test));
        let figures = test.or(result.val.as_ref().map(|val| ("val", val)));
        let figures = figures.map_or(String::new(), |(split, evaluation)| {
            let (top1, loss) = (percent(evaluation.top1), evaluation.loss);
            format!("{split} top-1 {top1}, loss {loss:.3}, ")
        });
        let early = match result.outcome {
            Outcome::StoppedEarly => " (stopped early)",
            _ => "",
        };
        let epoch = match result.epochs.len() {
            0 => "head only".into(),
            epochs => format!("epoch {} of {epochs}{early}", result.best_epoch),
        };
        say(format!(
            "{}: {figures}{epoch}, {}",
            self.name,
            duration(result.train_seconds)
        ));
        Ok(())
    }
}
