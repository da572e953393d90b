//! `receptive features`: what the network makes of a picture.

use crate::{json, output, text, train};

#[test]
fn maps_and_filters_are_drawn_and_the_strongest_come_first() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_string();
    let (run, picture, out) = (at("run"), at("picture.png"), at("out"));
    train(run.as_ref());
    let image = image::GrayImage::from_fn(40, 30, |x, y| image::Luma([(x * 5 + y * 3) as u8]));
    image.save(&picture).unwrap();
    let arguments = [
        "features", &run, &picture, "--layer", "all", "--out", &out, "--json",
    ];
    let seen = json(&arguments);
    assert_eq!(seen["top"].as_array().unwrap().len(), 3);
    // Of the tutorial's layers the convolution and the pool give maps.
    let layers = seen["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 2);
    assert_eq!(layers[1]["size"], serde_json::json!([14, 14]));
    let means: Vec<f64> = layers[0]["channels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|channel| channel["mean"].as_f64().unwrap())
        .collect();
    assert_eq!(means.len(), 16);
    assert!(
        means.is_sorted_by(|a, b| a >= b) && means[0] > 0.0,
        "{means:?}"
    );
    for file in seen["files"].as_array().unwrap() {
        image::open(file.as_str().unwrap()).unwrap();
    }
    assert_eq!(seen["files"].as_array().unwrap().len(), 3);
}

#[test]
fn a_layer_without_maps_names_those_that_have_some() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_string();
    let (run, picture) = (at("run"), at("picture.png"));
    train(run.as_ref());
    image::GrayImage::new(28, 28).save(&picture).unwrap();
    let output = output(&[
        "features",
        &run,
        &picture,
        "--layer",
        "4",
        "--out",
        &at("out"),
    ]);
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(
        errors.contains("layers with feature maps are 1, 2"),
        "{errors}"
    );
}

#[test]
fn the_sample_photographs_are_pictures_like_any_other() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_string();
    let (run, out) = (at("run"), at("out"));
    train(run.as_ref());
    for name in ["china", "flower"] {
        let photo = format!(
            "{}/../data/assets/photos/{name}.jpg",
            env!("CARGO_MANIFEST_DIR")
        );
        let words = crate::done(&["features", &run, &photo, "--layer", "1", "--out", &out]);
        assert!(words.contains("16 feature maps of 28x28"), "{words}");
        assert!(words.contains("strongest channels"), "{words}");
    }
}
