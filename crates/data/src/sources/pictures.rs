//! Image files without labels: a single one, or all of a folder.

use crate::error::DataError;
use crate::options::DataOptions;
use crate::sources::kind::has_image_extension;
use crate::sources::store::{FileEntry, Files, Item, Store};
use crate::sources::walk::image_files;
use crate::sources::{Source, SourceSplit, cifar, idx};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// The only class of unlabelled images.
pub(crate) const CLASS: &str = "image";

/// The images at a path, at any depth, as one training split; `None` if the path is neither an image nor a
/// folder of image files.
pub(crate) fn open(path: &Path, options: &DataOptions) -> Result<Option<Source>, DataError> {
    let is_folder = path.is_dir() && idx::find(path)?.is_none() && cifar::find(path)?.is_none();
    let is_one = path.is_file() && is_image(path);
    if !is_folder && !is_one {
        return Ok(None);
    }
    let entry = |path| FileEntry::unchecked(path, None);
    let entries: Vec<FileEntry> = image_files(path)?.into_iter().map(entry).collect();
    let images = u32::try_from(entries.len())
        .map_err(|_| DataError::layout(path, "more than 4 billion images are not supported"))?;
    let store = Arc::new(Store::Files(Files {
        root: path.to_path_buf(),
        limits: options.decode,
        archive: None,
        entries,
    }));
    let part = |images| {
        let items = (0..images).map(|image| Item { image, label: 0 });
        SourceSplit::new(store.clone(), items.collect())
    };
    Ok(Some(Source {
        missing: 0,
        lost_classes: Vec::new(),
        unread: 0,
        name: path.to_string_lossy().into_owned(),
        names: vec![CLASS.into()],
        list: vec![CLASS.into()],
        numbered: false,
        train: part(images),
        val: Some(part(0)),
        test: None,
        cut_test: false,
        notes: Vec::new(),
    }))
}

fn is_image(path: &Path) -> bool {
    let mut start = Vec::new();
    has_image_extension(path)
        || std::fs::File::open(path)
            .and_then(|file| file.take(64).read_to_end(&mut start))
            .is_ok_and(|_| ::image::guess_format(&start).is_ok())
}
