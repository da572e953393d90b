//! Events for [TensorBoard](https://www.tensorflow.org/tensorboard): `tensorboard --logdir runs`
//! shows them.
//!
//! `tensorboard/train` and `tensorboard/val` hold one file each, with the same tags, so that both
//! curves stand in one chart: `loss` and `top1` over epochs, `batch_loss` over steps, and the run's
//! pictures.

mod event;
mod file;
mod record;

use crate::{Epoch, RunDirectory, Step, TrainError};
use file::EventFile;
use receptive_inspect::filters;
use receptive_model::Artifact;
use receptive_plot::Draw;

/// The tag that counts in steps; all others count in epochs.
const BATCH_LOSS: &str = "batch_loss";
/// Pictures, by tag and file of the run.
const PICTURES: [(&str, &str); 3] = [
    ("curves", RunDirectory::CURVES),
    ("confusion", RunDirectory::CONFUSION),
    ("erf", RunDirectory::FIELD),
];
const FILTERS: &str = "filters";
/// The most filters that are drawn.
const MOST_FILTERS: usize = 64;

/// Both files of a run.
#[derive(Debug)]
pub(crate) struct Board {
    train: EventFile,
    val: EventFile,
}

impl Board {
    pub(crate) fn open(run: &RunDirectory) -> Result<Self, TrainError> {
        let open = |split: &str| EventFile::open(&run.path().join("tensorboard").join(split));
        Ok(Self {
            train: open("train")?,
            val: open("val")?,
        })
    }

    /// Takes out what happened after a checkpoint: it will happen again.
    pub(crate) fn truncate(&mut self, epochs: usize, step: u64) -> Result<(), TrainError> {
        let is_picture =
            |tag: &str| tag == FILTERS || PICTURES.iter().any(|(picture, _)| *picture == tag);
        let wanted = |tag: &str, at: u64| match tag {
            BATCH_LOSS => at <= step,
            // Drawn at the end, which is still to come.
            picture if is_picture(picture) => false,
            _ => at <= epochs as u64,
        };
        self.train.retain(wanted)?;
        self.val.retain(wanted)
    }

    pub(crate) fn step(&mut self, step: &Step) -> Result<(), TrainError> {
        self.train
            .scalars(step.step, &[(BATCH_LOSS, Some(step.loss))])
    }

    /// `val_images_per_second` is the speed of the validation, where there was one.
    pub(crate) fn epoch(
        &mut self,
        epoch: &Epoch,
        val_images_per_second: Option<f64>,
    ) -> Result<(), TrainError> {
        let at = epoch.epoch as u64;
        let train = [
            ("loss", Some(epoch.train_loss)),
            ("top1", Some(epoch.train_top1)),
            ("learning_rate", Some(epoch.learning_rate)),
            ("images_per_second", Some(epoch.images_per_second)),
            ("data_wait", Some(epoch.data_wait)),
            ("erf_sigma", epoch.erf.map(|field| field.sigma)),
        ];
        let val = [
            ("loss", epoch.val_loss),
            ("top1", epoch.val_top1),
            ("top5", epoch.val_top5),
            ("images_per_second", val_images_per_second),
        ];
        self.train.scalars(at, &train)?;
        self.val.scalars(at, &val)?;
        self.flush()
    }

    /// The pictures that the run has, and the first filters of its model.
    pub(crate) fn pictures(
        &mut self,
        run: &RunDirectory,
        epochs: usize,
        model: &Artifact,
    ) -> Result<(), TrainError> {
        let at = epochs as u64;
        for (tag, name) in PICTURES {
            let path = run.path().join(name);
            if path.is_file() {
                let png = std::fs::read(&path).map_err(TrainError::io(&path, "reading"))?;
                self.train.picture(at, tag, &png)?;
            }
        }
        if let Some(grid) = filters(model, MOST_FILTERS) {
            self.train.picture(at, FILTERS, &grid.to_png()?)?;
        }
        self.flush()
    }

    pub(crate) fn flush(&mut self) -> Result<(), TrainError> {
        self.train.flush()?;
        self.val.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(number: usize) -> Epoch {
        Epoch {
            epoch: number,
            train_loss: 0.5,
            train_top1: 0.8,
            val_loss: Some(0.4),
            val_top1: None,
            val_top5: None,
            learning_rate: 0.1,
            images_per_second: 100.0,
            data_wait: 0.0,
            seconds: 1.0,
            best: true,
            erf: None,
        }
    }

    fn step(step: u64) -> Step {
        Step {
            step,
            steps: 9,
            epoch: 1,
            images: 1,
            loss: step as f64,
            learning_rate: 0.1,
        }
    }

    #[test]
    fn what_comes_after_a_checkpoint_happens_once() {
        let directory = tempfile::tempdir().unwrap();
        let run = RunDirectory::create(&directory.path().join("run")).unwrap();
        let read = |split| EventFile::read(&run.path().join("tensorboard").join(split));
        let mut board = Board::open(&run).unwrap();
        let three_steps = |board: &mut Board, number: usize| {
            for i in 1..=3 {
                board.step(&step(3 * (number as u64 - 1) + i)).unwrap();
            }
            board.epoch(&epoch(number), Some(50.0)).unwrap();
        };
        three_steps(&mut board, 1);
        three_steps(&mut board, 2);
        let whole = (read("train"), read("val"));
        drop(board);
        // Killed in the middle of a record.
        let path = run
            .path()
            .join("tensorboard/train/events.out.tfevents.0.receptive");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.extend([7; 9]);
        std::fs::write(&path, bytes).unwrap();
        // Back to the fourth step, within the second epoch.
        let mut board = Board::open(&run).unwrap();
        board.truncate(1, 4).unwrap();
        board.flush().unwrap();
        let steps: Vec<i64> = read("train")
            .iter()
            .filter(|value| value.0 == BATCH_LOSS)
            .map(|value| value.1)
            .collect();
        assert_eq!(steps, [1, 2, 3, 4]);
        assert!(read("val").iter().all(|value| value.1 == 1));
        for i in 5..=6 {
            board.step(&step(i)).unwrap();
        }
        board.epoch(&epoch(2), Some(50.0)).unwrap();
        assert_eq!((read("train"), read("val")), whole);
        assert!(
            whole.1.iter().all(|value| value.0 != "top1"),
            "there was none"
        );
    }
}
