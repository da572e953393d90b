//! IDX files, the format of MNIST: a big-endian header followed by bytes, raw or gzipped.

use crate::error::DataError;
use crate::sources::inflate::{MAX_BYTES, read_start};
use crate::sources::store::{Item, Memory, Store};
use crate::sources::{Source, SourceSplit, inflate, walk};
use receptive_core::ImageSize;
use receptive_core::text::Printable;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const IMAGES: [u8; 4] = [0, 0, 8, 3];
const LABELS: [u8; 4] = [0, 0, 8, 1];
/// Maximum side of an image, as for image files.
const MAX_SIDE: u32 = 16_384;

/// The IDX files of a folder.
#[derive(Debug, Default)]
pub(crate) struct IdxFiles {
    images: Vec<PathBuf>,
    labels: Vec<PathBuf>,
}

/// Whether a file begins like an IDX file of images or labels, or at least has the name of one.
pub(crate) fn is_idx(path: &Path) -> bool {
    named_idx(path) || matches!(magic(path), Some(IMAGES | LABELS))
}

fn magic(path: &Path) -> Option<[u8; 4]> {
    let mut start = [0; 4];
    let mut reader = inflate::open(path).ok()?;
    (read_start(&mut reader, &mut start).ok()? == 4).then_some(start)
}

/// Whether only IDX files have such a name.
fn named_idx(path: &Path) -> bool {
    let name = file_name(path).to_lowercase();
    name.ends_with("idx3-ubyte") || name.ends_with("idx1-ubyte")
}

/// Finds IDX files by content; `None` if there is no file of images.
///
/// # Errors
/// A file has the name of an IDX file but other content: without it, the set would silently be a different one.
pub(crate) fn find(folder: &Path) -> Result<Option<IdxFiles>, DataError> {
    let mut found = IdxFiles::default();
    let others = walk::other_files(folder)?;
    for path in &others {
        // `gunzip --keep` leaves both files; the raw one is faster to read.
        let raw = path.with_extension("");
        if path.extension().is_some_and(|e| e == "gz") && others.contains(&raw) {
            continue;
        }
        match magic(path) {
            Some(IMAGES) => found.images.push(path.clone()),
            Some(LABELS) => found.labels.push(path.clone()),
            _ if named_idx(path) => {
                inflate::open(path)?; // reports the error if it cannot be read at all
                return Err(DataError::format(
                    path.printable().into_owned(),
                    "its name is that of an IDX file, but its content is not: expected 00 00 08 \
                     03 at the beginning of images and 00 00 08 01 of labels",
                ));
            }
            _ => {}
        }
    }
    Ok((!found.images.is_empty()).then_some(found))
}

/// Reads the files; `classes` are the class names, if known.
pub(crate) fn open(
    name: String,
    folder: &Path,
    found: &IdxFiles,
    classes: Option<&[&str]>,
) -> Result<Source, DataError> {
    let pair = |role: IdxSplit| -> Result<Option<(PathBuf, PathBuf)>, DataError> {
        let one = |kind: &str, paths: &[PathBuf]| {
            let mut of_role = paths
                .iter()
                .filter(|path| IdxSplit::from_path(path) == role);
            match (of_role.next(), of_role.next()) {
                (Some(a), Some(b)) => Err(DataError::layout(
                    folder,
                    format!(
                        "both {} and {} could be the {kind} of the {role} split; remove one",
                        a.printable(),
                        b.printable()
                    ),
                )),
                (first, _) => Ok(first.cloned()),
            }
        };
        match (one("images", &found.images)?, one("labels", &found.labels)?) {
            (Some(images), Some(labels)) => Ok(Some((images, labels))),
            (None, None) => Ok(None),
            (images, _) => Err(DataError::layout(
                folder,
                format!(
                    "the {role} split has no IDX file of {}; both images (magic 00 00 08 03) and \
                     labels (00 00 08 01) are required",
                    if images.is_some() { "labels" } else { "images" }
                ),
            )),
        }
    };
    let train = pair(IdxSplit::Train)?.ok_or_else(|| {
        DataError::layout(
            folder,
            "it has IDX files, but none with `train` in its name",
        )
    })?;
    let train = read(&train.0, &train.1)?;
    let val = pair(IdxSplit::Val)?
        .map(|(images, labels)| read(&images, &labels))
        .transpose()?;
    let test = pair(IdxSplit::Test)?
        .map(|(images, labels)| read(&images, &labels))
        .transpose()?;

    let most = |part: &SourceSplit| part.items.iter().map(|item| item.label as usize + 1).max();
    let in_train = most(&train).unwrap_or(0);
    let in_all = [&val, &test]
        .into_iter()
        .flatten()
        .filter_map(most)
        .max()
        .unwrap_or(0);
    let known = classes.map(|classes| classes.iter().map(|c| c.to_string()).collect::<Vec<_>>());
    let list = known.unwrap_or_else(|| (0..in_train).map(|n| n.to_string()).collect());
    let mut names = list.clone();
    names.extend((list.len()..in_train.max(in_all)).map(|n| n.to_string()));
    Ok(Source {
        missing: 0,
        lost_classes: Vec::new(),
        unread: 0,
        name,
        names,
        list,
        numbered: classes.is_none(),
        train,
        val,
        test,
        cut_test: false,
        notes: Vec::new(),
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum IdxSplit {
    Train,
    Val,
    Test,
}

impl std::fmt::Display for IdxSplit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
        })
    }
}

impl IdxSplit {
    /// By file name; `train` if the name does not tell.
    fn from_path(path: &Path) -> Self {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_lowercase();
        if name.contains("t10k") || name.contains("test") {
            Self::Test
        } else if name.contains("val") {
            Self::Val
        } else {
            Self::Train
        }
    }
}

