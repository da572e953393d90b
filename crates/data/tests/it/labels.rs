//! Labels from a list.

use crate::listed::Listed;
use crate::make::{open, skipping, uncut};
use receptive_data::DataOptions;

const FLAT: &[&str] = &[
    "images/a.png",
    "images/b.png",
    "images/c.png",
    "images/d.png",
];

#[test]
fn every_usual_form_of_a_list_gives_the_same_labels() {
    let listed = Listed::new(FLAT);
    let expected = [
        "train: images/a.png cat",
        "train: images/b.png dog",
        "train: images/c.png dog",
        "train: images/d.png cat",
    ];
    let mut fingerprints = Vec::new();
    for list in [
        "a.png,cat\nb.png,dog\nc.png,dog\nd.png,cat\n",
        "file,class\na.png,cat\nb.png,dog\nc.png,dog\nd.png,cat",
        "\u{feff}filename;species\r\na.png;cat\r\nb.png;dog\r\nc.png;dog\r\nd.png;cat\r\n",
        "breed\tid\ncat\ta\ndog\tb\ndog\tc\ncat\td\n",
        "Bild,Art\nimages/a.png,cat\nimages\\b.png,dog\n./images/c.png,dog\nd,cat\n",
        ",image_id,label\n0,d,cat\n1,c,dog\n2,b,dog\n3,a,cat\n",
        "id,image,label,label_name\n7,a.png,0,cat\n8,b.png,1,dog\n9,c.png,1,dog\n2,d.png,0,cat\n",
        "image,cat,dog\na,1.0,0.0\nb,0.0,1.0\nc,0,1\nd,1,0\n",
        "image,cat,dog\na,1,\nb,,1\nc,,1\nd,1,\n",
        "a.png cat\nb.png dog\nc.png dog\nd.png cat\n",
        "\"image\",\"target\"\n\"a.png\",\"cat\"\n\"b.png\",\"dog\"\n\"c.png\", \"dog\"\nd.png,cat,\n",
    ] {
        let data = listed.open(list);
        assert_eq!(data.classes, ["cat", "dog"], "{list}");
        assert_eq!(listed.images(&data), expected, "{list}");
        assert_eq!(data.notes.len(), 1, "{:?}", data.notes);
        assert!(
            data.notes[0].contains("label list: images from"),
            "{:?}",
            data.notes
        );
        fingerprints.push(data.fingerprint());
    }
    fingerprints.dedup();
    assert_eq!(fingerprints.len(), 1, "the order of lines changes nothing");
}

/// `17.jpg,3`: the classes name files too, but fewer different ones.
#[test]
fn equal_numbers_and_missing_values_are_named() {
    let listed = Listed::new(FLAT);
    let notes = listed.open("a,1\nb,01\nc,NaN\nd,2\n").notes.join("\n");
    assert!(notes.contains("`01`, `1` are the same number"), "{notes}");
    assert!(notes.contains("`NaN` is treated as a class"), "{notes}");
    let notes = listed.open("a,1\nb,2\nc,2\nd,none of them\n").notes;
    assert_eq!(notes.len(), 1, "{notes:?}");
}

#[test]
fn files_that_differ_only_in_extension_need_it() {
    let listed = Listed::new(&["a.png", "a.bmp", "b.png"]);
    let refused = listed.try_open("a,cat\nb,dog\n").unwrap_err().to_string();
    assert!(refused.contains("with its extension"), "{refused}");
    let data = listed.open("a.png,cat\na.bmp,cat\nb.png,dog\n");
    assert_eq!(data.classes, ["cat", "dog"]);
}

#[test]
fn numbered_files_and_numbered_classes_are_told_apart() {
    let names: Vec<String> = (0..12).map(|i| format!("{i}.png")).collect();
    let listed = Listed::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for file in [|i: usize| format!("{i}"), |i: usize| format!("{i}.png")] {
        let line = |i: usize| format!("{},{}\n", i / 3 * 3 + 7, file(i));
        let list: String = (0..12).map(line).collect();
        let data = listed.open(list);
        // By number, not by letter: 13 and 16 come after 7.
        assert_eq!(data.classes, ["7", "10", "13", "16"]);
        assert_eq!(data.train.class_counts(), [3; 4]);
        assert_eq!(
            listed.images(&data)[2],
            "train: 10.png 16",
            "{:?}",
            listed.images(&data)
        );
    }
}

