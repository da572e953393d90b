//! A run's complete configuration, which is stored in its directory.

mod average;
mod checkpoint;
mod commented;
mod data;
mod division;
mod effect;
mod fine_tuning;
mod found;
mod monitor;
mod one_cycle;
mod optimizer;
mod overrides;
mod plateau;
mod recipe;
mod schedule;
mod start;
mod training;
mod unset;

pub use average::{AverageConfig, AverageStatistics, EmaConfig};
pub use checkpoint::{CheckpointConfig, Interval};
pub use data::DataConfig;
pub use found::Remedies;
pub use monitor::Monitor;
pub use one_cycle::OneCycle;
pub use optimizer::{Optimizer, OptimizerKind};
pub use overrides::with_overrides;
pub use plateau::Plateau;
pub(crate) use plateau::PlateauState;
pub(crate) use recipe::Counts;
pub use recipe::OpenSettings;
pub use schedule::{Schedule, ScheduleKind};
pub use start::{HeadStart, StartConfig};
pub use training::{
    Auto, ClassWeights, EarlyStopping, MicroBatch, Sampling, TrainConfig, WeightRule,
};

use crate::compute::Compute;
use crate::compute::backend::Backend;
use crate::compute::devices::Devices;
use crate::error::TrainError;
use crate::ranks::Ranks;
use receptive_core::plain;
use receptive_core::text::Printable;
use receptive_model::{ModelConfig, presets};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;

/// The configuration of a run: data, model, training and machine. It is stored in the run directory's
/// `config.toml`, from which the run can be repeated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Whether TensorBoard events are written, to `tensorboard` in the run directory.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tensorboard: bool,
    /// The data.
    #[serde(default)]
    pub data: DataConfig,
    /// How the model is trained.
    #[serde(default)]
    pub train: TrainConfig,
    /// The devices and threads. Only the kind of device affects the results.
    #[serde(default)]
    pub machine: MachineConfig,
    /// When checkpoints are written.
    #[serde(default)]
    pub checkpoint: CheckpointConfig,
    /// The pretrained model; without one, weights are initialised from the seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<StartConfig>,
    /// Whether and how the receptive field is measured during training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track_erf: Option<FieldConfig>,
    /// The network. Its input and classes are set by the data.
    pub model: ModelConfig,
}

/// The devices and threads of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MachineConfig {
    /// `flex`, `ndarray`, `wgpu`, `cuda:1`, ...
    pub backend: String,
    /// Several devices instead of one: `flex,flex`, `cuda:0,cuda:1`, `cuda:all`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<String>,
    /// Compute threads of a CPU backend; 0 for all cores.
    pub threads: usize,
    /// Data-loading threads; 0 loads in the training thread.
    pub workers: usize,
}

impl Default for MachineConfig {
    fn default() -> Self {
        Self {
            backend: "flex".into(),
            devices: Vec::new(),
            threads: 0,
            workers: 1,
        }
    }
}

impl MachineConfig {
    /// The devices and their threads.
    ///
    /// # Errors
    /// As [`check`](Self::check), or if a device is not available or the system cannot start a thread.
    pub fn compute(&self) -> Result<Compute, TrainError> {
        self.check()?;
        Compute::on(&self.devices()?, self.thread_count())
    }

    /// The devices and threads of one of several processes: each takes one of a machine's GPUs, and the cores
    /// are divided.
    ///
    /// # Errors
    /// As [`compute`](Self::compute), or if there are fewer devices than processes or another rank has failed.
    pub fn compute_of(&self, ranks: Arc<Ranks>) -> Result<Compute, TrainError> {
        self.check()?;
        let (at, count) = ranks.on_machine();
        let devices = self.devices()?.of_process(at, count)?;
        let threads = match (self.threads, self.thread_count()) {
            // A launcher may already have restricted each process to its own cores.
            (0, cores) if cores >= count => cores / count,
            (_, threads) => threads,
        };
        Compute::on(&devices, threads)?.with_ranks(ranks)
    }

    /// The devices by name: `devices` if set, else `backend`.
    ///
    /// # Errors
    /// A name is not a device.
    pub fn devices(&self) -> Result<Devices, TrainError> {
        if self.devices.is_empty() {
            return Ok(self.backend.parse::<Backend>()?.into());
        }
        Devices::from_names(&self.devices)
    }

