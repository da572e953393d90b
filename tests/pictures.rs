//! A figure that cannot be drawn never costs a run its result.

use crate::{compute, prepared, tiny_run};
use burn::tensor::Device;
use receptive_train::{EpochEnd, Outcome, Recorder, RunDirectory, Stop, TrainError, resume, train};
use std::fs;
use std::path::PathBuf;

/// All figures of a run that tracks its receptive field.
const PICTURES: [&str; 3] = ["curves.png", "confusion.png", "erf.png"];

/// Creates directories in place of the figures, which no file can replace, and records the notes.
struct Obstacle {
    run: PathBuf,
    stop: Option<Stop>,
    notes: Vec<String>,
}

impl Recorder for Obstacle {
    fn epoch_started(&mut self, _: usize, _: usize, _: usize) -> Result<(), TrainError> {
        for picture in PICTURES {
            fs::create_dir_all(self.run.join(picture).join("in the way")).unwrap();
        }
        Ok(())
    }

    fn epoch(&mut self, _: &mut EpochEnd<'_>) -> Result<(), TrainError> {
        if let Some(stop) = self.stop.take() {
            stop.request(2);
        }
        Ok(())
    }

    fn noted(&mut self, note: &str) -> Result<(), TrainError> {
        self.notes.push(note.into());
        Ok(())
    }
}

fn has_a_note_for_each(notes: &[String], pictures: &[&str]) {
    assert_eq!(notes.len(), pictures.len(), "{notes:?}");
    for picture in pictures {
        let start = format!("{picture} was not drawn: could not write ");
        assert!(
            notes.iter().any(|note| note.starts_with(&start)),
            "{notes:?}"
        );
    }
}

#[test]
fn a_run_whose_pictures_cannot_be_written_ends_with_its_result_and_a_note_for_each() {
    let directory = tempfile::tempdir().unwrap();
    let run = RunDirectory::create(&directory.path().join("run")).unwrap();
    let mut config = tiny_run();
    config.tensorboard = true;
    config.track_erf = Some(receptive_train::FieldConfig {
        samples: 4,
        ..Default::default()
    });
    let setup = prepared(config).unwrap();
    let compute = compute(&setup, &Device::flex());
    let stop = Stop::default();
    let mut obstacle = Obstacle {
        run: run.path().into(),
        stop: Some(stop.clone()),
        notes: Vec::new(),
    };

    // Stopped after the first epoch, with curves and a field but no confusion matrix.
    let ended = train(&setup, &run, &compute, &stop, &mut [&mut obstacle]).unwrap();
    assert_eq!(ended.outcome, Outcome::Interrupted { signal: 2 });
    has_a_note_for_each(&obstacle.notes, &["curves.png", "erf.png"]);

    obstacle.notes.clear();
    let stop = Stop::default();
    let ended = resume(&setup, &run, &compute, &stop, &mut [&mut obstacle]).unwrap();
    assert_eq!(ended.outcome, Outcome::Finished);
    assert!(ended.test.is_some());
    has_a_note_for_each(&obstacle.notes, &PICTURES);

    let read = |file: &str| fs::read_to_string(run.path().join(file)).unwrap();
    assert_eq!(read("metrics.csv").lines().count(), 1 + 2);
    let log = read("log.jsonl");
    let is_event = |line: &&str, event: &str| line.contains(&format!("\"event\":\"{event}\""));
    assert_eq!(log.lines().filter(|line| is_event(line, "note")).count(), 5);
    assert!(log.lines().any(|line| is_event(&line, "end")));

    // Resumed again when no steps remain.
    obstacle.notes.clear();
    let stop = Stop::default();
    let again = resume(&setup, &run, &compute, &stop, &mut [&mut obstacle]).unwrap();
    assert_eq!(again.test, ended.test);
    has_a_note_for_each(&obstacle.notes, &["confusion.png"]);
}
