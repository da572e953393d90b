//! A data set ready for use: classes, splits, and facts about its images.

use crate::error::DataError;
use crate::names::enumerate;
use crate::options::{DataOptions, Fold, RecordUse};
use crate::progress::Progress;
use crate::record::{Member, Role, SplitRecord};
use crate::sources::store::{Item, Store, StoredImage};
use crate::sources::{Source, SourceSplit};
use crate::split::assign::{Duplicates, assign, hash_each};
use crate::split::classes::{ClassList, unknown_note};
use crate::split::follow::Comparison;
use crate::split::verify::{DamagedImage, verify};
use crate::split::{Split, keyed, stratify};
use receptive_core::ImageSize;
use receptive_core::hash::{ContentHash, Sha256};
use receptive_core::text::{Printable, counted};

/// A data set: a class list and up to three splits.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DataSet {
    /// The known name, or the path with which it was opened, printable.
    pub name: String,
    /// The class names; a label is an index into this list.
    pub classes: Vec<String>,
    /// The training split. Empty only if [`DataOptions::classes`] or [`DataOptions::allow_empty_classes`] is
    /// set.
    pub train: Split,
    /// The validation split, on which the best epoch is selected. Empty if the source has none and
    /// `val_fraction` is 0.
    pub val: Split,
    /// The test split, evaluated once after training. `None` if the source has none and none was made.
    pub test: Option<Split>,
    /// Images added since the training of the run whose record determines the splits ([`DataOptions::record`]);
    /// they are in no other split.
    pub new: Split,
    /// The comparison with a run's record; `None` without one.
    pub comparison: Option<Comparison>,
    /// Numbers of images with equal content.
    pub duplicates: Duplicates,
    /// Remarks on the source that are not errors, one sentence each.
    pub notes: Vec<String>,
    /// Images left out because they cannot be read, sorted by path.
    pub damaged: Vec<DamagedImage>,
    /// Number of missing images that a label list names.
    pub missing: usize,
    /// The classes of a label list whose images are all missing; an error unless
    /// [`DataOptions::allow_empty_classes`] is set.
    pub lost_classes: Vec<String>,
    /// Number of files in folders next to the classes that contain no images and were left out; with
    /// [`BadImages::Fail`](crate::BadImages::Fail) they are an error.
    pub unread: usize,
    /// Number of images left out because the trained model ([`DataOptions::classes`]) does not have
    /// their class.
    pub unknown_class: usize,
    /// A hash of all images with their classes, groups and given splits, independent of the seed: of the
    /// pixels, or with [`DataOptions::limit`], which does not read every file, of the paths below the folder.
    pub images: ContentHash,
}

/// The minimum, median and maximum of sizes in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeRange {
    /// The minimum.
    pub min: usize,
    /// The (lower) median.
    pub median: usize,
    /// The maximum.
    pub max: usize,
}

/// The sizes and colour types of the images of all splits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Widths in pixels, after EXIF orientation.
    pub width: SizeRange,
    /// Heights in pixels, after EXIF orientation.
    pub height: SizeRange,
    /// The number of images of each colour type (`grey`, `RGB with alpha` ...), most frequent first.
    pub colours: Vec<(String, usize)>,
}

impl DataSet {
    /// All existing splits except the added images: train, val, test.
    pub fn splits(&self) -> impl Iterator<Item = &Split> {
        [&self.train, &self.val]
            .into_iter()
            .chain(self.test.as_ref())
    }

    /// The size of the images if all have the same, else `None`.
    ///
    /// It has 1 channel only if every image is grey; only width and height must be equal.
    pub fn natural_size(&self) -> Option<ImageSize> {
        let mut sizes = self.stored().map(|stored| match stored {
            StoredImage::Pixels(size, _) => size,
            StoredImage::File(entry, _) => entry.size,
        });
        let mut natural = sizes.next()?;
        for size in sizes {
            if (size.width, size.height) != (natural.width, natural.height) {
                return None;
            }
            natural.channels = natural.channels.max(size.channels);
        }
        Some(natural)
    }

