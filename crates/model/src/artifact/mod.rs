//! A trained model on disk, with everything that evaluation and prediction need.

mod input;
mod origin;

pub use input::InputSpec;
pub use origin::Origin;

use crate::config::ModelConfig;
use crate::network::{Classifier, weights_sha256};
use crate::{ModelError, store};
use burn::module::Module;
use burn::store::ModuleRecord;
use burn::tensor::{Bytes, Device};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

const FORMAT: &str = "receptive-artifact";
const VERSION: u32 = 1;
const SPEC: &str = "model.json";
const WEIGHTS: &str = "weights.bpk";
const ORIGIN: &str = "origin.json";
/// Maximum size of a file of an artifact, in bytes.
const FILE_BYTES: u64 = 16 << 30;
/// What burn's format may add to the values: names, shapes and alignment.
const RECORD_OVERHEAD: u64 = 16 << 20;

/// A classifier with everything needed to use its weights.
///
/// On disk it is one directory: `model.json` (config, classes, input), `weights.bpk` (burn's own
/// record format) and `MANIFEST.json` with the hash of both. Imported weights also have an
/// `origin.json` ([`Origin`]).
///
/// ```no_run
/// # fn main() -> Result<(), receptive_model::ModelError> {
/// # #[cfg(feature = "flex")] {
/// let device = burn::tensor::Device::flex();
/// let artifact = receptive_model::Artifact::load("runs/001/model".as_ref(), &device)?;
/// let images = burn::tensor::Tensor::zeros([1, 1, 28, 28], &device);
/// println!("{:?} -> {}", artifact.classes, artifact.model.forward(images));
/// # }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Artifact {
    /// The network with its weights.
    pub model: Classifier,
    /// The name of each class, in the order of the logits.
    pub classes: Vec<String>,
    /// How an image is converted to an input.
    pub input: InputSpec,
    /// The temperature: logits are divided by it for calibrated probabilities; fitted on the
    /// validation split (Guo et al. 2017). `None` if none was fitted, which means 1.
    pub temperature: Option<f64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    config: ModelConfig,
    classes: Vec<String>,
    input: InputSpec,
    /// Missing in models of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    /// The hash of the values, to compare two runs by eye.
    weights_sha256: String,
}

impl Artifact {
    /// The names of the files that an artifact's directory may contain.
    pub const FILES: [&str; 4] = [SPEC, WEIGHTS, ORIGIN, store::MANIFEST];

    /// Whether `path` is the directory of an artifact, complete or damaged.
    pub fn is_at(path: &Path) -> bool {
        path.join(store::MANIFEST).is_file()
    }

    /// Writes the directory `path`, replacing an existing one only once the new one is complete.
    ///
    /// # Errors
    /// When classes or input do not fit the model, or on an I/O error.
    pub fn save(&self, path: &Path) -> Result<(), ModelError> {
        self.save_with_origin(path, None)
    }

