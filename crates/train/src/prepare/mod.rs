//! Preparing a run: opening its data, computing their statistics, and planning its network.

pub(crate) mod input_size;
mod kept_split;
mod open;
mod same_images;
pub(crate) mod splits;
pub(crate) mod start;

use crate::compute::backend::default_device;
use crate::config::{Counts, Monitor, OpenSettings, RunConfig};
use crate::error::TrainError;
use crate::memory::{self, step_notes};
use crate::prepare::input_size::{PHOTO_SIDE, is_photo, natural_input};
use crate::prepare::kept_split::idle_fractions;
use crate::prepare::open::{open_all_that_train, open_data};
use crate::prepare::splits::Splits;
use crate::prepare::start::InitialModel;
use crate::run::{NO_RECORD, RunDirectory};
use receptive_data::{
    DataError, DataSet, KNOWN_NAMES, Progress, RecordUse, Samples, SplitRecord, check_size,
};
use receptive_model::{ImageSize, InputSpec, Pair, Plan, presets};
use std::path::Path;
use std::sync::Arc;

/// A run that is ready to start.
#[derive(Debug)]
pub struct RunSetup {
    /// The config, with input and classes filled in.
    pub config: RunConfig,
    /// The data set.
    pub data: DataSet,
    /// How its images are converted to inputs.
    pub input: InputSpec,
    /// The network's plan.
    pub plan: Plan,
    /// The pretrained model that it starts from, if any; also `None` for a resumed run whose pretrained model
    /// no longer exists.
    pub start: Option<InitialModel>,
    /// The images that this model was trained and tested on, if known.
    pub start_record: Option<Arc<SplitRecord>>,
    /// The training split.
    pub train: Arc<Samples>,
    /// The validation split; may be empty.
    pub val: Arc<Samples>,
    /// The test split, if there is one.
    pub test: Option<Arc<Samples>>,
}

impl RunSetup {
    /// Steps of one epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        self.train.len().div_ceil(self.config.train.step_images()) as u64
    }

    /// Steps of the whole run.
    pub fn steps(&self) -> u64 {
        self.steps_per_epoch() * self.config.train.epochs as u64
    }

    /// Whether mean recall is reported next to top-1: the classes are imbalanced, or it selects the
    /// best epoch.
    pub fn shows_recall(&self) -> bool {
        self.config.train.monitor == Monitor::ValMeanRecall || self.data.is_imbalanced()
    }

    /// Whether the kept epoch is selected by validation; otherwise it is the last.
    pub fn chooses_epoch(&self) -> bool {
        self.config.train.monitor != Monitor::Last && !self.val.is_empty()
    }

    /// An estimate of the memory of a step, in bytes.
    ///
    /// # Errors
    /// The backend is not known.
    pub fn step_bytes(&self) -> Result<u64, TrainError> {
        memory::step_bytes(&self.config, &self.plan, self.train.len())
    }

    /// Maximum memory for decoded images, in bytes.
    pub fn cache_bytes(&self) -> u64 {
        [Some(&self.train), Some(&self.val), self.test.as_ref()]
            .into_iter()
            .flatten()
            .map(|samples| samples.cache_bytes())
            .sum()
    }
}

/// What determines the network's input size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputFrom {
    /// The data: a preset adapts to any size.
    Data,
    /// The model's config: images are resized to its input.
    Model,
}

/// Opens the data, plans the network for its images, loads the pretrained model and computes the images'
/// statistics. A run that starts from another run's model keeps its split: test images stay unseen, and
/// training images are not tested on.
///
/// # Errors
/// The data cannot be opened, a setting is invalid, or the network does not match the images.
pub fn prepare(
    config: RunConfig,
    input_from: InputFrom,
    progress: &dyn Progress,
) -> Result<RunSetup, TrainError> {
    prepare_open(config, OpenSettings::default(), input_from, progress)
}

