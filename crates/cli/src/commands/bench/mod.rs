//! `receptive bench`: times training and inference of networks on random images in memory, the measurement of
//! receptive fields, and the loading of image files as batches.
//!
//! The networks are also timed with PyTorch and Keras, see `bench/README.md`. A run's own network is timed by
//! `receptive train` itself.

mod fields;
mod infer;
mod load;
mod network;
mod profile;
mod scaling;
mod timing;
mod train;

use crate::args::{AugmentArgs, MachineArgs, parse_positive, parse_precision, parse_whole};
use crate::error::{CliError, Exit};
use crate::render::{Table, print, print_json};
use clap::Args;
use fields::Fields;
use network::{BenchNetwork, Work};
use receptive_core::ImageSize;
use receptive_core::text::{counted, percent};
use receptive_data::Batch;
use receptive_model::Precision;
use receptive_train::trial::peak_resident_bytes;
use receptive_train::{Compute, TrainConfig, TrainError};
use serde::Serialize;
use std::time::Instant;
use timing::Timing;

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// What to time: fashion, vgg, photo or erf (see bench/README.md), a network from `receptive
    /// networks`, such as resnet18, or `data` for image loading
    #[arg(value_name = "NETWORK", default_value = "fashion", value_parser = parse_subject)]
    subject: Subject,
    /// Data set for `bench data`: a name or a path, as for `train`
    data: Option<String>,
    /// Image size, for networks from `receptive networks` and for `bench data` [default: the
    /// network's own; 224 for data]
    #[arg(long, value_name = "N", value_parser = parse_count, allow_negative_numbers = true)]
    size: Option<usize>,
    /// Number of data-loading threads in `bench data`; 0 loads in the main thread
    #[arg(
        long,
        value_name = "N",
        default_value_t = 2,
        value_parser = parse_whole::<usize>,
        allow_negative_numbers = true
    )]
    workers: usize,
    #[command(flatten)]
    augment: AugmentArgs,
    /// Time inference instead of training
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
    /// Images per step [default: 64; 32 for networks with published weights, 2 for photo, 1 for
    /// erf and --erf]
    #[arg(long, value_name = "N", value_parser = parse_count, allow_negative_numbers = true)]
    batch: Option<usize>,
    /// Time N steps and print the median
    #[arg(
        long,
        value_name = "N",
        default_value_t = 30,
        value_parser = parse_count,
        allow_negative_numbers = true
    )]
    steps: usize,
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
        .ok_or_else(|| {
            let own = BenchNetwork::OWN;
            let own: Vec<&str> = own.iter().map(BenchNetwork::name).collect();
            let own = own.join(", ");
            format!("expected {own}, data or a name that `receptive networks` lists")
        })
}

/// The result for a network, in the format of the other frameworks' scripts.
#[derive(Serialize)]
struct NetworkResult {
    peer: String,
    network: BenchNetwork,
    mode: String,
    batch: usize,
    threads: usize,
    what: Work,
    precision: &'static str,
    #[serde(flatten)]
    timing: Timing,
    /// Peak memory of the process in MiB; omitted if the system does not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_rss_mb: Option<u64>,
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
    if !arguments.augment.is_empty() {
        let problem = "networks are timed on random images without augmentation; use it with \
                       `bench data`";
        return Err(CliError::argument(
            "--augment, --mixup and --cutmix",
            problem,
        ));
    }
    let (backend, compute) = arguments.machine.compute()?;
    let work = match arguments.erf {
        Some(fields) => Work::Erf(fields),
        None if arguments.infer => Work::Infer,
        None => network.default_work(),
    };
    let batch = arguments.batch;
    let bench = Bench {
        batch: batch.unwrap_or_else(|| network.default_batch(work)),
        network,
        work,
        steps: arguments.steps,
        scaling: arguments.scaling,
        precision: arguments.precision.unwrap_or_default(),
        checkpointing: arguments.checkpointing,
    };
    if bench.scaling && (bench.work != Work::Train || !profile::can_count(&compute)) {
        let problem = "it counts the slices of training on the backend flex; leave it out";
        return Err(CliError::argument("--scaling", problem));
    }
    for (is_given, argument) in [
        (arguments.precision.is_some(), "--precision"),
        (arguments.checkpointing, "--checkpointing"),
    ] {
        if is_given && bench.work != Work::Train {
            let problem = "it applies to training only";
            return Err(CliError::argument(argument, problem));
        }
    }
    let result = NetworkResult {
        peer: peer(),
        network: bench.network.clone(),
        mode: backend.to_string(),
        batch: bench.batch,
        threads: compute.threads(),
        what: bench.work,
        precision: bench.precision.name(),
        timing: bench.run(&compute)?,
        peak_rss_mb: peak_resident_bytes().map(|bytes| bytes >> 20),
    };
    if arguments.json {
        print_json(&result)?;
    } else {
        show(&result)?;
    }
    Ok(Exit::Done)
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
    let (side, batch) = (arguments.size.unwrap_or(224), arguments.batch.unwrap_or(64));
    // The default of training, changed by the arguments.
    let mut augment = TrainConfig::default().augment;
    arguments.augment.apply(&mut augment);
    let timing = load::load(data, side, batch, arguments.workers, &augment)?;
    if arguments.json {
        print_json(&LoadResult {
            peer: peer(),
            timing,
        })?;
    } else {
        print(format!(
            "{data} at {side}x{side}: {:.1} images/s decoded, {:.1} images/s in the second epoch \
             ({}, {})",
            timing.images_per_s,
            timing.images_per_s_later,
            counted(timing.images, "image"),
            counted(timing.workers, "worker"),
        ))?;
    }
    Ok(Exit::Done)
}

