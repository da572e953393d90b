//! The receptive field is measured while a network trains, and that changes nothing else.

use burn::tensor::Device;
use receptive_train::{FieldConfig, RunDirectory};

#[test]
fn tracking_the_field_leaves_columns_a_picture_and_the_same_weights() {
    let device = Device::flex();
    let untracked = crate::run(crate::tiny_run(), &device).unwrap();
    let mut config = crate::tiny_run();
    config.track_erf = Some(FieldConfig {
        layer: Some("4".into()),
        times: 3,
        samples: 20,
    });
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("run");
    let tracked = crate::run_in(
        &path,
        config,
        &device,
        &mut receptive_train::Quiet,
        &receptive_train::Stop::default(),
    )
    .unwrap();
    assert_eq!(tracked.weights_sha256, untracked.weights_sha256);

    let csv = std::fs::read_to_string(path.join("metrics.csv")).unwrap();
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let sigma = header.iter().position(|name| *name == "erf_sigma").unwrap();
    let verdict = header
        .iter()
        .position(|name| *name == "erf_verdict")
        .unwrap();
    // Before, after epoch 1 and after epoch 2.
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        assert_eq!(fields.len(), header.len(), "{line}");
        assert!(fields[sigma].parse::<f64>().unwrap() > 0.0, "{line}");
        assert!(!fields[verdict].is_empty(), "{line}");
    }
    let log = std::fs::read_to_string(path.join("log.jsonl")).unwrap();
    assert!(
        log.lines().any(|line| line.contains("\"event\":\"erf\"")),
        "{log}"
    );
    let png = std::fs::read(path.join("erf.png")).unwrap();
    assert!(image::load_from_memory(&png).unwrap().width() > 300);
    // What was asked for is in the run's own config.
    let config = RunDirectory::open(&path).unwrap().config().unwrap();
    assert_eq!(config.track_erf.unwrap().times, 3);
}
