//! From a config to data that is measured and a plan that is checked.

use crate::backend::default_device;
use crate::config::{DataConfig, RunConfig};
use crate::{Started, TrainError};
use receptive_data::{DataOptions, DataSet, KNOWN_NAMES, Progress, Samples, check_size};
use receptive_model::{ImageSize, InputSpec, LayerConfig, Pair, Plan, presets};
use std::path::Path;
use std::sync::Arc;

/// The side photos are resized to where nothing says otherwise.
const PHOTO_SIDE: usize = 64;
/// Images that all have one size and no longer side are taken as they are; larger ones are photos,
/// whose full size would make the network hundreds of times as slow.
const MOST_NATURAL_SIDE: usize = 96;

/// A run that is ready to start.
#[derive(Debug)]
pub struct Prepared {
    /// The config, with input and classes filled in.
    pub config: RunConfig,
    /// The data set.
    pub data: DataSet,
    /// How its images become inputs.
    pub input: InputSpec,
    /// The network, checked.
    pub plan: Plan,
    /// The trained model it starts from, where it does.
    pub start: Option<Started>,
    /// The training split.
    pub train: Arc<Samples>,
    /// The validation split; may be empty.
    pub val: Arc<Samples>,
    /// The test split, where there is one.
    pub test: Option<Arc<Samples>>,
}

/// Who says how large the network's input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputFrom {
    /// The images: a preset fits any.
    Data,
    /// The model's own config: images are resized to it.
    Model,
}

/// Opens the data, measures it, and plans the network for its images.
///
/// # Errors
/// When the data can't be opened, a setting can't be used, or the network does not fit.
pub fn prepare(
    mut config: RunConfig,
    input_from: InputFrom,
    progress: &dyn Progress,
) -> Result<Prepared, TrainError> {
    config.check()?;
    // The run directory must work from anywhere.
    if !KNOWN_NAMES.contains(&config.data.source.as_str())
        && let Ok(absolute) = Path::new(&config.data.source).canonicalize()
        && let Some(absolute) = absolute.to_str()
    {
        config.data.source = absolute.into();
    }
    if let Some(data_dir) = &mut config.data.data_dir
        && let Ok(absolute) = std::path::absolute(&*data_dir)
    {
        *data_dir = absolute;
    }
    let mut data = receptive_data::open(
        &config.data.source,
        &data_options(&config.data, config.train.seed, None),
        progress,
    )?;
    if data.train.is_empty() {
        return Err(TrainError::setting(
            "data.source",
            format!("{} has no training images", config.data.source),
        ));
    }
    if data.val.is_empty() && config.train.early_stopping.is_some() {
        return Err(TrainError::setting(
            "train.early_stopping",
            "there are no validation images to judge by; set a data.val_fraction above 0, or leave \
             early stopping out",
        ));
    }
    let laid_out = config.model.clone();
    if input_from == InputFrom::Data {
        let natural = data.natural_size();
        config.model.input = natural_input(natural);
        if let Some(size) = natural.filter(is_photo)
            && config.data.image_size.is_none()
        {
            data.notes.push(format!(
                "the images are {}x{} pixels (height x width) and are resized to \
                 {PHOTO_SIDE}x{PHOTO_SIDE}; another size is set with data.image_size",
                size.height, size.width
            ));
        }
    }
    if let Some(Pair { height, width }) = config.data.image_size {
        config.model.input = ImageSize {
            height,
            width,
            ..config.model.input
        };
    }
    // A preset's layers may depend on the images' size: it halves its maps until they are small.
    if input_from == InputFrom::Data
        && let Some(model) = presets::refit(&laid_out, config.model.input)
    {
        config.model = model;
    }
    if config.start.is_some()
        && let Some(LayerConfig::Linear(head)) = config.model.layers.last_mut()
    {
        head.units = None; // one for each class, however many it had
    }
    let plan = config
        .model
        .clone()
        .with_classes(data.classes.len())
        .plan()?;
    config.model = plan.config.clone();
    let start = match &mut config.start {
        Some(start) => {
            let (seed, device) = (config.train.seed, default_device()?);
            let started = start.load(&plan, &data.classes, seed, &device)?;
            start.weights_sha256 = Some(started.weights_sha256.clone());
            Some(started)
        }
        None => None,
    };
    let size = plan.input();
    check_size(&size)?;
    let cache = CacheBudget(config.data.cache_mb << 20);
    let split = |split: &receptive_data::Split| {
        let share = cache.share(split.len(), total_images(&data));
        Arc::new(Samples::new(split.clone(), size, config.data.resize, share))
    };
    // A split without images has no accuracy, not one of 0 %.
    let test = data.test.as_ref().filter(|test| !test.is_empty());
    let (train, val, test) = (split(&data.train), split(&data.val), test.map(split));
    let resize = config.data.resize;
    let input = match &start {
        // What trained weights expect to see.
        Some(start) => InputSpec {
            resize,
            ..start.input.clone()
        },
        None => {
            let (mean, std) = train.mean_std(progress, config.machine.thread_count())?;
            InputSpec {
                channels: size.channels,
                height: size.height,
                width: size.width,
                resize,
                mean,
                std,
            }
        }
    };
    Ok(Prepared {
        config,
        data,
        input,
        plan,
        start,
        train,
        val,
        test,
    })
}

/// The input that training chooses for a data set where nothing says otherwise: the images' own size,
/// or that of photos made smaller.
pub fn usual_input(data: &DataSet) -> ImageSize {
    natural_input(data.natural_size())
}

/// One split seen as a trained model's inputs.
pub fn samples_for(
    split: &receptive_data::Split,
    input: &InputSpec,
    cache_mb: u64,
) -> Arc<Samples> {
    Arc::new(Samples::new(
        split.clone(),
        input.size(),
        input.resize,
        cache_mb << 20,
    ))
}

/// What the data crate is asked for. `classes` are a trained model's.
pub fn data_options(config: &DataConfig, seed: u64, classes: Option<Vec<String>>) -> DataOptions {
    DataOptions {
        data_dir: config.data_dir.clone(),
        val_fraction: config.val_fraction,
        test_fraction: config.test_fraction,
        seed,
        limit: config.limit,
        bad_images: config.bad_images,
        classes,
        ..DataOptions::default()
    }
}

/// Decoded images of all splits share the memory in proportion to their number.
struct CacheBudget(u64);

impl CacheBudget {
    fn share(&self, images: usize, of: usize) -> u64 {
        (u128::from(self.0) * images as u128 / of.max(1) as u128) as u64
    }
}

fn total_images(data: &DataSet) -> usize {
    data.splits().map(receptive_data::Split::len).sum()
}

fn is_photo(size: &ImageSize) -> bool {
    size.height.max(size.width) > MOST_NATURAL_SIDE
}

fn natural_input(size: Option<ImageSize>) -> ImageSize {
    let side = |n: usize| match size {
        Some(size) if !is_photo(&size) => n,
        _ => PHOTO_SIDE,
    };
    ImageSize {
        channels: size.map_or(3, |size| size.channels),
        height: side(size.map_or(0, |size| size.height)),
        width: side(size.map_or(0, |size| size.width)),
    }
}