/// Like [`prepare`], with unset settings chosen from the data; notes explain the choices.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_open(
    config: RunConfig,
    open: OpenSettings,
    input_from: InputFrom,
    progress: &dyn Progress,
) -> Result<RunSetup, TrainError> {
    let start_record = match &config.start {
        Some(start) => RunDirectory::around(&start.from)
            .map(|run| run.split_record())
            .transpose()?
            .flatten(),
        None => None,
    };
    let known = KnownImages {
        record: start_record.clone().map(|r| (r, RecordUse::Extend)),
        classes: None,
    };
    let mut setup = prepare_with(config, open, input_from, known, None, progress)?;
    if setup.start.is_some()
        && start_record
            .as_ref()
            .is_none_or(|start| start.is_incomplete())
    {
        setup.data.notes.push(NO_RECORD.into());
    }
    let idle = idle_fractions(&setup.config, &setup.data);
    setup.data.notes.extend(idle);
    setup.start_record = start_record;
    Ok(setup)
}

/// What an earlier run recorded about the images.
pub(crate) struct KnownImages {
    /// The images that it used, with their roles.
    pub(crate) record: Option<(Arc<SplitRecord>, RecordUse)>,
    /// Its classes, if no others may be added.
    pub(crate) classes: Option<Vec<String>>,
}

/// How a run's images become inputs, according to its own files.
pub(crate) type OwnInput<'a> = &'a dyn Fn() -> Option<InputSpec>;

/// `own_input` is for a resumed run: it is used if the pretrained model no longer exists.
pub(crate) fn prepare_with(
    mut config: RunConfig,
    open: OpenSettings,
    input_from: InputFrom,
    known: KnownImages,
    own_input: Option<OwnInput<'_>>,
    progress: &dyn Progress,
) -> Result<RunSetup, TrainError> {
    config.check()?;
    if !config.train.precision.is_f32() {
        for device in config.machine.devices()?.open()? {
            config.train.check_precision(&device)?;
        }
    }
    let mut data = match known.record {
        Some(_) => open_data(&mut config, known, progress)?,
        None => open_all_that_train(&mut config, open, known.classes.as_deref(), progress)?,
    };
    let choices = open.choose(&mut config, Counts::of(&data));
    data.notes.extend(choices);
    if own_input.is_none() {
        data.notes.extend(config.divide_batches()?);
    }
    data.notes.extend(config.idle_settings(data.val.len()));
    config.train.augment.by_class(&data.classes)?;
    let plan = plan_network(&mut config, input_from, &mut data)?;
    data.notes.extend(grey_note(&config));
    data.notes
        .extend(step_notes(&config, &plan, data.train.len())?);
    let left = memory::check(&config, &plan, data.train.len())?;
    let (start, start_input) = load_start(&mut config, &plan, &mut data, own_input)?;
    let Splits { train, val, test } = Splits::new(&config, &plan, &data, left)?;
    let input = input_spec(&config, start_input, &train, progress)?;
    Ok(RunSetup {
        config,
        data,
        input,
        plan,
        start,
        start_record: None,
        train,
        val,
        test,
    })
}

/// A note on colour augmentations of grey images.
fn grey_note(config: &RunConfig) -> Option<String> {
    let augment = &config.train.augment;
    let changes = [
        ("saturation", augment.saturation),
        ("hue", augment.hue),
        ("grayscale", augment.grayscale),
    ];
    let idle: Vec<String> = changes
        .into_iter()
        .filter(|(_, value)| *value > 0.0)
        .map(|(name, _)| format!("`train.augment.{name}`"))
        .collect();
    (config.model.input.channels == 1 && !idle.is_empty()).then(|| {
        let have = if idle.len() == 1 { "has" } else { "have" };
        format!(
            "{} {have} no effect on greyscale images",
            idle.join(" and ")
        )
    })
}

/// Makes the paths of the data absolute, so that they are valid in any directory.
pub(crate) fn set_absolute_paths(config: &mut RunConfig) {
    if !KNOWN_NAMES.contains(&config.data.source.as_str())
        && let Ok(absolute) = Path::new(&config.data.source).canonicalize()
        && let Some(absolute) = absolute.to_str()
    {
        config.data.source = absolute.into();
    }
    let files = [&mut config.data.data_dir, &mut config.data.labels];
    for path in files.into_iter().flatten() {
        if let Ok(absolute) = std::path::absolute(&*path) {
            *path = absolute;
        }
    }
}