    /// Widths, heights and colour types; `None` if there are no images.
    pub fn sizes(&self) -> Option<Sizes> {
        let (mut widths, mut heights) = (Vec::new(), Vec::new());
        let mut colours: Vec<(String, usize)> = Vec::new();
        for stored in self.stored() {
            let (size, colour) = match stored {
                StoredImage::Pixels(size, _) => {
                    (size, if size.channels == 1 { "grey" } else { "RGB" })
                }
                StoredImage::File(entry, _) => (entry.size, entry.colours),
            };
            widths.push(size.width);
            heights.push(size.height);
            match colours.iter_mut().find(|(known, _)| known == colour) {
                Some((_, count)) => *count += 1,
                None => colours.push((colour.to_string(), 1)),
            }
        }
        colours.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Some(Sizes {
            width: range(widths)?,
            height: range(heights)?,
            colours,
        })
    }

    /// A SHA-256 of what is trained, validated and tested on, as 64 hexadecimal digits.
    ///
    /// It covers labels and pixels, so it also changes with the class list, `limit` and the seed of the split,
    /// but not if a folder is moved or files are saved again losslessly.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::default();
        for class in &self.classes {
            hash.update((class.len() as u64).to_le_bytes());
            hash.update(class);
        }
        // An empty test split must not change it.
        let is_used = |split: &&Split| split.name() != "test" || !split.is_empty();
        for split in self.splits().filter(is_used) {
            split.add_to(&mut hash);
        }
        hash.finish()
    }

    /// What each image is used for, to be stored with the run.
    pub fn record(&self) -> SplitRecord {
        let splits = self.splits().zip([Role::Train, Role::Val, Role::Test]);
        SplitRecord::new(
            splits
                .flat_map(|(split, role)| self.members(split, role))
                .collect(),
        )
    }

    /// The same with the images added since the run was trained, as training images.
    pub fn record_with_new(&self) -> SplitRecord {
        let mut members = self.record().members().to_vec();
        members.extend(self.members(&self.new, Role::Train));
        SplitRecord::new(members)
    }

    fn members<'a>(&'a self, split: &'a Split, role: Role) -> impl Iterator<Item = Member> + 'a {
        (0..split.len()).map(move |i| Member {
            role,
            class: self
                .classes
                .get(split.label(i))
                .cloned()
                .unwrap_or_default(),
            path: split.name_in_source(i),
            identity: split.identity(i),
            group: split.group(i).into(),
        })
    }

    /// The notes without those on damaged files, for callers that report these in another way.
    pub fn notes_beside_damage(&self) -> impl Iterator<Item = &String> {
        self.notes
            .iter()
            .filter(|note| !DamagedImage::is_note(note))
    }

    /// The images that cannot be read, with reasons, as part of a sentence; only the first if there are many.
    pub fn damaged_sentence(&self) -> String {
        DamagedImage::sentence(&self.damaged)
    }

    /// A note on images left out because they cannot be read, with their reasons.
    pub fn damaged_note(&self) -> Option<String> {
        let count = counted(self.damaged.len(), "damaged image");
        let which = DamagedImage::sentence(&self.damaged);
        (!self.damaged.is_empty()).then(|| format!("left out {count}: {which}"))
    }

    /// Whether the images have groups, such as patients.
    pub fn has_groups(&self) -> bool {
        self.splits()
            .any(|split| (0..split.len()).any(|i| !split.group(i).is_empty()))
    }

    fn stored(&self) -> impl Iterator<Item = StoredImage<'_>> {
        self.splits()
            .flat_map(|split| (0..split.len()).filter_map(|i| split.stored(i).ok()))
    }
}

fn range(mut values: Vec<usize>) -> Option<SizeRange> {
    values.sort_unstable();
    Some(SizeRange {
        min: *values.first()?,
        median: *values.get((values.len() - 1) / 2)?,
        max: *values.last()?,
    })
}

