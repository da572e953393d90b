//! Reads a file of named tensors in either of the two formats.

use super::archive::readable;
use super::matching::{Contents, Shaped};
use super::order::definition_order;
use crate::spec::SPEC;
use crate::{InterchangeError, Spec};
use burn::store::bridge;
use burn::store::pytorch::{PytorchError, PytorchReader};
use burn::tensor::{DType, TensorData};
use receptive_core::hash::sha256;
use receptive_core::panic::catch;
use receptive_core::text::Printable;
use receptive_model::store::read_capped;
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Maximum file size, in bytes.
const MAX_BYTES: u64 = 16 << 30;
/// A counter in PyTorch's batch norms that nothing here needs.
const COUNTER: &str = "num_batches_tracked";

/// A file's tensors under its own names.
#[derive(Debug)]
pub struct WeightFile {
    path: PathBuf,
    tensors: Tensors,
    /// The names in the order in which the file's program defined them, if the file preserves it.
    order: Option<Vec<String>>,
    sha256: String,
    /// Network, classes and input, if the file was exported by this project.
    pub spec: Option<Spec>,
}

/// Reads a safetensors file or a PyTorch checkpoint (`torch.save` of a state dict), distinguished
/// by their first bytes. `key` names the entry of a checkpoint that holds the state dict, such as
/// `state_dict`. Nothing in a checkpoint is executed.
///
/// # Errors
/// If it is neither, is damaged, is larger than 16 GiB, or contains no tensors of floats; also if a
/// key is given for a safetensors file, or a checkpoint contains a whole model instead of its
/// weights.
pub fn read(path: &Path, key: Option<&str>) -> Result<WeightFile, InterchangeError> {
    let bytes = read_capped(path, MAX_BYTES)?;
    let mut order = None;
    let (mut tensors, spec) = if is_safetensors(&bytes) {
        if let Some(key) = key {
            return Err(InterchangeError::Setting {
                setting: "key",
                problem: format!(
                    "expected a PyTorch checkpoint with an entry `{key}`, but {} is a safetensors \
                     file, which has no entries; leave it out",
                    path.printable()
                ),
            });
        }
        from_safetensors(path, &bytes)?
    } else {
        if holds_program(&bytes) && key.is_none() {
            return Err(InterchangeError::file(path, PROGRAM));
        }
        let copy = readable(&bytes)?;
        let place = copy.as_ref().map_or(path, |copy| copy.path());
        let tensors = from_pytorch(path, place, &bytes, key)?;
        let names: Vec<String> = tensors.keys().cloned().collect();
        order = definition_order(&bytes, &names);
        (tensors, None)
    };
    tensors.retain(|name, _| !name.ends_with(COUNTER));
    if tensors.is_empty() {
        let hint = match key {
            Some(_) => "",
            None => "; if the state dict is an entry of a larger checkpoint, give that entry's key",
        };
        return Err(InterchangeError::file(
            path,
            format!("it contains no tensors{hint}"),
        ));
    }
    Ok(WeightFile {
        order,
        spec,
        ..WeightFile::new(path, sha256(&bytes), tensors)
    })
}

/// A file's tensors by name.
type Tensors = BTreeMap<String, TensorData>;

/// Why a pickled module is rejected.
const PROGRAM: &str = "it contains a whole model, which is a Python program, not just weights; \
                       save its weights in Python, with torch.save(model.state_dict(), \
                       \"weights.pt\")";

/// Whether a checkpoint contains a pickled module or a TorchScript program, recognised by the names
/// of fields that every module has, and of TorchScript's code in an archive.
fn holds_program(bytes: &[u8]) -> bool {
    ["_forward_pre_hooks", "/code/__torch__"]
        .iter()
        .any(|name| memchr::memmem::find(bytes, name.as_bytes()).is_some())
}

/// A length of eight bytes, then JSON.
fn is_safetensors(bytes: &[u8]) -> bool {
    bytes.get(8) == Some(&b'{')
}

fn from_safetensors(
    path: &Path,
    bytes: &[u8],
) -> Result<(Tensors, Option<Spec>), InterchangeError> {
    let damaged = |error: &dyn std::fmt::Display| {
        InterchangeError::file(
            path,
            format!("it is not a complete safetensors file: {error}"),
        )
    };
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| damaged(&error))?;
    let file = SafeTensors::deserialize(bytes).map_err(|error| damaged(&error))?;
    let spec = header.metadata().as_ref().and_then(|all| all.get(SPEC));
    let spec = spec
        .map(|text| {
            serde_json::from_str(text).map_err(|error| {
                InterchangeError::file(path, format!("could not read its `{SPEC}` entry: {error}"))
            })
        })
        .transpose()?;
    let mut tensors = BTreeMap::new();
    for (name, view) in file.iter() {
        let dtype = match view.dtype() {
            Dtype::F32 => DType::F32,
            Dtype::F64 => DType::F64,
            Dtype::F16 => DType::F16,
            Dtype::BF16 => DType::BF16,
            _ if is_counter(name, view.shape()) => continue,
            other => return Err(no_floats(path, name, &other, "")),
        };
        let data = TensorData::from_bytes_vec(view.data().to_vec(), view.shape().to_vec(), dtype);
        tensors.insert(name.to_string(), data);
    }
    Ok((tensors, spec))
}

