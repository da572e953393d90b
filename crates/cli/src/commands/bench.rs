use super::{machine, not_understood, print, print_json};
use crate::args::BenchArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::Table;
use receptive_train::Workers;
use receptive_train::bench::{Bench, Loaded, Network, Timed, Work};
use receptive_train::trial::peak_resident_bytes;
use serde::Serialize;

/// The line that the peers' programs print too.
#[derive(Serialize)]
struct Shown {
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

/// The word that stands for no network.
const DATA: &str = "data";

pub(super) fn run(arguments: &BenchArgs) -> Result<Exit, CliError> {
    if arguments.network == DATA {
        return load(arguments);
    }
    if arguments.data.is_some() {
        return Err(not_understood(
            "DATA",
            format!("networks are timed on random images; data goes with `bench {DATA}`"),
        ));
    }
    let network: Network = arguments.network.parse()?;
    let batch = arguments.batch.unwrap_or_else(|| network.batch());
    at_least_one([("--batch", batch), ("--steps", arguments.steps)])?;
    let (backend, threads) = machine(&arguments.machine)?;
    let device = backend.device()?;
    let workers = Workers::new(threads)?;
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
        Work::Erf => receptive_train::field::on_threads(threads, || {
            bench.run(&device, backend.kind.is_cpu(), &workers)
        })??,
        _ => bench.run(&device, backend.kind.is_cpu(), &workers)?,
    };
    let shown = Shown {
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
        print_json(&shown)?;
    } else {
        show(&shown)?;
    }
    Ok(Exit::Done)
}

fn at_least_one<const N: usize>(values: [(&str, usize); N]) -> Result<(), CliError> {
    match values
        .into_iter()
        .find(|(_, value)| !(1..=1 << 20).contains(value))
    {
        Some((flag, value)) => Err(not_understood(
            flag,
            format!("it is {value}; use 1 or more"),
        )),
        None => Ok(()),
    }
}

/// The line that the peer's program prints too.
#[derive(Serialize)]
struct ShownLoading {
    peer: String,
    #[serde(flatten)]
    loaded: Loaded,
}

fn load(arguments: &BenchArgs) -> Result<Exit, CliError> {
    let Some(data) = &arguments.data else {
        return Err(not_understood(
            "DATA",
            format!("`bench {DATA}` reads files; give a folder of images, or a data set's name"),
        ));
    };
    let batch = arguments.batch.unwrap_or(64);
    at_least_one([("--batch", batch), ("--size", arguments.size)])?;
    let loaded = receptive_train::bench::load(data, arguments.size, batch, arguments.workers)?;
    if arguments.json {
        let peer = version();
        print_json(&ShownLoading { peer, loaded })?;
    } else {
        print(format!(
            "{data} at {0}x{0}: {1:.1} images/s decoded, {2:.1} images/s from the second epoch on \
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

fn show(shown: &Shown) -> Result<(), CliError> {
    let timed = &shown.timed;
    if !timed.layers.is_empty() {
        let all: f64 = timed.layers.iter().map(|layer| layer.ms).sum();
        let mut table = Table::new(&["layer", "ms", "share", "GMAC/s"]);
        for layer in &timed.layers {
            table.row([
                layer.name.clone(),
                format!("{:.3}", layer.ms),
                super::percent(layer.ms / all),
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
                super::percent(operation.ms / all),
            ]);
        }
        print(table.to_string())?;
        print("(one step in one thread)\n")?;
    }
    print(format!(
        "{} on {}: {:.1} images/s, {:.2} ms for a step of {} (10 % under {:.2}, 90 % under {:.2})",
        shown.network,
        shown.mode,
        timed.images_per_s,
        timed.ms_per_step,
        shown.batch,
        timed.ms_p10_p90[0],
        timed.ms_p10_p90[1],
    ))?;
    let memory = shown
        .peak_rss_mb
        .map_or(String::new(), |mb| format!(", peak memory {mb} MiB"));
    print(format!("{} threads{memory}", shown.threads))
}
