//! Tracking the receptive field during training changes nothing else.

use burn::tensor::Device;
use receptive_train::{FieldConfig, RunDirectory};

#[test]
fn tracking_the_field_adds_columns_and_a_figure_and_keeps_the_weights() {
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
        &mut [],
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
    // Before training, after epoch 1 and after epoch 2.
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
    // The settings are in the run's config.
    let config = RunDirectory::open(&path).unwrap().config().unwrap();
    assert_eq!(config.track_erf.unwrap().times, 3);
}