#[test]
fn a_column_of_splits_defines_them_and_else_they_are_cut() {
    let listed = Listed::new(FLAT);
    for list in [
        "file,label,split\na,cat,Train\nb,dog,TRAIN\nc,dog,valid\nd,cat,test\n",
        "file,label,subset\na,cat,training\nb,dog,train\nc,dog,dev\nd,cat,testing\n",
        "train,cat,a\ntrain,dog,b\nval,dog,c\ntest,cat,d\n",
    ] {
        let data = listed.open(list);
        assert_eq!(
            listed.images(&data),
            [
                "train: images/a.png cat",
                "train: images/b.png dog",
                "val: images/c.png dog",
                "test: images/d.png cat"
            ],
            "{list}"
        );
    }
    let data = listed.open("file,label,is_valid\na,cat,False\nb,dog,0\nc,dog,True\nd,cat,1\n");
    assert_eq!(data.train.class_counts(), [1, 1]);
    assert_eq!(data.val.class_counts(), [1, 1]);
    assert!(data.test.is_none());

    // Numbered folds are no splits.
    let list = "file,label,fold\na,cat,0\nb,dog,0\nc,dog,1\nd,cat,1\n";
    assert_eq!(listed.open(list).train.len(), 4);
    let names: Vec<String> = (0..40).map(|i| format!("{i:02}.png")).collect();
    let listed = Listed::new(&names.iter().map(String::as_str).collect::<Vec<_>>())
        .with(|options| *options = DataOptions::default());
    let list: String = names
        .iter()
        .enumerate()
        .map(|(i, n)| format!("{n},c{}\n", i % 2))
        .collect();
    let data = listed.open(list);
    let lengths: Vec<usize> = data.splits().map(|split| split.len()).collect();
    assert_eq!(lengths.iter().sum::<usize>(), 40);
    assert!(lengths.iter().all(|images| *images > 0), "{lengths:?}");
}

#[test]
fn columns_that_are_true_for_a_split_s_images_define_the_splits() {
    let listed = Listed::new(FLAT);
    for (header, rows, expected) in [
        ("file,label,is_test", ["0", "0", "0", "1"], [3, 0, 1]),
        (
            "file,label,is_training_image",
            ["1", "1", "0", "1"],
            [3, 0, 1],
        ),
        (
            "file,label,Is Train,Is Val",
            ["1,0", "1,0", "0,1", "0,0"],
            [2, 1, 1],
        ),
        (
            "file,label,train,test",
            ["True,False", "True,False", "False,False", "False,True"],
            [2, 1, 1],
        ),
        (
            "file,label,test",
            ["false", "false", "true", "true"],
            [2, 0, 2],
        ),
        (
            "file,art,train,val,test",
            ["1,0,0", "1,0,0", "0,1,0", "0,0,1"],
            [2, 1, 1],
        ),
        (
            "file,label,usage",
            ["Training", "Training", "PublicTest", "PrivateTest"],
            [2, 1, 1],
        ),
        (
            "file,label,phase",
            ["train", "train", "valid", "test"],
            [2, 1, 1],
        ),
    ] {
        let classes = ["cat", "dog", "dog", "cat"];
        let names = ["a", "b", "c", "d"];
        let lines = names.iter().zip(classes).zip(rows);
        let lines = lines.map(|((name, class), row)| format!("{name},{class},{row}\n"));
        let list = format!("{header}\n{}", lines.collect::<String>());
        let data = listed.open(&list);
        let test = data.test.as_ref().map_or(0, |test| test.len());
        assert_eq!([data.train.len(), data.val.len(), test], expected, "{list}");
        assert!(data.notes[0].contains("splits from"), "{:?}", data.notes);
    }
    // Both, or neither yes nor no.
    for row in ["1,1", "2,0"] {
        let list = format!("file,label,is_train,is_test\na,cat,1,0\nb,dog,{row}\n");
        let error = listed.rejection(&list);
        assert!(
            error.contains("line 3") && error.contains("no valid split"),
            "{error}"
        );
    }
}

#[test]
fn classes_called_like_splits_are_classes_and_an_empty_column_is_told() {
    let listed = Listed::new(FLAT);
    let data = listed.open("file,bus,train,car,boat\na,1,0,0,0\nb,0,1,0,0\nc,0,1,0,0\nd,0,0,1,0\n");
    assert_eq!(data.classes, ["bus", "car", "train"]);
    assert_eq!(data.train.len(), 4);
    let notes = data.notes.join("\n");
    assert!(notes.contains("a 1 in the column `boat`"), "{notes}");
    // Of columns for classes and for splits each.
    let data = listed.open("file,bus,car,train,test\na,1,0,1,0\nb,0,1,1,0\nc,0,1,0,1\nd,1,0,0,1\n");
    assert_eq!(data.classes, ["bus", "car"]);
    assert_eq!(
        (data.train.len(), data.test.map(|test| test.len())),
        (2, Some(2))
    );
}

