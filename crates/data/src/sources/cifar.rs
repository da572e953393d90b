//! CIFAR-10 and CIFAR-100 binaries: in a folder, or in their `.tar.gz`, which is read in memory and never
//! extracted.

use crate::error::DataError;
use crate::image::decode::read_capped;
use crate::names::enumerate;
use crate::sources::inflate::MAX_BYTES;
use crate::sources::kind::has_image_extension;
use crate::sources::store::{Item, Memory, Store};
use crate::sources::{Source, SourceSplit, inflate, walk};
use receptive_core::ImageSize;
use receptive_core::text::Printable;
use std::io;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const SIDE: usize = 32;
const PLANE: usize = SIDE * SIDE;
const SIZE: ImageSize = ImageSize::new(3, SIDE, SIDE);

/// Which of the two data sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CifarKind {
    /// One label byte per record.
    Cifar10,
    /// A coarse and a fine label byte per record; the fine one is used.
    Cifar100,
}

impl CifarKind {
    fn labels(self) -> usize {
        match self {
            Self::Cifar10 => 1,
            Self::Cifar100 => 2,
        }
    }

    fn record(self) -> usize {
        self.labels() + 3 * PLANE
    }

    fn classes(self) -> &'static [&'static str] {
        match self {
            Self::Cifar10 => &CIFAR10,
            Self::Cifar100 => &CIFAR100,
        }
    }

    /// The data set that has a file of this name.
    fn from_file_name(name: &str) -> Option<Self> {
        match name {
            "train.bin" | "test.bin" => Some(Self::Cifar100),
            _ if name.starts_with("data_batch") || name == "test_batch.bin" => Some(Self::Cifar10),
            _ => None,
        }
    }

    /// The files of the published data set.
    fn files(self) -> &'static [&'static str] {
        match self {
            Self::Cifar10 => &[
                "data_batch_1.bin",
                "data_batch_2.bin",
                "data_batch_3.bin",
                "data_batch_4.bin",
                "data_batch_5.bin",
                "test_batch.bin",
            ],
            Self::Cifar100 => &["train.bin", "test.bin"],
        }
    }

    /// Whether a file of this length is a whole number of records.
    fn fits(self, len: u64) -> bool {
        len > 0 && len.is_multiple_of(self.record() as u64)
    }
}

/// Where the CIFAR files are.
#[derive(Debug)]
pub(crate) enum CifarFiles {
    Files(CifarKind, Vec<PathBuf>),
    Archive(PathBuf),
}

