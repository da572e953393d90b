//! A file of TensorBoard events, with the part of the messages that a run needs, from `event.proto` and
//! `summary.proto`: <https://github.com/tensorflow/tensorboard/tree/master/tensorboard/compat/proto>. The field
//! numbers are defined by the format.

use super::record::{framed, records};
use crate::error::TrainError;
use prost::Message;
use receptive_model::store;
use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// TensorBoard reads every file with `tfevents` in its name.
const NAME: &str = "events.out.tfevents.0.receptive";
const VERSION: &str = "brain.Event:2";

#[derive(Clone, PartialEq, Message)]
struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    /// Only in the first event of a file.
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
    #[prost(message, optional, tag = "4")]
    image: Option<Image>,
}

#[derive(Clone, PartialEq, Message)]
struct Image {
    #[prost(int32, tag = "1")]
    height: i32,
    #[prost(int32, tag = "2")]
    width: i32,
    /// 4 is RGBA.
    #[prost(int32, tag = "3")]
    colorspace: i32,
    /// The bytes of a PNG file.
    #[prost(bytes = "vec", tag = "4")]
    encoded_image_string: Vec<u8>,
}

/// A file of events, open for appending.
#[derive(Debug)]
pub(super) struct EventFile {
    path: PathBuf,
    file: BufWriter<File>,
}

impl EventFile {
    /// Opens the file in `directory`, which is created if necessary.
    pub(super) fn open(directory: &Path) -> Result<Self, TrainError> {
        fs::create_dir_all(directory).map_err(TrainError::io(directory, "create"))?;
        let path = directory.join(NAME);
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(TrainError::io(&path, "open"))?;
        let length = file.metadata().map_err(TrainError::io(&path, "read"))?;
        let mut events = Self {
            path,
            file: BufWriter::new(file),
        };
        if length.len() == 0 {
            events.append(Event {
                file_version: Some(VERSION.into()),
                ..Event::default()
            })?;
        }
        Ok(events)
    }

    /// Appends scalars of one step. They may stay in memory until [`flush`](Self::flush).
    pub(super) fn scalars(
        &mut self,
        step: u64,
        scalars: &[(&str, Option<f64>)],
    ) -> Result<(), TrainError> {
        let value = |(tag, value): &(&str, Option<f64>)| {
            Some(Value {
                tag: (*tag).into(),
                simple_value: Some((*value)? as f32),
                image: None,
            })
        };
        self.values(step, scalars.iter().filter_map(value).collect())
    }

    /// Appends an image from the bytes of a PNG file.
    pub(super) fn picture(&mut self, step: u64, tag: &str, png: &[u8]) -> Result<(), TrainError> {
        // After the signature and the header of the first chunk.
        let number = |at: usize| {
            let bytes = png.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(0, i32::from_be_bytes)
        };
        let image = Image {
            width: number(16),
            height: number(20),
            colorspace: 4,
            encoded_image_string: png.to_vec(),
        };
        let value = Value {
            tag: tag.into(),
            simple_value: None,
            image: Some(image),
        };
        self.values(step, vec![value])
    }

    fn values(&mut self, step: u64, value: Vec<Value>) -> Result<(), TrainError> {
        if value.is_empty() {
            return Ok(());
        }
        self.append(Event {
            step: step as i64,
            summary: Some(Summary { value }),
            ..Event::default()
        })
    }

    fn append(&mut self, event: Event) -> Result<(), TrainError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let event = Event {
            wall_time: now.map_or(0.0, |time| time.as_secs_f64()),
            ..event
        };
        self.file
            .write_all(&framed(&event.encode_to_vec()))
            .map_err(TrainError::io(&self.path, "write"))
    }

    pub(super) fn flush(&mut self) -> Result<(), TrainError> {
        self.file
            .flush()
            .map_err(TrainError::io(&self.path, "write"))
    }

    /// Keeps only the complete events for which `wanted` is true, by tag and step.
    pub(super) fn retain(&mut self, wanted: impl Fn(&str, u64) -> bool) -> Result<(), TrainError> {
        self.flush()?;
        let before = fs::read(&self.path).map_err(TrainError::io(&self.path, "read"))?;
        let mut kept = Vec::with_capacity(before.len());
        for record in records(&before) {
            let Ok(event) = Event::decode(record) else {
                break;
            };
            let values = event.summary.iter().flat_map(|summary| &summary.value);
            if values
                .into_iter()
                .all(|value| wanted(&value.tag, event.step as u64))
            {
                kept.extend(framed(record));
            }
        }
        if kept != before {
            store::write_file(&self.path, &kept)?;
            // The file was replaced, so it must be reopened.
            let directory = self.path.parent().unwrap_or(Path::new("."));
            *self = Self::open(directory)?;
        }
        Ok(())
    }

    /// Every tag with its step and value, in the order of the file.
    #[cfg(test)]
    pub(super) fn read(directory: &Path) -> Vec<(String, i64, Option<f32>)> {
        let file = fs::read(directory.join(NAME)).unwrap();
        let events = records(&file).map(|record| Event::decode(record).unwrap());
        events
            .flat_map(|event| {
                let values = event.summary.map_or(Vec::new(), |summary| summary.value);
                let step = event.step;
                values
                    .into_iter()
                    .map(move |value| (value.tag, step, value.simple_value))
            })
            .collect()
    }
}
