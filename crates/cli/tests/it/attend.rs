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