    /// # Errors
    /// There are more threads than any machine has cores.
    pub fn check(&self) -> Result<(), TrainError> {
        for (setting, threads) in [
            ("machine.threads", self.threads),
            ("machine.workers", self.workers),
        ] {
            if threads > MAX_THREADS {
                return Err(TrainError::setting(
                    setting,
                    format!("it is {threads}; use at most {MAX_THREADS}"),
                ));
            }
        }
        Ok(())
    }

    /// Number of compute threads of a CPU backend: as set, or all cores.
    pub fn thread_count(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }
}

/// How the effective receptive field is measured during training. Does not affect the weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FieldConfig {
    /// The layer, by number or name; the last feature map by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// Number of measurements: before the first epoch, after the last, and in between.
    pub times: usize,
    /// Maximum number of images per measurement, from the validation split or else the training split.
    pub samples: u64,
}

impl Default for FieldConfig {
    fn default() -> Self {
        Self {
            layer: None,
            times: 6,
            samples: 400,
        }
    }
}

impl FieldConfig {
    pub(crate) fn check(&self) -> Result<(), TrainError> {
        if self.times < 2 || self.samples == 0 {
            return Err(TrainError::setting(
                "track_erf",
                format!(
                    "times is {} and samples {}; use at least 2 and 1",
                    self.times, self.samples
                ),
            ));
        }
        Ok(())
    }
}

const MAX_THREADS: usize = 1024;
/// Maximum size of a config file, in bytes.
const MAX_CONFIG_BYTES: u64 = 4 << 20;

impl RunConfig {
    /// The default settings for this network.
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

    /// The preset with this name and suitable settings; input and classes come from the data.
    ///
    /// # Errors
    /// [`ModelError::UnknownPreset`](receptive_model::ModelError::UnknownPreset) with the most similar names.
    pub fn preset(name: &str) -> Result<Self, TrainError> {
        let mut config = Self::new(presets::preset(name, presets::default_input(name))?);
        // It overfits within the default number of epochs; it needs more epochs, and augmentation.
        if name == "accurate" {
            config.train.epochs = 80;
            config.train.augment.shift = 2;
            config.train.augment.erase = 0.5;
        }
        Ok(config)
    }

    /// Reads a TOML file: a whole run, or only a model, for which all other settings have their defaults.
    ///
    /// # Errors
    /// The file cannot be read, or has an unknown key; the error has the line.
    pub fn load(path: &Path) -> Result<Self, TrainError> {
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            return Ok(Self::new(ModelConfig::load(path)?));
        }
        let text = receptive_model::store::read_text(path, MAX_CONFIG_BYTES)?;
        let origin = path.printable().into_owned();
        let table: toml::Table = toml::from_str(&text).map_err(config_error(&origin))?;
        if table.contains_key("layers") || table.contains_key("input") {
            return Ok(Self::new(ModelConfig::load(path)?));
        }
        toml::from_str(&text).map_err(config_error(&origin))
    }

    /// Writes TOML that [`load`](Self::load) reads back.
    ///
    /// # Errors
    /// A number does not fit TOML's signed 64 bits.
    pub fn to_toml(&self) -> Result<String, TrainError> {
        toml::to_string(self).map_err(config_error("(TOML)"))
    }

    /// Checks all settings that no other crate checks.
    ///
    /// # Errors
    /// [`TrainError::Setting`] naming the first invalid one.
    pub fn check(&self) -> Result<(), TrainError> {
        let is_head_only = |start: &StartConfig| start.head == HeadStart::Only;
        self.train
            .check(self.start.as_ref().is_some_and(is_head_only))?;
        self.checkpoint.check()?;
        if let Some(start) = &self.start {
            start.check()?;
        }
        if let Some(track) = &self.track_erf {
            track.check()?;
        }
        self.data.check()?;
        self.machine.check()
    }
}

fn config_error<E: std::fmt::Display>(origin: &str) -> impl FnOnce(E) -> TrainError {
    let origin = origin.to_string();
    move |error| TrainError::Config {
        origin,
        reason: plain(error.to_string().trim()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use receptive_model::ImageSize;

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

    #[test]
    fn only_the_preset_that_overfits_departs_from_the_defaults() {
        for name in ["small", "vgg", "plain-20"] {
            let config = RunConfig::preset(name).unwrap();
            assert_eq!(config.train, TrainConfig::default());
        }
        let config = RunConfig::preset("accurate").unwrap();
        assert!(config.train.epochs > TrainConfig::default().epochs);
        assert!(RunConfig::preset("accurat").is_err());
    }
}
