//! The error type of this crate.

use receptive_core::text::Printable;
use std::io;
use std::path::PathBuf;

/// Why data could not be opened, decoded or delivered.
///
/// Every message names the file, class or setting, and says what was expected, what was found and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// I/O error.
    #[error("could not {action} {}: {source}", .path.printable())]
    Io {
        /// What failed, as a verb: `read`, `list`, `create` or `write`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A path is a directory, FIFO, device or socket instead of an image file.
    #[error(
        "{} is {found}, but an image must be a regular file (or a link to one): \
         remove it or give another path",
        .path.printable()
    )]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What kind of file it is.
        found: &'static str,
    },
    /// A file or its decoded content is larger than a limit.
    #[error("{} is too large: {found}, and the limit is {limit}; make it smaller or remove it", .path.printable())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The size found.
        found: String,
        /// The largest size accepted.
        limit: String,
    },
    /// An image file is damaged or has an unsupported format.
    #[error("{} is not a readable image: {reason}", .path.printable())]
    Image {
        /// The file.
        path: PathBuf,
        /// The problem reported by the decoder.
        reason: String,
    },
    /// Some images of a folder are damaged and the policy is
    /// [`BadImages::Fail`](crate::BadImages::Fail).
    #[error(
        "{count} of {total} images cannot be read; repair or remove them, or set data.bad_images to \
         \"skip\" to leave them out:\n{list}"
    )]
    BadImages {
        /// How many are damaged.
        count: usize,
        /// How many images were checked.
        total: usize,
        /// Every damaged file and its reason, one per line.
        list: String,
    },
    /// A label list names missing images and the policy is
    /// [`BadImages::Fail`](crate::BadImages::Fail).
    #[error(
        "{}: {count} of the {total} images listed are not in {}; add them or remove their lines, \
         or set data.bad_images to \"skip\" to leave them out:\n{missing}",
        .list.printable(), .root.printable()
    )]
    MissingImages {
        /// The label list.
        list: String,
        /// How many are missing.
        count: usize,
        /// How many images the list names.
        total: usize,
        /// The data set's folder.
        root: String,
        /// The first missing files with their lines, and how many more.
        missing: String,
    },
    /// The source is neither a known name nor an existing path.
    #[error(
        "there is no data set `{}`: no such path exists, and the known names are {known}{hint}",
        .source_name.printable()
    )]
    UnknownSource {
        /// The name or path given.
        source_name: String,
        /// The known names, comma separated.
        known: String,
        /// `; did you mean ...?`, or empty.
        hint: String,
    },
    /// A folder is not laid out as an image data set.
    #[error("{}: {problem}", .path.printable())]
    Layout {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it and what to do.
        problem: String,
    },
    /// A class is not in the class list.
    #[error(
        "the class `{}` of {} is not one of the {count} classes of {list}{hint}; {advice}",
        .class.printable(),
        .place.printable()
    )]
    UnknownClass {
        /// The class.
        class: String,
        /// Where it was found.
        place: String,
        /// How many classes the list has.
        count: usize,
        /// Which list: `the training split` or `the trained model`.
        list: &'static str,
        /// `; did you mean ...?`, or empty.
        hint: String,
        /// What to do, depending on where the classes come from.
        advice: &'static str,
    },
    /// An IDX or CIFAR file, an archive or a label list has invalid content.
    #[error("{}: {problem}", .file.printable())]
    Format {
        /// The file, or the member of an archive.
        file: String,
        /// What was expected and what was found.
        problem: String,
    },
    /// A known data set is not on this machine, and downloads are disabled or failed.
    #[error(
        "the data set `{name}` was not found in {looked}, and {why}; put {files} into {place} \
         (public address: {url})"
    )]
    Missing {
        /// The name of the data set.
        name: &'static str,
        /// Where it was searched. Boxed, which keeps every `Result` below 128 bytes.
        looked: Box<str>,
        /// Why it was not downloaded.
        why: &'static str,
        /// The files it consists of.
        files: String,
        /// Where to put them.
        place: String,
        /// Their public address.
        url: String,
    },
    /// A download failed; nothing was kept.
    #[error(
        "could not download {url}: {reason}; nothing was kept: check the network and try again, \
         or put the file into {} yourself",
        .place.printable()
    )]
    Download {
        /// The address.
        url: String,
        /// What went wrong.
        reason: String,
        /// The folder in which the file is expected.
        place: PathBuf,
    },
    /// A file of a hub could not be downloaded.
    #[error("could not download {url}: {reason}; {remedy}")]
    Hub {
        /// The address.
        url: String,
        /// What went wrong.
        reason: String,
        /// What was kept, and what to do.
        remedy: String,
    },
    /// A downloaded file differs from the published one; nothing was kept.
    #[error(
        "{url} has the wrong checksum: expected {expected}, found {found}; nothing was kept: try \
         again; if this persists, the file on the server has changed"
    )]
    Checksum {
        /// The address.
        url: String,
        /// The published checksum.
        expected: String,
        /// The checksum of the downloaded data.
        found: String,
    },
    /// A setting has an invalid value.
    #[error("{setting}: {problem}")]
    Setting {
        /// The setting, as in a run's config: `data.val_fraction`.
        setting: &'static str,
        /// What was expected and what was found, and what to do.
        problem: String,
    },
    /// Code panicked while it prepared an image or a batch (a bug here or in a decoder).
    #[error(
        "{image}: the program failed while preparing this image ({message}); this is a bug: \
         please report it, and remove the image until it is fixed"
    )]
    Panicked {
        /// The image, or the batch.
        image: String,
        /// The panic's message.
        message: String,
    },
    /// No sample of the split has this index.
    #[error("sample {index} of a split with {len} samples does not exist; indices start at 0")]
    Index {
        /// The index.
        index: usize,
        /// The number of samples.
        len: usize,
    },
}

impl DataError {
    /// Whether the command or the config is at fault, rather than the files.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Setting { .. } | Self::UnknownSource { .. } => true,
            Self::Io { .. }
            | Self::NotAFile { .. }
            | Self::TooLarge { .. }
            | Self::Image { .. }
            | Self::BadImages { .. }
            | Self::MissingImages { .. }
            | Self::Layout { .. }
            | Self::UnknownClass { .. }
            | Self::Format { .. }
            | Self::Missing { .. }
            | Self::Download { .. }
            | Self::Hub { .. }
            | Self::Checksum { .. }
            | Self::Panicked { .. }
            | Self::Index { .. } => false,
        }
    }

    /// Whether the advice of this error is to change a setting, such as `data.max_pixels`. The advice names settings
    /// as the config file does, so that a program can add its own way to set them.
    pub fn advises(&self, setting: &str) -> bool {
        let advice = match self {
            Self::Layout { problem, .. } => problem,
            Self::Image { reason, .. } => reason,
            Self::BadImages { list, .. } => list,
            _ => return false,
        };
        // A word of its own: a path may contain the name of a setting.
        let mut words = advice.split_whitespace();
        words.any(|word| word.trim_matches([',', ';', '.', '(', ')', '`']) == setting)
    }

    /// Turns an [`io::Error`] into [`Self::Io`] for `map_err`.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    pub(crate) fn layout(path: impl Into<PathBuf>, problem: impl Into<String>) -> Self {
        Self::Layout {
            path: path.into(),
            problem: problem.into(),
        }
    }

    pub(crate) fn format(file: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Format {
            file: file.into(),
            problem: problem.into(),
        }
    }

    pub(crate) fn setting(setting: &'static str, problem: impl Into<String>) -> Self {
        Self::Setting {
            setting,
            problem: problem.into(),
        }
    }
}
