//! The config of a run that is to be made, from the command line.

use super::{model_directory, policy};
use crate::args::NetworkArgs;
use crate::error::CliError;
use receptive_model::{Artifact, presets};
use receptive_train::backend::default_device;
use receptive_train::config::with_overrides;
use receptive_train::{Backend, InputFrom, RunConfig, RunDirectory, StartConfig};
use std::path::Path;

/// A config that waits for what one command alone can set.
pub(super) struct RunSettings {
    pub(super) config: RunConfig,
    input_from: InputFrom,
}

impl RunSettings {
    /// The arguments, laid over the file, laid over the defaults.
    pub(super) fn of(arguments: &NetworkArgs) -> Result<Self, CliError> {
        let (mut config, input_from) = match (&arguments.config, &arguments.from) {
            (Some(path), _) => (RunConfig::load(path)?, InputFrom::Model),
            (None, Some(run)) => (of_run(run, arguments.data.is_some())?, InputFrom::Model),
            (None, None) => {
                let name = arguments.preset.as_deref().unwrap_or(presets::DEFAULT);
                let mut config = RunConfig::preset(name)?;
                config.machine.backend = Backend::usual()?.to_string();
                (config, InputFrom::Data)
            }
        };
        if let Some(run) = &arguments.from {
            let from = model_directory(run)?;
            let from = std::path::absolute(&from).unwrap_or(from);
            config.start = Some(StartConfig {
                freeze: arguments.freeze.unwrap_or(0),
                ..StartConfig::new(from)
            });
        }
        set(&mut config.data.source, arguments.data.clone());
        set(
            &mut config.data.bad_images,
            arguments.source.bad_images.map(policy),
        );
        set(&mut config.train.batch_size, arguments.batch_size);
        set(&mut config.train.seed, arguments.seed);
        set_machine(&mut config, arguments);
        config.data.limit = arguments.source.limit.or(config.data.limit);
        Ok(Self { config, input_from })
    }

    /// Lays `--set` over all of it.
    pub(super) fn finish(
        self,
        arguments: &NetworkArgs,
    ) -> Result<(RunConfig, InputFrom), CliError> {
        // A preset's input is the data's; to let it be set here would only seem to work.
        let input = |key: &&String| key.trim_start().starts_with("model.input");
        if self.input_from == InputFrom::Data
            && let Some(key) = arguments.set.iter().find(input)
        {
            return Err(CliError::Usage(format!(
                "--set {key}: a preset takes its input from the data; use --set data.image_size=N \
                 for another height and width, or --config FILE for a network with an input of its \
                 own"
            )));
        }
        let config = with_overrides(&self.config, &arguments.set)?;
        Ok((config, self.input_from))
    }
}

/// All defaults for a trained run's network and, unless other data is named, its data.
fn of_run(run: &Path, has_data: bool) -> Result<RunConfig, CliError> {
    let artifact = Artifact::load(&model_directory(run)?, &default_device()?)?;
    let mut config = RunConfig::new(artifact.model.config().clone());
    config.machine.backend = Backend::usual()?.to_string();
    if !has_data && let Ok(own) = RunDirectory::open(run).and_then(|run| run.config()) {
        config.data = own.data;
    }
    config.data.resize = artifact.input.resize;
    Ok(config)
}

/// Where and how it runs.
pub(super) fn set_machine(config: &mut RunConfig, arguments: &NetworkArgs) {
    let machine = &arguments.machine;
    set(&mut config.machine.backend, machine.backend.clone());
    set(&mut config.machine.threads, machine.threads);
    set(&mut config.machine.workers, arguments.workers);
    if let Some(directory) = &arguments.source.data_dir {
        config.data.data_dir = Some(directory.clone());
    }
}

pub(super) fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