/// Looks for CIFAR binaries in a folder, in the folder that their archive extracts to, or in the archive
/// itself. Both names and lengths must match.
pub(crate) fn find(folder: &Path) -> Result<Option<CifarFiles>, DataError> {
    for inner in ["", "cifar-10-batches-bin", "cifar-100-binary"] {
        let folder = folder.join(inner);
        if !folder.is_dir() {
            continue;
        }
        let mut named = Vec::new();
        let mut kind = None;
        for path in walk::other_files(&folder)? {
            let Some(this) = CifarKind::from_file_name(&file_name(&path)) else {
                continue;
            };
            let length = path.metadata().map_err(DataError::io("read", &path))?.len();
            if this.fits(length) {
                kind = kind.or(Some(this));
            }
            named.push((this, path));
        }
        if let Some(kind) = kind {
            // Truncated files of the set stay in the list, so that an error names them.
            named.retain(|(this, _)| *this == kind);
            let paths = named.into_iter().map(|(_, path)| path).collect();
            return Ok(Some(CifarFiles::Files(kind, paths)));
        }
    }
    let archives = ["cifar-10-binary.tar.gz", "cifar-100-binary.tar.gz"];
    let archive = archives
        .iter()
        .map(|name| folder.join(name))
        .find(|path| path.is_file());
    Ok(archive.map(CifarFiles::Archive))
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Whether an archive contains CIFAR binaries, decided by the first file with a characteristic name.
pub(crate) fn is_archive(path: &Path) -> Result<bool, DataError> {
    let mut archive = tar::Archive::new(inflate::open(path)?.take(MAX_BYTES));
    let Ok(entries) = archive.entries() else {
        return Ok(false);
    };
    // Errors are reported when the archive is listed.
    for entry in entries.map_while(Result::ok) {
        let name = entry
            .path()
            .map(|path| file_name(&path))
            .unwrap_or_default();
        if CifarKind::from_file_name(&name).is_some() {
            return Ok(true);
        }
        if has_image_extension(Path::new(&name)) {
            return Ok(false);
        }
    }
    Ok(false)
}

/// Reads the files. If `expected` is given, the other data set is an error.
pub(crate) fn open(
    name: String,
    found: &CifarFiles,
    expected: Option<CifarKind>,
) -> Result<Source, DataError> {
    let (place, kind, members) = match found {
        CifarFiles::Files(kind, paths) => {
            let mut members = Vec::new();
            for path in paths {
                let bytes = read_capped(path, MAX_BYTES)?;
                members.push((file_name(path), bytes));
            }
            (name.clone(), *kind, members)
        }
        CifarFiles::Archive(path) => {
            let place = path.printable().into_owned();
            let members = read_archive(&mut *inflate::open(path)?, &place)?;
            let kind = members.iter().find_map(|(name, bytes)| {
                CifarKind::from_file_name(name).filter(|kind| kind.fits(bytes.len() as u64))
            });
            let Some(kind) = kind else {
                return Err(DataError::format(
                    place,
                    "the archive contains no CIFAR binary with whole records (data_batch_1.bin \
                     ..., or train.bin and test.bin)",
                ));
            };
            (place, kind, members)
        }
    };
    if let Some(expected) = expected.filter(|expected| *expected != kind) {
        return Err(DataError::format(
            place,
            format!("it is {kind:?}, not {expected:?}"),
        ));
    }
    build(name, &place, kind, members)
}

/// The `.bin` files of a tar stream, by name. Nothing is written to disk; links, folders and other files are
/// skipped.
fn read_archive(reader: &mut dyn Read, place: &str) -> Result<Vec<(String, Vec<u8>)>, DataError> {
    let unreadable =
        |error| DataError::format(place, format!("could not read or unpack it: {error}"));
    let mut left = MAX_BYTES;
    // The limit applies to the whole stream, whatever the archive's headers declare.
    let mut archive = tar::Archive::new(reader.take(MAX_BYTES));
    let mut members = Vec::new();
    for entry in archive.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        let name = entry
            .path()
            .map_err(unreadable)?
            .file_name()
            .map(|n| n.to_string_lossy().into_owned());
        let Some(name) = name.filter(|name| name.ends_with(".bin")) else {
            continue;
        };
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let promised = entry.size();
        let bytes = inflate::read_all(&mut entry, left).map_err(unreadable)?;
        let bytes = bytes
            .filter(|bytes| bytes.len() as u64 == promised)
            .ok_or_else(|| {
                DataError::format(
                    format!("{place}: {name}"),
                    format!(
                        "it should have {promised} bytes, but is truncated or exceeds {MAX_BYTES}"
                    ),
                )
            })?;
        left = left.saturating_sub(bytes.len() as u64);
        members.push((name, bytes));
    }
    // The checksum is at the end of the gzip stream and is verified only when that is reached.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(unreadable)?;
    Ok(members)
}

