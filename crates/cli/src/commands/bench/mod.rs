//! `receptive bench`: times training and inference of networks on random images in memory, the measurement of
//! receptive fields, and the loading of image files as batches.
//!
//! The networks are also timed with PyTorch and Keras, see `bench/README.md`. A run's own network is timed by
//! `receptive train` itself.

mod by_kind;
mod fields;
mod infer;
mod load;
mod network;
mod profile;
mod result;
mod scaling;
mod timing;
mod train;

use crate::args::{AugmentArgs, MachineArgs, parse_positive, parse_precision, parse_whole};
use crate::error::{CliError, Exit};
use crate::render::{print, print_json, say_line};
use clap::Args;
use fields::Fields;
use network::{BenchNetwork, Work};
use receptive_core::text::{counted, duration};
use receptive_data::{BadImages, Batch, DataOptions, Images};
use receptive_model::{Plan, Precision};
use receptive_train::{Compute, TrainConfig, TrainError};
use result::NetworkResult;
use serde::Serialize;
use std::time::{Duration, Instant};
use timing::{Timing, seconds_of};

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// What to time: fashion, vgg, photo or erf (see bench/README.md), a network from `receptive
    /// networks`, such as small or resnet18, or `data` for image loading
    #[arg(value_name = "NETWORK", default_value = "fashion", value_parser = parse_subject)]
    subject: Subject,
    /// Data set for `bench data`: a name or a path, as for `train`
    data: Option<String>,
    /// Image size, for networks from `receptive networks` and for `bench data` [default: the
    /// network's own; 224 for data]
    #[arg(long, value_name = "N", value_parser = parse_count, allow_negative_numbers = true)]
    size: Option<usize>,
    /// Number of data-loading threads in `bench data`; 0 loads in the main thread [default: 2]
    #[arg(
        long,
        value_name = "N",
        value_parser = parse_whole::<usize>,
        allow_negative_numbers = true
    )]
    workers: Option<usize>,
    /// How to handle damaged images in `bench data`
    #[arg(long, value_enum, value_name = "POLICY")]
    bad_images: Option<BadImages>,
    #[command(flatten)]
    augment: AugmentArgs,
    /// Time inference instead of training; in networks of up to 24 layers also each layer
    #[arg(long)]
    infer: bool,
    /// Time measuring receptive fields instead of training: of the last layer with feature maps, or
    /// of all, one by one
    #[arg(long, value_name = "LAYERS", conflicts_with = "infer")]
    erf: Option<Fields>,
    /// Also print, for each training operation, the number of parallel slices, the largest slice,
    /// the serial fraction and the maximum speedup with 2 to 32 threads
    #[arg(long, conflicts_with = "infer")]
    scaling: bool,
    /// Images per step or loaded batch [default: 64; 32 for networks with published weights, 2 for photo, 1 for
    /// erf and --erf]
    #[arg(long, value_name = "N", value_parser = parse_count, allow_negative_numbers = true)]
    batch: Option<usize>,
    /// Time N steps and print the median; for receptive fields N times --batch samples of each
    /// layer together, including preparations and checks [default: 30]
    #[arg(long, value_name = "N", value_parser = parse_count, allow_negative_numbers = true)]
    steps: Option<usize>,
    /// Precision of convolutions and dense layers in training: f32, bf16 or f16
    #[arg(long, value_name = "FORMAT", value_parser = parse_precision, conflicts_with = "infer")]
    precision: Option<Precision>,
    /// Compute outputs again in the backward pass of training, which takes less memory
    #[arg(long, conflicts_with = "infer")]
    checkpointing: bool,
    #[command(flatten)]
    machine: MachineArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Larger counts would not fit in memory.
fn parse_count(text: &str) -> Result<usize, String> {
    let count = parse_positive(text).ok().filter(|count| *count <= 1 << 20);
    count.ok_or_else(|| "expected a whole number from 1 to 1,048,576".into())
}

/// What is timed.
#[derive(Debug, Clone)]
enum Subject {
    Network(BenchNetwork),
    Data,
}

fn parse_subject(text: &str) -> Result<Subject, String> {
    if text == "data" {
        return Ok(Subject::Data);
    }
    BenchNetwork::named(text)
        .map(Subject::Network)
        .map_err(|error| {
            let own = BenchNetwork::OWN;
            let own: Vec<&str> = own.iter().map(BenchNetwork::name).collect();
            let own = own.join(", ");
            format!("expected {own}, data (with a data set) or the name of a network: {error}")
        })
}

/// The result of loading data, in the format of the other frameworks' scripts.
#[derive(Serialize)]
struct LoadResult {
    peer: String,
    #[serde(flatten)]
    timing: load::LoadTiming,
}

