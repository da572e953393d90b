//! The folds of a cross-validation.

use crate::error::DataError;
use crate::options::{DataOptions, Fold};
use crate::random::Purpose;
use crate::sources::store::Item;
use crate::sources::{Source, SourceSplit};
use crate::split::contents::ContentIndex;
use crate::split::keyed::{self, SplitKey};
use receptive_core::text::counted;
use std::collections::{BTreeMap, HashMap};

/// Makes one fold the test split, and takes the validation split from the others.
pub(super) fn cut(
    source: &mut Source,
    classes: usize,
    options: &DataOptions,
    fold: Fold,
    contents: &ContentIndex,
) -> Result<(), DataError> {
    let store = source.train.store.clone();
    let mut items = std::mem::take(&mut source.train.items);
    if let Some(val) = source.val.take() {
        items.extend(val.items);
    }
    let own_test = source.test.take().map_or(0, |test| test.items.len());
    let joined = contents.joined_keys(&store, &items).into_iter();
    let keys: Vec<(SplitKey, u32)> = joined.zip(items.iter().map(|item| item.label)).collect();
    let fold_of = folds(&keys, classes, fold.of, options.seed);
    if fold_of.len() < fold.of {
        return Err(DataError::Setting {
            setting: "folds",
            problem: format!(
                "{} folds need at least as many distinct images or groups, but there are only {}; use at most \
                 that many",
                fold.of,
                fold_of.len()
            ),
        });
    }
    let is_tested = |(key, _): &(SplitKey, u32)| fold_of.get(key) == Some(&(fold.number - 1));
    let others: Vec<(SplitKey, u32)> = keys.iter().filter(|key| !is_tested(key)).cloned().collect();
    let part_of = keyed::cut(&others, classes, [options.val_fraction], options.seed);
    let (mut train, mut val, mut test) = (Vec::new(), Vec::new(), Vec::new());
    for (item, key) in items.into_iter().zip(&keys) {
        match part_of.get(&key.0) {
            _ if is_tested(key) => test.push(item),
            Some(0) => val.push(item),
            _ => train.push(item),
        }
    }
    note_fold(source, fold, own_test);
    if options.test_fraction != DataOptions::DEFAULT_FRACTION {
        let note = "data.test_fraction has no effect: the folds are the test splits";
        source.notes.push(note.into());
    }
    note_small_classes(source, &keys, fold.of);
    source.train.items = train;
    source.val = Some(SourceSplit::new(store.clone(), val));
    source.test = Some(SourceSplit::new(store, test));
    Ok(())
}

/// Leaves the data's own test split, which is not in the run's record, out of a run on one fold.
pub(super) fn leave_out_own_test(
    source: &mut Source,
    fold: Fold,
    is_recorded: impl Fn(&Item) -> bool,
) {
    let Some(test) = &mut source.test else {
        return;
    };
    let before = test.items.len();
    test.items.retain(is_recorded);
    let left_out = before - test.items.len();
    note_fold(source, fold, left_out);
}

fn note_fold(source: &mut Source, fold: Fold, own_test: usize) {
    let untouched = match own_test {
        0 => String::new(),
        images => format!(
            "; the data's own test split, {}, is left out",
            counted(images, "image")
        ),
    };
    source.notes.push(format!(
        "cross-validation: fold {} of {} is the test split{untouched}",
        fold.number, fold.of
    ));
}

/// Notes classes that have too few images or groups to be in every fold.
fn note_small_classes(source: &mut Source, keys: &[(SplitKey, u32)], folds: usize) {
    let mut of_class: BTreeMap<u32, std::collections::BTreeSet<&SplitKey>> = BTreeMap::new();
    for (key, label) in keys {
        of_class.entry(*label).or_default().insert(key);
    }
    let small = of_class.values().filter(|keys| keys.len() < folds).count();
    if small > 0 {
        source.notes.push(format!(
            "{} with fewer distinct images, or groups, than the {folds} folds: they are absent \
             from some test folds",
            counted(small, "class")
        ));
    }
}