/// The error if a run that starts from another has nothing to train on.
fn all_used(comparison: &Comparison) -> String {
    // Trained on by that run, but in the validation or test split now.
    let trained = comparison.left_out;
    let unseen = comparison.known.saturating_sub(trained);
    let all = comparison.known + comparison.new;
    format!(
        "nothing is left to train on: {} {} validation or test images of the parent run or its \
         ancestors, which must not be trained on; {}",
        match all == unseen {
            true => format!("all its {}", counted(all, "image")),
            false => format!("of its {} {unseen}", counted(all, "image")),
        },
        if unseen == 1 { "is among the" } else { "are" },
        match trained {
            0 => "give other images to train on".into(),
            _ => format!(
                "{} that the parent run was trained on {} now in the validation or test split",
                counted(trained, "image"),
                if trained == 1 { "is" } else { "are" },
            ),
        }
    )
}

fn nothing_left(damaged: &[DamagedImage]) -> String {
    if damaged.is_empty() {
        return "it has no images to train or evaluate on".to_string();
    }
    format!(
        "no images are left to train or evaluate on; repair the damaged ones:\n{}",
        DamagedImage::list(damaged)
    )
}

/// Makes the missing splits, limits them and builds the data set.
pub(crate) fn assemble(
    mut source: Source,
    classes: &ClassList,
    options: &DataOptions,
    progress: &dyn Progress,
) -> Result<DataSet, DataError> {
    let n = classes.known().len();
    let all = classes.names().len();
    if n < 2 && options.classes.is_none() {
        return Err(DataError::layout(
            &source.name,
            format!(
                "there is only one class, {}; a classifier needs at least two{}",
                enumerate(classes.known()),
                // The notes may say why the other classes are missing.
                match source.notes.join("; ") {
                    notes if notes.is_empty() => notes,
                    notes => format!(" ({notes})"),
                }
            ),
        ));
    }
    source.join_stores()?;
    let is_cut =
        options.fold.is_some() || source.val.is_none() || source.test.is_none() && source.cut_test;
    let in_files = matches!(*source.train.store, Store::Files(_));
    let names = (in_files && options.limit.is_some()).then(|| hash_names(&mut source));
    // Only files need checking, so only for files a subset is chosen before the splits are known.
    let damaged = match (&options.record, options.limit) {
        (Some((record, RecordUse::Follow)), Some(_)) if in_files => {
            verify_recorded(&mut source, classes, record, options, progress)?
        }
        (_, Some(limit)) if in_files && is_cut => {
            choose(&mut source, all, limit, options);
            verify(&mut source, classes, options, progress)?
        }
        _ => verify(&mut source, classes, options, progress)?,
    };
    let assigned = assign(&mut source, classes, &damaged, options)?;
    if let Some(limit) = options.limit {
        limit_splits(&mut source, n, limit, options.seed);
    }
    let has_images = match options.classes {
        Some(_) => source.parts_mut().any(|(_, part)| !part.items.is_empty()),
        None => !source.train.items.is_empty(),
    } || !assigned.new.is_empty()
        || assigned.comparison.as_ref().is_some_and(|c| c.left_out > 0);
    let unknown_class = assigned.unknown.len();
    if !has_images && let Some(note) = unknown_note(&assigned.unknown, classes) {
        let problem = format!(
            "there are no images of the trained model's classes: {note}; check data.source, or \
             rename the class folders"
        );
        return Err(DataError::layout(&source.name, problem));
    }
    let only_listed = options.allow_empty_classes && !damaged.is_empty();
    let is_extended = matches!(options.record, Some((_, RecordUse::Extend)));
    let comparison = assigned.comparison.as_ref();
    if let Some(comparison) = comparison.filter(|c| is_extended && c.known > 0)
        && source.train.items.is_empty()
    {
        return Err(DataError::layout(&source.name, all_used(comparison)));
    }
    if !has_images && !only_listed {
        return Err(DataError::layout(&source.name, nothing_left(&damaged)));
    }
    let store = source.train.store.clone();
    let split = |name, part: Option<SourceSplit>| {
        part.map(|part| Split::new(name, part.store, part.items, n))
    };
    let empty = Split::new("val", store.clone(), Vec::new(), n);
    let new = Split::new("new", store.clone(), assigned.new, n);
    Ok(DataSet {
        name: source.name.printable().into_owned(),
        classes: classes.known().to_vec(),
        val: split("val", source.val).unwrap_or(empty),
        test: split("test", source.test),
        train: Split::new("train", store, source.train.items, n),
        new,
        comparison: assigned.comparison,
        duplicates: assigned.duplicates,
        notes: source.notes,
        damaged,
        missing: source.missing,
        lost_classes: source.lost_classes,
        unread: source.unread,
        unknown_class,
        images: names.unwrap_or(assigned.images),
    })
}