#[test]
fn folders_called_like_splits_are_splits_where_the_list_does_not_say() {
    let listed = Listed::new(&["train/1.png", "train/2.png", "val/1.png", "val/2.png"]);
    let data = listed.open("train/1.png,a\ntrain/2.png,b\nval/1.png,a\nval/2.png,b\n");
    assert_eq!(data.train.class_counts(), [1, 1]);
    assert_eq!(data.val.class_counts(), [1, 1]);
    assert!(data.test.is_none());
    assert!(data.notes.iter().any(|note| note.contains("define them")));
    let refused = listed.rejection("1.png,a\n2.png,b\n");
    assert!(
        refused.contains("line 1: `1.png` could be train/1.png or val/1.png"),
        "{refused}"
    );
}

#[test]
fn missing_files_are_an_error_like_damaged_ones_and_unnamed_ones_are_noted() {
    let listed = Listed::new(FLAT);
    let mut list = "file,class\na,cat\nb,dog\nc,dog\n".to_string();
    for i in 0..14 {
        list.push_str(&format!("x{i}.png,cat\n"));
    }
    let refused = listed.rejection(&list);
    assert!(refused.contains("14 of the 17 images"), "{refused}");
    assert!(refused.contains("line 5: `x0.png`"), "{refused}");
    assert!(
        refused.contains("line 14: `x9.png`\n  and 4 more"),
        "{refused}"
    );
    assert!(refused.contains("data.bad_images"), "{refused}");

    let skipping = DataOptions {
        val_fraction: 0.0,
        test_fraction: 0.0,
        ..skipping()
    };
    let listed = Listed::new(FLAT).with(|options| *options = skipping);
    let data = listed.open(&list);
    assert_eq!(data.train.class_counts(), [1, 2]);
    let notes = data.notes.join("\n");
    assert!(
        notes.contains("left out 14 images") && notes.contains("and 4 more"),
        "{notes}"
    );
    assert!(notes.contains("skipped 1 image"), "{notes}");
    assert!(notes.contains("`images/d.png`"), "{notes}");

    // A class without any image is not left out silently.
    let refused = listed.rejection("a,cat\nb,dog\nc,dog\nx,owl\n");
    assert!(refused.contains("there is no image of `owl`"), "{refused}");
}

#[test]
fn what_cannot_be_meant_is_rejected_with_its_lines() {
    let listed = Listed::new(FLAT);
    for (list, expected) in [
        (
            "a,cat\nb,\nc,dog\nd,\n",
            "2 of its rows have no class; fill in the class",
        ),
        ("a,cat\nb,\nc,dog\nd,\n", "line 2: `b`\n  line 4: `d`"),
        (
            "a,cat\nb,dog\na.png,dog\nc,dog\n",
            "line 3: `a.png`, unlike line 1",
        ),
        (
            "file,class,split\na,cat,train\nb,dog,train\na,cat,val\n",
            "line 4: `a`, unlike line 2",
        ),
        (
            "file,class\na,cat\n,dog\nb,dog\n",
            "1 of its rows names no file; fill in the file or remove the line:\n  line 3",
        ),
        (
            "file,class,split\na,cat,train\nb,dog,trian\n",
            "line 3: `b` has `trian`",
        ),
        (
            "file,class,split\na,cat,0\nb,dog,1\n",
            "use train, val or test",
        ),
        ("image,cat,dog\na,1,0\nb,1,1\n", "line 3: `b`"),
        ("image,cat,dog\na,1,0\nb,0,0\n", "has no class"),
        ("a,\"cat\nb,dog\nc,dog\n", "control characters"),
        ("a.png\nb.png\n", "single column"),
        ("x.png,cat\ny.png,dog\n", "none of its columns names images"),
        ("a,cat\nb,cat\n", "only one class"),
        (
            "file,class,split\na,cat,train\nb,dog,train\nc,dig,test\n",
            "did you mean `dog`?; correct or remove its lines",
        ),
    ] {
        let refused = listed.rejection(list);
        assert!(refused.contains(expected), "{list}: {refused}");
        assert!(!refused.contains("--"), "{refused}");
    }
    let data = listed.open("a,cat\nb,dog\na.png,cat\nc,dog\nd,dog\n");
    assert!(
        data.notes.iter().any(|n| n.contains("skipped 1 row")),
        "{:?}",
        data.notes
    );
    assert_eq!(data.train.len(), 4);
}

