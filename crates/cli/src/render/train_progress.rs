use super::{bar, say, say_paragraph};
use indicatif::ProgressBar;
use receptive_core::text::{Printable, counted};
use receptive_train::{Epoch, EpochEnd, Outcome, Recorder, ResumePoint, Step, TrainError, Weights};

/// The progress of training and evaluation: a bar on a terminal, and a line per epoch everywhere.
#[derive(Default)]
pub(crate) struct TrainProgress {
    bar: Option<ProgressBar>,
}

impl TrainProgress {
    /// Shows the evaluation of a split: `done` of `total` images.
    pub(crate) fn show_evaluation(&mut self, split: &str, done: usize, total: usize) {
        let bar = self.bar.get_or_insert_with(|| bar(None, "{msg}"));
        bar.set_message(format!(
            "evaluating the {} split: {done}/{total}",
            split.printable()
        ));
        if done >= total {
            self.clear();
        }
    }

    /// Shows a bar over the images of an epoch.
    pub(crate) fn start(&mut self, title: &str, images: usize) {
        self.clear();
        let new = bar(
            Some(images as u64),
            "{prefix} [{bar:24}] {pos}/{len}  {msg}  {eta} left",
        );
        new.set_prefix(title.to_owned());
        self.bar = Some(new);
    }

    /// Removes the bar.
    pub(crate) fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// An epoch on one line of 80 columns. If the classes are imbalanced it includes mean recall and omits values
/// that are in `metrics.csv`.
pub(crate) fn epoch_line(epoch: &Epoch, epochs: usize, shows_recall: bool) -> String {
    let width = epochs.to_string().len();
    let recall = epoch.val_mean_recall.filter(|_| shows_recall);
    let weights = match epoch.weights {
        Weights::Trained => "",
        Weights::Ema => " (EMA)",
        Weights::Mean => " (mean)",
    };
    let mut line = format!(
        "epoch {:>width$}/{epochs}  loss {:.3}",
        epoch.epoch, epoch.train_loss
    );
    if recall.is_none() {
        line += &format!(" top-1 {:4.1} %", 100.0 * epoch.train_top1);
    }
    if let (Some(loss), Some(top1)) = (epoch.val_loss, epoch.val_top1) {
        line += &format!("  val{weights} loss {loss:.3} top-1 {:4.1} %", 100.0 * top1);
    }
    if let Some(recall) = recall {
        line += &format!(" mean recall {:4.1} %", 100.0 * recall);
    } else if weights.is_empty() {
        line += &format!("  {:.0} img/s", epoch.images_per_second);
    }
    if epoch.best {
        line += " *";
    }
    line
}

/// Why nothing is left to train after resuming, and how to train more.
fn nothing_left(from: &ResumePoint, ended: Outcome) -> String {
    let epochs = from.epochs.len();
    let run = from
        .path
        .as_deref()
        .and_then(|path| path.ancestors().nth(2));
    let run = run.map_or("RUN".into(), |run| run.shell_word());
    let (why, how) = match ended {
        Outcome::StoppedEarly => (
            format!("stopped early after epoch {epochs}"),
            "a larger --patience, or a larger --epochs".to_string(),
        ),
        _ => (
            format!("has already finished its {}", counted(epochs, "epoch")),
            format!("--epochs N, more than {epochs}"),
        ),
    };
    format!(
        "this run {why}: no steps are left. To continue it, give {how}; to start a new run from \
         its model, use `receptive train DATA --from {run}`"
    )
}

impl Drop for TrainProgress {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Recorder for TrainProgress {
    fn resumed(&mut self, from: &ResumePoint) -> Result<(), TrainError> {
        for invalid in &from.invalid {
            say(format!("rejected {}", invalid.reason));
        }
        say(match &from.path {
            Some(path) => format!(
                "resumed  from {} (step {}, {})",
                path.printable(),
                from.step,
                counted(from.epochs.len(), "whole epoch")
            ),
            None => "resumed  from the start: the run has no checkpoint".into(),
        });
        for change in from.changes.iter().chain(&from.execution) {
            say(format!("changed  {change}"));
        }
        if let Some(ended) = from.ended {
            say_paragraph("note", nothing_left(from, ended));
        } else if let Some(rate) = from.next_learning_rate
            && !from.changes.is_empty()
        {
            say(format!(
                "changed  the learning rate of the next step is {rate:.2e}"
            ));
        }
        Ok(())
    }

    fn epoch_started(
        &mut self,
        epoch: usize,
        epochs: usize,
        images: usize,
    ) -> Result<(), TrainError> {
        self.start(&format!("epoch {epoch}/{epochs}"), images);
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<(), TrainError> {
        if let Some(bar) = &self.bar {
            bar.set_position(step.images as u64);
            if let Some(loss) = step.loss {
                bar.set_message(format!("loss {loss:.3}"));
            }
        }
        Ok(())
    }

    fn evaluating(&mut self, split: &str, done: usize, total: usize) -> Result<(), TrainError> {
        self.show_evaluation(split, done, total);
        Ok(())
    }

    fn epoch(&mut self, end: &mut EpochEnd<'_>) -> Result<(), TrainError> {
        self.clear();
        let epoch = end.record.marked(end.chooses_epoch);
        say(epoch_line(&epoch, end.epochs, end.shows_recall));
        Ok(())
    }

    fn noted(&mut self, note: &str) -> Result<(), TrainError> {
        self.clear();
        say_paragraph("note", note);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_fits_into_a_line_whatever_it_shows() {
        for weights in [Weights::Trained, Weights::Ema, Weights::Mean] {
            for shows_recall in [false, true] {
                let epoch = Epoch {
                    epoch: 8,
                    train_loss: 0.948,
                    train_top1: 0.999,
                    val_loss: Some(1.197),
                    val_top1: Some(0.999),
                    val_top5: None,
                    val_mean_recall: Some(0.333),
                    learning_rate: 0.1,
                    images_per_second: 3459.0,
                    data_wait: 0.0,
                    seconds: 1.0,
                    best: true,
                    weights,
                    erf: None,
                };
                let line = epoch_line(&epoch, 24, shows_recall);
                assert!(line.chars().count() <= 80, "{line}");
                assert_eq!(line.contains("mean recall 33.3 %"), shows_recall, "{line}");
                assert!(line.ends_with(" *"), "{line}");
            }
        }
    }
}
