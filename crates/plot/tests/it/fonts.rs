//! Class names in any script.

use crate::svg;
use receptive_plot::{Draw, Matrix};

/// Two matrices of the same counts.
fn matrix(names: [&str; 2]) -> Matrix {
    Matrix::new("", &names, &[8, 2, 1, 9])
}

#[test]
fn names_of_any_script_give_pictures_that_differ() {
    for (one, other) in [
        (["가나", "다라"], ["마바", "사아"]),
        (["猫", "犬"], ["鳥", "馬"]),
        (["قطة", "كلب"], ["طائر", "حصان"]),
        (["बिल्ली", "कुत्ता"], ["पक्षी", "घोड़ा"]),
        (["🐱", "🐶"], ["🐦", "🐴"]),
    ] {
        let (one, other) = (matrix(one), matrix(other));
        assert_ne!(
            one.to_png().unwrap(),
            other.to_png().unwrap(),
            "{:?}",
            one.classes
        );
        svg::check(&one.to_svg().unwrap());
    }
}

#[test]
fn a_name_that_no_font_has_is_its_classs_number_and_a_note_says_which() {
    // Never to be characters, so no font has them.
    let picture = matrix(["cat", "\u{fdd0}\u{fdd1}"]);
    let note = picture.page().unwrap().note().unwrap();
    assert!(
        note.contains("#1 is \u{fdd0}\u{fdd1}") && note.contains("install a font"),
        "{note}"
    );
    let svg = picture.to_svg().unwrap();
    for label in [
        "aria-label=\"cat\"",
        "aria-label=\"#1\"",
        "aria-label=\"Note: no installed font",
    ] {
        assert!(svg.contains(label), "{label}");
    }
    let (plain, noted) = (
        picture.scene().unwrap().size(),
        picture.page().unwrap().size(),
    );
    assert!(noted.1 > plain.1 + 10.0, "{plain:?} {noted:?}");
    // Of a part of the classes, the number among all.
    let part = Matrix {
        numbers: vec![70, 412],
        ..picture
    };
    assert!(part.to_svg().unwrap().contains("aria-label=\"#412\""));
    let other = matrix(["cat", "\u{fdd2}"]);
    assert_ne!(
        matrix(["cat", "\u{fdd3}"]).to_png().unwrap(),
        other.to_png().unwrap()
    );
}

#[test]
fn a_picture_in_the_bundled_font_has_no_note_and_no_other_glyphs() {
    let picture = matrix(["café", "Łódź, д и ß"]);
    assert_eq!(picture.page().unwrap().note(), None);
    assert!(!picture.to_svg().unwrap().contains("id=\"s"));
}

/// Which fonts there are is found out once in a process, so each of these has one of its own.
#[cfg(target_os = "linux")]
mod installed {
    use super::matrix;
    use crate::font_file::font;
    use receptive_plot::Draw;
    use std::path::Path;
    use std::process::Command;

    /// Runs an ignored test of this file where the fonts of one directory are the only ones.
    fn with_fonts(directory: &Path, test: &str) {
        let config = directory.join("fonts.conf");
        let fonts = format!(
            "<?xml version=\"1.0\"?><fontconfig><dir>{}</dir></fontconfig>",
            directory.display()
        );
        std::fs::write(&config, fonts).unwrap();
        let test = format!("fonts::installed::{test}");
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &test, "--ignored"])
            .env("FONTCONFIG_FILE", config)
            .output()
            .unwrap();
        let out = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && out.contains("1 passed"), "{out}");
    }

    #[test]
    fn a_name_is_drawn_with_a_font_that_has_it() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("bars.ttf"), font(&['가', '나', '다'])).unwrap();
        std::fs::write(directory.path().join("damaged.ttf"), &font(&['라'])[..90]).unwrap();
        with_fonts(directory.path(), "the_font_has_three_characters");
    }

    #[test]
    #[ignore = "run by the test above"]
    fn the_font_has_three_characters() {
        let drawn = matrix(["가나", "나가 cat"]);
        assert_eq!(drawn.page().unwrap().note(), None);
        let svg = drawn.to_svg().unwrap();
        // A bar of a tenth of the bundled font's 2048 units, and one of a fifth.
        assert!(
            svg.contains("L1638.4 204.8") && svg.contains("L1638.4 409.6"),
            "{svg}"
        );
        assert_ne!(
            drawn.to_png().unwrap(),
            matrix(["나가", "가나 cat"]).to_png().unwrap()
        );
        // Its other characters are in no font.
        let note = matrix(["가나", "다라"]).page().unwrap().note().unwrap();
        assert!(
            note.contains("(Hangul)") && note.contains("#1 is 다라"),
            "{note}"
        );
        assert!(!note.contains("#0"), "{note}");
    }

    #[test]
    fn without_a_font_names_are_told_apart_by_numbers_and_codes() {
        let directory = tempfile::tempdir().unwrap();
        with_fonts(directory.path(), "there_is_no_font");
    }

    #[test]
    #[ignore = "run by the test above"]
    fn there_is_no_font() {
        let (one, other) = (matrix(["가나", "다라"]), matrix(["마바", "사아"]));
        let note = one.page().unwrap().note().unwrap();
        assert!(
            note.contains("#0 is 가나, #1 is 다라") && note.contains("fonts-nanum"),
            "{note}"
        );
        assert_ne!(one.to_png().unwrap(), other.to_png().unwrap());
    }
}