#[test]
fn the_class_column_can_be_named() {
    let list = "file,age,sex,dx_type\na,40,m,mel\nb,50,f,nv\nc,60,m,nv\nd,70,f,mel\n";
    let listed = Listed::new(FLAT);
    let refused = listed.rejection(list);
    assert!(refused.starts_with("data.label_column"), "{refused}");
    assert!(refused.contains("`age`, `sex`, `dx_type`"), "{refused}");
    for column in ["dx_type", "DX type", "4"] {
        let listed = Listed::new(FLAT).with(|o| o.label_column = Some(column.into()));
        assert_eq!(listed.open(list).classes, ["mel", "nv"]);
    }
    for column in ["dy", "5", "0", "file"] {
        let listed = Listed::new(FLAT).with(|o| o.label_column = Some(column.into()));
        let refused = listed.rejection(list);
        assert!(refused.contains("has no column"), "{refused}");
    }
}

#[test]
fn a_list_of_a_source_that_has_labels_is_rejected() {
    let options = DataOptions {
        labels: Some("labels.csv".into()),
        ..DataOptions::default()
    };
    let refused = receptive_data::open("fashion-mini", &options, &receptive_data::NoProgress);
    assert!(refused.unwrap_err().to_string().contains("data.labels"));
    let alone = DataOptions {
        label_column: Some("class".into()),
        ..DataOptions::default()
    };
    assert!(alone.check().is_err());
}

#[test]
fn a_name_with_accents_is_one_however_they_are_stored() {
    let listed = Listed::new(&["caf\u{e9}.png", "b.png", "c.png"]);
    let data = listed.open("cafe\u{301}.png,ch\u{ea}ne\nb,che\u{302}ne\nc,oak\n");
    assert_eq!(data.classes.len(), 2);
    assert_eq!(data.train.len(), 3);
}

#[test]
fn a_column_of_numbered_folds_is_said_to_have_no_influence() {
    let listed = Listed::new(FLAT);
    let list = "file,class,fold\na.png,cat,0\nb.png,dog,1\nc.png,dog,2\nd.png,cat,0\n";
    let data = listed.open(list);
    assert_eq!(data.train.len(), 4);
    let notes = data.notes.join("\n");
    assert!(
        notes.contains("`fold` is ignored") && notes.contains("`0`, `1`, `2`"),
        "{notes}"
    );
    let named = listed
        .open("file,class,fold\na.png,cat,train\nb.png,dog,train\nc.png,dog,val\nd.png,cat,test\n");
    assert_eq!((named.train.len(), named.val.len()), (2, 1));
    assert!(!named.notes.join("\n").contains("is ignored"));
}

#[test]
fn a_first_row_without_a_class_is_named_by_its_line() {
    let listed = Listed::new(FLAT);
    let error = listed.rejection("a.png,\nb.png,dog\nc.png,dog\nd.png,cat\n");
    assert!(
        error.contains("has no class") && error.contains("line 1"),
        "{error}"
    );
}

#[test]
fn the_number_of_missing_images_is_known() {
    let listed = Listed::new(FLAT).with(|options| *options = skipping());
    let data = listed.open("a.png,cat\nb.png,dog\nc.png,dog\nd.png,cat\nx.png,cat\n");
    assert_eq!(data.missing, 1);
}

#[test]
fn other_columns_of_images_and_columns_of_one_name_are_named() {
    let listed = Listed::new(&["1.png", "2.png"]);
    let data = listed.open("image,thumb,class\n1.png,2.png,cat\n2.png,1.png,dog\n");
    let notes = data.notes.join("\n");
    assert!(notes.contains("`thumb` also names images"), "{notes}");

    let list = "image,class,class\n1.png,cat,a\n2.png,dog,b\n";
    let column = |column: &str| {
        Listed::new(&["1.png", "2.png"]).with(|o| o.label_column = Some(column.into()))
    };
    let refused = column("class").rejection(list);
    assert!(
        refused.contains("2 columns `class`") && refused.contains("2 or 3"),
        "{refused}"
    );
    assert_eq!(column("3").open(list).classes, ["a", "b"]);
}

#[test]
fn a_list_that_is_no_file_is_rejected_without_advice_about_images() {
    let listed = Listed::new(&["1.png", "2.png"]);
    let root = listed.folder.path();
    for (list, found) in [
        (root.to_path_buf(), "is a folder"),
        (root.join("none.csv"), "does not exist"),
    ] {
        let options = DataOptions {
            labels: Some(list),
            ..uncut()
        };
        let error = open(root, &options).unwrap_err();
        assert!(error.is_usage(), "{error}");
        let text = error.to_string();
        assert!(text.contains(found) && text.contains("CSV file"), "{text}");
        assert!(!text.contains("remove"), "{text}");
    }
}
