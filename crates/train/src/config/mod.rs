//! Everything a run is made of, as data that is written to its directory.

mod optimizer;
mod overrides;
mod recipe;
mod schedule;
mod training;

pub use optimizer::Optimizer;
pub use overrides::with_overrides;
pub use schedule::{Schedule, ScheduleKind};
pub use training::{
    Auto, ClassWeights, EarlyStopping, MicroBatch, Monitor, TrainConfig, WeightRule,
};

use crate::{CheckpointConfig, FieldConfig, StartConfig, TrainError};
use receptive_data::{BadImages, Resize};
use receptive_model::{ModelConfig, Pair};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A whole run: what it reads, what it trains, how, and on what machine. `config.toml` of a run
/// directory is one of these and can be run again with `--config`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Whether events for TensorBoard are written, to `tensorboard` in the run's directory.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tensorboard: bool,
    /// What is read.
    #[serde(default)]
    pub data: DataConfig,
    /// How the model is trained.
    #[serde(default)]
    pub train: TrainConfig,
    /// Where it runs. Only `backend` has an influence on the numbers.
    #[serde(default)]
    pub machine: MachineConfig,
    /// When its state is written.
    #[serde(default)]
    pub checkpoint: CheckpointConfig,
    /// The trained model whose weights are the first ones; drawn from the seed where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<StartConfig>,
    /// Whether and how the receptive field is measured while it trains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track_erf: Option<FieldConfig>,
    /// The network. Its input and classes are set by the data.
    pub model: ModelConfig,
}

/// What is read, and how it becomes inputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// A name such as `fashion-mini`, or a path.
    pub source: String,
    /// Where named data sets are looked for first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
    /// The share of the training images held back for validation where there is no such split.
    pub val_fraction: f64,
    /// The share held back for a test where a folder has no split at all.
    pub test_fraction: f64,
    /// At most this many training images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// What is done about damaged images.
    pub bad_images: BadImages,
    /// Height and width of the input; by default those of the data, or 64 for photos.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_size: Option<Pair>,
    /// What is done to pictures of another shape.
    pub resize: Resize,
    /// The memory for decoded images, in MiB.
    pub cache_mb: u64,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            source: "fashion-mini".into(),
            data_dir: None,
            val_fraction: 0.1,
            test_fraction: 0.1,
            limit: None,
            bad_images: BadImages::Fail,
            image_size: None,
            resize: Resize::Stretch,
            cache_mb: 2048,
        }
    }
}

/// Where a run runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MachineConfig {
    /// `flex`, `ndarray`, `wgpu`, `cuda:1`, ...
    pub backend: String,
    /// Threads that compute on a CPU backend; 0 for all cores.
    pub threads: usize,
    /// Threads that load and augment images; 0 loads in the training thread.
    pub workers: usize,
}

impl Default for MachineConfig {
    fn default() -> Self {
        Self {
            backend: "flex".into(),
            threads: 0,
            workers: 1,
        }
    }
}

impl MachineConfig {
    /// How many threads compute on a CPU backend; a GPU needs one to feed it.
    pub fn compute_threads(&self, on_cpu: bool) -> usize {
        if on_cpu { self.thread_count() } else { 1 }
    }

    /// # Errors
    /// When there are more threads than any machine has cores.
    pub fn check(&self) -> Result<(), TrainError> {
        for (setting, threads) in [
            ("machine.threads", self.threads),
            ("machine.workers", self.workers),
        ] {
            if threads > MOST_THREADS {
                return Err(TrainError::setting(
                    setting,
                    format!("it is {threads}; use at most {MOST_THREADS}"),
                ));
            }
        }
        Ok(())
    }

    /// How many threads compute: as set, or all cores.
    pub fn thread_count(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }
}

const MOST_THREADS: usize = 1024;
/// A tebibyte.
const MOST_CACHE_MB: u64 = 1 << 20;
/// The largest config file that is read, in bytes.
const CONFIG_BYTES: u64 = 4 << 20;

impl RunConfig {
    /// All defaults, for this network.
    pub fn new(model: ModelConfig) -> Self {
        Self {
            tensorboard: false,
            data: DataConfig::default(),
            train: TrainConfig::default(),
            machine: MachineConfig::default(),
            checkpoint: CheckpointConfig::default(),
            start: None,
            track_erf: None,
            model,
        }
    }

    /// Reads a TOML file: a whole run, or only a model (which then gets all other defaults).
    ///
    /// # Errors
    /// When it can't be read or has an unknown word, with the line.
    pub fn load(path: &Path) -> Result<Self, TrainError> {
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            return Ok(Self::new(ModelConfig::load(path)?));
        }
        let text = receptive_model::store::read_text(path, CONFIG_BYTES)?;
        let origin = path.display().to_string();
        let table: toml::Table = toml::from_str(&text).map_err(config_error(&origin))?;
        if table.contains_key("layers") || table.contains_key("input") {
            return Ok(Self::new(ModelConfig::load(path)?));
        }
        toml::from_str(&text).map_err(config_error(&origin))
    }

    /// Writes TOML that [`load`](Self::load) reads back.
    ///
    /// # Errors
    /// When a number does not fit TOML's signed 64 bits.
    pub fn to_toml(&self) -> Result<String, TrainError> {
        toml::to_string(self).map_err(config_error("(TOML)"))
    }

    /// Checks every setting that no other crate checks.
    ///
    /// # Errors
    /// [`TrainError::Setting`] naming the first that can't be used.
    pub fn check(&self) -> Result<(), TrainError> {
        self.train.check()?;
        self.checkpoint.check()?;
        if let Some(track) = &self.track_erf {
            track.check()?;
        }
        if self.data.cache_mb > MOST_CACHE_MB {
            return Err(TrainError::setting(
                "data.cache_mb",
                format!(
                    "it is {}; use at most {MOST_CACHE_MB} MiB",
                    self.data.cache_mb
                ),
            ));
        }
        self.machine.check()
    }
}

fn config_error<E: std::fmt::Display>(origin: &str) -> impl FnOnce(E) -> TrainError {
    let origin = origin.to_string();
    move |error| TrainError::Config {
        origin,
        reason: error.to_string().trim().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use receptive_model::{ImageSize, presets};

    #[test]
    fn a_run_config_reads_back_from_its_file() {
        let input = ImageSize {
            channels: 3,
            height: 32,
            width: 32,
        };
        let mut config = RunConfig::new(presets::preset("resnet", input).unwrap());
        config.train.clip_norm = Some(1.0);
        config.train.class_weights = ClassWeights::Rule(WeightRule::Balanced);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.toml");
        std::fs::write(&path, config.to_toml().unwrap()).unwrap();
        assert_eq!(RunConfig::load(&path).unwrap(), config);
        std::fs::write(&path, config.model.to_toml().unwrap()).unwrap();
        assert_eq!(
            RunConfig::load(&path).unwrap(),
            RunConfig::new(config.model)
        );
    }
}
