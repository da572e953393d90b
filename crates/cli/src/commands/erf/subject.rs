//! The network whose field is measured, its weights and its input.

use super::{Compat, ErfArgs};
use crate::commands::network::{DEFAULT_CLASSES, is_trained, model_config};
use crate::commands::run::{RunSplit, load_model, open_split, say_notes};
use crate::error::CliError;
use crate::render::{DataProgress, say_paragraph};
use clap::ValueEnum;
use receptive_core::text::Printable;
use receptive_data::{BadImages, DataOptions, DataSet, Resize, Samples, Split, open_unlabelled};
use receptive_erf::{Images, Inputs, Network, Noise, all_ones, plan_that_fits};
use receptive_model::{
    Artifact, Classifier, InferenceDevice, InputSpec, ModelConfig, Plan, presets,
};
use receptive_train::{DataPlace, ImageQuery, SplitInputs, default_input, samples_for};
use std::path::Path;
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum WeightSource {
    Given,
    Random,
    Ones,
}

impl WeightSource {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Random => "random",
            Self::Ones => "ones",
        }
    }
}

pub(super) struct Subject {
    /// As on the command line.
    pub(super) name: String,
    pub(super) weights: WeightSource,
    /// Its input, as text.
    pub(super) input: String,
    pub(super) inputs: Box<dyn Inputs>,
    /// Whose numbers are added.
    pub(super) compat: Option<Compat>,
    net: Net,
}

enum Net {
    Given(Box<Classifier>),
    Redrawn(Box<Plan>, u64),
}

impl Subject {
    pub(super) fn network(&self) -> Network<'_> {
        match &self.net {
            Net::Given(classifier) => Network::Given(classifier),
            Net::Redrawn(plan, seed) => Network::Redrawn(plan, *seed),
        }
    }

    pub(super) fn plan(&self) -> &Plan {
        match &self.net {
            Net::Given(classifier) => classifier.plan(),
            Net::Redrawn(plan, _) => plan,
        }
    }

    pub(super) fn find(
        name: &str,
        arguments: &ErfArgs,
        threads: usize,
        device: &InferenceDevice,
    ) -> Result<Self, CliError> {
        let size = arguments.size;
        if is_trained(name) {
            return Self::trained(name, arguments, size, device);
        }
        let weights = arguments.weights.unwrap_or(WeightSource::Random);
        let mut config = model_config(name)?;
        config.classes = config.classes.or(Some(DEFAULT_CLASSES));
        let source = match arguments.input.as_deref() {
            None | Some("noise") => None,
            Some("own") => {
                return Err(CliError::Usage(format!(
                    "--input own: {name} is not trained, so it has no data of its own; use a data \
                     set, such as fashion-mini, or `noise`"
                )));
            }
            Some(source) => Some(source),
        };
        if let Some(source) = source {
            return Self::on_data(name, source, config, weights, arguments, threads, device);
        }
        let plan = match size {
            Some([height, width]) => sized(&config, height, width)?,
            None => {
                let layer = arguments.layer.as_deref();
                plan_that_fits(&config, layer.filter(|layer| *layer != "all"))?
            }
        };
        let (inputs, input) = synthetic(&plan, weights, arguments);
        Ok(Self {
            name: name.into(),
            weights,
            input,
            inputs,
            compat: arguments.compat,
            net: untrained(plan, weights, arguments.measuring.seed, device),
        })
    }

    /// A run's network, by default on the images that it was not trained on.
    fn trained(
        name: &str,
        arguments: &ErfArgs,
        size: Option<[usize; 2]>,
        device: &InferenceDevice,
    ) -> Result<Self, CliError> {
        let run = Path::new(name);
        let mut artifact = load_model(run, device)?;
        if let Some([height, width]) = size {
            artifact.model = artifact.model.resized(height, width)?;
            (artifact.input.height, artifact.input.width) = (height, width);
        }
        let weights = arguments.weights.unwrap_or(WeightSource::Given);
        let source = match arguments.input.as_deref() {
            Some("noise") => None,
            None if weights != WeightSource::Given && arguments.data.is_none() => None,
            None | Some("own") => Some(None),
            Some(source) => Some(Some(source)),
        };
        let plan = artifact.model.plan().clone();
        let (inputs, input) = match source {
            None => synthetic(&plan, weights, arguments),
            Some(data) => match images(run, data, &artifact, arguments) {
                // Not requested by name: a run whose data is gone can still be measured.
                Err(error) if arguments.input.is_none() && arguments.data.is_none() => {
                    say_paragraph("note", format!("{error}; measuring on noise instead"));
                    synthetic(&plan, weights, arguments)
                }
                found => found?,
            },
        };
        let net = match weights {
            WeightSource::Given => Net::Given(Box::new(artifact.model)),
            _ => untrained(plan, weights, arguments.measuring.seed, device),
        };
        Ok(Self {
            name: name.trim_end_matches('/').into(),
            weights,
            input,
            inputs,
            compat: arguments.compat,
            net,
        })
    }

    /// A network that was never trained, on given images.
    fn on_data(
        name: &str,
        source: &str,
        config: ModelConfig,
        weights: WeightSource,
        arguments: &ErfArgs,
        threads: usize,
        device: &InferenceDevice,
    ) -> Result<Self, CliError> {
        let GivenImages { data, split, input } = GivenImages::open(source, arguments)?;
        let mut size = default_input(&data);
        [size.height, size.width] = arguments.size.unwrap_or([size.height, size.width]);
        // A preset's layers may depend on the images' size.
        let mut config = presets::refit(&config, size).unwrap_or(config);
        config.input = size;
        let plan = config.plan()?;
        let samples = Samples::new(split, size, Resize::default(), CACHE_MB << 20);
        let (mean, std) = samples.mean_std(&DataProgress::default(), threads)?;
        let spec = InputSpec {
            channels: size.channels,
            height: size.height,
            width: size.width,
            resize: Resize::default(),
            mean,
            std,
        };
        let inputs = SplitInputs::new(Arc::new(samples), &spec)?;
        Ok(Self {
            name: name.into(),
            weights,
            input,
            inputs: Box::new(inputs),
            compat: arguments.compat,
            net: untrained(plan, weights, arguments.measuring.seed, device),
        })
    }
}

