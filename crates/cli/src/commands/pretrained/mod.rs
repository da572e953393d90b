//! Where weights of published networks come from: a file, a folder with a `config.json` beside them, or
//! a repository of a hub.

mod config;

use crate::error::CliError;
use crate::render::{DataProgress, say_paragraph};
use config::PublishedConfig;
use receptive_core::text::Printable;
use receptive_data::{Hub, HubRepository};
use receptive_model::InputSpec;
use std::path::{Path, PathBuf};

/// The names that weights have beside a `config.json`, the preferred one first.
const WEIGHTS: [&str; 2] = ["model.safetensors", "pytorch_model.bin"];
const CONFIG: &str = "config.json";
/// What the name of a hub's repository begins with.
const HUB: &str = "hf:";

/// The program's own folder in the user's cache.
pub(super) fn cache_folder() -> Result<PathBuf, CliError> {
    let hub = Hub::from_env(true, |name| std::env::var_os(name))?;
    Ok(hub
        .cache
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default())
}

/// The weights in a folder, if a `config.json` lies beside them.
fn weights_in(folder: &Path) -> Option<PathBuf> {
    let mut weights = WEIGHTS.iter().map(|name| folder.join(name));
    let found = weights.find(|path| path.is_file())?;
    folder.join(CONFIG).is_file().then_some(found)
}

/// Weights on this machine, and what is said beside them.
pub(super) struct Source {
    /// The file of weights.
    pub(super) weights: PathBuf,
    /// Where they are from: the file, or the address they were fetched from.
    pub(super) address: String,
    config: Option<PublishedConfig>,
}

impl Source {
    /// Finds the weights that `text` names.
    pub(super) fn open(text: &str, offline: bool) -> Result<Self, CliError> {
        if let Some(repository) = text.strip_prefix(HUB) {
            return Self::fetch(repository, offline);
        }
        let path = Path::new(text);
        if !path.is_dir() {
            return Ok(Self {
                weights: path.into(),
                address: text.into(),
                config: None,
            });
        }
        Self::in_folder(path, text.into())
    }

    /// Whether `text` names a hub's repository.
    pub(super) fn is_hub(text: &str) -> bool {
        text.starts_with(HUB)
    }

    /// Whether a folder is one of published weights.
    pub(super) fn is_folder(path: &Path) -> bool {
        weights_in(path).is_some()
    }

    fn fetch(repository: &str, offline: bool) -> Result<Self, CliError> {
        let repository: HubRepository = repository
            .parse()
            .map_err(|problem| CliError::argument(&format!("{HUB}{repository}"), problem))?;
        let hub = Hub::from_env(offline, |name| std::env::var_os(name))?;
        let files = hub.files(
            &repository,
            &[&[CONFIG], &WEIGHTS],
            &DataProgress::default(),
        )?;
        for note in files.notes {
            say_paragraph("note", note);
        }
        Self::in_folder(&files.folder, files.address)
    }

    /// The weights in a folder that has a `config.json`.
    fn in_folder(folder: &Path, address: String) -> Result<Self, CliError> {
        let Some(weights) = weights_in(folder) else {
            return Err(CliError::Usage(format!(
                "{}: expected a file of weights, or a folder with {CONFIG} and {}",
                folder.printable(),
                WEIGHTS.join(" or ")
            )));
        };
        Ok(Self {
            weights,
            address,
            config: Some(PublishedConfig::load(&folder.join(CONFIG))?),
        })
    }

    /// The network's name.
    pub(super) fn architecture(&self) -> Option<&str> {
        self.config
            .as_ref()
            .map(|config| config.architecture.as_str())
    }

    /// What the publisher calls the weights.
    pub(super) fn name(&self) -> Option<String> {
        self.config.as_ref()?.name()
    }

    /// The licence of the weights.
    pub(super) fn licence(&self) -> Option<String> {
        self.config.as_ref()?.licence()
    }

    /// The class names.
    pub(super) fn classes(&self) -> Option<Vec<String>> {
        self.config.as_ref()?.label_names.clone()
    }

    /// The input.
    pub(super) fn input(&self) -> Result<Option<InputSpec>, CliError> {
        let input = self.config.as_ref().map(PublishedConfig::input);
        Ok(input.transpose()?.flatten())
    }
}
