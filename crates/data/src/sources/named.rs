//! Opening a data set by name: from this machine if possible, else downloaded; one is built in.

use crate::download::fetch;
use crate::error::DataError;
use crate::options::DataOptions;
use crate::progress::Progress;
use crate::sources::known::{FASHION, Format, KnownDataSet, MINI};
use crate::sources::{Source, SourceSplit, cifar, idx};
use flate2::read::GzDecoder;
use receptive_core::text::Printable;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The folder of Debian's `dataset-*` packages.
const SYSTEM: &str = "/usr/share/datasets";

/// Where named data sets are searched, and where downloads go.
pub(crate) struct SearchPath {
    /// In search order; each contains a folder named after the data set.
    pub(crate) bases: Vec<PathBuf>,
    /// The folder in which a download creates a folder named after the data set.
    pub(crate) download: Option<PathBuf>,
}

impl SearchPath {
    /// [`DataOptions::data_dir`], `$RECEPTIVE_DATA`, the system's folder, the user's cache.
    pub(crate) fn new(
        options: &DataOptions,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Self {
        let variable = |name| {
            environment(name)
                .filter(|v| !v.is_empty())
                .map(PathBuf::from)
        };
        let user = variable("XDG_CACHE_HOME")
            .or_else(|| variable("HOME").map(|home| home.join(".cache")))
            .or_else(|| variable("LOCALAPPDATA"))
            .map(|cache| cache.join("receptive"));
        let chosen = options
            .data_dir
            .clone()
            .into_iter()
            .chain(variable("RECEPTIVE_DATA"));
        let bases: Vec<PathBuf> = chosen
            .clone()
            .chain([PathBuf::from(SYSTEM)])
            .chain(user.clone())
            .collect();
        Self {
            bases,
            download: chosen.into_iter().next().or(user),
        }
    }
}

/// Opens a known data set, from the first folder that has all of it or by downloading it.
///
/// `url` is the address of its files; tests use a local server.
pub(crate) fn open(
    known: &KnownDataSet,
    url: &str,
    places: &SearchPath,
    download: bool,
    progress: &dyn Progress,
    silence: Option<Duration>,
) -> Result<Source, DataError> {
    for base in &places.bases {
        if let Some(source) = open_in(known, base)? {
            return Ok(source);
        }
    }
    let missing = |why: &'static str| DataError::Missing {
        name: known.name,
        looked: places
            .bases
            .iter()
            .map(|base| base.join(known.name).printable().into_owned())
            .collect::<Vec<_>>()
            .join(", ")
            .into(),
        why,
        files: known
            .files
            .iter()
            .map(|remote| remote.file)
            .collect::<Vec<_>>()
            .join(", "),
        place: places.download.as_ref().map_or_else(
            || "the folder of the setting data.data_dir".into(),
            |base| base.join(known.name).printable().into_owned(),
        ),
        url: url.into(),
    };
    if !download {
        return Err(missing("downloads are disabled"));
    }
    let Some(base) = &places.download else {
        return Err(missing("there is no cache folder to download it to"));
    };
    let folder = base.join(known.name);
    for remote in known.files {
        if !folder.join(remote.file).is_file() {
            fetch(
                &format!("{url}{}", remote.file),
                remote,
                &folder,
                progress,
                silence,
            )?;
        }
    }
    open_in(known, base)?.ok_or_else(|| missing("the downloaded files are not complete"))
}

/// Opens the data set in its folder below `base`; `None` if the folder is missing or incomplete.
fn open_in(known: &KnownDataSet, base: &Path) -> Result<Option<Source>, DataError> {
    let folder = base.join(known.name);
    let name = known.name.to_string();
    if !folder.is_dir() {
        return Ok(None);
    }
    let source = match known.format {
        Format::Idx { classes } => {
            // An incomplete copy must not be used as the data set.
            let whole = known.files.iter().all(|remote| {
                let raw = remote.file.strip_suffix(".gz").unwrap_or(remote.file);
                folder.join(remote.file).is_file() || folder.join(raw).is_file()
            });
            match idx::find(&folder)?.filter(|_| whole) {
                Some(found) => idx::open(name, &folder, &found, Some(classes))?,
                None => return Ok(None),
            }
        }
        Format::Cifar(kind) => match cifar::find(&folder)? {
            Some(found) => cifar::open(name, &found, Some(kind))?,
            None => return Ok(None),
        },
    };
    let found = (
        source.train.items.len(),
        source.test.as_ref().map_or(0, |part| part.items.len()),
    );
    if found != known.images {
        return Err(DataError::layout(
            folder,
            format!(
                "{} has {} training and {} test images, but found {} and {}; delete this folder \
                 to download it again, or complete it",
                known.name, known.images.0, known.images.1, found.0, found.1
            ),
        ));
    }
    Ok(Some(source))
}

const MINI_TRAIN: (&[u8], &[u8]) = (
    include_bytes!("../../assets/train-images-idx3-ubyte.gz"),
    include_bytes!("../../assets/train-labels-idx1-ubyte.gz"),
);
const MINI_TEST: (&[u8], &[u8]) = (
    include_bytes!("../../assets/t10k-images-idx3-ubyte.gz"),
    include_bytes!("../../assets/t10k-labels-idx1-ubyte.gz"),
);

/// 10,000 training and 2,000 test images of Fashion-MNIST: the first 1,000 and the first 200 of each class, in
/// the order of the original files. See `assets/README.md`.
pub(crate) fn open_mini() -> Result<Source, DataError> {
    let list: Vec<String> = FASHION.iter().map(|class| class.to_string()).collect();
    Ok(Source {
        missing: 0,
        lost_classes: Vec::new(),
        unread: 0,
        name: MINI.into(),
        names: list.clone(),
        list,
        numbered: false,
        train: mini_split(MINI_TRAIN, "fashion-mini/train")?,
        val: None,
        test: Some(mini_split(MINI_TEST, "fashion-mini/t10k")?),
        cut_test: false,
        notes: Vec::new(),
    })
}

fn mini_split((images, labels): (&[u8], &[u8]), name: &str) -> Result<SourceSplit, DataError> {
    idx::read_split(
        &mut GzDecoder::new(images),
        &mut GzDecoder::new(labels),
        [name; 2],
    )
}

#[cfg(test)]
#[path = "named_tests.rs"]
mod tests;
