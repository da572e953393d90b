//! Events for [TensorBoard](https://www.tensorflow.org/tensorboard): `tensorboard --logdir runs`
//! shows them.
//!
//! `tensorboard/train` and `tensorboard/val` contain one file each, with the same tags, so that both curves are
//! in one chart: `loss` and `top1` by epoch, `batch_loss` by step, and the run's figures.

mod file;
mod record;

use super::{EpochEnd, Recorder, RunFinish, not_drawn};
use crate::error::TrainError;
use crate::records::{RecorderState, ResumePoint, Step};
use crate::run::RunDirectory;
use file::EventFile;
use receptive_inspect::filters;
use receptive_model::Artifact;
use receptive_plot::Draw;

/// The tag that is recorded by step; all others are recorded by epoch.
const BATCH_LOSS: &str = "batch_loss";
/// Tags of figures, with their files in the run directory.
const PICTURES: [(&str, &str); 3] = [
    ("curves", RunDirectory::CURVES),
    ("confusion", RunDirectory::CONFUSION),
    ("erf", RunDirectory::FIELD),
];
const FILTERS: &str = "filters";
/// Maximum number of filters drawn.
const MAX_FILTERS: usize = 64;

/// Both files of a run.
#[derive(Debug)]
pub(super) struct Board {
    run: RunDirectory,
    train: EventFile,
    val: EventFile,
    notes: Vec<String>,
}

impl Board {
    pub(super) fn open(run: &RunDirectory) -> Result<Self, TrainError> {
        let open = |split: &str| EventFile::open(&run.path().join("tensorboard").join(split));
        Ok(Self {
            run: run.clone(),
            train: open("train")?,
            val: open("val")?,
            notes: Vec::new(),
        })
    }

    /// Removes the events after a checkpoint, which will be repeated.
    fn truncate(&mut self, epochs: usize, step: u64) -> Result<(), TrainError> {
        let is_picture =
            |tag: &str| tag == FILTERS || PICTURES.iter().any(|(picture, _)| *picture == tag);
        let is_kept = |tag: &str, at: u64| match tag {
            BATCH_LOSS => at <= step,
            // Figures are written at the end of the run, which is still to come.
            picture if is_picture(picture) => false,
            _ => at <= epochs as u64,
        };
        self.train.retain(is_kept)?;
        self.val.retain(is_kept)
    }

    /// The run's figures, and the first filters of its model.
    fn pictures(&mut self, epochs: usize, model: &Artifact) -> Result<(), TrainError> {
        let at = epochs as u64;
        for (tag, name) in PICTURES {
            let path = self.run.path().join(name);
            if path.is_file() {
                let png = std::fs::read(&path).map_err(TrainError::io(&path, "read"))?;
                self.train.picture(at, tag, &png)?;
            }
        }
        if let Some(grid) = filters(model, MAX_FILTERS) {
            self.train.picture(at, FILTERS, &grid.to_png()?)?;
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<(), TrainError> {
        self.train.flush()?;
        self.val.flush()
    }
}

impl Recorder for Board {
    fn resumed(&mut self, from: &ResumePoint) -> Result<(), TrainError> {
        self.truncate(from.epochs.len(), from.step)
    }

    fn step(&mut self, step: &Step) -> Result<(), TrainError> {
        match step.loss {
            Some(loss) => self.train.scalars(step.step, &[(BATCH_LOSS, Some(loss))]),
            None => Ok(()),
        }
    }

    fn epoch(&mut self, end: &mut EpochEnd<'_>) -> Result<(), TrainError> {
        let epoch = &end.record;
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
            ("mean_recall", epoch.val_mean_recall),
            ("top5", epoch.val_top5),
            ("images_per_second", end.val_images_per_second),
        ];
        self.train.scalars(at, &train)?;
        self.val.scalars(at, &val)?;
        self.flush()
    }

    fn saving(&mut self, _: &mut RecorderState) -> Result<(), TrainError> {
        self.flush()
    }

    fn ended(&mut self, end: &RunFinish<'_>) -> Result<(), TrainError> {
        // The scalars were written after each epoch, so a failure here is only noted.
        if let Err(error) = self.pictures(end.result.epochs.len(), end.model) {
            self.notes
                .push(not_drawn("TensorBoard's copy of the figures", error));
        }
        Ok(())
    }

    fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::records::Epoch;
    use burn::tensor::Device;
    use receptive_model::{Classifier, FlattenLayer, LinearLayer, ModelConfig};

    fn end(number: usize, model: &Classifier) -> EpochEnd<'_> {
        EpochEnd {
            record: Epoch::example(number),
            epochs: 2,
            shows_recall: false,
            chooses_epoch: true,
            model,
            val_images_per_second: Some(50.0),
        }
    }

    fn step(step: u64) -> Step {
        Step {
            step,
            steps: 9,
            epoch: 1,
            images: 1,
            loss: Some(step as f64),
            learning_rate: 0.1,
        }
    }

    #[test]
    fn what_comes_after_a_checkpoint_happens_once() {
        let directory = tempfile::tempdir().unwrap();
        let run = RunDirectory::create(&directory.path().join("run")).unwrap();
        let read = |split| EventFile::read(&run.path().join("tensorboard").join(split));
        let mut board = Board::open(&run).unwrap();
        let config = ModelConfig::new(1, 1, 1)
            .layer(FlattenLayer::default())
            .layer(LinearLayer::classes());
        let plan = config.with_classes(2).plan().unwrap();
        let model = plan.init(&Device::flex());
        let three_steps = |board: &mut Board, number: usize| {
            for i in 1..=3 {
                board.step(&step(3 * (number as u64 - 1) + i)).unwrap();
            }
            board.epoch(&mut end(number, &model)).unwrap();
        };
        three_steps(&mut board, 1);
        three_steps(&mut board, 2);
        let whole = (read("train"), read("val"));
        drop(board);
        // As if the process was killed while writing a record.
        let path = run
            .path()
            .join("tensorboard/train/events.out.tfevents.0.receptive");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.extend([7; 9]);
        std::fs::write(&path, bytes).unwrap();
        // Back to the fourth step, in the second epoch.
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
        board.epoch(&mut end(2, &model)).unwrap();
        assert_eq!((read("train"), read("val")), whole);
        assert!(
            whole.1.iter().all(|value| value.0 != "top1"),
            "there was none"
        );
    }
}
