//! `receptive attend`: where the network looks.

use crate::{done, json, output, text, train};
use std::path::Path;

/// A photograph of the data crate's.
const FLOWER: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../data/assets/photos/flower.jpg"
);

#[test]
fn each_class_gets_a_row_maps_and_numbers() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_string();
    let (run, out) = (at("run"), at("out"));
    train(run.as_ref());
    let two = ["attend", &run, FLOWER, "--classes", "2", "--out", &out];
    let seen = json(&[&two[..], &["--json"]].concat());
    // The tutorial's only convolution.
    assert_eq!(seen["name"], "conv2d_1");
    let classes = seen["classes"].as_array().unwrap();
    assert_eq!(classes.len(), 2);
    let probability = |i: usize| classes[i]["probability"].as_f64().unwrap();
    assert!(probability(0) >= probability(1));
    assert_eq!(classes[0]["cam"]["size"], serde_json::json!([28, 28]));
    assert_eq!(classes[0]["cam"]["values"].as_array().unwrap().len(), 784);
    assert!(classes[0]["gradient"].as_f64().unwrap() > 0.0);
    // The picture, and three maps a class.
    let files = seen["files"].as_array().unwrap();
    assert_eq!(files.len(), 7);
    for file in files {
        let path = Path::new(file.as_str().unwrap());
        let bytes = std::fs::read(path).unwrap();
        match path.extension().unwrap().to_str().unwrap() {
            "png" => drop(image::load_from_memory(&bytes).unwrap()),
            _ => assert_eq!(bytes.len() % 64, (784 * 8) % 64, "{}", path.display()),
        }
    }
    let words = done(&two);
    assert!(words.contains("layer    1 (conv2d_1)"), "{words}");
    assert_eq!(words.matches("\ncam ").count(), 2, "{words}");
    // Only a path may be longer than a terminal is wide.
    for line in words.lines().filter(|line| !line.contains('/')) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn what_can_not_be_asked_is_a_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_string();
    let (run, out) = (at("run"), at("out"));
    train(run.as_ref());
    for (flag, value, words) in [
        ("--layer", "4", "layers with feature maps are 1, 2"),
        ("--layer", "conv9", "has no layer `conv9`"),
        ("--classes", "0", "1 or more"),
    ] {
        let output = output(&["attend", &run, FLOWER, flag, value, "--out", &out]);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains(words), "{errors}");
    }
}

#[test]
fn classes_are_chosen_by_name_and_several_images_are_explained_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_string();
    let (run, out) = (at("run"), at("out"));
    train(run.as_ref());
    let named = [
        "--class", "Bag,Coat", "--class", "Bag", "--smooth", "0", "--out", &out,
    ];
    let seen = json(&[&["attend", &run, FLOWER, "--json"], &named[..]].concat());
    let classes = seen["classes"].as_array().unwrap();
    let names: Vec<&str> = classes
        .iter()
        .map(|class| class["class"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["Bag", "Coat"]);
    assert!(directory.path().join("out/attend.png").is_file());

    std::fs::create_dir_all(at("photos/more")).unwrap();
    for copy in ["photos/flower.jpg", "photos/more/flower.jpg"] {
        std::fs::copy(FLOWER, at(copy)).unwrap();
    }
    std::fs::write(at("photos/damaged.png"), "damaged").unwrap();
    let photos = at("photos");
    let several = [&["attend", &run, &photos, "--json"], &named[..]].concat();
    let output = output(&several);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("damaged.png"));
    let lines: Vec<serde_json::Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    // In the order of their names: the damaged one comes first.
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["kind"], "failure");
    assert!(lines[0]["image"].as_str().unwrap().ends_with("damaged.png"));
    assert_eq!(lines[1]["classes"], lines[2]["classes"]);
    assert_eq!(lines[1]["classes"], seen["classes"]);
    for folder in ["out/flower", "out/flower-2"] {
        assert!(directory.path().join(folder).join("attend.png").is_file());
    }

    // Results do not depend on whether the files can be written; somebody's figure is kept.
    for figure in ["out/flower/attend.png", "out/attend.png"] {
        std::fs::write(at(figure), "a holiday").unwrap();
    }
    let output = crate::output(&several);
    assert_eq!(output.status.code(), Some(1));
    // The last line says why it failed.
    assert_eq!(text(&output.stdout).lines().count(), 4, "{output:?}");
    let output = crate::output(&[&["attend", &run, FLOWER, "--json"], &named[..]].concat());
    assert_eq!(output.status.code(), Some(1));
    let answers = text(&output.stdout);
    let kept: serde_json::Value =
        serde_json::from_str(answers.lines().next().unwrap_or_default()).unwrap();
    assert_eq!(kept["classes"], seen["classes"]);
    assert_eq!(kept["files"], serde_json::json!([]));
    assert_eq!(std::fs::read(at("out/attend.png")).unwrap(), b"a holiday");

    let refused = crate::output(&["attend", &run, FLOWER, "--class", "bag", "--out", &out]);
    let errors = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{errors}");
    assert!(
        errors.contains("did you mean `Bag`? (set by --class)"),
        "{errors}"
    );
}
