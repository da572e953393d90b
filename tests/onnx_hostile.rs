//! ONNX files damaged in thousands of ways are rejected with an error message, or read.

use crate::networks;
use burn::tensor::Device;
use receptive_interchange::{OnnxInput, OnnxReadOptions, read_onnx, to_onnx};
use receptive_model::{Artifact, InputSpec, ModelConfig};
use std::fs;
use std::path::Path;

/// Pseudo-random numbers, the same every time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end.max(1)
    }
}

fn exported(config: &ModelConfig) -> Vec<u8> {
    let plan = config.plan().unwrap();
    let artifact = Artifact {
        model: plan.init(&Device::flex()),
        classes: (0..plan.classes).map(|class| class.to_string()).collect(),
        input: InputSpec::new(plan.input()),
        temperature: None,
    };
    to_onnx(&artifact, OnnxInput::Normalised).unwrap()
}

/// Reads the file and builds the network.
fn read(path: &Path, bytes: &[u8]) -> bool {
    fs::write(path, bytes).unwrap();
    match read_onnx(path, OnnxReadOptions::default()) {
        Ok(network) => network.config.plan().is_ok(),
        Err(error) => {
            let message = error.to_string();
            assert!(message.contains(&*path.to_string_lossy()), "{message}");
            assert!(!message.contains("this is a bug"), "{message}");
            false
        }
    }
}

#[test]
fn thousands_of_damaged_files_never_panic() {
    damage(1, 2000);
}

/// Takes a quarter of an hour.
#[test]
#[ignore = "long"]
fn thousands_of_damaged_files_never_panic_long() {
    damage(2, 60_000);
}

/// Truncated files, flipped bits, copied parts and gaps: `rounds` random ones for each network.
fn damage(seed: u64, rounds: usize) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("damaged.onnx");
    let mut random = Random(seed);
    let (mut valid, mut all) = (0, 0);
    for config in [networks::every_kind(), crate::tiny().with_classes(10)] {
        let whole = exported(&config);
        assert!(read(&path, &whole));
        // The structure is at the beginning of the file, and after the weights.
        for cut in (0..whole.len().min(3000))
            .step_by(7)
            .chain([whole.len() - 1])
        {
            assert!(!read(&path, &whole[..cut]), "cut at {cut}");
            all += 1;
        }
        for round in 0..rounds {
            let mut bytes = whole.clone();
            match round % 4 {
                0 | 1 => {
                    for _ in 0..=random.below(4) {
                        let at = random.below(bytes.len());
                        bytes[at] ^= 1 << random.below(8);
                    }
                }
                2 => {
                    // Overwrite a part of the file with another part.
                    let length = random.below(200);
                    let (from, to) = (random.below(bytes.len()), random.below(bytes.len()));
                    let length = length.min(bytes.len() - from).min(bytes.len() - to);
                    bytes.copy_within(from..from + length, to);
                }
                _ => {
                    let at = random.below(bytes.len());
                    let end = (at + random.below(40)).min(bytes.len());
                    bytes.drain(at..end);
                }
            }
            valid += usize::from(read(&path, &bytes));
            all += 1;
        }
    }
    // A flipped bit in a weight cannot be detected.
    println!("{all} damaged files, {valid} read");
    assert!(
        all > 2 * rounds && valid < all / 2 + all / 4,
        "{valid} of {all}"
    );
}
