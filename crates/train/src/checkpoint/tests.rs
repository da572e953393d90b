//! T5, T6, T7 of docs/reliability.md: no damaged or hostile checkpoint is accepted, and none panics.
#![allow(clippy::unwrap_used)] // the lint spares test functions, not what they call

mod averaged;
mod fallback;
mod older;

use super::load::load;
use super::{
    Contents, FORMAT, MODEL, OPTIMIZER, Position, STATE, State, VERSION, newest, save, settings,
    settings_sha256,
};
use crate::averaged::AveragedOver;
use crate::config::{EmaConfig, RunConfig};
use crate::optimizer::RunOptimizer;
use crate::prepare::{InputFrom, RunSetup, prepare};
use crate::run::RunDirectory;
use burn::module::{Module, ModuleMapper, Param};
use burn::optim::GradientsParams;
use burn::store::ModuleRecord;
use burn::tensor::{Bytes, Device, Tensor};
use receptive_core::hash::{mix, sha256};
use receptive_data::NoProgress;
use receptive_model::store::{self, MANIFEST};
use receptive_model::{
    BatchNormLayer, Classifier, Conv2dLayer, FlattenLayer, LinearLayer, MaxPool2dLayer, ModelConfig,
};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Test cases drawn from a fixed seed, so that they are reproducible.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = mix(self.0, end as u64);
        (self.0 % end as u64) as usize
    }
}

struct Written {
    _directory: tempfile::TempDir,
    run: RunDirectory,
    prepared: RunSetup,
    model: Classifier,
    averaged: Classifier,
    optimizer: RunOptimizer,
}

fn config(filters: usize) -> RunConfig {
    let model = ModelConfig::new(1, 28, 28)
        .layer(Conv2dLayer::new(filters, 3).with_strides(3))
        .layer(BatchNormLayer::default())
        .layer(MaxPool2dLayer::new(3))
        .layer(FlattenLayer::default())
        .layer(LinearLayer::classes());
    let mut config = RunConfig::new(model);
    config.data.limit = Some(64);
    config.train.optimizer = toml::from_str("kind = \"adamw\"").unwrap();
    config.train.ema = Some(EmaConfig::default());
    config
}

impl Written {
    /// A run with one checkpoint after one step.
    fn new() -> Self {
        let prepared = prepare(config(2), InputFrom::Data, &NoProgress).unwrap();
        let device = Device::flex().autodiff();
        let model = prepared.plan.init_seeded(1, &device);
        let mut optimizer = RunOptimizer::new(&prepared.config.train, &model);
        let loss = model.forward(Tensor::ones([2, 1, 28, 28], &device)).sum();
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        let model = optimizer.step(1e-3.into(), None, model, gradients);
        let directory = tempfile::tempdir().unwrap();
        let run = RunDirectory::create(directory.path()).unwrap();
        let written = Self {
            _directory: directory,
            run,
            averaged: prepared.plan.init_seeded(2, &device).valid(),
            prepared,
            model,
            optimizer,
        };
        written.save(1);
        written
    }

    fn contents(&self) -> Contents<'_> {
        Contents {
            model: &self.model,
            optimizer: &self.optimizer.burn,
            averaged: Some(&self.averaged),
        }
    }

    fn save(&self, step: u64) {
        let settings = settings(&self.prepared.config).unwrap();
        let state = State {
            at: Position {
                step,
                epochs_done: 0,
                step_in_epoch: step,
            },
            classes: self.prepared.data.classes.clone(),
            data_fingerprint: self.prepared.data.fingerprint(),
            settings_sha256: settings_sha256(&settings),
            settings: Some(settings),
            averaged: Some(AveragedOver::Steps),
            ..State::default()
        };
        save(&self.run, &self.contents(), state, 9, &mut |_| ()).unwrap();
    }

    fn path(&self) -> PathBuf {
        self.run.checkpoints().join("0000001")
    }

    fn load(&self, path: &Path) -> Result<(), String> {
        let device = Device::flex().autodiff();
        let model = self.prepared.plan.init_seeded(9, &device);
        load(path, &self.prepared, None, model)
            .map(|_| ())
            .map_err(|error| error.to_string())
    }

    fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(self.path())
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, fs::read(path).unwrap())
            })
            .collect();
        files.sort();
        files
    }

    /// Rewrites the checkpoint's files with one of them changed, under a matching manifest.
    fn forged(&self, name: &str, bytes: &[u8]) -> PathBuf {
        self.forged_as(FORMAT, VERSION, name, bytes)
    }

    fn forged_as(&self, format: &str, version: u32, name: &str, bytes: &[u8]) -> PathBuf {
        let all: BTreeMap<String, Vec<u8>> = self.files().into_iter().collect();
        let files: Vec<(&str, &[u8])> = all
            .iter()
            .filter(|(file, _)| *file != MANIFEST)
            .map(|(file, old)| (file.as_str(), if file == name { bytes } else { old }))
            .collect();
        let path = self.run.path().join("forged");
        store::write_directory(&path, format, version, &files).unwrap();
        path
    }
}

