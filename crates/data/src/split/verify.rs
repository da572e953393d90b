//! Decoding every image file once, to find damaged ones before training starts.

use crate::error::DataError;
use crate::names::enumerate;
use crate::options::{BadImages, DataOptions, RecordUse};
use crate::progress::{Progress, ProgressGuard};
use crate::sources::Source;
use crate::sources::store::{FileEntry, Files, Store};
use crate::sources::unread::list;
use crate::split::classes::ClassList;
use receptive_core::text::Printable;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// An image that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedImage {
    /// The file.
    pub path: PathBuf,
    /// Why it cannot be read.
    pub reason: String,
}

/// The prefix of notes on kinds of damaged files.
const COULD_NOT_READ: &str = "could not read ";

impl DamagedImage {
    /// All files for an error message, one per line.
    pub(crate) fn list<'a>(damaged: impl IntoIterator<Item = &'a DamagedImage>) -> String {
        let mut lines = Vec::new();
        for (reason, files) in Self::by_reason(damaged) {
            let paths = files.iter().map(|damaged| damaged.path.printable());
            match files.len() {
                // The reason is given once, followed by all files.
                6.. => {
                    lines.push(format!("  {} files: {reason}", files.len()));
                    lines.extend(paths.map(|path| format!("    {path}")));
                }
                _ => lines.extend(paths.map(|path| format!("  {path}: {reason}"))),
            }
        }
        lines.join("\n")
    }

    /// These files and their reasons as part of a sentence; only the first if there are many.
    pub(crate) fn sentence(damaged: &[Self]) -> String {
        const REASONS: usize = 5;
        const FILES: usize = 5;
        let reasons = Self::by_reason(damaged);
        let more = reasons.iter().skip(REASONS);
        let more: usize = more.map(|(_, files)| files.len()).sum();
        let mut parts = Vec::new();
        for (reason, files) in reasons.iter().take(REASONS) {
            let paths = files.iter().take(FILES).map(|one| one.path.printable());
            let mut paths = paths.collect::<Vec<_>>().join(", ");
            if files.len() > FILES {
                paths += &format!(" and {} more", files.len() - FILES);
            }
            parts.push(format!("{paths}: {reason}"));
        }
        if more > 0 {
            parts.push(format!("and {more} more"));
        }
        parts.join("; ")
    }

    /// The files with each reason, in order of first appearance.
    fn by_reason<'a>(damaged: impl IntoIterator<Item = &'a Self>) -> Vec<(&'a str, Vec<&'a Self>)> {
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut reasons: Vec<(&str, Vec<&Self>)> = Vec::new();
        for damaged in damaged {
            let next = reasons.len();
            let place = *places.entry(damaged.reason.as_str()).or_insert(next);
            match reasons.get_mut(place) {
                Some((_, files)) => files.push(damaged),
                None => reasons.push((&damaged.reason, vec![damaged])),
            }
        }
        reasons
    }

    /// Whether a note is one of [`Self::notes`].
    pub(crate) fn is_note(note: &str) -> bool {
        note.starts_with(COULD_NOT_READ)
    }

    /// One note per kind of unreadable file, and per common reason.
    fn notes(damaged: &[Self]) -> Vec<String> {
        let of_kind = |reason: &str, files: usize| reason.starts_with("it is a") || files > 5;
        Self::by_reason(damaged)
            .into_iter()
            .filter(|(reason, files)| of_kind(reason, files.len()))
            .map(|(reason, files)| {
                let (first, more) = (files[0].path.printable(), files.len() - 1);
                match more {
                    0 => format!("{COULD_NOT_READ}{first}: {reason}"),
                    _ => format!("{COULD_NOT_READ}{first} and {more} more: {reason}"),
                }
            })
            .collect()
    }
}

/// Checks the image files that the splits use, in parallel; stores their sizes, and removes the damaged ones
/// from every split. Sources in memory are already decoded.
pub(crate) fn verify(
    source: &mut Source,
    classes: &ClassList,
    options: &DataOptions,
    progress: &dyn Progress,
) -> Result<Vec<DamagedImage>, DataError> {
    let Store::Files(files) = &*source.train.store.clone() else {
        return Ok(Vec::new());
    };
    let mut used: Vec<usize> = source
        .parts_mut()
        .flat_map(|(_, part)| part.items.iter().map(|item| item.image as usize))
        .collect();
    used.sort_unstable();
    let total = used.len();
    // Some were checked before.
    used.retain(|image| !files.entries[*image].is_checked());
    let checked = check_all(files, &used, progress);

    let mut entries = files.entries.clone();
    let mut damaged = Vec::new();
    let mut bad = vec![false; entries.len()];
    for (image, result) in checked {
        match result {
            Ok(entry) => entries[image] = entry,
            Err(reason) => {
                bad[image] = true;
                damaged.push(DamagedImage {
                    path: files.entries[image].path.clone(),
                    reason,
                });
            }
        }
    }
    damaged.sort_by(|a, b| a.path.cmp(&b.path));
    if !damaged.is_empty() && options.bad_images == BadImages::Fail {
        return Err(DataError::BadImages {
            count: damaged.len(),
            total,
            list: DamagedImage::list(&damaged),
        });
    }
    source.notes.extend(DamagedImage::notes(&damaged));
    let by_class = by_class(source, classes, &bad);
    source.notes.extend(by_class);
    if let Some(lost) = UnreadableClasses::find(source, classes, files, &bad) {
        // A run's classes are those of its record, even if no image of them is left.
        let is_followed = matches!(options.record, Some((_, RecordUse::Follow)));
        if !options.allow_empty_classes && !is_followed {
            let theirs = damaged.iter().filter(|d| lost.files.contains(&*d.path));
            let problem = format!(
                "{}; {}:\n{}",
                lost.sentence,
                match (classes.names().len(), damaged.len()) {
                    (1, 1) => "repair it, or choose another",
                    (1, _) => "repair them, or choose others",
                    _ => "repair them or remove the class",
                },
                DamagedImage::list(theirs)
            );
            return Err(DataError::layout(&files.root, problem));
        }
        source.notes.push(lost.sentence);
    }

    let store = files.with_entries(entries);
    for (_, part) in source.parts_mut() {
        part.items.retain(|item| !bad[item.image as usize]);
        part.store = store.clone();
    }
    Ok(damaged)
}

