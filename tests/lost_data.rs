//! Images that are deleted or replaced while a run trains.

use crate::run_in;
use burn::tensor::Device;
use image::{Rgb, RgbImage};
use receptive_model::Artifact;
use receptive_train::{EpochEnd, Recorder, RunConfig, RunDirectory, Stop, TrainError};
use std::path::Path;

/// Changes the data after the first epoch.
struct AfterFirst<F>(Option<F>);

impl<F: FnOnce()> Recorder for AfterFirst<F> {
    fn epoch(&mut self, _: &mut EpochEnd<'_>) -> Result<(), TrainError> {
        if let Some(change) = self.0.take() {
            change();
        }
        Ok(())
    }
}

/// Images of two classes with predefined splits, none of which is cached in memory.
fn config(data: &Path) -> RunConfig {
    for (split, count, first) in [("train", 8u8, 0u8), ("val", 4, 100), ("test", 4, 150)] {
        for (c, class) in ["cat", "dog"].into_iter().enumerate() {
            let folder = data.join(split).join(class);
            std::fs::create_dir_all(&folder).unwrap();
            for i in first..first + count {
                let pixel = |x: u32, y: u32| Rgb([[x, y][c] as u8 * 25, i, c as u8]);
                let image = RgbImage::from_fn(8, 8, pixel);
                image.save(folder.join(format!("{i}.png"))).unwrap();
            }
        }
    }
    let mut config = RunConfig::preset("tutorial").unwrap();
    config.data.source = data.to_str().unwrap().into();
    config.data.cache_mb = 0;
    config.train.epochs = 2;
    config.train.batch_size = 8;
    config.machine.workers = 0;
    config
}

fn ended_with(data: &Path, run: &Path, change: impl FnOnce()) -> String {
    let mut change = AfterFirst(Some(change));
    let stop = Stop::default();
    let recorders: &mut [&mut dyn Recorder] = &mut [&mut change];
    let error = run_in(run, config(data), &Device::flex(), recorders, &stop).unwrap_err();
    error.to_string()
}

#[test]
fn a_run_whose_test_images_are_gone_at_its_end_keeps_its_model_and_says_so() {
    let parent = tempfile::tempdir().unwrap();
    let (data, run) = (parent.path().join("data"), parent.path().join("run"));
    let test = data.join("test");
    let message = ended_with(&data, &run, || std::fs::remove_dir_all(&test).unwrap());
    assert!(message.contains("the model was saved"), "{message}");
    assert!(message.contains("test/cat/150.png"), "{message}");
    let run = RunDirectory::open(&run).unwrap();
    Artifact::load(&run.model(), &Device::flex()).unwrap();
}

#[test]
fn an_image_that_another_replaces_while_a_run_trains_ends_it() {
    let parent = tempfile::tempdir().unwrap();
    let (data, run) = (parent.path().join("data"), parent.path().join("run"));
    let (tested, trained) = (data.join("test/cat/150.png"), data.join("train/cat/0.png"));
    let message = ended_with(&data, &run, || {
        std::fs::copy(&tested, &trained).unwrap();
    });
    assert!(message.contains("train/cat/0.png"), "{message}");
    assert!(message.contains("its image has changed"), "{message}");
}
