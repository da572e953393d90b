//! The folds of a cross-validation.

use crate::make::{images, open, png, write};
use receptive_core::hash::ContentHash;
use receptive_data::{DataOptions, DataSet, Fold, Split};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const OF: usize = 3;

fn fold(root: &Path, number: usize, group: Option<&str>) -> DataSet {
    let options = DataOptions {
        fold: Some(Fold { number, of: OF }),
        group: group.map(String::from),
        val_fraction: 0.25,
        ..DataOptions::default()
    };
    open(root, &options).unwrap()
}

fn folds(root: &Path, group: Option<&str>) -> Vec<DataSet> {
    (1..=OF).map(|number| fold(root, number, group)).collect()
}

fn contents(split: &Split) -> BTreeSet<ContentHash> {
    (0..split.len())
        .map(|i| split.identity(i).content)
        .collect()
}

fn tested(data: &DataSet) -> BTreeSet<ContentHash> {
    contents(data.test.as_ref().unwrap())
}

#[test]
fn every_image_is_tested_once_and_then_neither_trained_nor_validated_on() {
    let root = tempfile::tempdir().unwrap();
    images(&root.path().join("cat"), 13);
    images(&root.path().join("dog"), 8);
    let mut counts: BTreeMap<ContentHash, usize> = BTreeMap::new();
    for data in folds(root.path(), None) {
        let test = tested(&data);
        let (train, val) = (contents(&data.train), contents(&data.val));
        assert!(test.is_disjoint(&train) && test.is_disjoint(&val) && train.is_disjoint(&val));
        assert_eq!(test.len() + train.len() + val.len(), 21);
        assert!(!val.is_empty());
        let of_classes = data.test.as_ref().unwrap().class_counts();
        assert!([4, 5].contains(&of_classes[0]) && [2, 3].contains(&of_classes[1]));
        test.into_iter()
            .for_each(|one| *counts.entry(one).or_default() += 1);
    }
    assert_eq!(counts.len(), 21);
    assert!(counts.values().all(|count| *count == 1));
}

#[test]
fn names_have_no_influence() {
    let root = tempfile::tempdir().unwrap();
    images(&root.path().join("cat"), 12);
    images(&root.path().join("dog"), 12);
    let before: Vec<_> = folds(root.path(), None).iter().map(tested).collect();
    let cats = root.path().join("cat");
    for i in 0..12 {
        fs::rename(
            cats.join(format!("{i}.png")),
            cats.join(format!("x{}.png", 20 - i)),
        )
        .unwrap();
    }
    let after: Vec<_> = folds(root.path(), None).iter().map(tested).collect();
    assert_eq!(before, after);
}

#[test]
fn groups_stay_together() {
    let root = tempfile::tempdir().unwrap();
    for patient in 0..12u32 {
        for image in 0..3 {
            let class = ["cat", "dog"][patient as usize % 2];
            let path = root
                .path()
                .join(format!("{class}/p{patient:02}_{image}.png"));
            write(&path, png(8, 6, patient * 3 + image));
        }
    }
    for data in folds(root.path(), Some(r"^(p\d+)_")) {
        let groups = |split: &Split| -> BTreeSet<String> {
            (0..split.len())
                .map(|i| split.group(i).to_string())
                .collect()
        };
        let test = groups(data.test.as_ref().unwrap());
        assert_eq!(test.len(), 4);
        assert!(test.is_disjoint(&groups(&data.train)) && test.is_disjoint(&groups(&data.val)));
    }
}

#[test]
fn a_test_split_of_the_data_stays_untouched_and_its_validation_images_join_the_folds() {
    let root = tempfile::tempdir().unwrap();
    for (split, count) in [("train", 9), ("val", 6), ("test", 4)] {
        for class in ["cat", "dog"] {
            images(&root.path().join(split).join(class), count);
        }
    }
    let own = contents(
        open(root.path(), &DataOptions::default())
            .unwrap()
            .test
            .as_ref()
            .unwrap(),
    );
    assert_eq!(own.len(), 8);
    let mut all = BTreeSet::new();
    for data in folds(root.path(), None) {
        for split in data.splits() {
            let used = contents(split);
            assert!(used.is_disjoint(&own));
            all.extend(used);
        }
        assert_eq!(tested(&data).len(), 10);
        assert!(
            data.notes
                .iter()
                .any(|note| note.contains("8 images, is left out")),
            "{:?}",
            data.notes
        );
    }
    assert_eq!(all.len(), 30);
}