pub(super) fn run(arguments: &BenchArgs) -> Result<Exit, CliError> {
    let network = match &arguments.subject {
        Subject::Data => return load(arguments),
        Subject::Network(network) => sized(network.clone(), arguments.size)?,
    };
    if arguments.data.is_some() {
        let problem = "networks are timed on random images; use it with `bench data`";
        return Err(CliError::argument("DATA", problem));
    }
    let of_data = [
        (
            !arguments.augment.is_empty(),
            "--augment, --mixup and --cutmix",
        ),
        (arguments.workers.is_some(), "--workers"),
        (arguments.bad_images.is_some(), "--bad-images"),
    ];
    let problem = "networks are timed on random images in memory; use it with `bench data`";
    reject_given(&of_data, problem)?;
    let (backend, compute) = arguments.machine.compute()?;
    let work = match arguments.erf {
        Some(fields) => Work::Erf(fields),
        None if arguments.infer => Work::Infer,
        None => network.default_work(),
    };
    let batch = arguments.batch;
    let bench = Bench {
        batch: batch.unwrap_or_else(|| network.default_batch(work)),
        plan: network.plan()?,
        network,
        work,
        steps: arguments.steps.unwrap_or(STEPS),
        scaling: arguments.scaling,
        precision: arguments.precision.unwrap_or_default(),
        checkpointing: arguments.checkpointing,
    };
    if bench.scaling && bench.work == Work::Train && !profile::can_count(&compute) {
        let problem = "it counts the slices of training on the backend flex; leave it out";
        return Err(CliError::argument("--scaling", problem));
    }
    if bench.work != Work::Train {
        let of_training = [
            (arguments.scaling, "--scaling"),
            (arguments.precision.is_some(), "--precision"),
            (arguments.checkpointing, "--checkpointing"),
        ];
        reject_given(&of_training, "it applies to training only; leave it out")?;
    }
    let input = bench.plan.input();
    let result = NetworkResult {
        peer: peer(),
        network: bench.network.clone(),
        mode: backend.to_string(),
        batch: bench.batch,
        threads: compute.threads(),
        what: bench.work,
        fields: match bench.work {
            Work::Erf(fields) => Some(fields),
            Work::Train | Work::Infer => None,
        },
        input: [input.channels, input.height, input.width],
        precision: bench.precision.name(),
        checkpointing: bench.checkpointing,
        timing: bench.run(&compute)?,
    };
    if arguments.json {
        print_json(&result)?;
    } else {
        result.show()?;
    }
    Ok(Exit::Done)
}

/// Rejects the first of these arguments that is given.
fn reject_given(arguments: &[(bool, &str)], problem: &str) -> Result<(), CliError> {
    let given = arguments.iter().find(|(is_given, _)| *is_given);
    given.map_or(Ok(()), |(_, argument)| {
        Err(CliError::argument(argument, problem))
    })
}

/// The network for images of this size, if one is given.
fn sized(network: BenchNetwork, size: Option<usize>) -> Result<BenchNetwork, CliError> {
    let Some(side) = size else {
        return Ok(network);
    };
    let name = network.name().to_string();
    network.with_size(side).ok_or_else(|| {
        let problem = format!("the image size of {name} is fixed; leave it out");
        CliError::argument("--size", problem)
    })
}

fn load(arguments: &BenchArgs) -> Result<Exit, CliError> {
    let Some(data) = &arguments.data else {
        let problem = "`bench data` needs a folder of images, or a data set's name";
        return Err(CliError::argument("DATA", problem));
    };
    let machine = &arguments.machine;
    let of_networks = [
        (arguments.infer, "--infer"),
        (arguments.erf.is_some(), "--erf"),
        (arguments.scaling, "--scaling"),
        (arguments.steps.is_some(), "--steps"),
        (arguments.precision.is_some(), "--precision"),
        (arguments.checkpointing, "--checkpointing"),
        (machine.backend.is_some(), "--backend"),
        (machine.threads.is_some(), "--threads"),
    ];
    let problem = "it applies to networks, not to loading data; leave it out";
    reject_given(&of_networks, problem)?;
    let (side, batch) = (arguments.size.unwrap_or(224), arguments.batch.unwrap_or(64));
    // The default of training, changed by the arguments.
    let mut augment = TrainConfig::default().augment;
    arguments.augment.apply(&mut augment);
    let mut options = DataOptions::default();
    options.bad_images = arguments.bad_images.unwrap_or(options.bad_images);
    let workers = arguments.workers.unwrap_or(WORKERS);
    let timing = load::load(data, &options, (side, batch, workers), &augment)?;
    if arguments.json {
        print_json(&LoadResult {
            peer: peer(),
            timing,
        })?;
    } else {
        print(format!(
            "{data} at {side}x{side}: {:.1} images/s decoded",
            timing.images_per_s
        ))?;
        print(format!(
            "{:.1} images/s in the second epoch ({}, {})",
            timing.images_per_s_later,
            counted(timing.images, "training image"),
            counted(timing.workers, "worker"),
        ))?;
    }
    Ok(Exit::Done)
}

