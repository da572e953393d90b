//! Resolving a run given on the command line: its model, its images, or the config of a new run.

use super::import::import_published;
use super::network::model_directory;
use super::pretrained::Source;
use crate::args::{Balance, DeviceArgs, MachineArgs, NetworkArgs, SourceArgs};
use crate::error::CliError;
use crate::render::{DataProgress, say_paragraph};
use burn::tensor::Device;
use receptive_core::text::{Printable, counted, percent};
use receptive_core::{did_you_mean, nearest};
use receptive_data::{DataSet, Split};
use receptive_inspect::Prediction;
use receptive_model::{Artifact, presets};
use receptive_train::backend::default_device;
use receptive_train::config::{
    ClassWeights, DataConfig, OpenSettings, Sampling, WeightRule, with_overrides,
};
use receptive_train::{
    Backend, DataPlace, Evaluation, ImageQuery, InputFrom, Remedies, RunConfig, RunDirectory,
    SplitName, StartConfig, TrainConfig,
};
use std::path::{Path, PathBuf};

/// A run's model, or an artifact copied elsewhere.
pub(super) fn load_model(run: &Path, device: &Device) -> Result<Artifact, CliError> {
    Ok(Artifact::load(&model_directory(run)?, device)?)
}

/// The predicted classes on one line: `Bag 93.1 %, Shirt 4.0 %`.
pub(super) fn predictions_line(top: &[Prediction]) -> String {
    let classes: Vec<String> = top
        .iter()
        .map(|one| format!("{} {}", one.class, percent(one.probability)))
        .collect();
    classes.join(", ")
}

/// The metrics of an evaluation on one line: `top-1 90.1 %, mean recall 88.0 %, top-5 99.8 %, loss 0.301 (1000
/// images)`.
pub(super) fn evaluation_line(evaluation: &Evaluation) -> String {
    let optional = |name: &str, share: Option<f64>| {
        share.map_or(String::new(), |share| {
            format!("{name} {}, ", percent(share))
        })
    };
    format!(
        "top-1 {}, {}{}loss {:.3} ({})",
        percent(evaluation.top1),
        optional("mean recall", evaluation.mean_recall),
        optional("top-5", evaluation.top5),
        evaluation.loss,
        counted(evaluation.images, "image")
    )
}

/// The images to which a trained model is applied.
pub(super) struct RunSplit {
    pub(super) data: DataSet,
    pub(super) split: Split,
    pub(super) name: &'static str,
    /// Whether the data set is the run's own.
    pub(super) is_own: bool,
    /// A note if these images replace the requested test images.
    pub(super) stand_in: Option<String>,
}

/// New paths of a run's data and label list, where they are given.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct NewPaths<'a> {
    pub(super) data: Option<&'a str>,
    pub(super) labels: Option<&'a Path>,
}

impl NewPaths<'_> {
    /// Sets them, and checks that the data of the run and their label list exist.
    pub(super) fn find(
        self,
        data: &mut DataConfig,
        command: &str,
        run: &Path,
    ) -> Result<(), CliError> {
        let remedies = remedies(command, run, self.data);
        Ok(data.find(self.data, self.labels, &remedies)?)
    }

    /// The arguments that give them to a further command, each after a space.
    pub(super) fn flags(self) -> String {
        let data = self
            .data
            .map(|path| format!(" --data {}", path.shell_word()));
        data.unwrap_or_default() + &labels_flag(self.labels)
    }

    /// Likewise for `train --config`, with the data and label list that were found.
    pub(super) fn arguments(self, found: &DataConfig) -> String {
        let Self { data, labels } = self;
        let data = data.map(|path| format!(" {}", path.shell_word()));
        let labels = labels.or(found.labels.as_deref().filter(|_| data.is_some()));
        data.unwrap_or_default() + &labels_flag(labels)
    }
}

fn labels_flag(labels: Option<&Path>) -> String {
    let labels = labels.map(|path| format!(" --labels {}", path.shell_word()));
    labels.unwrap_or_default()
}

