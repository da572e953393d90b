//! The network to measure, its weights and its input.

use super::{Compat, SubjectArgs};
use crate::commands::network::{DEFAULT_CLASSES, is_trained, model_config};
use crate::commands::run::{RunSplit, load_model, open_split, remedies, say_notes};
use crate::error::CliError;
use crate::render::{DataProgress, say_paragraph};
use clap::ValueEnum;
use receptive_data::{BadImages, DataOptions, DataSet, Resize, Samples, Split, open_unlabelled};
use receptive_erf::{ImageFunction, Inputs, MeasuredNetwork, Noise, all_ones, plan_that_fits};
use receptive_model::{
    Artifact, Classifier, InferenceDevice, InputSpec, ModelConfig, Plan, presets, weights_sha256,
};
use receptive_train::{
    DataPlace, ImageQuery, SplitInputs, check_bytes, default_input, samples_for,
};
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
    /// The name given on the command line.
    pub(super) name: String,
    pub(super) weights: WeightSource,
    /// A description of its input.
    pub(super) input: String,
    pub(super) inputs: Box<dyn Inputs>,
    /// The images of `inputs`; `None` if they are synthetic.
    pub(super) images: Option<Split>,
    /// The tool for which compatible results are added.
    pub(super) compat: Option<Compat>,
    net: Net,
}

/// The requested network, weights and input.
#[derive(Clone, Copy)]
pub(super) struct Query<'a> {
    pub(super) subject: &'a SubjectArgs,
    /// The layer whose field should fit in the images; by default that of the last feature map.
    pub(super) layer: Option<&'a str>,
    /// Maximum side in pixels of images enlarged for that purpose.
    pub(super) largest: usize,
    pub(super) samples: u64,
    pub(super) seed: u64,
    /// The tool for which compatible results are added.
    pub(super) compat: Option<Compat>,
}

enum Net {
    Given(Box<Classifier>),
    Redrawn(Box<Plan>, u64),
}

impl Subject {
    pub(super) fn network(&self) -> MeasuredNetwork<'_> {
        match &self.net {
            Net::Given(classifier) => MeasuredNetwork::Given(classifier),
            Net::Redrawn(plan, seed) => MeasuredNetwork::Redrawn(plan, *seed),
        }
    }

    /// What a measurement depends on besides its settings: plural names, each with a description or a hash.
    pub(super) fn parts(&self) -> Result<[(&'static str, String); 3], CliError> {
        let weights = match &self.net {
            Net::Given(classifier) => weights_sha256(&**classifier),
            Net::Redrawn(_, seed) => format!("random {seed}"),
        };
        let images = self.images.as_ref();
        let images = images.map_or_else(|| self.input.clone(), Split::fingerprint);
        let layers = serde_json::to_string(&self.plan().config)?;
        Ok([("layers", layers), ("weights", weights), ("images", images)])
    }

    pub(super) fn plan(&self) -> &Plan {
        match &self.net {
            Net::Given(classifier) => classifier.plan(),
            Net::Redrawn(plan, _) => plan,
        }
    }

    /// Checks that there are networks with these names, before one of them is measured for long.
    pub(super) fn check(names: &[String]) -> Result<(), CliError> {
        let mut untrained = names.iter().filter(|name| !is_trained(name));
        untrained.try_for_each(|name| model_config(name).map(drop))
    }

    pub(super) fn find(
        name: &str,
        query: &Query<'_>,
        threads: usize,
        device: &InferenceDevice,
    ) -> Result<Self, CliError> {
        let size = query.subject.size;
        if is_trained(name) {
            return Self::trained(name, query, size, device);
        }
        let weights = query.subject.weights.unwrap_or(WeightSource::Random);
        let mut config = model_config(name)?;
        config.classes = config.classes.or(Some(DEFAULT_CLASSES));
        let source = match query.subject.input.as_deref() {
            None | Some("noise") => None,
            Some("own") => {
                return Err(CliError::argument(
                    "--input own",
                    format!(
                        "{name} is not trained, so it has no data of its own; use a data set, such \
                         as fashion-mini, or `noise`"
                    ),
                ));
            }
            Some(source) => Some(source),
        };
        if let Some(source) = source {
            return Self::on_data(name, source, config, weights, query, threads, device);
        }
        let plan = match size {
            Some([height, width]) => sized(&config, height, width)?,
            None => plan_that_fits(&config, query.layer, query.largest)?,
        };
        let SubjectInputs {
            inputs,
            input,
            images,
        } = synthetic(&plan, weights, query);
        Ok(Self {
            name: name.into(),
            weights,
            input,
            inputs,
            images,
            compat: query.compat,
            net: untrained(plan, weights, query.seed, device)?,
        })
    }

    /// A trained run's network, by default on images that it was not trained on.
    fn trained(
        name: &str,
        query: &Query<'_>,
        size: Option<[usize; 2]>,
        device: &InferenceDevice,
    ) -> Result<Self, CliError> {
        let run = Path::new(name);
        let mut artifact = load_model(run, device)?;
        if let Some([height, width]) = size {
            artifact.model = artifact.model.resized(height, width)?;
            (artifact.input.height, artifact.input.width) = (height, width);
        }
        let weights = query.subject.weights.unwrap_or(WeightSource::Given);
        let source = match query.subject.input.as_deref() {
            Some("noise") => None,
            None if weights != WeightSource::Given && query.subject.names_no_images() => None,
            None | Some("own") => Some(None),
            Some(source) => Some(Some(source)),
        };
        let plan = artifact.model.plan().clone();
        let SubjectInputs {
            inputs,
            input,
            images,
        } = match source {
            None => synthetic(&plan, weights, query),
            Some(data) => match images(run, data, &artifact, query) {
                // The data were not requested explicitly: a run whose data no longer exist can still be
                // measured.
                Err(error) if query.subject.names_no_images() => {
                    say_paragraph("note", format!("{error}; measuring on noise instead"));
                    synthetic(&plan, weights, query)
                }
                found => found?,
            },
        };
        let net = match weights {
            WeightSource::Given => Net::Given(Box::new(artifact.model)),
            _ => untrained(plan, weights, query.seed, device)?,
        };
        Ok(Self {
            name: name.trim_end_matches('/').into(),
            weights,
            input,
            inputs,
            images,
            compat: query.compat,
            net,
        })
    }

    /// An untrained network, on given images.
    fn on_data(
        name: &str,
        source: &str,
        config: ModelConfig,
        weights: WeightSource,
        query: &Query<'_>,
        threads: usize,
        device: &InferenceDevice,
    ) -> Result<Self, CliError> {
        let GivenImages { data, split, input } = GivenImages::open(source, query)?;
        let mut size = default_input(&data);
        [size.height, size.width] = query.subject.size.unwrap_or([size.height, size.width]);
        // A preset's layers may depend on the image size.
        let mut config = presets::refit(&config, size).unwrap_or(config);
        config.input = size;
        let plan = config.plan()?;
        let samples = Samples::new(split.clone(), size, Resize::default(), CACHE_MB << 20);
        let (mean, std) = samples.mean_std(&DataProgress::default(), threads)?;
        let spec = InputSpec::new(size).with_normalization(mean, std);
        let inputs = SplitInputs::new(Arc::new(samples), &spec)?;
        Ok(Self {
            name: name.into(),
            weights,
            input,
            inputs: Box::new(inputs),
            images: Some(split),
            compat: query.compat,
            net: untrained(plan, weights, query.seed, device)?,
        })
    }
}

