//! Label lists whose names, or images, were converted since.

use crate::listed::Listed;
use crate::make::skipping;

const NUMBERED: &[&str] = &["001.png", "002.png", "003.png", "010.png"];

#[test]
fn images_are_found_by_other_extensions_and_by_numbers_without_their_zeros() {
    let listed = Listed::new(NUMBERED);
    for list in [
        "file,class\n1,cat\n2,dog\n3,dog\n10,cat\n",
        "file,class\n001.HEIC,cat\n002.heic,dog\n003.png,dog\n010.jpg,cat\n",
        "file,class\n1.jpg,cat\n2.jpg,dog\n003,dog\n0010.png,cat\n",
    ] {
        let data = listed.open(list);
        let expected = [
            "train: 001.png cat",
            "train: 002.png dog",
            "train: 003.png dog",
            "train: 010.png cat",
        ];
        assert_eq!(listed.images(&data), expected, "{list}");
        let notes = data.notes.join("\n");
        assert!(
            notes.contains("with another extension, or without its leading zeros"),
            "{notes}"
        );
        assert!(notes.contains("is 001.png"), "{notes}");
    }
}

#[test]
fn an_image_that_two_rows_may_mean_or_that_has_its_own_row_is_taken_for_neither() {
    let listed = Listed::new(NUMBERED);
    let missing = listed.rejection("file,class\n1,cat\n01,dog\n002.png,dog\n003.png,cat\n");
    assert!(missing.contains("2 of the 4 images"), "{missing}");
    let missing =
        listed.rejection("file,class\n2.jpg,cat\n002.png,dog\n003.png,cat\n001.png,dog\n");
    assert!(missing.contains("`2.jpg`"), "{missing}");
}

#[test]
fn a_list_of_which_one_class_is_left_says_what_became_of_the_others() {
    let listed = Listed::new(NUMBERED).with(|options| *options = skipping());
    let refused = listed.rejection("file,class\nx.png,cat\ny.png,cat\n001.png,dog\n002.png,dog\n");
    assert!(refused.contains("line 2: `x.png`"), "{refused}");
}

#[test]
fn a_long_name_is_cut_in_messages() {
    let listed = Listed::new(NUMBERED);
    let name = "n".repeat(100_000);
    let refused = listed.rejection(format!(
        "file,class\n{name},cat\n001.png,dog\n002.png,cat\n"
    ));
    assert!(
        refused.len() < 1000 && refused.contains("nnn...`"),
        "{} bytes",
        refused.len()
    );
}

#[test]
fn flags_may_say_yes_and_no_and_comments_need_no_blank() {
    let listed = Listed::new(NUMBERED);
    let list = "#made by hand\n#on Monday\nfile,class,is_train\n\
                001,cat,yes\n002,dog,Yes\n003,dog,no\n010,cat,no\n";
    let expected = [
        "train: 001.png cat",
        "train: 002.png dog",
        "test: 003.png dog",
        "test: 010.png cat",
    ];
    assert_eq!(listed.images(&listed.open(list)), expected);
    let refused = listed.rejection(list.replace("Yes", "perhaps"));
    assert!(
        refused.contains("`perhaps`") && refused.contains("1 or 0"),
        "{refused}"
    );
    let headed = listed.open("#file,class\n001,cat\n002,dog\n003,dog\n010,cat\n");
    assert_eq!(headed.classes, ["cat", "dog"]);
}

#[test]
fn an_image_among_masks_or_thumbnails_is_not_taken_for_a_missing_one() {
    let listed = Listed::new(&[
        "images/1.png",
        "images/2.png",
        "masks/3.png",
        "thumbs/4.png",
    ]);
    let missing = listed.rejection("file,class\n1.png,cat\n2.png,dog\n3.jpg,cat\n4.jpg,dog\n");
    assert!(
        missing.contains("`3.jpg`") && missing.contains("`4.jpg`"),
        "{missing}"
    );
}