/// The commands that set the new paths of a run's data and label list. `moved` is the data's, if given.
pub(super) fn remedies(command: &str, run: &Path, moved: Option<&str>) -> Remedies {
    let command = format!("receptive {command} {}", run.shell_word());
    let given = NewPaths {
        data: moved,
        labels: None,
    };
    Remedies {
        data: format!("{command} --data NEWPATH"),
        labels: format!("{command}{} --labels NEWLIST", given.flags()),
        both: format!("{command} --data NEWPATH --labels NEWLIST"),
        other: format!("{command} DATA"),
    }
}

/// The images that a command selects: those at `place` and in `split`, by default the run's own test images.
pub(super) fn image_query<'a>(
    run: &'a Path,
    remedies: Remedies,
    place: DataPlace<'a>,
    split: Option<SplitName>,
    source: &'a SourceArgs,
) -> ImageQuery<'a> {
    ImageQuery {
        place,
        split,
        labels: source.labels.labels.as_deref(),
        label_column: source.labels.label_column.as_deref(),
        group: source.labels.group.as_deref(),
        data_dir: source.data_dir.as_deref(),
        bad_images: source.bad_images,
        limit: source.limit,
        ..ImageQuery::new(run, remedies)
    }
}

/// Writes the notes about the data to standard error.
pub(super) fn say_notes(data: &DataSet) {
    for note in data.notes_beside_damage() {
        say_paragraph("note", note);
    }
    if let Some(note) = data.damaged_note() {
        say_paragraph("note", note);
    }
}

/// Opens the images; notes about the data go to standard error.
pub(super) fn open_split(
    query: &ImageQuery<'_>,
    artifact: &Artifact,
) -> Result<RunSplit, CliError> {
    let images = query.open(artifact, &DataProgress::default())?;
    say_notes(&images.data);
    let (split, name) = images.choose(query.split)?;
    let stand_in = images.stand_in().filter(|_| query.split.is_none());
    Ok(RunSplit {
        split: split.clone(),
        name,
        is_own: images.is_own,
        stand_in,
        data: images.data,
    })
}

/// The config of a new run, which each command extends by its own settings.
pub(super) struct RunSettings {
    pub(super) config: RunConfig,
    /// The config file, if it names the data.
    file: Option<PathBuf>,
    input_from: InputFrom,
    /// The settings that the recipe may choose.
    open: OpenSettings,
}

impl RunSettings {
    /// The defaults, overridden by the config file and then by the arguments.
    pub(super) fn from_args(arguments: &NetworkArgs) -> Result<Self, CliError> {
        let from = start_of(arguments)?;
        let (mut config, input_from) = match (&arguments.config, &from) {
            (Some(path), _) => (RunConfig::load(path)?, InputFrom::Model),
            (None, Some(run)) => {
                let labels = arguments.source.labels.labels.as_deref();
                let config = fine_tuning_config(run, arguments.data.is_some(), labels)?;
                (config, InputFrom::Model)
            }
            (None, None) => {
                let name = arguments.preset.as_deref().unwrap_or(presets::DEFAULT);
                let mut config = RunConfig::preset(name)?;
                config.machine.backend = Backend::from_env()?.to_string();
                (config, InputFrom::Data)
            }
        };
        if let Some(run) = &from {
            let from = model_directory(run)?;
            let from = std::path::absolute(&from).unwrap_or(from);
            // A config file itself determines how to train.
            let start = match arguments.config {
                Some(_) => StartConfig::new(from),
                None => StartConfig::fine_tuning(from),
            };
            config.start = Some(StartConfig {
                freeze: arguments.freeze.unwrap_or(0),
                ..start
            });
        }
        set_network(&mut config, arguments);
        // A config file itself determines how to train.
        let open = match arguments.config {
            Some(_) => OpenSettings::default(),
            None => OpenSettings::except(|setting| match setting {
                "train.batch_size" => arguments.batch_size.is_some(),
                setting => arguments.augment.is_off() && setting.starts_with("train.augment."),
            }),
        };
        let file = arguments.config.clone();
        Ok(Self {
            config,
            file: file.filter(|_| arguments.data.is_none()),
            input_from,
            open,
        })
    }

