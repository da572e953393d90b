//! A folder of images with a label list.

use crate::make::{open, png, uncut, write};
use receptive_data::{DataError, DataOptions, DataSet};
use std::path::Path;

/// A folder with these images, and a label list beside it or in it.
pub(crate) struct Listed {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) options: DataOptions,
}

impl Listed {
    pub(crate) fn new(images: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (seed, image) in images.iter().enumerate() {
            write(&folder.path().join(image), png(8, 6, seed as u32));
        }
        Self {
            folder,
            options: uncut(),
        }
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut DataOptions)) -> Self {
        change(&mut self.options);
        self
    }

    pub(crate) fn try_open(&self, list: impl AsRef<[u8]>) -> Result<DataSet, DataError> {
        let path = self.folder.path().join("labels.csv");
        write(&path, list);
        let options = DataOptions {
            labels: Some(path),
            ..self.options.clone()
        };
        open(self.folder.path(), &options)
    }

    pub(crate) fn open(&self, list: impl AsRef<[u8]>) -> DataSet {
        self.try_open(list).unwrap()
    }

    pub(crate) fn rejection(&self, list: impl AsRef<[u8]>) -> String {
        self.try_open(list).unwrap_err().to_string()
    }

    /// `split: file class` of every image.
    pub(crate) fn images(&self, data: &DataSet) -> Vec<String> {
        let mut all = Vec::new();
        for split in data.splits() {
            for i in 0..split.len() {
                let path = split.path(i);
                let path = Path::new(&path).strip_prefix(self.folder.path()).unwrap();
                let class = &data.classes[split.label(i)];
                all.push(format!("{}: {} {class}", split.name(), path.display()));
            }
        }
        all
    }
}
