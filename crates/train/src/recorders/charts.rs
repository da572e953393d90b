//! The charts of a run, `curves.png` and `confusion.png`, and their panels.

use super::{EpochEnd, Recorder, RunFinish, not_drawn};
use crate::error::TrainError;
use crate::metrics::Confusion;
use crate::records::{Epoch, ResumePoint};
use crate::run::RunDirectory;
use receptive_core::text::{counted, grouped};
use receptive_plot::{Chart, Curve, Draw, LineStyle, Matrix, Panel};

/// Draws the curves after each epoch and the confusion matrix at the end.
pub(super) struct ChartRecorder {
    run: RunDirectory,
    title: String,
    epochs: Vec<Epoch>,
    notes: Vec<String>,
}

impl ChartRecorder {
    pub(super) fn new(run: &RunDirectory, title: String) -> Self {
        Self {
            run: run.clone(),
            title,
            epochs: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Writes a figure, or adds a note why it is missing; returns whether it was written.
    fn write(&mut self, picture: &dyn Draw, file: &str) -> bool {
        if let Err(error) = picture.write(&self.run.path().join(file)) {
            self.notes.push(not_drawn(file, error));
            return false;
        }
        self.notes
            .extend(picture.page().ok().and_then(|page| page.note()));
        true
    }
}

impl Recorder for ChartRecorder {
    fn resumed(&mut self, from: &ResumePoint) -> Result<(), TrainError> {
        self.epochs.clone_from(&from.epochs);
        Ok(())
    }

    fn epoch(&mut self, end: &mut EpochEnd<'_>) -> Result<(), TrainError> {
        self.epochs.push(end.record.clone());
        let marked = self
            .epochs
            .iter()
            .map(|epoch| epoch.marked(end.chooses_epoch));
        let epochs: Vec<Epoch> = marked.collect();
        let [loss, top1] = curve_panels(&epochs);
        let mut panels = vec![loss, top1];
        if end.shows_recall {
            panels.extend(recall_panel(&epochs));
        }
        let subtitle = match epochs.iter().any(|epoch| epoch.val_loss.is_some()) {
            true => "training: with augmentation and regularisation; validation: without",
            false => {
                "training, with augmentation and regularisation; there are no validation images"
            }
        };
        let chart = Chart {
            subtitle: subtitle.into(),
            x_label: "epoch".into(),
            x_whole: true,
            panels,
            ..Chart::new(&self.title)
        };
        self.write(&chart, RunDirectory::CURVES);
        Ok(())
    }

    fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    fn ended(&mut self, end: &RunFinish<'_>) -> Result<(), TrainError> {
        let test = end.result.test.as_ref().map(|test| (test, "test"));
        let val = end.result.val.as_ref().map(|val| (val, "validation"));
        let Some((evaluation, split)) = test.or(val) else {
            return Ok(());
        };
        let recall = evaluation
            .mean_recall
            .filter(|_| is_imbalanced(&evaluation.confusion));
        let recall = recall.map_or(String::new(), |recall| {
            format!(", mean recall {:.2} %", 100.0 * recall)
        });
        let subtitle = format!(
            "{} of the {split} split, top-1 {:.2} %{recall}",
            counted(evaluation.images, "image"),
            100.0 * evaluation.top1
        );
        let (confusion, classes) = (&evaluation.confusion, &end.model.classes);
        let matrix = Matrix {
            subtitle,
            ..confusion_matrix(confusion, classes, "Confusion matrix")
        };
        let is_drawn = self.write(&matrix, RunDirectory::CONFUSION);
        let (shown, all) = (matrix.classes.len(), classes.len());
        if is_drawn && shown < all {
            self.notes.push(format!(
                "{} shows the {shown} most confused of {} classes: a matrix of more than {} would \
                 be unreadable",
                RunDirectory::CONFUSION,
                grouped(all),
                grouped(Matrix::MAX_CLASSES)
            ));
        }
        Ok(())
    }
}

/// Whether the numbers of images per class differ so much that top-1 says little about the small classes.
fn is_imbalanced(confusion: &Confusion) -> bool {
    let images = confusion.images();
    let present = || images.iter().filter(|images| **images > 0);
    let [most, least] = [present().max(), present().min()];
    most.zip(least)
        .is_some_and(|(most, least)| *most > 3 * least)
}

/// Loss and top-1 of every epoch, for training and validation, with the best epoch marked.
pub fn curve_panels(epochs: &[Epoch]) -> [Panel; 2] {
    let loss = panel(
        "loss",
        epochs,
        Some(|epoch| Some(epoch.train_loss)),
        |epoch| epoch.val_loss,
    );
    let top1 = panel(
        "top-1 (%)",
        epochs,
        Some(|epoch| Some(100.0 * epoch.train_top1)),
        |epoch| epoch.val_top1.map(|top1| 100.0 * top1),
    );
    [loss, top1]
}

/// The mean recall on the validation split of every epoch, with the best epoch marked; `None` without such a split.
pub fn recall_panel(epochs: &[Epoch]) -> Option<Panel> {
    let recall: Figure = |epoch| epoch.val_mean_recall.map(|recall| 100.0 * recall);
    let has_any = epochs.iter().any(|epoch| recall(epoch).is_some());
    has_any.then(|| panel("mean recall (%)", epochs, None, recall))
}

/// A value of an epoch, if it has it.
type Figure = fn(&Epoch) -> Option<f64>;

fn panel(label: &str, epochs: &[Epoch], train: Option<Figure>, val: Figure) -> Panel {
    let points = |value: Figure| -> Vec<(f64, f64)> {
        epochs
            .iter()
            .filter_map(|epoch| Some((epoch.epoch as f64, value(epoch)?)))
            .collect()
    };
    let mut panel = Panel::new(label);
    if let Some(train) = train {
        panel = panel.curve(Curve::new("training", &points(train)));
    }
    let val = points(val);
    if !val.is_empty() {
        panel = panel.curve(Curve {
            style: LineStyle::Dashed,
            ..Curve::new("validation", &val)
        });
    }
    match epochs.iter().rev().find(|epoch| epoch.best) {
        Some(best) => panel.marker(best.epoch as f64, &format!("best epoch {}", best.epoch)),
        None => panel,
    }
}

/// Number of classes drawn if not all of them fit.
const MAX_CONFUSED: usize = 40;

/// The chart of a confusion matrix. With more than [`Matrix::MAX_CLASSES`] classes it shows the most confused
/// ones, and its title says so.
pub fn confusion_matrix(confusion: &Confusion, classes: &[String], title: &str) -> Matrix {
    let all = classes.len();
    if all <= Matrix::MAX_CLASSES {
        let rows = (0..all).flat_map(|label| confusion.row(label));
        let counts: Vec<u64> = rows.map(|count| count as u64).collect();
        return Matrix::new(title, classes, &counts);
    }
    let drawn = confusion.most_confused(MAX_CONFUSED);
    let cells = drawn.iter().flat_map(|label| {
        let count = |predicted: &usize| confusion.count(*label, *predicted) as u64;
        drawn.iter().map(count)
    });
    let counts: Vec<u64> = cells.collect();
    let names: Vec<&str> = drawn.iter().map(|class| classes[*class].as_str()).collect();
    let words = format!(
        "the {} most confused of {} classes",
        drawn.len(),
        grouped(all)
    );
    let title = match title {
        "" => words,
        title => format!("{title}: {words}"),
    };
    // The remaining counts of a row or a column belong to classes that are not drawn.
    let (images, predictions) = (confusion.images(), confusion.predictions());
    let others = drawn.iter().enumerate().map(|(index, class)| {
        let row: u64 = counts
            .iter()
            .skip(index * drawn.len())
            .take(drawn.len())
            .sum();
        let column: u64 = counts.iter().skip(index).step_by(drawn.len()).sum();
        [
            images[*class] as u64 - row,
            predictions[*class] as u64 - column,
        ]
    });
    Matrix {
        others: others.collect(),
        numbers: drawn.clone(),
        ..Matrix::new(&title, &names, &counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_validation_images_nothing_of_them_is_drawn() {
        let mut epoch = Epoch {
            val_top1: Some(0.9),
            val_mean_recall: Some(0.7),
            ..Epoch::example(1)
        };
        let curves = |epoch: &Epoch| {
            let panels = curve_panels(std::slice::from_ref(epoch));
            panels.map(|panel| panel.curves.len())
        };
        assert_eq!(curves(&epoch), [2, 2]);
        assert!(recall_panel(std::slice::from_ref(&epoch)).is_some());
        (epoch.val_loss, epoch.val_top1, epoch.val_mean_recall) = (None, None, None);
        assert_eq!(curves(&epoch), [1, 1]);
        assert!(recall_panel(std::slice::from_ref(&epoch)).is_none());
    }

    #[test]
    fn of_very_many_classes_the_most_confused_are_drawn_with_their_whole_sums() {
        let classes: Vec<String> = (0..21_843).map(|class| format!("c{class}")).collect();
        let mut confusion = Confusion::new(classes.len());
        for (label, predicted) in [(20_000, 7), (20_000, 7), (20_000, 20_000), (3, 4)] {
            confusion.add(label, predicted);
        }
        // One confusion for each of 30 pairs of other classes; not all fit.
        (0..30).for_each(|pair| confusion.add(100 + 2 * pair, 101 + 2 * pair));
        confusion.add(7, 20_500);
        let matrix = confusion_matrix(&confusion, &classes, "Confusion matrix");
        let title = "Confusion matrix: the 40 most confused of 21,843 classes";
        assert_eq!((matrix.title.as_str(), matrix.classes.len()), (title, 40));
        let index = |name: &str| {
            matrix
                .classes
                .iter()
                .position(|class| class == name)
                .unwrap()
        };
        let (most, taken_for) = (index("c20000"), index("c7"));
        assert_eq!(matrix.counts[40 * most + taken_for], 2);
        assert_eq!(matrix.counts[40 * most + most], 1);
        let sum: u64 = matrix.counts.iter().sum::<u64>();
        let outside: u64 = matrix.others.iter().map(|[row, _]| row).sum();
        let drawn = matrix
            .classes
            .iter()
            .map(|name| name[1..].parse::<usize>().unwrap());
        let images: usize = drawn.map(|class| confusion.images()[class]).sum();
        assert_eq!(sum + outside, images as u64);
        assert!(matrix.to_png().is_ok());
    }

    #[test]
    fn up_to_a_thousand_classes_are_all_drawn() {
        let classes: Vec<String> = (0..1001).map(|class| class.to_string()).collect();
        let drawn = |classes: &[String]| {
            confusion_matrix(&Confusion::new(classes.len()), classes, "")
                .classes
                .len()
        };
        assert_eq!((drawn(&classes[..1000]), drawn(&classes)), (1000, 40));
    }
}
