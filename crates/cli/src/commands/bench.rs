//! `receptive bench`.

use crate::args::MachineArgs;
use crate::error::{CliError, Exit};
use crate::render::{Table, print, print_json};
use clap::Args;
use clap::builder::RangedU64ValueParser;
use receptive_core::text::percent;
use receptive_train::bench::{Bench, Loaded, Network, Timed, Work};
use receptive_train::on_threads;
use receptive_train::trial::peak_resident_bytes;
use serde::Serialize;

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// Network of bench/README.md: fashion, vgg, photo or erf; or `data`, to time loading images
    #[arg(default_value = "fashion")]
    network: String,
    /// Data set that `bench data` reads: a name or a path, as for `train`
    data: Option<String>,
    /// Height and width of the images in `bench data`
    #[arg(long, value_name = "N", default_value_t = 224, value_parser = count())]
    size: usize,
    /// Number of data-loading threads in `bench data`; 0 loads in the main thread
    #[arg(long, value_name = "N", default_value_t = 2)]
    workers: usize,
    /// Time inference instead of training
    #[arg(long)]
    infer: bool,
    /// Images per step [default: 64; 2 for photo, 1 for erf]
    #[arg(long, value_name = "N", value_parser = count())]
    batch: Option<usize>,
    /// Time N steps and print the median
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = count())]
    steps: usize,
    #[command(flatten)]
    machine: MachineArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// More would not fit into memory.
fn count() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=1 << 20)
}

/// The result of a network, as the peers' programs print it too.
#[derive(Serialize)]
struct NetworkResult {
    peer: String,
    network: Network,
    mode: String,
    batch: usize,
    threads: usize,
    what: Work,
    #[serde(flatten)]
    timed: Timed,
    /// Of the whole process, in MiB; left out where the system does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_rss_mb: Option<u64>,
}

/// Times loading images instead of a network.
const DATA: &str = "data";

pub(super) fn run(arguments: &BenchArgs) -> Result<Exit, CliError> {
    if arguments.network == DATA {
        return load(arguments);
    }
    if arguments.data.is_some() {
        return Err(CliError::argument(
            "DATA",
            format!("networks are timed on random images; use it with `bench {DATA}`"),
        ));
    }
    let network: Network = arguments.network.parse()?;
    let batch = arguments.batch.unwrap_or_else(|| network.batch());
    let (backend, compute) = arguments.machine.compute()?;
    let threads = compute.threads();
    let bench = Bench {
        network,
        work: if arguments.infer {
            Work::Infer
        } else {
            network.work()
        },
        batch,
        steps: arguments.steps,
    };
    let timed = match bench.work {
        // Its samples are spread over the threads of one pool.
        Work::Erf => on_threads(threads, || bench.run(&compute))??,
        _ => bench.run(&compute)?,
    };
    let result = NetworkResult {
        peer: version(),
        network,
        mode: backend.to_string(),
        batch,
        threads,
        what: bench.work,
        timed,
        peak_rss_mb: peak_resident_bytes().map(|bytes| bytes >> 20),
    };
    if arguments.json {
        print_json(&result)?;
    } else {
        show(&result)?;
    }
    Ok(Exit::Done)
}

/// The result of loading data, as the peer's program prints it too.
#[derive(Serialize)]
struct DataResult {
    peer: String,
    #[serde(flatten)]
    loaded: Loaded,
}

fn load(arguments: &BenchArgs) -> Result<Exit, CliError> {
    let Some(data) = &arguments.data else {
        return Err(CliError::argument(
            "DATA",
            format!("`bench {DATA}` needs a folder of images, or a data set's name"),
        ));
    };
    let batch = arguments.batch.unwrap_or(64);
    let loaded = receptive_train::bench::load(data, arguments.size, batch, arguments.workers)?;
    if arguments.json {
        let peer = version();
        print_json(&DataResult { peer, loaded })?;
    } else {
        print(format!(
            "{data} at {0}x{0}: {1:.1} images/s decoded, {2:.1} images/s in the second epoch \
             ({3} images, {4} workers)",
            arguments.size,
            loaded.images_per_s,
            loaded.images_per_s_later,
            loaded.images,
            loaded.workers,
        ))?;
    }
    Ok(Exit::Done)
}

fn version() -> String {
    format!("receptive {}", env!("CARGO_PKG_VERSION"))
}

fn show(result: &NetworkResult) -> Result<(), CliError> {
    let timed = &result.timed;
    if !timed.layers.is_empty() {
        let all: f64 = timed.layers.iter().map(|layer| layer.ms).sum();
        let mut table = Table::new(&["layer", "ms", "share", "GMAC/s"]);
        for layer in &timed.layers {
            table.row([
                layer.name.clone(),
                format!("{:.3}", layer.ms),
                percent(layer.ms / all),
                format!("{:.1}", layer.gmacs_per_s),
            ]);
        }
        print(table.to_string())?;
        print("(each layer by itself, in one thread, on an eighth of the batch)\n")?;
    }
    if !timed.operations.is_empty() {
        let all: f64 = timed.operations.iter().map(|operation| operation.ms).sum();
        let mut table = Table::new(&["operation", "ms", "share"]);
        for operation in &timed.operations {
            table.row([
                operation.name.to_string(),
                format!("{:.2}", operation.ms),
                percent(operation.ms / all),
            ]);
        }
        print(table.to_string())?;
        print("(one step in one thread)\n")?;
    }
    print(format!(
        "{} on {}: {:.1} images/s, {:.2} ms per step of {} (10 % under {:.2}, 90 % under {:.2})",
        result.network,
        result.mode,
        timed.images_per_s,
        timed.ms_per_step,
        result.batch,
        timed.ms_p10_p90[0],
        timed.ms_p10_p90[1],
    ))?;
    let memory = result
        .peak_rss_mb
        .map_or(String::new(), |mb| format!(", peak memory {mb} MiB"));
    print(format!("{} threads{memory}", result.threads))
}