/// Fits the network to the images and classes, and checks it.
fn plan_network(
    config: &mut RunConfig,
    input_from: InputFrom,
    data: &mut DataSet,
) -> Result<Plan, TrainError> {
    let preset = config.model.clone();
    if input_from == InputFrom::Data {
        let natural = data.natural_size();
        config.model.input = natural_input(natural);
        let sizes = match natural {
            Some(size) if is_photo(&size) => Some(format!(
                "the images are {}x{} pixels (height x width)",
                size.height, size.width
            )),
            Some(_) => None,
            None => Some("the images have different sizes".into()),
        };
        if let Some(sizes) = sizes.filter(|_| config.data.image_size.is_none()) {
            data.notes.push(format!(
                "{sizes} and are resized to {PHOTO_SIDE}x{PHOTO_SIDE}: a larger data.image_size shows more detail, \
                 at twice the side in four times the time"
            ));
        }
    }
    if let Some(Pair { height, width }) = config.data.image_size {
        if let Err(DataError::Setting { problem, .. }) =
            check_size(&ImageSize::new(3, height, width))
        {
            return Err(TrainError::setting("data.image_size", problem));
        }
        config.model.input = ImageSize {
            height,
            width,
            ..config.model.input
        };
    }
    if config.data.grey {
        set_grey(config, input_from)?;
    }
    // A preset's layers may depend on the image size, since it halves its feature maps until they are small.
    if input_from == InputFrom::Data
        && let Some(model) = presets::refit(&preset, config.model.input)
    {
        config.model = model;
    }
    if config.start.is_some() {
        // One output per class, whatever their previous number. If there is no head, the plan reports it.
        let _ = config.model.open_head();
    }
    if let Some(rate) = config.train.stochastic_depth {
        let deep = config.model.clone().with_stochastic_depth(rate);
        config.model = deep.ok_or_else(|| {
            TrainError::setting(
                "train.stochastic_depth",
                "the network has no residual block to drop; use one that has, or leave the \
                 setting out",
            )
        })?;
    }
    let model = config.model.clone().with_classes(data.classes.len());
    let plan = model.plan()?;
    config.model = plan.config.clone();
    Ok(plan)
}

/// Makes the network's input a single channel.
fn set_grey(config: &mut RunConfig, input_from: InputFrom) -> Result<(), TrainError> {
    let channels = config.model.input.channels;
    // Pretrained weights require the original number of channels.
    if channels != 1 && config.start.is_some() {
        return Err(TrainError::setting(
            "data.grey",
            format!(
                "the trained network takes {channels} channels; leave data.grey out, or train a new \
                 network"
            ),
        ));
    }
    if input_from == InputFrom::Data || config.model.input.channels == 3 {
        config.model.input.channels = 1;
    }
    Ok(())
}

/// Loads the pretrained model and stores its hash in the config. A resumed run continues from its own
/// checkpoint, so if the model no longer exists, the run's own record of the input suffices.
fn load_start(
    config: &mut RunConfig,
    plan: &Plan,
    data: &mut DataSet,
    own_input: Option<OwnInput<'_>>,
) -> Result<(Option<InitialModel>, Option<InputSpec>), TrainError> {
    let Some(start) = &mut config.start else {
        return Ok((None, None));
    };
    let device = default_device()?;
    match start.load(plan, &data.classes, config.train.seed, &device) {
        Ok(model) => {
            start.weights_sha256 = Some(model.weights_sha256.clone());
            let input = model.input.clone();
            Ok((Some(model), Some(input)))
        }
        Err(error) => {
            let Some(input) = own_input.and_then(|own| own()) else {
                return Err(error);
            };
            data.notes.push(format!(
                "the model that the run started from is missing or has changed, but is not \
                 needed: the run resumes from its own checkpoint ({error})"
            ));
            Ok((None, Some(input)))
        }
    }
}

/// How images become inputs: as the pretrained weights require, or normalised by the mean and standard
/// deviation of the training images.
fn input_spec(
    config: &RunConfig,
    start: Option<InputSpec>,
    train: &Samples,
    progress: &dyn Progress,
) -> Result<InputSpec, TrainError> {
    let fit = config.data.fit();
    if let Some(start) = start {
        return Ok(start.with_fit(fit));
    }
    let (mean, std) = train.mean_std(progress, config.machine.thread_count())?;
    Ok(InputSpec::new(train.size())
        .with_fit(fit)
        .with_normalization(mean, std))
}