/// Memory for decoded images, in MiB.
const CACHE_MB: u64 = 256;

/// Images given by `--input`: a field has no labels, so any do.
struct GivenImages {
    data: DataSet,
    split: Split,
    /// What they are, as text.
    input: String,
}

impl GivenImages {
    fn open(source: &str, arguments: &ErfArgs) -> Result<Self, CliError> {
        let options = DataOptions {
            bad_images: BadImages::Skip,
            // Of a folder of millions no more is read than is shown to the network.
            limit: usize::try_from(arguments.samples).ok(),
            ..DataOptions::default()
        };
        let data = open_unlabelled(source, &options, &DataProgress::default())?;
        say_notes(&data);
        let held_out = [data.test.as_ref(), Some(&data.val)].into_iter().flatten();
        let split = held_out
            .chain([&data.train])
            .find(|split| !split.is_empty());
        let split = split.unwrap_or(&data.train).clone();
        let input = match (data.classes.len(), split.len()) {
            (1, 1) => format!("the image {}", data.name),
            (1, images) => format!("{images} images of {}", data.name),
            _ => format!("images of {}, {} split", data.name, split.name()),
        };
        Ok(Self { data, split, input })
    }
}

fn untrained(plan: Plan, weights: WeightSource, seed: u64, device: &InferenceDevice) -> Net {
    match weights {
        WeightSource::Given => Net::Given(Box::new(plan.init_seeded(seed, device))),
        WeightSource::Random => Net::Redrawn(Box::new(plan), seed),
        WeightSource::Ones => Net::Given(Box::new(all_ones(plan.init_seeded(seed, device)))),
    }
}

/// Images that need no data set: noise, or for equal weights an image of ones, which opens every
/// ReLU.
fn synthetic(plan: &Plan, weights: WeightSource, arguments: &ErfArgs) -> (Box<dyn Inputs>, String) {
    let input = plan.input();
    let shape = [input.channels, input.height, input.width];
    if weights == WeightSource::Ones && arguments.input.is_none() {
        let ones = vec![1.0; shape.iter().product()];
        let images = Images::new(shape, Some(1), move |_| Ok(ones.clone()));
        return (Box::new(images), "an image of ones".into());
    }
    let seed = arguments.measuring.seed;
    (Box::new(Noise { shape, seed }), "noise".into())
}

fn images(
    run: &Path,
    given: Option<&str>,
    artifact: &Artifact,
    arguments: &ErfArgs,
) -> Result<(Box<dyn Inputs>, String), CliError> {
    let (split, description) = match given {
        Some(source) => {
            let given = GivenImages::open(source, arguments)?;
            (given.split, given.input)
        }
        None => {
            let remedy = format!("receptive erf {} --data NEWPLACE", run.shell_word());
            let query = ImageQuery {
                place: DataPlace::new(arguments.data.as_deref(), None),
                ..ImageQuery::new(run, remedy)
            };
            let RunSplit {
                data, split, name, ..
            } = open_split(&query, artifact)?;
            (split, format!("images of {}, {name} split", data.name))
        }
    };
    let samples = samples_for(&split, &artifact.input, CACHE_MB);
    let inputs = SplitInputs::new(samples, &artifact.input)?;
    Ok((Box::new(inputs), description))
}

/// The plan for images of this size.
fn sized(config: &ModelConfig, height: usize, width: usize) -> Result<Plan, CliError> {
    let mut config = config.clone();
    (config.input.height, config.input.width) = (height, width);
    Ok(config.plan()?)
}