/// The fold of each key, from 0.
///
/// Keys are dealt in an order determined by group size (largest first), class, and the key's content and the
/// seed: each to the fold with the fewest images of the key's classes and, of those, with the fewest images in
/// total. Single images of a class thus go to the folds in turn, and the folds differ by at most one image.
fn folds(
    keys: &[(SplitKey, u32)],
    classes: usize,
    folds: usize,
    seed: u64,
) -> HashMap<SplitKey, usize> {
    // The number of images of each class, by key.
    let mut members: HashMap<&SplitKey, BTreeMap<usize, usize>> = HashMap::new();
    for (key, label) in keys {
        *members
            .entry(key)
            .or_default()
            .entry(*label as usize)
            .or_default() += 1;
    }
    let mut order: Vec<(&SplitKey, BTreeMap<usize, usize>)> = members.into_iter().collect();
    order.sort_by_cached_key(|(key, images)| {
        let size: usize = images.values().sum();
        let class = images.keys().next().copied();
        let draw = key.draw_for(Purpose::Fold, seed);
        (std::cmp::Reverse(size), class, draw, (*key).clone())
    });
    let mut counts = vec![vec![0usize; folds]; classes];
    let mut sizes = vec![0usize; folds];
    let mut fold_of = HashMap::with_capacity(order.len());
    for (key, images) in order {
        let of_classes = |fold: usize| -> usize {
            let classes = images.keys().filter_map(|class| counts.get(*class));
            classes.map(|counts| counts[fold]).sum()
        };
        let Some(fold) = (0..folds).min_by_key(|fold| (of_classes(*fold), sizes[*fold], *fold))
        else {
            continue;
        };
        for (class, images) in &images {
            if let Some(counts) = counts.get_mut(*class) {
                counts[fold] += images;
            }
            sizes[fold] += images;
        }
        fold_of.insert(key.clone(), fold);
    }
    fold_of
}

#[cfg(test)]
mod tests {
    use super::*;
    use receptive_core::hash::ContentHash;

    fn image(name: &str, label: u32) -> (SplitKey, u32) {
        (
            SplitKey::of_content(ContentHash::of(name.as_bytes())),
            label,
        )
    }

    fn images(counts: &[usize]) -> Vec<(SplitKey, u32)> {
        let labels = counts.iter().enumerate();
        labels
            .flat_map(|(label, n)| {
                (0..*n).map(move |i| image(&format!("{label}/{i}"), label as u32))
            })
            .collect()
    }

    #[test]
    fn every_class_is_spread_evenly_and_so_are_the_images() {
        let keys = images(&[23, 7, 11, 4]);
        let fold_of = folds(&keys, 4, 5, 3);
        let mut counts = [[0; 5]; 4];
        for (key, label) in &keys {
            counts[*label as usize][fold_of[key]] += 1;
        }
        for class in counts {
            let (least, most) = (class.iter().min().unwrap(), class.iter().max().unwrap());
            assert!(most - least <= 1, "{counts:?}");
        }
        let sizes: Vec<i32> = (0..5)
            .map(|f| counts.iter().map(|class| class[f]).sum())
            .collect();
        assert_eq!(sizes, [9; 5], "{counts:?}");
    }

    #[test]
    fn the_order_of_the_images_has_no_influence_and_the_seed_has() {
        let keys = images(&[20, 20]);
        let mut turned = keys.clone();
        turned.reverse();
        assert_eq!(folds(&keys, 2, 4, 1), folds(&turned, 2, 4, 1));
        assert_ne!(folds(&keys, 2, 4, 1), folds(&keys, 2, 4, 2));
    }

    #[test]
    fn groups_stay_whole_and_folds_about_equal() {
        let group = |name: &str| SplitKey::of_group(name);
        // Ten patients of 1 to 10 images in two classes.
        let keys: Vec<(SplitKey, u32)> = (1..=10usize)
            .flat_map(|n| (0..n).map(move |i| (group(&format!("p{n}")), (i % 2) as u32)))
            .collect();
        let fold_of = folds(&keys, 2, 3, 1);
        assert_eq!(fold_of.len(), 10);
        let mut sizes = [0; 3];
        for (key, _) in &keys {
            sizes[fold_of[key]] += 1;
        }
        assert!(
            sizes.iter().all(|size| (16..=21).contains(size)),
            "{sizes:?}"
        );
    }
}
