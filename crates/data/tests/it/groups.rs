//! Groups of images that no split may separate.

use crate::make::{open, png, write};
use receptive_data::{DataOptions, DataSet};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Forty patients, each with three images of one of two classes.
fn patients(root: &Path) {
    for patient in 0..40 {
        for image in 0..3 {
            let class = ["cat", "dog"][patient % 2];
            let path = root.join(format!("{class}/p{patient:02}_{image}.png"));
            write(&path, png(8, 6, (patient * 3 + image) as u32));
        }
    }
}

fn grouped(pattern: &str) -> DataOptions {
    DataOptions {
        group: Some(pattern.into()),
        ..DataOptions::default()
    }
}

/// The splits in which each patient is.
fn splits(data: &DataSet) -> BTreeMap<String, BTreeSet<String>> {
    let mut splits: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for split in data.splits() {
        for i in 0..split.len() {
            let path = split.path(i);
            let name = Path::new(&path).file_name().unwrap().to_str().unwrap();
            let patient = name.split('_').next().unwrap().to_string();
            splits
                .entry(patient)
                .or_default()
                .insert(split.name().into());
        }
    }
    splits
}

#[test]
fn the_groups_of_a_pattern_are_counted() {
    let root = tempfile::tempdir().unwrap();
    patients(root.path());
    write(&root.path().join("dog/other.png"), png(8, 6, 200));
    let data = open(root.path(), &grouped(r"^(p\d+)_")).unwrap();
    assert!(
        data.notes.iter().any(
            |note| note.starts_with("120 images in 40 groups; 1 more without")
                && note.contains("`dog/other.png`")
        ),
        "{:?}",
        data.notes
    );
}

#[test]
fn every_image_of_a_group_is_in_one_split() {
    let root = tempfile::tempdir().unwrap();
    patients(root.path());
    for seed in 0..5 {
        let data = open(
            root.path(),
            &DataOptions {
                seed,
                ..grouped(r"^(p\d+)_")
            },
        )
        .unwrap();
        let splits = splits(&data);
        assert_eq!(splits.len(), 40);
        assert!(
            splits.values().all(|splits| splits.len() == 1),
            "{splits:?}"
        );
        assert!(data.val.len() >= 3 && data.test.is_some_and(|test| test.len() >= 3));
    }
    let ungrouped = open(root.path(), &DataOptions::default()).unwrap();
    assert!(splits(&ungrouped).values().any(|splits| splits.len() > 1));
}

#[test]
fn a_pattern_with_a_slash_is_about_folders() {
    let root = tempfile::tempdir().unwrap();
    for (patient, class) in [("a", "cat"), ("b", "cat"), ("c", "dog"), ("d", "dog")] {
        for image in 0..3u32 {
            let path = root.path().join(format!("{class}/{patient}/{image}.png"));
            write(&path, png(8, 6, image + 10 * patient.as_bytes()[0] as u32));
        }
    }
    let data = open(root.path(), &grouped("^[^/]+/([^/]+)/")).unwrap();
    assert!(
        data.notes.iter().any(|n| n == "12 images in 4 groups"),
        "{:?}",
        data.notes
    );
}

#[test]
fn a_pattern_that_gives_no_groups_is_rejected() {
    let root = tempfile::tempdir().unwrap();
    patients(root.path());
    for (pattern, expected) in [
        ("p(", "data.group"),
        ("patient", "neither a column"),
        (r"^(q\d+)_", "matches no file; the first is `cat/p00_0.png`"),
        ("^(p)", "all 120 images are in one group, `p`"),
    ] {
        let refused = open(root.path(), &grouped(pattern))
            .unwrap_err()
            .to_string();
        assert!(refused.contains(expected), "{pattern}: {refused}");
        assert!(refused.starts_with("data.group"), "{refused}");
    }
    let refused =
        receptive_data::open("fashion-mini", &grouped("(a)"), &receptive_data::NoProgress);
    assert!(refused.unwrap_err().to_string().contains("no file names"));
}

