//! Opening a data set by its name or path.

use crate::error::DataError;
use crate::names::near;
use crate::options::DataOptions;
use crate::progress::Progress;
use crate::sources::archive::{Archive, ArchiveKind};
use crate::sources::known::{KNOWN, KNOWN_NAMES, MINI};
use crate::sources::named::SearchPath;
use crate::sources::store::Store;
use crate::sources::tree::Folder;
use crate::sources::{Source, cifar, folder, groups, idx, labels, layout, named, pictures};
use crate::split::classes::{self, ClassList};
use crate::split::dataset::{DataSet, assemble};
use receptive_core::text::Printable;
use std::path::Path;
use std::sync::Arc;

/// Opens a data set by name or by path.
///
/// `source` is one of [`KNOWN_NAMES`], a folder of images (`train/`, `val/`, `test/` with one
/// folder per class, or one folder per class directly), a folder of IDX or CIFAR binaries, an IDX
/// file of such a folder, a CIFAR `.tar.gz`, or a `.zip`, `.tar` or `.tar.gz` of such a folder of
/// images, which is read in place. The layout of a folder is detected from its files; splits may
/// also be called `training`, `valid`, `validation`, `dev`, `testing`, `eval` and `evaluation`, in
/// upper or lower case.
///
/// A known name is searched in [`DataOptions::data_dir`], `$RECEPTIVE_DATA`, the folder of Debian's `dataset-*`
/// packages and the user's cache, each with a folder named after the set; otherwise it is downloaded from its
/// public address. `fashion-mini` is built in.
///
/// Every image file is decoded once here, so that damaged files are found now and not in the middle of a run;
/// see [`BadImages`](crate::BadImages).
///
/// # Errors
/// Anything that would make a later step fail or give a misleading result: see [`DataError`].
pub fn open(
    source: &str,
    options: &DataOptions,
    progress: &dyn Progress,
) -> Result<DataSet, DataError> {
    options.check()?;
    let mut found = read(source, options, progress)?;
    let classes = classes::resolve(&mut found, options)?;
    assemble(found, &classes, options, progress)
}

/// Opens images without labels and splits: an image file, or all images of a folder, as one training split with
/// the class `image`. Known names and files of other formats are opened as by [`open`].
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
    assemble(found, &ClassList::new(classes), &options, progress)
}

fn read(source: &str, options: &DataOptions, progress: &dyn Progress) -> Result<Source, DataError> {
    let mut found = find(source, options, progress)?;
    if options.labels.is_none() {
        groups::apply(&mut found, options.group.as_deref(), options)?;
    } else if !matches!(*found.train.store, Store::Files(_)) {
        return Err(DataError::setting(
            "data.labels",
            format!(
                "the data set {} has its own labels; leave the label list out",
                source.printable()
            ),
        ));
    }
    Ok(found)
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
            None => image_files(&Folder::new(path), None, options),
        };
    }
    if metadata.is_file() && idx::is_idx(path) {
        return open_idx_of(source, path);
    }
    if !metadata.is_file() {
        return Err(DataError::layout(
            path,
            "this is a pipe, device or socket, but images are read more than once; write its \
             contents to a file, such as a .tar or .zip, and use that",
        ));
    }
    let kind = ArchiveKind::of(path)?;
    let Some(kind) = kind else {
        return Err(DataError::layout(
            path,
            "this is neither a folder nor an archive; give a folder with one folder of images per \
             class, a .zip, .tar or .tar.gz of such a folder, IDX or CIFAR files, or a known name",
        ));
    };
    if matches!(kind, ArchiveKind::Tar | ArchiveKind::Gzip) && cifar::is_archive(path)? {
        let archive = cifar::CifarFiles::Archive(path.into());
        return cifar::open(source.into(), &archive, None);
    }
    let archive = Arc::new(Archive::open(path, kind, progress)?);
    let mut found = image_files(&archive.folder()?, Some(&archive), options)?;
    found.name = path.printable().into_owned();
    found.set_archive(&archive);
    found.notes.extend_from_slice(archive.notes());
    Ok(found)
}

/// Image files of a folder or an archive, with labels from a list or from class folders.
fn image_files(
    folder: &Folder,
    archive: Option<&Archive>,
    options: &DataOptions,
) -> Result<Source, DataError> {
    if let Some(list) = &options.labels {
        return labels::open(folder, archive, list, options);
    }
    let folder = match archive {
        // Most archives contain a folder that contains the data.
        Some(_) => layout::unwrapped(folder)?,
        None => folder,
    };
    let mut source = folder::open(folder, options)?;
    // A trained model's classes, or those of a run's record, are known.
    if options.classes.is_none() && options.record.is_none() {
        labels::rival::check(folder, archive, &mut source)?;
    }
    Ok(source)
}

/// Opens the data set that an IDX file belongs to: images and labels are in the same folder.
fn open_idx_of(source: &str, path: &Path) -> Result<Source, DataError> {
    // The parent of a bare file name is empty, not `.`.
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let folder = folder.unwrap_or(Path::new("."));
    let Some(found) = idx::find(folder)? else {
        return Err(DataError::layout(
            path,
            "this is an IDX file of labels without an IDX file of images in its folder; put both \
             into one folder",
        ));
    };
    let mut opened = idx::open(source.into(), folder, &found, None)?;
    opened.notes.push(format!(
        "opened all IDX files in {}, the folder of the given file",
        folder.printable()
    ));
    Ok(opened)
}
