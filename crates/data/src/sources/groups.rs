//! Groups: images of one patient, plant or video, which must not be divided between splits.

use crate::error::DataError;
use crate::names::{enumerate, key};
use crate::options::DataOptions;
use crate::sources::Source;
use crate::sources::store::Store;
use receptive_core::text::{Printable, counted};
use regex::Regex;
use std::collections::BTreeMap;
use std::sync::Arc;

const SETTING: &str = "data.group";

/// Finds the groups of the images by a pattern, if there is one, and notes the number of groups, whether they
/// come from the pattern or from a label list.
pub(crate) fn apply(
    source: &mut Source,
    pattern: Option<&str>,
    options: &DataOptions,
) -> Result<(), DataError> {
    if let Some(pattern) = pattern.filter(|pattern| !pattern.is_empty()) {
        match set(source, pattern) {
            Err(error) if options.group_is_inherited => {
                let DataError::Setting { problem, .. } = error else {
                    return Err(error);
                };
                source.notes.push(format!(
                    "the images are not grouped like those of the run, since {SETTING} does not \
                     apply: {problem}"
                ));
            }
            result => result?,
        }
    }
    let Groups {
        splits,
        images,
        single,
    } = Groups::of(source);
    if splits.is_empty() {
        return Ok(());
    }
    let cuts = source.val.is_none() && options.val_fraction > 0.0
        || source.test.is_none() && source.cut_test && options.test_fraction > 0.0;
    if splits.len() == 1 && single.is_empty() && cuts {
        let name: Vec<String> = splits.into_keys().map(|name| name.to_string()).collect();
        return Err(DataError::setting(
            SETTING,
            format!(
                "all {images} images are in one group, {}, so they cannot be split; use another \
                 pattern or column",
                enumerate(&name)
            ),
        ));
    }
    let mut note = format!(
        "{} in {}",
        counted(images, "image"),
        counted(splits.len(), "group")
    );
    if !single.is_empty() {
        note.push_str(&format!(
            "; {} more without a group are treated as one group each: {}",
            single.len(),
            enumerate(&single)
        ));
    }
    source.notes.push(note);
    let torn: Vec<String> = splits
        .into_iter()
        .filter(|(_, splits)| splits.iter().filter(|split| **split).count() > 1)
        .map(|(name, _)| name.to_string())
        .collect();
    if !torn.is_empty() {
        source.notes.push(format!(
            "groups with images in more than one split of the data: {}; results on them say \
             little about new groups: {}",
            torn.len(),
            enumerate(&torn)
        ));
    }
    Ok(())
}

/// The groups of a source.
struct Groups {
    /// Which of the three splits contain images of each group.
    splits: BTreeMap<Arc<str>, [bool; 3]>,
    /// The number of images in groups.
    images: usize,
    /// Images without a group.
    single: Vec<String>,
}

impl Groups {
    fn of(source: &mut Source) -> Self {
        let mut groups = Self {
            splits: BTreeMap::new(),
            images: 0,
            single: Vec::new(),
        };
        let store = source.train.store.clone();
        let Store::Files(files) = &*store else {
            return groups;
        };
        for (split, (_, part)) in source.parts_mut().enumerate() {
            for item in &part.items {
                let Some(entry) = files.entries.get(item.image as usize) else {
                    continue;
                };
                match &entry.group {
                    Some(group) => {
                        groups.images += 1;
                        groups.splits.entry(group.clone()).or_default()[split] = true;
                    }
                    None => groups.single.push(files.below(&entry.path)),
                }
            }
        }
        groups
    }
}

fn set(source: &mut Source, pattern: &str) -> Result<(), DataError> {
    let regex = Regex::new(&key(pattern)).map_err(|error| {
        // The message has several lines, and only the last has the reason.
        let error = error.to_string();
        let why = error.lines().last().unwrap_or_default();
        let why = why.strip_prefix("error: ").unwrap_or(why);
        DataError::setting(
            SETTING,
            format!(
                "`{}` is neither a column of a label list nor a regular expression: {why}",
                pattern.printable()
            ),
        )
    })?;
    if regex.captures_len() < 2 {
        return Err(DataError::setting(
            SETTING,
            format!(
                "`{pattern}` is neither a column of a label list nor a regular expression whose \
                 first capture group is the group, such as `^(\\d+)_`"
            ),
        ));
    }
    let Store::Files(files) = &*source.train.store.clone() else {
        return Err(DataError::setting(
            SETTING,
            format!("the images of {} have no file names to match", source.name),
        ));
    };
    let mut entries = files.entries.clone();
    let mut matched = 0;
    for entry in &mut entries {
        let path = files.below(&entry.path);
        // A pattern with a `/` applies to the path.
        let name = match pattern.contains('/') {
            true => path.as_str(),
            false => path.rsplit('/').next().unwrap_or(&path),
        };
        // Normalised, so that it does not matter how accents are encoded, as with classes.
        let name = key(name);
        let captures = regex.captures(&name);
        let group = captures.and_then(|found| found.iter().skip(1).flatten().next());
        entry.group = group.map(|group| group.as_str().into());
        matched += usize::from(entry.group.is_some());
    }
    if let (0, Some(first)) = (matched, entries.first()) {
        return Err(DataError::setting(
            SETTING,
            format!(
                "`{pattern}` matches no file; the first is `{}`. A pattern is compared with the \
                 file's name, or with its path below the data set's folder if it contains a `/`",
                files.below(&first.path)
            ),
        ));
    }
    let store = files.with_entries(entries);
    for (_, part) in source.parts_mut() {
        part.store = store.clone();
    }
    Ok(())
}