#[test]
fn groups_that_a_source_separates_are_named() {
    let root = tempfile::tempdir().unwrap();
    for (split, patient) in [
        ("train", "p1"),
        ("train", "p2"),
        ("test", "p2"),
        ("test", "p3"),
    ] {
        for (seed, class) in ["cat", "dog"].into_iter().enumerate() {
            let path = root
                .path()
                .join(format!("{split}/{class}/{patient}_{seed}.png"));
            write(&path, png(8, 6, seed as u32));
        }
    }
    let data = open(root.path(), &grouped("^(p.)")).unwrap();
    let torn = data
        .notes
        .iter()
        .find(|note| note.contains("more than one split of the data"));
    assert!(torn.unwrap().ends_with(": `p2`"), "{:?}", data.notes);
}

#[test]
fn a_label_list_has_groups_in_a_column_or_by_a_pattern() {
    let root = tempfile::tempdir().unwrap();
    patients(root.path());
    let mut list = "file,species,patient_id,ward\n".to_string();
    for patient in 0..40 {
        for image in 0..3 {
            let name = format!("p{patient:02}_{image}.png");
            list.push_str(&format!(
                "{name},c{},{patient},{}\n",
                patient % 2,
                patient / 4
            ));
        }
    }
    let labels = root.path().join("labels.csv");
    write(&labels, list);
    for (group, count) in [
        (None, 40),
        (Some("patient_id"), 40),
        (Some("ward"), 10),
        (Some("p([0-9])"), 4),
    ] {
        let options = DataOptions {
            labels: Some(labels.clone()),
            group: group.map(str::to_string),
            ..DataOptions::default()
        };
        let data = open(root.path(), &options).unwrap();
        let expected = format!("120 images in {count} groups");
        assert!(
            data.notes.contains(&expected),
            "{group:?}: {:?}",
            data.notes
        );
        assert!(splits(&data).values().all(|splits| splits.len() == 1));
        let lengths = data.splits().map(|split| split.len());
        assert!(lengths.min() > Some(0), "{group:?}: a split is empty");
    }
}

#[test]
fn what_is_no_pattern_is_rejected_in_one_line() {
    let root = tempfile::tempdir().unwrap();
    patients(root.path());
    let text = open(root.path(), &grouped("(")).unwrap_err().to_string();
    assert!(
        text.contains("unclosed group") && !text.contains('\n'),
        "{text}"
    );
}

/// A Mac stores names decomposed.
#[test]
fn groups_whose_accents_are_stored_in_two_ways_are_one() {
    let (composed, decomposed) = ("환자3", "\u{1112}\u{116a}\u{11ab}\u{110c}\u{1161}3");
    let folder = tempfile::tempdir().unwrap();
    let mut list = String::from("file,class,patient\n");
    for i in 0..8 {
        let patient = if i % 2 == 0 { composed } else { decomposed };
        let name = format!("{patient}_{i}.png");
        write(&folder.path().join(&name), png(8, 6, i));
        list += &format!("{name},{},{patient}\n", ["cat", "dog"][i as usize / 4]);
    }
    write(&folder.path().join("more_8.png"), png(8, 6, 8));
    write(&folder.path().join("more_9.png"), png(8, 6, 9));
    list += "more_8.png,cat,a\nmore_9.png,dog,b\n";
    let labels = folder.path().join("labels.csv");
    write(&labels, list);
    for group in [None, Some("^(환자\\d+)_")] {
        let options = DataOptions {
            labels: Some(labels.clone()),
            group: group.map(String::from),
            ..DataOptions::default()
        };
        let data = open(folder.path(), &options).unwrap();
        let of_patient = |split: &receptive_data::Split| {
            let paths = (0..split.len()).map(|i| split.path(i));
            paths.filter(|path| !path.contains("more")).count()
        };
        let counts: Vec<usize> = data.splits().map(of_patient).collect();
        assert!(
            counts.contains(&8),
            "{group:?}: {counts:?}, {:?}",
            data.notes
        );
    }
}