#[test]
fn what_was_written_is_read() {
    let written = Written::new();
    written.load(&written.path()).unwrap();
}

#[test]
fn t5_a_file_cut_anywhere_is_rejected() {
    let written = Written::new();
    let mut cut = 0;
    for (name, whole) in written.files() {
        let path = written.path().join(&name);
        let step = (whole.len() / 1_000).max(1);
        for length in (0..whole.len()).step_by(step) {
            fs::write(&path, &whole[..length]).unwrap();
            let error = written.load(&written.path()).unwrap_err();
            assert!(
                error.contains(&name) || name == MANIFEST,
                "{name} {length}: {error}"
            );
            cut += 1;
        }
        fs::write(&path, &whole).unwrap();
    }
    println!("T5: {cut} cuts, all rejected");
    assert!(cut > 2_000);
}

#[test]
fn t6_flipped_bits_and_spliced_bytes_are_rejected() {
    let written = Written::new();
    let mut random = Random(6);
    let mut damaged_cases = 0;
    for (name, whole) in written.files() {
        let path = written.path().join(&name);
        let first = 8 * whole.len().min(64);
        let flips = (0..first).chain((0..1_000).map(|_| random.below(8 * whole.len())));
        let flips: Vec<usize> = flips.collect();
        let mut check = |damaged: &[u8]| {
            if damaged == whole {
                return;
            }
            fs::write(&path, damaged).unwrap();
            let loaded = written.load(&written.path());
            // A flip that turns one kind of white space into another changes nothing.
            let same = serde_json::from_slice::<serde_json::Value>(damaged).ok()
                == serde_json::from_slice(&whole).ok();
            assert!(
                loaded.is_err() || (name == MANIFEST && same),
                "{name} went unseen"
            );
            damaged_cases += 1;
        };
        for bit in flips {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            check(&damaged);
        }
        for _ in 0..1_000 {
            let mut damaged = whole.clone();
            let (from, to) = (random.below(whole.len()), random.below(whole.len()));
            let length = (1 + random.below(64)).min(whole.len() - from.max(to));
            damaged.copy_within(from..from + length, to);
            check(&damaged);
        }
        fs::write(&path, &whole).unwrap();
    }
    println!("T6: {damaged_cases} damaged files, all rejected");
    assert!(damaged_cases > 6_000);
}

/// Not guaranteed by us, but the reason for the hash: how burn's own format handles the same flips.
#[test]
fn t6b_what_the_format_alone_would_have_let_through() {
    let written = Written::new();
    let whole = fs::read(written.path().join(MODEL)).unwrap();
    let mut random = Random(66);
    let (mut accepted, mut panicked) = (0, 0);
    const FLIPS: usize = 1_000;
    for _ in 0..FLIPS {
        let bit = random.below(8 * whole.len());
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let model = written.model.clone();
        let loaded = receptive_core::panic::catch(|| {
            let record = ModuleRecord::from_bytes(Bytes::from_bytes_vec(damaged)).ok()?;
            model.try_load_record(record).ok()
        });
        match loaded {
            Err(_) => panicked += 1,
            Ok(None) => {}
            Ok(Some(_)) => accepted += 1,
        }
    }
    println!("T6b: of {FLIPS} flips burn's format alone accepts {accepted}, panics at {panicked}");
    assert!(accepted > 0, "the hash would be needless");
}

fn poisoned(model: Classifier) -> Classifier {
    struct Poison;
    impl ModuleMapper for Poison {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|tensor| tensor * f32::NAN)
        }
    }
    model.map(&mut Poison)
}

