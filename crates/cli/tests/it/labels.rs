//! Labels from a list, groups and archives, from `data` to `evaluate`.

use crate::{done, json, output, text};
use image::{GrayImage, Luma};
use std::fs;
use std::path::Path;

/// Thirty flat pictures of ten plants in two classes, and their list.
fn plants(root: &Path) {
    fs::create_dir_all(root.join("images")).unwrap();
    let mut list = "image_id;species;plant\n".to_string();
    for i in 0..30u32 {
        let plant = i / 3;
        let picture = GrayImage::from_fn(16, 16, |x, y| {
            Luma([if plant % 2 == 0 { 8 * x + i } else { 8 * y + i } as u8])
        });
        picture.save(root.join(format!("images/{i}.png"))).unwrap();
        list.push_str(&format!(
            "{i};{};{plant}\n",
            ["oak", "ash"][plant as usize % 2]
        ));
    }
    fs::write(root.join("labels.csv"), list).unwrap();
}

/// A message without its line breaks.
fn words(bytes: &[u8]) -> String {
    let text = text(bytes);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_run_remembers_its_label_list() {
    let directory = tempfile::tempdir().unwrap();
    let [root, run] = ["plants", "run"].map(|name| directory.path().join(name));
    plants(&root);
    let labels = root.join("labels.csv");
    let (source, labels, run) = (
        root.to_str().unwrap(),
        labels.to_str().unwrap(),
        run.to_str().unwrap(),
    );
    let data = json(&["data", source, "--labels", labels, "--json"]);
    assert_eq!(data["classes"], serde_json::json!(["ash", "oak"]));
    let notes = data["notes"].to_string();
    assert!(notes.contains("30 images in 10 groups"), "{notes}");
    let train = |arguments: &[&str]| {
        let always = [
            "train", source, "--preset", "tutorial", "--epochs", "1", "--json",
        ];
        output(&[&always[..], arguments].concat())
    };
    let trained = train(&["--labels", labels, "--run-dir", run]);
    assert!(trained.status.success(), "{}", text(&trained.stderr));
    let evaluated = json(&["evaluate", run, "--json"]);
    assert_eq!(evaluated["split"], "test");

    let refused = train(&["--labels", labels, "--group", "(x)"]);
    assert_eq!(refused.status.code(), Some(2));
    let message = words(&refused.stderr);
    assert!(
        message.contains("matches no file") && message.contains("set by --group"),
        "{message}"
    );
    fs::remove_file(root.join("images/7.png")).unwrap();
    let refused = train(&["--labels", labels]);
    assert_eq!(refused.status.code(), Some(1));
    let message = words(&refused.stderr);
    assert!(message.contains("line 9: `7`"), "{message}");
    assert!(message.contains("--bad-images skip"), "{message}");
    // Not where a class would lose all of its images: then training cannot begin.
    let next = |source: &str| {
        let shown = done(&["data", source, "--labels", labels]);
        let next = shown.split("next ").last().unwrap_or_default();
        next.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(next(source).contains("--bad-images skip"));
    let list = fs::read_to_string(labels).unwrap();
    fs::write(labels, list + "40;elm;20\n41;elm;20\n").unwrap();
    assert!(
        next(source).contains("restore the images of `elm`"),
        "{}",
        next(source)
    );
}
