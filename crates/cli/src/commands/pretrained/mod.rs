//! Sources of published weights: a file, a folder with a `config.json`, a hub repository, or the name of a network
//! that has one.

mod config;

use crate::error::CliError;
use crate::render::{DataProgress, say_line, say_paragraph};
use config::PublishedConfig;
use receptive_core::text::Printable;
use receptive_data::{Hub, HubRepository};
use receptive_model::{InputSpec, presets};
use std::path::{Path, PathBuf};

/// File names of weights next to a `config.json`, in order of preference.
const WEIGHTS: [&str; 2] = ["model.safetensors", "pytorch_model.bin"];
const CONFIG: &str = "config.json";
/// Prefix of the name of a hub repository.
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

/// The naming schemes of a published network's weights, comma-separated.
fn schemes(network: &str) -> String {
    let forms = presets::published(network);
    let schemes: Vec<&str> = forms.iter().map(|form| form.scheme.name()).collect();
    schemes.join(", ")
}

/// The weights in a folder, if it also has a `config.json`.
fn weights_in(folder: &Path) -> Option<PathBuf> {
    let mut weights = WEIGHTS.iter().map(|name| folder.join(name));
    let found = weights.find(|path| path.is_file())?;
    folder.join(CONFIG).is_file().then_some(found)
}

/// Weights on this machine, with their metadata.
pub(super) struct Source {
    /// The weights file.
    pub(super) weights: PathBuf,
    /// Their origin: the file, or the address from which they were downloaded.
    pub(super) address: String,
    config: Option<PublishedConfig>,
    /// The name of the hub repository, without the organisation.
    repository: Option<String>,
}

impl Source {
    /// Finds the weights that `text` names: a path, a repository, or a published network.
    pub(super) fn open(text: &str, offline: bool) -> Result<Self, CliError> {
        if let Some(repository) = text.strip_prefix(HUB) {
            return Self::fetch(repository, offline);
        }
        let path = Path::new(text);
        if Self::is_network(path) {
            let repository = presets::repository(text).ok_or_else(|| {
                CliError::Usage(format!(
                    "{text}: its weights are in no repository that this program knows; download \
                     them from their publisher ({}), and give the file and the network's name",
                    schemes(text)
                ))
            })?;
            say_line("weights", format!("{HUB}{repository}"));
            return Self::fetch(repository, offline);
        }
        if !path.is_dir() {
            return Ok(Self {
                weights: path.into(),
                address: text.into(),
                config: None,
                repository: None,
            });
        }
        Self::in_folder(path, text.into(), None)
    }

    /// Whether this is the name of a published network, and not that of an existing file.
    pub(super) fn is_network(path: &Path) -> bool {
        let name = path.to_str().unwrap_or_default();
        !path.exists() && presets::published_names().any(|known| known == name)
    }

    /// Whether `text` names a hub repository.
    pub(super) fn is_hub(text: &str) -> bool {
        text.starts_with(HUB)
    }

    /// Whether a folder contains published weights.
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
        let name = repository.name().to_string();
        Self::in_folder(&files.folder, files.address, Some(name))
    }

    /// The weights in a folder that has a `config.json`.
    fn in_folder(
        folder: &Path,
        address: String,
        repository: Option<String>,
    ) -> Result<Self, CliError> {
        let Some(weights) = weights_in(folder) else {
            return Err(CliError::Usage(format!(
                "{}: expected a weights file, or a folder with {CONFIG} and {}",
                folder.printable(),
                WEIGHTS.join(" or ")
            )));
        };
        Ok(Self {
            weights,
            address,
            config: Some(PublishedConfig::load(&folder.join(CONFIG))?),
            repository,
        })
    }

    /// The network's name.
    pub(super) fn architecture(&self) -> Option<&str> {
        self.config
            .as_ref()
            .map(|config| config.architecture.as_str())
    }

    /// Whether the config describes these weights. It names the initial weights, and is copied when the network
    /// is fine-tuned or saved with random weights, so its name must agree with that of the repository.
    fn is_described(&self) -> bool {
        let described = self.config.as_ref().and_then(PublishedConfig::name);
        described.is_some() && described == self.repository
    }

    /// The publisher's name for the weights.
    pub(super) fn name(&self) -> Option<String> {
        self.config.as_ref().filter(|_| self.is_described())?.name()
    }

    /// The licence of the weights.
    pub(super) fn licence(&self) -> Option<String> {
        self.config
            .as_ref()
            .filter(|_| self.is_described())?
            .licence()
    }

    /// A note on the config, if it may describe other weights.
    pub(super) fn note(&self) -> Option<String> {
        let config = self.config.as_ref().filter(|_| !self.is_described())?;
        let name = config.name()?;
        let licence = config.licence();
        let licence = licence.map_or(String::new(), |licence| format!(" (licence {licence})"));
        Some(format!(
            "its config.json describes {name}{licence}, which may be only the weights it was \
             fine-tuned from: weights and licence are recorded as unknown"
        ))
    }

    /// The number of classes according to the config.
    pub(super) fn class_count(&self) -> Option<usize> {
        self.config.as_ref()?.class_count()
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