fn hash_names(source: &mut Source) -> ContentHash {
    let store = source.train.store.clone();
    hash_each(source, |item| store.name(item.image as usize))
}

/// Checks the files that a limited run used: those with the recorded paths, or all files if some were renamed.
fn verify_recorded(
    source: &mut Source,
    classes: &ClassList,
    record: &SplitRecord,
    options: &DataOptions,
    progress: &dyn Progress,
) -> Result<Vec<DamagedImage>, DataError> {
    let store = source.train.store.clone();
    let paths = record.paths();
    let mut all = Vec::new();
    for (_, part) in source.parts_mut() {
        let is_recorded = |item: &Item| paths.contains(store.name(item.image as usize).as_str());
        all.push(part.items.clone());
        part.items.retain(is_recorded);
    }
    let noted = source.notes.len();
    let damaged = verify(source, classes, options, progress)?;
    let store = source.train.store.clone();
    let found = source
        .parts_mut()
        .flat_map(|(_, part)| part.items.iter())
        .map(|item| record.content(&store.identity(item.image as usize)))
        .collect();
    if record.missing(&found).next().is_none() {
        return Ok(damaged);
    }
    for ((_, part), items) in source.parts_mut().zip(all) {
        part.items = items;
    }
    // The notes on damaged files of the subset are repeated in those on all files.
    source.notes.truncate(noted);
    verify(source, classes, options, progress)
}

/// Chooses enough files of every class for about `limit` training images. The choice depends only on the seed
/// and each file's path, so adding or removing a file replaces at most one.
fn choose(source: &mut Source, classes: usize, limit: usize, options: &DataOptions) {
    let left = match options.fold {
        Some(Fold { of, .. }) => (1.0 - 1.0 / of as f64) * (1.0 - options.val_fraction),
        None => 1.0 - options.val_fraction - options.test_fraction,
    };
    let all = limit as f64 / left.max(f64::EPSILON);
    // Random splits vary in size; a few more files ensure that the limit is reached.
    let enough = all + 4.0 * all.sqrt() + 8.0;
    limit_splits(source, classes, enough as usize, options.seed);
}

/// Reduces the training split to `limit` images and the others in proportion.
fn limit_splits(source: &mut Source, classes: usize, limit: usize, seed: u64) {
    let store = source.train.store.clone();
    let total = match source.train.items.len() {
        0 => source.parts_mut().map(|(_, part)| part.items.len()).max(),
        train => Some(train),
    };
    for (_, part) in source.parts_mut() {
        let share = part.items.len() as u128 * limit as u128 / total.unwrap_or(1).max(1) as u128;
        let most = (share as usize).max(1);
        let items = std::mem::take(&mut part.items);
        part.items = stratify::limit(items, classes, most, |class, items, places| match &*store {
            Store::Memory(_) => stratify::shuffle(places, class, seed),
            Store::Files(_) => keyed::order(places, seed, |place| {
                let image = items.get(place).map_or(0, |item| item.image);
                ContentHash::of(store.name(image as usize).as_bytes())
            }),
        });
    }
}
