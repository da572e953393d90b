use std::path::Path;

use receptive_plot::{Chart, Curve, Draw, Panel, PlotError};

fn picture() -> Chart {
    Chart::new("recall").panel(Panel::new("").curve(Curve::new("shirt", &[(1.0, 0.8)])))
}

#[test]
fn the_extension_picks_the_format() {
    let folder = tempfile::tempdir().unwrap();
    for (name, start) in [("a.png", &b"\x89PNG"[..]), ("a.SVG", b"<svg")] {
        picture().write(&folder.path().join(name)).unwrap();
        assert!(
            std::fs::read(folder.path().join(name))
                .unwrap()
                .starts_with(start)
        );
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 2, "no draft stays behind");
}

#[test]
fn another_extension_is_an_error_that_names_both() {
    for (name, found) in [("a.jpg", ".jpg"), ("a", "no extension")] {
        let error = picture().write(Path::new(name)).unwrap_err();
        assert!(matches!(error, PlotError::Extension { .. }));
        assert!(error.is_usage());
        let text = error.to_string();
        assert!(
            text.contains(".png") && text.contains(".svg") && text.contains(found),
            "{text}"
        );
    }
}

#[test]
fn an_own_file_is_replaced_anothers_kept_and_a_missing_folder_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.svg");
    let read = || std::fs::read_to_string(&path).unwrap();
    let older = Panel::new("").curve(Curve::new("boot", &[(2.0, 0.5)]));
    Chart::new("precision").panel(older).write(&path).unwrap();
    picture().write(&path).unwrap();
    assert_eq!(read(), picture().to_svg().unwrap());
    std::fs::write(&path, "<svg>of somebody else</svg>").unwrap();
    let error = picture().write(&path).unwrap_err().to_string();
    assert!(error.contains("choose another name"), "{error}");
    assert_eq!(read(), "<svg>of somebody else</svg>");

    let missing = folder.path().join("none").join("a.png");
    let error = picture().write(&missing).unwrap_err().to_string();
    assert!(
        error.starts_with("could not write ") && error.contains("none"),
        "{error}"
    );
}

#[test]
fn the_same_picture_gives_the_same_bytes() {
    assert_eq!(picture().to_png().unwrap(), picture().to_png().unwrap());
    assert_eq!(picture().to_svg().unwrap(), picture().to_svg().unwrap());
}