fn peer() -> String {
    format!("receptive {}", env!("CARGO_PKG_VERSION"))
}

fn show(result: &NetworkResult) -> Result<(), CliError> {
    let timing = &result.timing;
    if !timing.layers.is_empty() {
        let total: f64 = timing.layers.iter().map(|layer| layer.ms).sum();
        let mut table = Table::new(&["layer", "ms", "share", "GMAC/s"]);
        for layer in &timing.layers {
            table.row([
                layer.name.clone(),
                format!("{:.3}", layer.ms),
                percent(layer.ms / total),
                format!("{:.1}", layer.gmacs_per_s),
            ]);
        }
        print(table.to_string())?;
        print("(each layer alone, in one thread, on an eighth of the batch)\n")?;
    }
    if let Some(scaling) = &timing.scaling {
        scaling.show()?;
    } else if !timing.operations.is_empty() {
        let total: f64 = timing.operations.iter().map(|part| part.ms).sum();
        let mut table = Table::new(&["operation", "ms", "share"]);
        for operation in &timing.operations {
            table.row([
                operation.name.to_string(),
                format!("{:.2}", operation.ms),
                percent(operation.ms / total),
            ]);
        }
        print(table.to_string())?;
        print("(one step in one thread)\n")?;
    }
    print(format!(
        "{} on {}: {:.1} images/s, {:.2} ms per step of {} (10 % under {:.2}, 90 % under {:.2})",
        result.network.name(),
        result.mode,
        timing.images_per_s,
        timing.ms_per_step,
        result.batch,
        timing.ms_p10_p90[0],
        timing.ms_p10_p90[1],
    ))?;
    let memory = result
        .peak_rss_mb
        .map_or(String::new(), |mb| format!(", peak memory {mb} MiB"));
    print(format!("{}{memory}", counted(result.threads, "thread")))
}

/// What is timed, and how.
struct Bench {
    network: BenchNetwork,
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

impl Bench {
    fn run(&self, compute: &Compute) -> Result<Timing, CliError> {
        match self.work {
            Work::Train => self.train(compute),
            Work::Infer => self.infer(compute),
            Work::Erf(fields) => self.erf(fields, compute),
        }
    }

    /// Random images with labels, created before timing starts.
    fn images(&self, input: ImageSize, classes: usize) -> Batch {
        let mut state = 1u32;
        let values = (0..self.batch * input.len()).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 22) as f32 - 2.0
        });
        Batch {
            images: values.collect(),
            labels: (0..self.batch).map(|i| i % classes).collect(),
            soft_targets: None,
            indices: (0..self.batch).collect(),
            shape: [self.batch, input.channels, input.height, input.width],
        }
    }

    /// The duration of each step in seconds.
    fn time(&self, mut step: impl FnMut()) -> Vec<f64> {
        (0..WARM_UP).for_each(|_| step());
        (0..self.steps)
            .map(|_| {
                let began = Instant::now();
                step();
                began.elapsed().as_secs_f64()
            })
            .collect()
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
        assert!(parse_subject("photos").is_err());
    }
}