fn read(images: &Path, labels: &Path) -> Result<SourceSplit, DataError> {
    read_split(
        &mut *inflate::open(images)?,
        &mut *inflate::open(labels)?,
        [&file_name(images), &file_name(labels)],
    )
}

/// Reads a split from its file of images and its file of labels, whose names appear in errors.
pub(crate) fn read_split(
    images: &mut dyn Read,
    labels: &mut dyn Read,
    [images_name, labels_name]: [&str; 2],
) -> Result<SourceSplit, DataError> {
    let memory = read_images(images, images_name)?;
    let labels = read_labels(labels, labels_name, memory.len())?;
    let items = labels.iter().zip(0..).map(|(label, image)| Item {
        image,
        label: u32::from(*label),
    });
    let items = items.collect();
    Ok(SourceSplit::new(Arc::new(Store::Memory(memory)), items))
}

/// The file's name without `.gz`, for errors and [`Split::path`](crate::Split::path).
fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.strip_suffix(".gz").unwrap_or(&name).to_string()
}

/// Parses an IDX file of images, `[n, rows, columns]` bytes.
fn read_images(reader: &mut dyn Read, name: &str) -> Result<Memory, DataError> {
    let [n, rows, columns] = header::<3>(reader, name, IMAGES)?;
    for (side, value) in [("rows", rows), ("columns", columns)] {
        if !(1..=MAX_SIDE).contains(&value) {
            return Err(DataError::format(
                name,
                format!("its images have {value} {side}; expected 1 to {MAX_SIDE}"),
            ));
        }
    }
    let expected = u64::from(n) * u64::from(rows) * u64::from(columns);
    let pixels = body(reader, name, expected)?;
    let size = ImageSize::new(1, rows as usize, columns as usize);
    Ok(Memory {
        size,
        pixels,
        files: vec![(0, name.to_string())],
    })
}

/// Parses an IDX file of labels for `images` images.
fn read_labels(reader: &mut dyn Read, name: &str, images: usize) -> Result<Vec<u8>, DataError> {
    let [n] = header::<1>(reader, name, LABELS)?;
    if n as usize != images {
        return Err(DataError::format(
            name,
            format!("it has {n} labels for {images} images"),
        ));
    }
    body(reader, name, u64::from(n))
}

/// Reads a magic number and `D` big-endian sizes.
fn header<const D: usize>(
    reader: &mut dyn Read,
    name: &str,
    magic: [u8; 4],
) -> Result<[u32; D], DataError> {
    let mut found = [0; 4];
    let mut sizes = [0; D];
    let unreadable =
        |error| DataError::format(name, format!("could not read or decompress it: {error}"));
    reader.read_exact(&mut found).map_err(unreadable)?;
    if found != magic {
        return Err(DataError::format(
            name,
            format!("its magic number is {found:02x?}, expected {magic:02x?}"),
        ));
    }
    for size in &mut sizes {
        let mut word = [0; 4];
        reader.read_exact(&mut word).map_err(unreadable)?;
        *size = u32::from_be_bytes(word);
    }
    Ok(sizes)
}

/// Reads exactly `expected` bytes. The number comes from the header, so memory grows only with the data read;
/// one extra byte is read to detect a longer file.
fn body(reader: &mut dyn Read, name: &str, expected: u64) -> Result<Vec<u8>, DataError> {
    if expected > MAX_BYTES {
        return Err(DataError::format(
            name,
            format!("its header announces {expected} bytes; the maximum is {MAX_BYTES}"),
        ));
    }
    let bytes = inflate::read_all(reader, expected).map_err(|error| {
        DataError::format(name, format!("could not read or decompress it: {error}"))
    })?;
    match bytes {
        Some(bytes) if bytes.len() as u64 == expected => Ok(bytes),
        Some(bytes) => Err(DataError::format(
            name,
            format!(
                "it is truncated: its header announces {expected} bytes, but {} follow",
                bytes.len()
            ),
        )),
        None => Err(DataError::format(
            name,
            format!("its header announces {expected} bytes, but more follow"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(n: u32, rows: u32, columns: u32, bytes: usize) -> Result<Memory, DataError> {
        let mut file = IMAGES.to_vec();
        for size in [n, rows, columns] {
            file.extend(size.to_be_bytes());
        }
        file.extend(vec![7; bytes]);
        read_images(&mut file.as_slice(), "images")
    }

    #[test]
    fn images_are_read_whole() {
        let memory = images(2, 3, 4, 24).expect("valid");
        assert_eq!((memory.len(), memory.image(1)), (2, Some(&[7; 12][..])));
        assert_eq!(memory.image(2), None);
    }

    #[test]
    fn a_header_that_does_not_match_the_file_is_rejected() {
        for (n, rows, columns, bytes) in [
            (2, 3, 4, 23),
            (2, 3, 4, 25),
            (u32::MAX, 16_384, 16_384, 24),
            (2, 0, 4, 0),
        ] {
            assert!(
                images(n, rows, columns, bytes).is_err(),
                "{n} {rows} {columns} {bytes}"
            );
        }
    }

    #[test]
    fn labels_must_be_as_many_as_images() {
        let file = [&LABELS[..], &[0, 0, 0, 2], &[1, 0]].concat();
        assert_eq!(
            read_labels(&mut file.as_slice(), "labels", 2).expect("valid"),
            [1, 0]
        );
        assert!(read_labels(&mut file.as_slice(), "labels", 3).is_err());
        assert!(read_labels(&mut &file[..9], "labels", 2).is_err());
        assert!(read_labels(&mut &file[..3], "labels", 2).is_err());
    }
}
