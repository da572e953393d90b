//! The charts of a run: `curves.png` and `confusion.png`, and their parts.

use super::{EpochEnd, Recorder, RunFinish};
use crate::error::TrainError;
use crate::metrics::Confusion;
use crate::records::{Epoch, ResumePoint};
use crate::run::RunDirectory;
use receptive_core::text::counted;
use receptive_plot::{Chart, Draw, LineStyle, Matrix, Panel, Series};

/// Draws the curves after each epoch and the confusion matrix at the end.
pub(super) struct Charts {
    run: RunDirectory,
    title: String,
    epochs: Vec<Epoch>,
}

impl Charts {
    pub(super) fn new(run: &RunDirectory, title: String) -> Self {
        Self {
            run: run.clone(),
            title,
            epochs: Vec::new(),
        }
    }
}

impl Recorder for Charts {
    fn resumed(&mut self, from: &ResumePoint) -> Result<(), TrainError> {
        self.epochs.clone_from(&from.epochs);
        Ok(())
    }

    fn epoch(&mut self, end: &mut EpochEnd<'_>) -> Result<(), TrainError> {
        self.epochs.push(end.record.clone());
        let [loss, top1] = curve_panels(&self.epochs);
        let subtitle = "training: augmented, with dropout and label smoothing; validation: without";
        let chart = Chart {
            subtitle: subtitle.into(),
            x_label: "epoch".into(),
            x_whole: true,
            panels: vec![loss, top1],
            ..Chart::new(&self.title)
        };
        chart.write(&self.run.path().join(RunDirectory::CURVES))?;
        Ok(())
    }

    fn ended(&mut self, end: &RunFinish<'_>) -> Result<(), TrainError> {
        let test = end.result.test.as_ref().map(|test| (test, "test"));
        let val = end.result.val.as_ref().map(|val| (val, "validation"));
        let Some((evaluation, split)) = test.or(val) else {
            return Ok(());
        };
        let subtitle = format!(
            "{} of the {split} split, top-1 {:.2} %",
            counted(evaluation.images, "image"),
            100.0 * evaluation.top1
        );
        let (confusion, classes) = (&evaluation.confusion, &end.model.classes);
        let matrix = Matrix {
            subtitle,
            ..confusion_matrix(confusion, classes, "Confusion matrix")
        };
        matrix.write(&self.run.path().join(RunDirectory::CONFUSION))?;
        Ok(())
    }
}

/// Loss and top-1 of every epoch, training and validation, with the best epoch marked.
pub fn curve_panels(epochs: &[Epoch]) -> [Panel; 2] {
    let points = |value: fn(&Epoch) -> Option<f64>| -> Vec<(f64, f64)> {
        epochs
            .iter()
            .filter_map(|epoch| Some((epoch.epoch as f64, value(epoch)?)))
            .collect()
    };
    let best = epochs.iter().rev().find(|epoch| epoch.best);
    let panel = |label: &str, train: Vec<(f64, f64)>, val: Vec<(f64, f64)>| {
        let mut panel = Panel::new(label)
            .series(Series::new("training", &train))
            .series(Series {
                style: LineStyle::Dashed,
                ..Series::new("validation", &val)
            });
        if let Some(best) = best {
            panel = panel.marker(best.epoch as f64, &format!("best epoch {}", best.epoch));
        }
        panel
    };
    let loss = panel(
        "loss",
        points(|epoch| Some(epoch.train_loss)),
        points(|epoch| epoch.val_loss),
    );
    let top1 = panel(
        "top-1 (%)",
        points(|epoch| Some(100.0 * epoch.train_top1)),
        points(|epoch| epoch.val_top1.map(|top1| 100.0 * top1)),
    );
    [loss, top1]
}

/// The chart of a confusion matrix.
pub fn confusion_matrix(confusion: &Confusion, classes: &[String], title: &str) -> Matrix {
    let counts: Vec<u64> = confusion
        .rows()
        .iter()
        .flatten()
        .map(|count| *count as u64)
        .collect();
    Matrix::new(title, classes, &counts)
}
