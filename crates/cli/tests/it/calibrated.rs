//! Calibrated probabilities and test-time augmentation: `train`, `evaluate`, `predict`, `report`.

use crate::{done, json, output, text};
use image::{GrayImage, Luma};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A run with enough validation images for a temperature.
fn trained(run: &str) -> Value {
    json(&[
        "train",
        "--preset",
        "tutorial",
        "--limit",
        "700",
        "--epochs",
        "2",
        "--threads",
        "2",
        "--run-dir",
        run,
        "--json",
    ])
}

fn picture(path: &Path) -> String {
    let picture = GrayImage::from_fn(28, 28, |x, y| Luma([(9 * x + 5 * y * (x % 3)) as u8]));
    picture.save(path).unwrap();
    path.to_str().unwrap().into()
}

fn probability(arguments: &[&str]) -> (f64, Value) {
    let answer = json(arguments);
    (answer["top"][0]["probability"].as_f64().unwrap(), answer)
}

#[test]
fn probabilities_are_calibrated_on_the_validation_split_and_say_so() {
    let parent = tempfile::tempdir().unwrap();
    let run = parent.path().join("run");
    let (run, last) = (run.to_str().unwrap(), run.join("last"));
    let last = last.to_str().unwrap();
    let temperature = trained(run)["temperature"].as_f64().unwrap();
    assert!((0.05..20.0).contains(&temperature) && temperature != 1.0);

    // On the images that it was fitted on the loss cannot rise.
    let evaluated = json(&["evaluate", run, "--split", "val", "--tta", "flip", "--json"]);
    let calibration = &evaluated["calibration"];
    assert_eq!(calibration["temperature"], temperature);
    let nll = |of: &str| calibration[of]["nll"].as_f64().unwrap();
    assert!(nll("after") <= nll("before"), "{calibration}");
    assert!((nll("before") - evaluated["loss"].as_f64().unwrap()).abs() < 1e-9);
    let bins = calibration["after"]["bins"].as_array().unwrap();
    let images: u64 = bins.iter().map(|bin| bin["images"].as_u64().unwrap()).sum();
    assert_eq!(
        (bins.len(), images),
        (15, evaluated["images"].as_u64().unwrap())
    );
    let optimistic = "the temperature was fitted on these images";
    assert!(evaluated["notes"].to_string().contains(optimistic));
    let tested = json(&["evaluate", run, "--json"]);
    assert_eq!(tested["split"], "test");
    assert!(!tested["notes"].to_string().contains(optimistic));
    assert_eq!(evaluated["tta"]["views"], 2);
    assert_eq!(evaluated["tta"]["images"], evaluated["images"]);

    let shown = done(&["evaluate", run, "--tta", "crops"]);
    assert!(shown.contains("with 12 views per image: top-1"), "{shown}");
    assert!(shown.contains("calibrated: loss"), "{shown}");
    for line in shown
        .lines()
        .filter(|line| line.contains("views") || line.contains("calibrated"))
    {
        assert!(line.chars().count() <= 80, "{line}");
    }

    let image = picture(&parent.path().join("image.png"));
    let (plain, answer) = probability(&["predict", run, &image, "--json"]);
    assert_eq!(answer["temperature"], temperature);
    let said = output(&["predict", run, &image]);
    let message = text(&said.stderr);
    assert!(message.contains("are calibrated on"), "{message}");
    let again = probability(&["predict", run, &image, "--tta", "crops", "--json"]);
    assert_eq!(
        again,
        probability(&["predict", run, &image, "--tta", "crops", "--json"])
    );
    assert_ne!(again.0, plain);

    // A model without a temperature, as of an earlier version.
    let (raw, answer) = probability(&["predict", last, &image, "--json"]);
    assert_eq!(answer["temperature"], Value::Null);
    let said = output(&["predict", last, &image]);
    let message = text(&said.stderr);
    assert!(message.contains("not calibrated"), "{message}");
    // Both epochs may be the same model; the temperature alone makes the difference then.
    assert_ne!(raw, plain);
    let shown = done(&["evaluate", last]);
    assert!(shown.contains("not calibrated"), "{shown}");

    json(&["report", run, "--samples", "50", "--json"]);
    let page = fs::read_to_string(format!("{run}/report.html")).unwrap();
    assert!(page.contains("id=\"probabilities\""), "{page}");
    let words = page.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("divided by a temperature of"));
}

#[test]
fn too_few_validation_images_leave_the_probabilities_as_they_are() {
    let parent = tempfile::tempdir().unwrap();
    let run = parent.path().join("run");
    let run = run.to_str().unwrap();
    let shown = done(&[
        "train",
        "--preset",
        "tutorial",
        "--limit",
        "100",
        "--epochs",
        "1",
        "--tui",
        "off",
        "--run-dir",
        run,
    ]);
    let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("validation images are too few to fit a temperature"),
        "{shown}"
    );
    assert!(words.contains("calibrated no: "), "{shown}");
    let evaluated = json(&["evaluate", run, "--json"]);
    assert_eq!(evaluated["calibration"]["temperature"], Value::Null);
    assert_eq!(evaluated["calibration"]["after"], Value::Null);
}
