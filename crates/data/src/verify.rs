//! Decodes every image file once, so that a damaged one is known before training begins.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::{
    BadImages, Damaged, DataError, DataOptions, ImageSize, Progress,
    decode::decode_found,
    progress::Running,
    source::Source,
    split::{FileEntry, Files, Store},
};

/// How many damaged files an error names.
const NAMED: usize = 20;

/// Checks the image files that the splits use, in parallel; keeps their sizes, and leaves the
/// damaged ones out of every split. Sources in memory are decoded already.
pub(crate) fn verify(
    source: &mut Source,
    classes: &[String],
    options: &DataOptions,
    progress: &dyn Progress,
) -> Result<Vec<Damaged>, DataError> {
    let Store::Files(files) = &*source.train.store.clone() else {
        return Ok(Vec::new());
    };
    let mut used: Vec<usize> = source
        .parts_mut()
        .flat_map(|(_, part)| part.items.iter().map(|item| item.image as usize))
        .collect();
    used.sort_unstable();
    let checked = check_all(files, &used, progress);

    let mut entries = files.entries.clone();
    let mut damaged = Vec::new();
    let mut bad = vec![false; entries.len()];
    for (image, result) in checked {
        match result {
            Ok(entry) => entries[image] = entry,
            Err(reason) => {
                bad[image] = true;
                damaged.push(Damaged {
                    path: files.entries[image].path.clone(),
                    reason,
                });
            }
        }
    }
    damaged.sort_by(|a, b| a.path.cmp(&b.path));
    if !damaged.is_empty() && options.bad_images == BadImages::Fail {
        return Err(refusal(&damaged, used.len()));
    }

    let store = Arc::new(Store::Files(Files {
        root: files.root.clone(),
        limits: files.limits,
        entries,
    }));
    let mut before = vec![0usize; classes.len()];
    let mut after = vec![0usize; classes.len()];
    for item in &source.train.items {
        before[item.label as usize] += 1;
        after[item.label as usize] += usize::from(!bad[item.image as usize]);
    }
    if let Some(class) = (0..classes.len()).find(|class| before[*class] > 0 && after[*class] == 0) {
        return Err(DataError::layout(
            &files.root,
            format!(
                "none of the {} training images of the class `{}` can be read; \
                 repair them or remove the class",
                before[class], classes[class]
            ),
        ));
    }
    for (_, part) in source.parts_mut() {
        part.items.retain(|item| !bad[item.image as usize]);
        part.store = store.clone();
    }
    Ok(damaged)
}

fn refusal(damaged: &[Damaged], total: usize) -> DataError {
    let mut list: Vec<String> = damaged
        .iter()
        .take(NAMED)
        .map(|damaged| format!("  {}: {}", damaged.path.display(), damaged.reason))
        .collect();
    if damaged.len() > NAMED {
        list.push(format!("  and {} more", damaged.len() - NAMED));
    }
    DataError::BadImages {
        count: damaged.len(),
        total,
        list: list.join("\n"),
    }
}

/// The result of every image in `used`, in no particular order.
fn check_all(
    files: &Files,
    used: &[usize],
    progress: &dyn Progress,
) -> Vec<(usize, Result<FileEntry, String>)> {
    let running = Running::start(progress, "checking images", Some(used.len() as u64));
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(used.len()));
    let work = || {
        while let Some(&image) = used.get(next.fetch_add(1, Ordering::Relaxed)) {
            let result = check(files, image);
            // Nothing panics while the lock is held, so a poisoned list is whole.
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
            // Without a further thread this one does the work alone.
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn check(files: &Files, image: usize) -> Result<FileEntry, String> {
    let path = &files.entries[image].path;
    let found = decode_found(path, &files.limits).map_err(|error| match error {
        DataError::Image { reason, .. } => reason,
        DataError::NotAFile { found, .. } => format!("it is {found}, not a file"),
        DataError::TooLarge { found, limit, .. } => {
            format!("it is too large: {found}, and the limit is {limit}")
        }
        DataError::Io { action, source, .. } => format!("could not {action} it: {source}"),
        other => other.to_string(),
    })?;
    let (height, width) = (found.picture.height, found.picture.width);
    Ok(FileEntry {
        path: path.clone(),
        bytes: found.bytes,
        size: ImageSize {
            channels: found.picture.channels,
            height,
            width,
        },
        colours: found.colours,
    })
}