#[test]
fn t7_hostile_checkpoints_with_a_manifest_that_fits_are_named_errors() {
    let written = Written::new();
    let files: BTreeMap<String, Vec<u8>> = written.files().into_iter().collect();
    let (model, optimizer) = (&files[MODEL], &files[OPTIMIZER]);
    let state = String::from_utf8(files[STATE].clone()).unwrap();
    let record = |model: Classifier| {
        let bytes = model.valid().into_record().into_bytes().unwrap();
        bytes.to_vec()
    };
    let wider = config(3).model.with_classes(10).plan().unwrap();
    // The start of a burnpack: magic number, version, length of the metadata.
    let claim = |length: u32| {
        let mut bytes = model.clone();
        let at = bytes.len().min(6);
        bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
        bytes
    };
    let nested = |depth: usize| [&model[..10], &vec![0x81; depth][..]].concat();
    let in_state = |from: &str, to: &str| {
        assert!(state.contains(from), "{from} in {state}");
        state.replacen(from, to, 1).into_bytes()
    };
    let attacks: Vec<(&str, &str, Vec<u8>)> = vec![
        ("no bytes", MODEL, Vec::new()),
        ("zeros", MODEL, vec![0; model.len()]),
        ("a claim of 100 MB", MODEL, claim(100 << 20)),
        ("a claim of 4 GB", MODEL, claim(u32::MAX)),
        ("nested ten thousand deep", MODEL, nested(10_000)),
        ("the optimizer's file", MODEL, optimizer.clone()),
        (
            "NaN weights",
            MODEL,
            record(poisoned(written.model.clone())),
        ),
        (
            "another network",
            MODEL,
            record(wider.init(&Device::flex())),
        ),
        ("half of the file", MODEL, model[..model.len() / 2].to_vec()),
        ("a hundred times the size", MODEL, vec![7; 32 << 20]),
        ("no bytes", OPTIMIZER, Vec::new()),
        ("the model's file", OPTIMIZER, model.clone()),
        (
            "half of the file",
            OPTIMIZER,
            optimizer[..optimizer.len() / 2].to_vec(),
        ),
        ("zeros", OPTIMIZER, vec![0; optimizer.len()]),
        ("no JSON", STATE, b"{".to_vec()),
        (
            "an unknown word",
            STATE,
            in_state("\"totals\"", "\"totale\""),
        ),
        ("other classes", STATE, in_state("Trouser", "Tie")),
        (
            "a step that does not fit",
            STATE,
            in_state("\"step\": 1", "\"step\": 5"),
        ),
        (
            "epochs without an end",
            STATE,
            in_state(
                "\"epochs_done\": 0",
                "\"epochs_done\": 18446744073709551615",
            ),
        ),
        (
            "other settings",
            STATE,
            in_state("\"settings_sha256\": \"", "\"settings_sha256\": \"0"),
        ),
        (
            "other data",
            STATE,
            in_state("\"data_fingerprint\": \"", "\"data_fingerprint\": \"0"),
        ),
        (
            "nested JSON",
            STATE,
            [vec![b'['; 200_000], vec![b']'; 200_000]].concat(),
        ),
    ];
    let count = attacks.len();
    for (what, name, bytes) in attacks {
        let path = written.forged(name, &bytes);
        let began = Instant::now();
        let error = written.load(&path).unwrap_err();
        assert!(
            error.contains("forged") && error.contains(name),
            "{what}: {error}"
        );
        assert!(
            began.elapsed() < Duration::from_secs(1),
            "{what} took {:?}",
            began.elapsed()
        );
        println!("T7: {name}, {what}: {}", error.lines().next().unwrap());
    }
    println!("T7: {count} forged files, all rejected");
    let path = written.forged_as(FORMAT, VERSION + 1, STATE, state.as_bytes());
    assert!(written.load(&path).unwrap_err().contains("version"));
    let path = written.forged_as("receptive-artifact", VERSION, STATE, state.as_bytes());
    assert!(
        written
            .load(&path)
            .unwrap_err()
            .contains("receptive-checkpoint")
    );
}

#[test]
fn t7_names_that_leave_the_directory_are_rejected() {
    let written = Written::new();
    for name in ["../secret", "/etc/hostname", "a/b", "..", ""] {
        let manifest = written.path().join(MANIFEST);
        let text = fs::read_to_string(&manifest).unwrap();
        let forged = text.replacen("model.bpk", name, 1);
        let path = written.run.path().join("forged");
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        // The seal covers the content, so forge a matching one.
        let sealed = sealed(&forged);
        fs::write(path.join(MANIFEST), sealed).unwrap();
        let error = written.load(&path).unwrap_err();
        assert!(error.contains("not a plain file name"), "{name}: {error}");
    }
}

/// The manifest with the hash of its content, as `store` computes it.
fn sealed(text: &str) -> String {
    let mut value: serde_json::Value = serde_json::from_str(text).unwrap();
    let object = value.as_object_mut().unwrap();
    object.remove("sha256");
    let files: BTreeMap<String, serde_json::Value> =
        serde_json::from_value(object["files"].clone()).unwrap();
    let files: Vec<String> = files
        .iter()
        .map(|(name, file)| {
            format!(
                "{}:{{\"bytes\":{},\"sha256\":{}}}",
                serde_json::to_string(name).unwrap(),
                file["bytes"],
                file["sha256"]
            )
        })
        .collect();
    let unsealed = format!(
        "{{\"format\":{},\"version\":{},\"files\":{{{}}}}}",
        object["format"],
        object["version"],
        files.join(",")
    );
    let seal = sha256(unsealed.as_bytes());
    object.insert("sha256".into(), seal.into());
    value.to_string()
}

#[cfg(unix)]
#[test]
fn t7_what_is_no_regular_file_is_rejected_at_once() {
    let written = Written::new();
    let model = written.path().join(MODEL);
    fs::remove_file(&model).unwrap();
    let pipe = std::process::Command::new("mkfifo").arg(&model).status();
    assert!(pipe.unwrap().success());
    let error = written.load(&written.path()).unwrap_err();
    assert!(error.contains("not a regular file"), "{error}");
    for target in ["/dev/zero", "/etc/hostname", "0000001"] {
        fs::remove_file(&model).unwrap();
        std::os::unix::fs::symlink(target, &model).unwrap();
        let error = written.load(&written.path()).unwrap_err();
        assert!(error.contains("model.bpk"), "{target}: {error}");
    }
}