    /// Applies `--optimizer` and `--set`, which overrides everything else.
    pub(super) fn finish(
        self,
        overrides: &[String],
    ) -> Result<(RunConfig, InputFrom, OpenSettings), CliError> {
        if let Some(key) = overrides.iter().find(|key| is_of(key, "model.classes")) {
            let problem = "the number of classes follows from the data";
            return Err(CliError::argument(&format!("--set {key}"), problem));
        }
        // A preset's input comes from the data, which would override this setting.
        let input = |key: &&String| is_of(key, "model.input");
        if self.input_from == InputFrom::Data
            && let Some(key) = overrides.iter().find(input)
        {
            return Err(CliError::argument(
                &format!("--set {key}"),
                "a preset takes its input from the data; use --image-size for another height and \
                 width, --grey for one channel, or --config FILE for a network with its own input",
            ));
        }
        let config = with_overrides(&self.config, overrides)?;
        if let Some(file) = self.file.filter(|_| !config.data.is_there()) {
            return Err(CliError::Usage(format!(
                "{}: its data {} no longer exists; give its path as the first argument, DATA",
                file.printable(),
                config.data.source.printable()
            )));
        }
        let is_set = |setting: &str| {
            let mut keys = overrides.iter();
            keys.any(|key| is_of(key, setting) || is_around(key, setting))
        };
        Ok((
            config,
            self.input_from,
            self.open.and(OpenSettings::except(is_set)),
        ))
    }
}

/// `--optimizer` as an override; the kind brings its own defaults.
pub(super) fn optimizer_override(arguments: &NetworkArgs) -> Option<String> {
    let kind = arguments.optimizer?;
    Some(format!("train.optimizer.kind={}", kind.name()))
}

/// Whether a `KEY=VALUE` sets this setting or one inside it.
fn is_of(key: &str, setting: &str) -> bool {
    let rest = key.trim_start().strip_prefix(setting);
    rest.is_some_and(|rest| rest.trim_start().starts_with(['=', '.']))
}

/// Whether a `KEY=VALUE` sets a table that this setting is in.
fn is_around(key: &str, setting: &str) -> bool {
    let table = key.split('=').next().unwrap_or_default().trim();
    let rest = setting.strip_prefix(table);
    rest.is_some_and(|rest| rest.starts_with('.'))
}

/// The run or the artifact given by `--from`; published weights are imported first.
fn start_of(arguments: &NetworkArgs) -> Result<Option<PathBuf>, CliError> {
    let Some(from) = &arguments.from else {
        return Ok(None);
    };
    let preset = arguments.preset.as_deref();
    if let Some(preset) = preset
        && Source::is_network(from)
        && from.as_os_str() != preset
    {
        let problem = format!("--from {} is another network", from.printable());
        return Err(CliError::argument(&format!("--preset {preset}"), problem));
    }
    if let Some(imported) = import_published(from, preset, arguments.offline)? {
        return Ok(Some(imported));
    }
    if preset.is_some() {
        return Err(CliError::argument(
            "--preset",
            "the model of --from already has a network; leave one of them out",
        ));
    }
    if !from.exists() {
        return Err(no_start(from));
    }
    Ok(Some(from.clone()))
}

/// There is nothing at this path, which may be a misspelt name of a network.
fn no_start(from: &Path) -> CliError {
    let name = from.to_string_lossy();
    let near = nearest(&name, presets::published_names());
    let meant = did_you_mean(&near).map_or(String::new(), |meant| format!("; {meant}"));
    CliError::argument(
        "--from",
        format!(
            "{} is neither a network that `receptive networks` lists nor an existing run, model or file of \
             weights{meant}",
            from.printable()
        ),
    )
}

