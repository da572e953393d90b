//! Opening a data set by its name or path.

use crate::error::DataError;
use crate::names::near;
use crate::options::DataOptions;
use crate::progress::Progress;
use crate::sources::known::{KNOWN, KNOWN_NAMES, MINI};
use crate::sources::named::SearchPath;
use crate::sources::tree::Folder;
use crate::sources::walk::walk;
use crate::sources::{Source, cifar, folder, groups, idx, labels, named, pictures};
use crate::split::classes;
use crate::split::dataset::{DataSet, assemble};
use receptive_core::text::Printable;
use std::path::Path;

/// Opens a data set by name or by path.
///
/// `source` is one of [`KNOWN_NAMES`], a folder of images (`train/`, `val/`, `test/` with a folder
/// a class, or a folder a class directly), a folder of IDX or CIFAR binaries, an IDX file of such a
/// folder, or a CIFAR `.tar.gz`. What a folder holds is found by looking at its files; splits may
/// also be called `training`, `valid`, `validation`, `dev`, `testing`, `eval` and `evaluation`, in
/// upper or lower case.
///
/// A known name is looked for in [`DataOptions::data_dir`], `$RECEPTIVE_DATA`, the folder of
/// Debian's `dataset-*` packages and the user's cache, each with a folder named after the set; then
/// it is downloaded from its public address. `fashion-mini` is built in.
///
/// Image files are decoded once here, so that a damaged file is known now and not in the middle of
/// a run; see [`BadImages`](crate::BadImages).
///
/// # Errors
/// Everything that would make a later step fail or mean something else than it says: see
/// [`DataError`].
pub fn open(
    source: &str,
    options: &DataOptions,
    progress: &dyn Progress,
) -> Result<DataSet, DataError> {
    options.check()?;
    let mut found = read(source, options, progress)?;
    let classes = classes::resolve(&mut found, options.classes.as_deref())?;
    assemble(found, classes, options, progress)
}

/// Opens images without regard to labels and splits: an image file, or all images of a folder, are one
/// training split of a class `image`; a known name and files of other formats are opened as by
/// [`open`].
///
/// # Errors
/// As [`open`].
pub fn open_unlabelled(
    source: &str,
    options: &DataOptions,
    progress: &dyn Progress,
) -> Result<DataSet, DataError> {
    options.check()?;
    let is_known = KNOWN_NAMES.contains(&source);
    let found = match is_known {
        true => None,
        false => pictures::open(Path::new(source), options)?,
    };
    let Some(found) = found else {
        return open(source, options, progress);
    };
    let classes = found.list.clone();
    let options = DataOptions {
        classes: Some(classes.clone()),
        ..options.clone()
    };
    assemble(found, classes, &options, progress)
}

fn read(source: &str, options: &DataOptions, progress: &dyn Progress) -> Result<Source, DataError> {
    if let Some(list) = &options.labels {
        return labelled(source, list, options);
    }
    let mut found = find(source, options, progress)?;
    groups::apply(&mut found, options.group.as_deref(), options)?;
    Ok(found)
}

/// Image files with a label list.
fn labelled(source: &str, list: &Path, options: &DataOptions) -> Result<Source, DataError> {
    let path = Path::new(source);
    if KNOWN_NAMES.contains(&source) {
        return Err(DataError::setting(
            "data.labels",
            format!("the data set {source} has labels of its own; leave the label list out"),
        ));
    }
    if !path.is_dir() {
        return Err(DataError::layout(
            path,
            "a label list needs the folder of the images that it names",
        ));
    }
    labels::open(path, walk(&Folder::new(path))?.images, list, options)
}

fn find(source: &str, options: &DataOptions, progress: &dyn Progress) -> Result<Source, DataError> {
    if source == MINI {
        return named::open_mini();
    }
    if let Some(known) = KNOWN.iter().find(|known| known.name == source) {
        let places = SearchPath::new(options, |name| std::env::var_os(name));
        return named::open(known, known.url, &places, options.download, progress, None);
    }
    let path = Path::new(source);
    let metadata = match path.metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(DataError::UnknownSource {
                source_name: source.into(),
                known: KNOWN_NAMES.join(", "),
                hint: near(source, KNOWN_NAMES.into_iter()),
            });
        }
        Err(error) => return Err(DataError::io("read", path)(error)),
    };
    if metadata.is_dir() {
        if let Some(found) = idx::find(path)? {
            return idx::open(source.into(), path, &found, None);
        }
        return match cifar::find(path)? {
            Some(found) => cifar::open(source.into(), &found, None),
            None => folder::open(path, options),
        };
    }
    if metadata.is_file() && idx::is_idx(path) {
        return open_idx_of(source, path);
    }
    if metadata.is_file() && is_archive(source) {
        return cifar::open(
            source.into(),
            &cifar::CifarFiles::Archive(path.into()),
            None,
        );
    }
    Err(DataError::layout(
        path,
        "this is neither a folder nor a CIFAR .tar.gz; give a folder with one folder of images a \
         class, a folder of IDX or CIFAR files, or a known name",
    ))
}

/// Opens the set that an IDX file is one file of: images and labels lie side by side.
fn open_idx_of(source: &str, path: &Path) -> Result<Source, DataError> {
    // The parent of a bare file name is empty, not `.`.
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let folder = folder.unwrap_or(Path::new("."));
    let Some(found) = idx::find(folder)? else {
        return Err(DataError::layout(
            path,
            "this is an IDX file of labels, and no IDX file of images lies beside it; put both \
             into one folder",
        ));
    };
    let mut opened = idx::open(source.into(), folder, &found, None)?;
    opened.notes.push(format!(
        "opened all IDX files of the folder {}, of which the one given is a part",
        folder.printable()
    ));
    Ok(opened)
}

fn is_archive(name: &str) -> bool {
    let name = name.to_lowercase();
    [".tar.gz", ".tgz", ".tar"]
        .iter()
        .any(|end| name.ends_with(end))
}