/// The network's inputs.
struct SubjectInputs {
    inputs: Box<dyn Inputs>,
    /// Their description.
    input: String,
    images: Option<Split>,
}

/// Memory for decoded images, in MiB.
const CACHE_MB: u64 = 256;

/// Images given by `--input`, which need no labels.
struct GivenImages {
    data: DataSet,
    split: Split,
    /// Their description.
    input: String,
}

impl GivenImages {
    fn open(source: &str, query: &Query<'_>) -> Result<Self, CliError> {
        let options = DataOptions {
            bad_images: BadImages::Skip,
            // Reads no more images of a large folder than are used.
            limit: usize::try_from(query.samples).ok(),
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

fn untrained(
    plan: Plan,
    weights: WeightSource,
    seed: u64,
    device: &InferenceDevice,
) -> Result<Net, CliError> {
    // A layer after a large flattened feature map may have more weights than any machine can store.
    let values = (plan.total.params as u64).saturating_mul(4);
    check_bytes(values, "the network's weights", "use a smaller --size")?;
    Ok(match weights {
        WeightSource::Given => Net::Given(Box::new(plan.init_seeded(seed, device))),
        WeightSource::Random => Net::Redrawn(Box::new(plan), seed),
        WeightSource::Ones => Net::Given(Box::new(all_ones(plan.init_seeded(seed, device)))),
    })
}

/// Inputs without a data set: noise or, if all weights are ones, an image of ones, for which every ReLU is
/// active.
fn synthetic(plan: &Plan, weights: WeightSource, query: &Query<'_>) -> SubjectInputs {
    let input = plan.input();
    let shape = [input.channels, input.height, input.width];
    if weights == WeightSource::Ones && query.subject.input.is_none() {
        let ones = vec![1.0; shape.iter().product()];
        let images = ImageFunction::new(shape, Some(1), move |_| Ok(ones.clone()));
        return SubjectInputs {
            inputs: Box::new(images),
            input: "an image of ones".into(),
            images: None,
        };
    }
    let seed = query.seed;
    SubjectInputs {
        inputs: Box::new(Noise { shape, seed }),
        input: "noise".into(),
        images: None,
    }
}

fn images(
    run: &Path,
    given: Option<&str>,
    artifact: &Artifact,
    query: &Query<'_>,
) -> Result<SubjectInputs, CliError> {
    let (split, input) = match given {
        Some(source) => {
            let given = GivenImages::open(source, query)?;
            (given.split, given.input)
        }
        None => {
            let images = ImageQuery {
                place: DataPlace::new(query.subject.data.as_deref(), None),
                labels: query.subject.labels.as_deref(),
                ..ImageQuery::new(run, remedies("erf", run, query.subject.data.as_deref()))
            };
            let RunSplit {
                data, split, name, ..
            } = open_split(&images, artifact)?;
            (split, format!("images of {}, {name} split", data.name))
        }
    };
    let samples = samples_for(&split, &artifact.input, CACHE_MB);
    let inputs = SplitInputs::new(samples, &artifact.input)?;
    Ok(SubjectInputs {
        inputs: Box::new(inputs),
        input,
        images: Some(split),
    })
}

/// The plan for images of this size.
fn sized(config: &ModelConfig, height: usize, width: usize) -> Result<Plan, CliError> {
    let mut config = config.clone();
    (config.input.height, config.input.width) = (height, width);
    Ok(config.plan()?)
}