/// The recipe for fine-tuning a trained run's network, on its own data unless other data are given.
fn fine_tuning_config(
    run: &Path,
    has_data: bool,
    labels: Option<&Path>,
) -> Result<RunConfig, CliError> {
    let artifact = load_model(run, &*default_device()?)?;
    let mut config = RunConfig::new(artifact.model.config().clone());
    config.train = TrainConfig::fine_tuning();
    config.machine.backend = Backend::from_env()?.to_string();
    let own = RunDirectory::around(run).map(|run| run.config());
    let own = own.transpose()?;
    if has_data {
        // With the run's groups, images of a patient seen in training are not tested on, and vice versa.
        config.data.group = own.and_then(|own| own.data.group);
    } else {
        config.data = match own {
            Some(own) if own.data.is_there() => {
                let mut data = own.data;
                data.find(None, labels, &Remedies::default())?;
                data
            }
            Some(own) => {
                let problem = format!(
                    "the run's data {} no longer exists; give DATA as the first argument",
                    own.data.source.printable()
                );
                return Err(CliError::argument("--from", problem));
            }
            None => {
                let problem = "this model is not part of a run, so its data is unknown; give \
                               DATA as the first argument";
                return Err(CliError::argument("--from", problem));
            }
        };
    }
    config.data.set_fit(artifact.input.fit());
    Ok(config)
}

/// Takes over how and where several runs are computed, which may change when they are resumed, but not what is
/// trained. `bad_images` may change because it does not affect the images already trained on.
pub(super) fn adopt_machine(base: &mut RunConfig, wanted: &RunConfig) {
    base.machine = wanted.machine.clone();
    base.data.data_dir.clone_from(&wanted.data.data_dir);
    base.data.bad_images = wanted.data.bad_images;
}

/// The arguments that `train` and `lr-find` share, except those that define the network.
pub(super) fn set_network(config: &mut RunConfig, arguments: &NetworkArgs) {
    set(&mut config.data.source, arguments.data.clone());
    set(&mut config.data.bad_images, arguments.source.bad_images);
    let labels = arguments.source.labels.clone();
    config.data.labels = labels.labels.or(config.data.labels.take());
    config.data.label_column = labels.label_column.or(config.data.label_column.take());
    config.data.group = labels.group.or(config.data.group.take());
    set(&mut config.train.batch_size, arguments.batch_size);
    set(&mut config.train.accumulate, arguments.accumulate);
    set(&mut config.train.seed, arguments.seed);
    set(&mut config.train.precision, arguments.precision);
    arguments.augment.apply(&mut config.train.augment);
    let depth = arguments.stochastic_depth;
    config.train.stochastic_depth = depth.or(config.train.stochastic_depth);
    config.data.limit = arguments.source.limit.or(config.data.limit);
    config.data.image_size = arguments
        .image_size
        .map(Into::into)
        .or(config.data.image_size);
    config.data.grey |= arguments.grey;
    if let Some(balance) = arguments.balance {
        let (weights, sampling) = match balance {
            Balance::Weights => (WeightRule::Balanced, Sampling::All),
            Balance::Sample => (WeightRule::None, Sampling::Balanced),
            Balance::None => (WeightRule::None, Sampling::All),
        };
        config.train.class_weights = ClassWeights::Rule(weights);
        config.train.sampling = sampling;
    }
    set_machine(config, arguments);
}

/// The backend, devices and threads of a run.
fn set_machine(config: &mut RunConfig, arguments: &NetworkArgs) {
    let DeviceArgs { machine, devices } = &arguments.devices;
    let MachineArgs { backend, threads } = machine;
    // Either replaces the other.
    if let Some(backend) = backend {
        config.machine.backend.clone_from(backend);
        config.machine.devices.clear();
    }
    if !devices.is_empty() {
        config.machine.devices.clone_from(devices);
    }
    set(&mut config.machine.threads, *threads);
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