/// Whether a file begins like those of `torch.save`: as a zip archive, or with the magic number of
/// files before version 1.6.
fn is_checkpoint(bytes: &[u8]) -> bool {
    const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
    let head = &bytes[..bytes.len().min(32)];
    head.starts_with(b"PK\x03\x04") || memchr::memmem::find(head, &MAGIC).is_some()
}

/// Words of the parser's messages on what is valid, but not read: subclasses of containers, tensors of other kinds,
/// very many references.
const UNREAD: [&str; 3] = ["unexpected pickle opcode", "unsupported", "memo bomb"];

/// Tensors may share memory, and a view may repeat a value. This many times its file's size a checkpoint may be,
/// and 64 MiB in any case.
const MAX_GROWTH: u64 = 8;
const SMALL_BYTES: u64 = 64 << 20;

/// Rejects tensors that take much more memory than their file, before they are read: a file of a few bytes could
/// claim any number of values.
fn check_size(
    path: &Path,
    file: &[u8],
    tensors: impl Iterator<Item = usize>,
) -> Result<(), InterchangeError> {
    let bytes = tensors.fold(0_u64, |sum, bytes| sum.saturating_add(bytes as u64));
    let limit = (MAX_GROWTH * file.len() as u64).max(SMALL_BYTES);
    if bytes <= limit {
        return Ok(());
    }
    Err(InterchangeError::file(
        path,
        format!(
            "its tensors take {} MiB, but the file has only {} bytes, since they repeat values; save copies of them in \
             Python, with tensor.contiguous()",
            bytes >> 20,
            file.len()
        ),
    ))
}

/// Reads `path`, whose bytes are `file`, also at `place`.
fn from_pytorch(
    path: &Path,
    place: &Path,
    file: &[u8],
    key: Option<&str>,
) -> Result<Tensors, InterchangeError> {
    let damaged = |reason: String| {
        let what = match is_checkpoint(file) {
            true if UNREAD.iter().any(|word| reason.contains(word)) => {
                "it is damaged, or contains objects or tensors that only Python can read; download it again, or save \
                 its weights alone, in Python with torch.save(model.state_dict(), \"weights.pt\")"
            }
            true => {
                "it begins as a PyTorch checkpoint, but is damaged or truncated; download or save \
                 it again"
            }
            false => "it is neither a safetensors file nor a PyTorch checkpoint",
        };
        InterchangeError::file(path, format!("{what}: {reason}"))
    };
    // The parser is a dependency: if it panics on a hostile file, this program continues.
    let read = catch(|| match key {
        Some(key) => PytorchReader::with_top_level_key(place, key),
        None => PytorchReader::new(place),
    });
    let reader = read
        .map_err(|_| damaged("its parser panicked".into()))?
        .map_err(|error| match (error, key) {
            (PytorchError::KeyNotFound(problem), Some(key)) => no_entry(path, key, &problem),
            (error, _) => damaged(error.to_string()),
        })?;
    let is_read =
        |name: &str| !name.ends_with(COUNTER) && (key.is_some() || !is_training_state(name));
    let read = reader.tensors().iter().filter(|(name, _)| is_read(name));
    check_size(path, file, read.map(|(_, tensor)| tensor.byte_len()))?;
    let mut tensors = BTreeMap::new();
    for (name, tensor) in reader.into_tensors() {
        if !is_read(&name) {
            continue;
        }
        let data = bridge::into_data(bridge::from_pytorch(tensor))
            .map_err(|error| damaged(format!("{name}: {error}")))?;
        match data.dtype() {
            other if !other.is_float() && is_counter(&name, &data.shape().to_vec()) => continue,
            DType::F64 | DType::F32 | DType::F16 | DType::BF16 => tensors.insert(name, data),
            other if key.is_some() => return Err(no_floats(path, &name, &other, "")),
            other => {
                let hint = "; if the weights are an entry of the checkpoint, give that entry's key";
                return Err(no_floats(path, &name, &other, hint));
            }
        };
    }
    Ok(tensors)
}

/// Entries that training programs store in a checkpoint in addition to the weights.
const TRAINING: [&str; 9] = [
    "optimizer",
    "optimizer_state_dict",
    "optimizer_states",
    "optimizers",
    "scheduler",
    "lr_scheduler",
    "lr_schedulers",
    "scaler",
    "amp_scaler",
];

fn is_training_state(name: &str) -> bool {
    let entry = name.split('.').next().unwrap_or_default();
    TRAINING.contains(&entry) && name != entry
}

/// Whether an integer tensor is a counter, on which no layer depends: a batch norm's number of
/// batches, or any single integer.
fn is_counter(name: &str, shape: &[usize]) -> bool {
    name.ends_with(COUNTER) || shape.iter().product::<usize>() == 1
}

