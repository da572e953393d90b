//! A network by name: a preset, a config file or a run's directory.

use super::pretrained::Source;
use crate::error::CliError;
use receptive_core::text::Printable;
use receptive_model::{Artifact, ModelConfig, presets};
use receptive_train::{RunConfig, RunDirectory};
use std::path::{Path, PathBuf};

/// Number of classes if the config does not set it.
pub(super) const DEFAULT_CLASSES: usize = 10;

/// The network's config, without its weights.
pub(super) fn model_config(network: &str) -> Result<ModelConfig, CliError> {
    let path = Path::new(network);
    let preset = presets::preset(network, presets::default_input(network));
    // A preset's name always means the preset, even if a file has the same name.
    if let Ok(preset) = preset {
        return Ok(preset);
    }
    check_is_model(path)?;
    if path.is_dir() {
        return match RunDirectory::open(path).and_then(|run| run.config()) {
            Ok(run) => Ok(run.model),
            // An artifact copied out of its run contains its network, too.
            Err(error) if !Artifact::is_at(path) => Err(error.into()),
            Err(_) => {
                let device = receptive_train::backend::default_device()?;
                Ok(Artifact::load(path, &device)?.model.config().clone())
            }
        };
    }
    if path.is_file() {
        return Ok(RunConfig::load(path)?.model);
    }
    Ok(preset?)
}

/// The directory of a run's artifact; `run` is a run directory or an artifact copied elsewhere.
pub(super) fn model_directory(run: &Path) -> Result<PathBuf, CliError> {
    if Artifact::is_at(run) {
        return Ok(run.into());
    }
    check_is_model(run)?;
    Ok(RunDirectory::open(run)?.kept_model()?)
}

/// File extensions of weights.
const WEIGHTS: [&str; 6] = ["onnx", "pth", "pt", "bin", "ckpt", "safetensors"];

/// Rejects published weights, which must be imported first.
pub(super) fn check_is_model(path: &Path) -> Result<(), CliError> {
    let text = path.to_string_lossy();
    let extension = path.extension().map(|name| name.to_ascii_lowercase());
    let is_weights = extension.is_some_and(|name| WEIGHTS.iter().any(|known| name == *known));
    let is_published = Source::is_hub(&text)
        || path.is_file() && is_weights
        || path.is_dir() && !Artifact::is_at(path) && Source::is_folder(path);
    if !is_published {
        return Ok(());
    }
    Err(CliError::Usage(format!(
        "{} contains weights, not a model; import it first with `receptive import {} --out \
         imported`, and use imported",
        path.printable(),
        path.shell_word()
    )))
}

/// Whether this is a network with trained weights.
pub(super) fn is_trained(network: &str) -> bool {
    let is_preset = presets::preset(network, presets::default_input(network)).is_ok();
    !is_preset && Path::new(network).is_dir()
}