/// Classes with at least this fraction of damaged images are named.
const MANY: f64 = 0.1;

/// A note on classes of which many images, but not all, cannot be read.
fn by_class(source: &mut Source, classes: &ClassList, bad: &[bool]) -> Option<String> {
    let mut counts = vec![(0usize, 0usize); classes.known().len()];
    for (_, part) in source.parts_mut() {
        for item in &part.items {
            if let Some((damaged, all)) = counts.get_mut(item.label as usize) {
                *damaged += usize::from(bad[item.image as usize]);
                *all += 1;
            }
        }
    }
    let named: Vec<String> = counts
        .iter()
        .zip(classes.known())
        .filter(|((damaged, all), _)| damaged < all && *damaged as f64 >= MANY * *all as f64)
        .filter(|((damaged, _), _)| *damaged > 0)
        .map(|((damaged, all), class)| {
            let class = enumerate(std::slice::from_ref(class));
            format!("{class} ({damaged} of {all})")
        })
        .collect();
    (!named.is_empty()).then(|| {
        format!(
            "unreadable images are left out of these classes: {}",
            list(&named)
        )
    })
}

/// The classes without any readable training image.
struct UnreadableClasses<'a> {
    sentence: String,
    /// Their damaged files, in all splits.
    files: HashSet<&'a Path>,
}

impl<'a> UnreadableClasses<'a> {
    fn find(
        source: &mut Source,
        classes: &ClassList,
        files: &'a Files,
        bad: &[bool],
    ) -> Option<Self> {
        let all = classes.names().len();
        let (mut before, mut after) = (vec![0usize; all], vec![0usize; all]);
        for item in &source.train.items {
            before[item.label as usize] += 1;
            after[item.label as usize] += usize::from(!bad[item.image as usize]);
        }
        let classes = classes.known();
        let is_lost =
            |class: usize| class < classes.len() && before[class] > 0 && after[class] == 0;
        let lost: Vec<usize> = (0..classes.len()).filter(|class| is_lost(*class)).collect();
        if lost.is_empty() {
            return None;
        }
        let names: Vec<String> = lost.iter().map(|class| classes[*class].clone()).collect();
        Some(Self {
            sentence: none_readable(lost.iter().map(|class| before[*class]).sum(), &names, all),
            files: source
                .parts_mut()
                .flat_map(|(_, part)| part.items.iter())
                .filter(|item| bad[item.image as usize] && is_lost(item.label as usize))
                .map(|item| files.entries[item.image as usize].path.as_path())
                .collect(),
        })
    }
}

/// The sentence for `images` of these classes of all, of which none can be read.
fn none_readable(images: usize, names: &[String], all: usize) -> String {
    let of_classes = match names.len() {
        // Images without labels have one class.
        _ if all == 1 => String::new(),
        1 => format!(" of the class {}", enumerate(names)),
        _ => format!(" of the classes {}", enumerate(names)),
    };
    let purpose = if all == 1 { "" } else { "training " };
    if images == 1 {
        format!("the only {purpose}image{of_classes} cannot be read")
    } else {
        format!("none of the {images} {purpose}images{of_classes} can be read")
    }
}

/// Checks the images in `used`; results are in no particular order.
fn check_all(
    files: &Files,
    used: &[usize],
    progress: &dyn Progress,
) -> Vec<(usize, Result<FileEntry, String>)> {
    let running = ProgressGuard::start(progress, "checking images", Some(used.len() as u64));
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(used.len()));
    let work = || {
        while let Some(&image) = used.get(next.fetch_add(1, Ordering::Relaxed)) {
            let result = check(files, image);
            // Nothing panics while the lock is held, so a poisoned list is still valid.
            results
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((image, result));
            running.advance(1);
        }
    };
    let helpers = thread::available_parallelism().map_or(0, |threads| threads.get() - 1);
    thread::scope(|scope| {
        for _ in 0..helpers {
            // If a thread cannot be started, this one does the work alone.
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn check(files: &Files, image: usize) -> Result<FileEntry, String> {
    let entry = &files.entries[image];
    let path = &entry.path;
    let found = files.read_image(entry).map_err(|error| match error {
        DataError::Image { reason, .. } => reason,
        DataError::NotAFile { found, .. } => format!("it is {found}, not a file"),
        DataError::TooLarge { found, limit, .. } => {
            format!("it is too large: {found}, and the limit is {limit}")
        }
        DataError::Io { action, source, .. } => format!("could not {action} it: {source}"),
        other => other.to_string(),
    })?;
    let size = found.size;
    let identity = found.identity();
    found.picture.recycle();
    Ok(FileEntry {
        path: path.clone(),
        identity,
        size,
        colours: found.colours,
        group: entry.group.clone(),
    })
}