fn peer() -> String {
    format!("receptive {}", env!("CARGO_PKG_VERSION"))
}

/// What is timed, and how.
struct Bench {
    network: BenchNetwork,
    plan: Plan,
    work: Work,
    /// Images per step.
    batch: usize,
    /// Timed steps, after a few warm-up steps.
    steps: usize,
    /// Whether to print how much more threads can help.
    scaling: bool,
    /// Precision in training.
    precision: Precision,
    checkpointing: bool,
}

/// Waits until the device has finished all queued work, because GPUs compute asynchronously.
fn wait(compute: &Compute) -> Result<(), TrainError> {
    let synced = compute.devices().try_for_each(|device| device.sync());
    synced.map_err(|error| TrainError::backend("a step of the network", &error.to_string()))
}

/// Steps that are not timed, in which memory is mapped and kernels are selected.
const WARM_UP: usize = 3;
/// Timed steps by default.
const STEPS: usize = 30;
/// Data-loading threads by default.
const WORKERS: usize = 2;
/// If all steps take longer than this, in seconds, the expected time is printed first.
const LONG: f64 = 10.0;

impl Bench {
    fn run(&self, compute: &Compute) -> Result<Timing, CliError> {
        match self.work {
            Work::Train => self.train(compute),
            Work::Infer => self.infer(compute),
            Work::Erf(fields) => self.erf(fields, compute),
        }
    }

    /// Random images with labels, created before timing starts; for a GPU bytes, as in training.
    fn images(&self, compute: &Compute) -> Result<Batch, CliError> {
        let input = self.plan.input();
        let mut state = 1u32;
        let random = (0..self.batch * input.len()).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 8
        });
        let images = match compute.is_cpu() {
            true => random
                .map(|bits| bits as f32 / (1 << 22) as f32 - 2.0)
                .collect(),
            false => {
                let bytes: Vec<u8> = random.map(|bits| (bits >> 16) as u8).collect();
                let [mean, std] = [0.5, 0.25].map(|value| vec![value; input.channels]);
                Images::from_bytes(&bytes, input, &mean, &std)?
            }
        };
        Ok(Batch {
            images,
            labels: (0..self.batch).map(|i| i % self.plan.classes).collect(),
            soft_targets: None,
            indices: (0..self.batch).collect(),
            shape: [self.batch, input.channels, input.height, input.width],
        })
    }

    /// The duration of each step in seconds. After the first it prints the expected time of all, if that is long.
    fn time(
        &self,
        mut step: impl FnMut(usize) -> Result<(), CliError>,
    ) -> Result<Vec<f64>, CliError> {
        seconds_of(WARM_UP, self.steps, |number| {
            let began = Instant::now();
            step(number)?;
            if number == 0 {
                self.say_if_long(began.elapsed());
            }
            Ok(())
        })
    }

    /// Prints how long all steps are expected to take, if that is long, after the first took this long.
    fn say_if_long(&self, first: Duration) {
        let all = first.as_secs_f64() * (WARM_UP + self.steps) as f64;
        if all > LONG {
            let steps = counted(self.steps, "step");
            say_line("timing", format!("{steps}, about {}", duration(all)));
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn every_network_is_timed_at_what_it_can_do() {
        let compute = Compute::new(Device::flex(), 1).unwrap();
        let smallest = BenchNetwork::Published("mobilenetv3_small_100".into(), Some(32));
        let small = BenchNetwork::Preset("small".into(), None);
        let usual = BenchNetwork::OWN
            .into_iter()
            .chain([small, smallest.clone()]);
        let usual = usual.map(|network| (network.clone(), network.default_work()));
        for (network, work) in usual.chain([(smallest, Work::Erf(Fields::All))]) {
            let bench = Bench {
                network: network.clone(),
                plan: network.plan().unwrap(),
                work,
                batch: 1,
                steps: 1,
                scaling: false,
                precision: Precision::F32,
                checkpointing: false,
            };
            let timing = bench.run(&compute).unwrap();
            assert!(timing.images_per_s > 0.0, "{}", network.name());
            let parsed = parse_subject(network.name());
            assert!(matches!(parsed, Ok(Subject::Network(same)) if same.name() == network.name()));
        }
        let told = parse_subject("fashon").unwrap_err();
        assert!(
            told.starts_with("expected fashion, vgg, photo, erf, data"),
            "{told}"
        );
        assert!(told.contains("there is no preset `fashon`"), "{told}");
    }
}