    /// Like [`save`](Self::save), with the origin of the weights.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    pub fn save_with_origin(&self, path: &Path, origin: Option<&Origin>) -> Result<(), ModelError> {
        let config = self.model.config().clone();
        check(path, &config, &self.classes, &self.input)?;
        check_temperature(path, self.temperature)?;
        let model = self.model.valid();
        let spec = Spec {
            weights_sha256: weights_sha256(&model),
            config,
            classes: self.classes.clone(),
            input: self.input.clone(),
            temperature: self.temperature,
        };
        let spec = serde_json::to_string_pretty(&spec)
            .map_err(|error| ModelError::artifact(path.join(SPEC), error.to_string()))?;
        let weights = model
            .into_record()
            .into_bytes()
            .map_err(|error| ModelError::artifact(path.join(WEIGHTS), error.to_string()))?;
        let origin = origin
            .map(Origin::to_json)
            .transpose()
            .map_err(|error| ModelError::artifact(path.join(ORIGIN), error.to_string()))?;
        let mut files: Vec<(&str, &[u8])> = vec![(SPEC, spec.as_bytes()), (WEIGHTS, &weights)];
        if let Some(origin) = &origin {
            files.push((ORIGIN, origin.as_bytes()));
        }
        store::write_directory(path, FORMAT, VERSION, &files)
    }

    /// The origin of the weights in the directory `path`, if they were imported.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn origin(path: &Path) -> Result<Option<Origin>, ModelError> {
        let mut files = store::read_directory(path, FORMAT, VERSION, FILE_BYTES)?;
        let origin = files.remove(ORIGIN);
        origin
            .map(|json| Origin::from_json(&path.join(ORIGIN), &json))
            .transpose()
    }

    /// Reads and checks the directory `path` and builds the model on `device`.
    ///
    /// # Errors
    /// [`ModelError::Artifact`] naming the file and the problem. A size given in a file is checked
    /// against the file's own size before anything is allocated.
    pub fn load(path: &Path, device: &Device) -> Result<Self, ModelError> {
        let mut files = store::read_directory(path, FORMAT, VERSION, FILE_BYTES)?;
        let spec = take(path, &mut files, SPEC)?;
        let weights = take(path, &mut files, WEIGHTS)?;
        Self::from_files(path, &spec, weights, device)
    }

    /// Like [`load`](Self::load), from the contents of `model.json` and `weights.bpk`, for a
    /// program that embeds them (`include_bytes!`). Error messages name `path` as their directory.
    /// Without a manifest, damage to the config or the class names may not be detected; damage to
    /// the weights is.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_files(
        path: &Path,
        spec: &[u8],
        weights: Vec<u8>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let spec_path = path.join(SPEC);
        let spec: Spec = serde_json::from_slice(spec)
            .map_err(|error| ModelError::artifact(&spec_path, error.to_string()))?;
        check(&spec_path, &spec.config, &spec.classes, &spec.input)?;
        check_temperature(&spec_path, spec.temperature)?;
        let plan = spec.config.plan()?;
        let weights_path = path.join(WEIGHTS);
        let implied = plan.total.weight_bytes() as u64;
        let found = weights.len() as u64;
        if found < implied || found > implied + RECORD_OVERHEAD {
            return Err(ModelError::artifact(
                weights_path,
                format!("it has {found} bytes but the config implies {implied} of weights"),
            ));
        }
        let record = ModuleRecord::from_bytes(Bytes::from_bytes_vec(weights))
            .map_err(|error| ModelError::artifact(&weights_path, error.to_string()))?;
        let model = plan
            .init(device)
            .try_load_record(record)
            .map_err(|error| ModelError::artifact(&weights_path, error.to_string()))?;
        if weights_sha256(&model) != spec.weights_sha256 {
            return Err(ModelError::artifact(
                weights_path,
                "its weights do not match the config's hash; use another copy",
            ));
        }
        Ok(Self {
            model,
            classes: spec.classes,
            input: spec.input,
            temperature: spec.temperature,
        })
    }
}

fn take(
    path: &Path,
    files: &mut BTreeMap<String, Vec<u8>>,
    name: &str,
) -> Result<Vec<u8>, ModelError> {
    files.remove(name).ok_or_else(|| {
        ModelError::artifact(
            path,
            format!("its manifest does not list `{name}`; use another copy"),
        )
    })
}

fn check_temperature(path: &Path, temperature: Option<f64>) -> Result<(), ModelError> {
    match temperature {
        Some(t) if !(t.is_finite() && t > 0.0) => Err(ModelError::artifact(
            path,
            format!("its `temperature` is {t}, not a positive number"),
        )),
        _ => Ok(()),
    }
}

fn check(
    path: &Path,
    config: &ModelConfig,
    classes: &[String],
    input: &InputSpec,
) -> Result<(), ModelError> {
    if config.classes != Some(classes.len()) {
        return Err(ModelError::artifact(
            path,
            format!(
                "it names {} classes but its config has {}",
                classes.len(),
                config
                    .classes
                    .map_or("none".into(), |classes| classes.to_string())
            ),
        ));
    }
    input
        .check(config.input)
        .map_err(|reason| ModelError::artifact(path, reason))
}