fn build(
    name: String,
    place: &str,
    kind: CifarKind,
    mut members: Vec<(String, Vec<u8>)>,
) -> Result<Source, DataError> {
    // The order in the archive may differ from that of the set.
    members.sort_by(|a, b| a.0.cmp(&b.0));
    let (mut train, mut test) = (CifarReader::new(kind), CifarReader::new(kind));
    let missing: Vec<String> = kind
        .files()
        .iter()
        .filter(|file| members.iter().all(|(member, _)| member != *file))
        .map(|file| file.to_string())
        .collect();
    let mut last = String::new();
    for (file, bytes) in members {
        if CifarKind::from_file_name(&file) != Some(kind) {
            continue;
        }
        if !kind.fits(bytes.len() as u64) {
            return Err(DataError::format(
                format!("{place}: {file}"),
                format!(
                    "it has {} bytes, which is not a multiple of the record size of {} bytes; it \
                     is truncated or in another format",
                    bytes.len(),
                    kind.record()
                ),
            ));
        }
        if file == last {
            return Err(DataError::format(
                place,
                format!("it contains {file} twice"),
            ));
        }
        if file.starts_with("test") {
            &mut test
        } else {
            &mut train
        }
        .read(&file, &bytes)?;
        last = file;
    }
    let classes: Vec<String> = kind
        .classes()
        .iter()
        .map(|class| class.to_string())
        .collect();
    let train = train.finish().ok_or_else(|| {
        let expected = if kind == CifarKind::Cifar10 {
            "data_batch_1.bin"
        } else {
            "train.bin"
        };
        DataError::format(
            place,
            format!("it has test images, but no training images ({expected})"),
        )
    })?;
    Ok(Source {
        missing: 0,
        lost_classes: Vec::new(),
        unread: 0,
        name,
        names: classes.clone(),
        list: classes,
        numbered: false,
        train,
        val: None,
        test: test.finish(),
        cut_test: false,
        notes: if missing.is_empty() {
            Vec::new()
        } else {
            vec![format!(
                "it lacks {}, which the published set contains",
                enumerate(&missing)
            )]
        },
    })
}

/// Collects the records of the files of one split.
struct CifarReader {
    kind: CifarKind,
    memory: Memory,
    items: Vec<Item>,
}

impl CifarReader {
    fn new(kind: CifarKind) -> Self {
        let memory = Memory {
            size: SIZE,
            pixels: Vec::new(),
            files: Vec::new(),
        };
        Self {
            kind,
            memory,
            items: Vec::new(),
        }
    }

    fn read(&mut self, file: &str, bytes: &[u8]) -> Result<(), DataError> {
        self.memory.files.push((self.items.len(), file.to_string()));
        let labels = self.kind.labels();
        self.memory.pixels.reserve(bytes.len());
        for (record, bytes) in bytes.chunks_exact(self.kind.record()).enumerate() {
            let (label, planes) = bytes.split_at(labels);
            let label = label[labels - 1];
            if usize::from(label) >= self.kind.classes().len() {
                return Err(DataError::format(
                    format!("{file}[{record}]"),
                    format!(
                        "its label is {label}; {:?} has labels below {}",
                        self.kind,
                        self.kind.classes().len()
                    ),
                ));
            }
            // Red, green and blue planes to interleaved pixels.
            let (red, rest) = planes.split_at(PLANE);
            let (green, blue) = rest.split_at(PLANE);
            let pixels = red
                .iter()
                .zip(green)
                .zip(blue)
                .flat_map(|((r, g), b)| [*r, *g, *b]);
            self.memory.pixels.extend(pixels);
            self.items.push(Item {
                image: self.items.len() as u32,
                label: u32::from(label),
            });
        }
        Ok(())
    }

    fn finish(self) -> Option<SourceSplit> {
        (!self.items.is_empty())
            .then(|| SourceSplit::new(Arc::new(Store::Memory(self.memory)), self.items))
    }
}

/// The class names of CIFAR-10, in the order of their labels.
const CIFAR10: [&str; 10] = [
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
];

/// The class names of CIFAR-100 (fine labels), in the order of their labels.
#[rustfmt::skip]
const CIFAR100: [&str; 100] = [
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle",
    "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle",
    "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup",
    "dinosaur", "dolphin", "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house",
    "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion", "lizard", "lobster", "man",
    "maple_tree", "motorcycle", "mountain", "mouse", "mushroom", "oak_tree", "orange", "orchid",
    "otter", "palm_tree", "pear", "pickup_truck", "pine_tree", "plain", "plate", "poppy",
    "porcupine", "possum", "rabbit", "raccoon", "ray", "road", "rocket", "rose", "sea", "seal",
    "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider", "squirrel", "streetcar",
    "sunflower", "sweet_pepper", "table", "tank", "telephone", "television", "tiger", "tractor",
    "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf", "woman", "worm",
];
