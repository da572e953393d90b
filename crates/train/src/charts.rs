//! The charts of a run: `curves.png` and `confusion.png`, and their parts.

use crate::metrics::Confusion;
use crate::{Epoch, RunDirectory, TrainError};
use receptive_plot::{Chart, Draw, LineStyle, Matrix, Panel, Series};

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

pub(crate) fn curves(run: &RunDirectory, epochs: &[Epoch], title: &str) -> Result<(), TrainError> {
    let [loss, top1] = curve_panels(epochs);
    let subtitle = "training: augmented, with dropout and label smoothing; validation: without";
    let chart = Chart {
        subtitle: subtitle.into(),
        x_label: "epoch".into(),
        x_whole: true,
        panels: vec![loss, top1],
        ..Chart::new(title)
    };
    chart.write(&run.path().join(RunDirectory::CURVES))?;
    Ok(())
}

/// A confusion matrix to be drawn.
pub fn confusion_matrix(confusion: &Confusion, classes: &[String], title: &str) -> Matrix {
    let counts: Vec<u64> = confusion
        .rows()
        .iter()
        .flatten()
        .map(|count| *count as u64)
        .collect();
    Matrix::new(title, classes, &counts)
}

pub(crate) fn confusion(
    run: &RunDirectory,
    confusion: &Confusion,
    classes: &[String],
    subtitle: &str,
) -> Result<(), TrainError> {
    let matrix = Matrix {
        subtitle: subtitle.to_owned(),
        ..confusion_matrix(confusion, classes, "Confusion matrix")
    };
    matrix.write(&run.path().join(RunDirectory::CONFUSION))?;
    Ok(())
}
