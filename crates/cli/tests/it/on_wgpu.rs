//! What runs on a GPU, or on lavapipe: that its time is waited for, and that its failures are sentences.

use crate::{done, output, text};
use serde_json::Value;

#[test]
fn bench_waits_until_the_device_has_computed_a_step() {
    let printed = done(&[
        "bench",
        "fashion",
        "--infer",
        "--batch",
        "16",
        "--steps",
        "3",
        "--backend",
        "wgpu",
        "--json",
    ]);
    let timing: Value = serde_json::from_str(&printed).unwrap();
    // For half of the images or fewer, each with a wait of its own.
    let layers = timing["layers"].as_array().unwrap().iter();
    let layers: f64 = layers.map(|layer| layer["ms"].as_f64().unwrap()).sum();
    let fastest = timing["ms_p10_p90"][0].as_f64().unwrap();
    assert!(timing["layer_images"].as_u64().unwrap() <= 8, "{printed}");
    assert!(fastest >= 0.5 * layers, "{printed}");
}

#[test]
fn a_device_without_memory_is_a_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let run = directory.path().join("run");
    let run = run.to_str().unwrap();
    let bench = "bench fashion --infer --batch 40000 --steps 1 --backend wgpu";
    let train = "train fashion-mini --preset vgg --epochs 1 --batch-size 9000 --backend wgpu --tui off --run-dir";
    for (command, last) in [(bench, None), (train, Some(run))] {
        let arguments: Vec<&str> = command.split(' ').chain(last).collect();
        let output = output(&arguments);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command}: {error}");
        assert!(
            error.contains("error: the backend failed in") && error.contains("is out of memory"),
            "{command}: {error}"
        );
        assert!(
            !error.contains("panicked") && !error.contains("bug"),
            "{command}: {error}"
        );
        assert!(!error.contains("checkpoints are intact"), "{error}");
    }
}
