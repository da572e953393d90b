//! ONNX files and files of weights damaged in thousands of ways are rejected with an error message, or read.

use crate::networks;
use burn::tensor::Device;
use receptive_interchange::{
    OnnxInput, OnnxReadOptions, read as read_weights, read_onnx, to_onnx, to_safetensors,
};
use receptive_model::{Artifact, InputSpec, ModelConfig};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

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

fn artifact(config: &ModelConfig) -> Artifact {
    let plan = config.plan().unwrap();
    Artifact {
        model: plan.init(&Device::flex()),
        classes: (0..plan.classes).map(|class| class.to_string()).collect(),
        input: InputSpec::new(plan.input()),
        temperature: None,
    }
}

fn exported(config: &ModelConfig) -> Vec<u8> {
    to_onnx(&artifact(config), OnnxInput::Normalised).unwrap()
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

/// Flips bits, overwrites a part with another, or leaves one out.
fn mutate(bytes: &mut Vec<u8>, round: usize, random: &mut Random) {
    match round % 4 {
        0 | 1 => {
            for _ in 0..=random.below(4) {
                let at = random.below(bytes.len());
                bytes[at] ^= 1 << random.below(8);
            }
        }
        2 => {
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
}

/// Reads files, each mutated up to eight times in a row, until `is_enough`; returns their number.
fn mutated(
    seeds: &[Vec<u8>],
    mut random: Random,
    is_enough: impl Fn(usize) -> bool,
    read: impl Fn(&Path, &[u8]),
) -> usize {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mutated");
    let (mut bytes, mut done) = (Vec::new(), 0);
    while !is_enough(done) {
        if done % 8 == 0 || bytes.len() < 16 {
            bytes.clone_from(&seeds[random.below(seeds.len())]);
        }
        let kind = random.below(4);
        mutate(&mut bytes, kind, &mut random);
        read(&path, &bytes);
        done += 1;
    }
    done
}

fn mutated_weights(is_enough: impl Fn(usize) -> bool) -> usize {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
    let artifact = artifact(&crate::tiny().with_classes(10));
    let mut seeds = vec![to_safetensors(&artifact).unwrap()];
    for file in ["checkpoint.pt", "nested.pt"] {
        seeds.push(fs::read(python.join(file)).unwrap());
    }
    mutated(&seeds, Random(3), is_enough, |path, bytes| {
        fs::write(path, bytes).unwrap();
        if let Err(error) = read_weights(path, None) {
            let message = error.to_string();
            assert!(message.contains(&*path.to_string_lossy()), "{message}");
        }
    })
}

fn mutated_networks(is_enough: impl Fn(usize) -> bool) -> usize {
    let seeds =
        [networks::every_kind(), crate::tiny().with_classes(10)].map(|config| exported(&config));
    mutated(&seeds, Random(4), is_enough, |path, bytes| {
        read(path, bytes);
    })
}

#[test]
fn mutated_weights_never_panic() {
    mutated_weights(|done| done >= 2000);
}

/// Whether `RECEPTIVE_FUZZ_MINUTES`, 30 by default, are over.
fn is_over() -> impl Fn(usize) -> bool {
    let minutes = std::env::var("RECEPTIVE_FUZZ_MINUTES");
    let minutes: u64 = minutes.map_or(30, |text| text.parse().unwrap());
    let end = Instant::now() + Duration::from_secs(60 * minutes);
    move |_| Instant::now() > end
}

#[test]
#[ignore = "long"]
fn mutated_networks_never_panic_long() {
    println!("{} mutated networks", mutated_networks(is_over()));
}

#[test]
#[ignore = "long"]
fn mutated_weights_never_panic_long() {
    println!("{} mutated files of weights", mutated_weights(is_over()));
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
            mutate(&mut bytes, round, &mut random);
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