/// The error for a checkpoint without the requested entry. `problem` is the reader's message, which
/// lists the existing entries in brackets.
fn no_entry(path: &Path, key: &str, problem: &str) -> InterchangeError {
    let list = problem.split_once('[').map_or("", |(_, list)| list);
    let mut entries: Vec<&str> = list.trim_end_matches(']').split(", ").collect();
    entries.sort_unstable();
    entries.retain(|entry| !entry.is_empty());
    let entries: Vec<String> = entries
        .iter()
        .take(MAX_LISTED)
        .map(|entry| format!("`{}`", entry.trim_matches('"').printable()))
        .collect();
    InterchangeError::Setting {
        setting: "key",
        problem: format!(
            "{} has no entry `{}` with tensors; its entries are {}",
            path.printable(),
            key.printable(),
            match entries.is_empty() {
                true => "none".into(),
                false => entries.join(", "),
            }
        ),
    }
}

/// The largest number of entries that are listed.
const MAX_LISTED: usize = 12;

fn no_floats(path: &Path, name: &str, found: &dyn std::fmt::Debug, hint: &str) -> InterchangeError {
    InterchangeError::file(
        path,
        format!("`{name}` contains {found:?}, but weights are floats of 16, 32 or 64 bits{hint}"),
    )
}

impl WeightFile {
    /// From tensors that were read from a file in another format.
    pub(super) fn new(path: &Path, sha256: String, tensors: Tensors) -> Self {
        Self {
            path: path.into(),
            tensors,
            order: None,
            sha256,
            spec: None,
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The SHA-256 of the file, in hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The existing names and shapes, in the file's own order if it preserves one.
    pub(super) fn contents(&self) -> Contents {
        let shaped = |name: &String, data: &TensorData| Shaped {
            name: name.clone(),
            shape: data.shape().iter().copied().collect(),
        };
        let in_order = self.order.iter().flatten();
        let tensors: Vec<Shaped> = match self.order {
            Some(_) => in_order
                .filter_map(|name| Some(shaped(name, self.tensors.get(name)?)))
                .collect(),
            None => self
                .tensors
                .iter()
                .map(|(name, data)| shaped(name, data))
                .collect(),
        };
        Contents {
            tensors,
            is_ordered: self.order.is_some(),
        }
    }

    /// The values of a tensor, as 32-bit floats.
    pub(super) fn values(&self, name: &str) -> Result<Vec<f32>, InterchangeError> {
        let fail = |reason: &str| {
            InterchangeError::file(&self.path, format!("its tensor `{name}` {reason}"))
        };
        let data = self.tensors.get(name).ok_or_else(|| fail("is missing"))?;
        let values = data.clone().convert::<f32>().try_into_vec();
        values.map_err(|_| fail("cannot be read as floats"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pickled_module_is_named_as_what_it_is() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for field in ["_forward_pre_hooks", "net/code/__torch__.py"] {
            let bytes = format!("PK\u{3}\u{4}__main__ Net {field} _parameters");
            std::fs::write(file.path(), bytes).unwrap();
            let error = read(file.path(), None).unwrap_err().to_string();
            assert!(error.contains("torch.save(model.state_dict()"), "{error}");
        }
    }

    const CHECKPOINTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/python/");

    #[test]
    fn a_checkpoint_that_is_cut_off_is_not_called_another_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let whole = std::fs::read(format!("{CHECKPOINTS}checkpoint.pt")).unwrap();
        // The magic number of files before version 1.6, as pickled.
        let legacy = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.";
        for bytes in [&whole[..whole.len() / 2], legacy] {
            std::fs::write(file.path(), bytes).unwrap();
            let error = read(file.path(), None).unwrap_err().to_string();
            assert!(error.contains("damaged or truncated"), "{error}");
            assert!(!error.contains("neither"), "{error}");
        }
        std::fs::write(file.path(), "<html>").unwrap();
        let error = read(file.path(), None).unwrap_err().to_string();
        assert!(error.contains("neither a safetensors file"), "{error}");
    }

    #[test]
    fn a_key_that_is_not_there_is_answered_with_those_that_are() {
        let path = format!("{CHECKPOINTS}nested.pt");
        let error = read(path.as_ref(), Some("model")).unwrap_err();
        assert!(error.is_usage());
        let message = error.to_string();
        assert!(message.starts_with("key: "), "{message}");
        assert!(message.contains("no entry `model`"), "{message}");
        assert!(message.contains("`state_dict`"), "{message}");
    }

    #[test]
    fn counters_under_any_name_are_passed_over() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let header = r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"bn.steps":{"dtype":"I64","shape":[],"data_offsets":[8,16]}}"#;
        let bytes = |header: &str| {
            let length = (header.len() as u64).to_le_bytes();
            [&length[..], header.as_bytes(), &[0; 16]].concat()
        };
        std::fs::write(file.path(), bytes(header)).unwrap();
        let contents = read(file.path(), None).unwrap().contents();
        assert_eq!(contents.tensors.len(), 1);
        // A tensor of several integers is not a counter.
        let table = header.replace("[]", "[2]").replace("I64", "I32");
        std::fs::write(file.path(), bytes(&table)).unwrap();
        let error = read(file.path(), None).unwrap_err().to_string();
        assert!(error.contains("bn.steps"), "{error}");
    }
}
