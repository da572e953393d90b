//! Runs shared by several processes.

use super::{RUNS, TrainArgs};
use crate::error::CliError;
use receptive_core::text::{counted, grouped, percent};
use receptive_train::{Compute, RankDirectory, Ranks, RunDirectory, Traffic};
use serde::Serialize;
use std::path::Path;

/// Rejects options that do not work with several processes.
pub(super) fn check_shared(arguments: &TrainArgs) -> Result<(), CliError> {
    for (argument, is_given) in [
        ("--dry-run", arguments.dry_run),
        ("--overfit", arguments.overfit.is_some()),
    ] {
        if is_given {
            return Err(CliError::argument(
                argument,
                "several processes share runs, not a trial; start one process, without mpirun",
            ));
        }
    }
    Ok(())
}

/// The directory of a new run: the given one, or the next number.
pub(super) fn new_directory(
    path: Option<&Path>,
    ranks: Option<&Ranks>,
) -> Result<RankDirectory, CliError> {
    let create = || match path {
        Some(path) => RunDirectory::create(path),
        None => RunDirectory::next(Path::new(RUNS)),
    };
    Ok(RankDirectory::new(ranks, create)?)
}

/// The processes that share the run, as text; empty if there is only one.
pub(super) fn ranks_text(compute: &Compute) -> String {
    compute.ranks().map_or(String::new(), |ranks| {
        format!(
            " in each of {} on {}",
            counted(ranks.size(), "rank"),
            counted(ranks.machines(), "machine")
        )
    })
}

/// Traffic and waiting time of the first rank.
#[derive(Serialize)]
pub(super) struct RankTraffic {
    ranks: usize,
    machines: usize,
    #[serde(flatten)]
    traffic: Traffic,
}

impl RankTraffic {
    /// `None` for a single process.
    pub(super) fn of(compute: &Compute) -> Option<Self> {
        compute.ranks().map(|ranks| Self {
            ranks: ranks.size(),
            machines: ranks.machines(),
            traffic: ranks.traffic(),
        })
    }

    /// The bytes sent and the time for it, out of `seconds` of the run.
    pub(super) fn text(&self, seconds: f64) -> String {
        let Traffic {
            steps,
            sent_bytes,
            waited_seconds,
            sending_seconds,
        } = self.traffic;
        let share = |part: f64| percent(part / seconds.max(part).max(f64::MIN_POSITIVE));
        format!(
            "{} bytes sent per rank and step; {} of the time waiting for other ranks, {} sending",
            grouped((sent_bytes / steps.max(1)) as usize),
            share(waited_seconds),
            share(sending_seconds)
        )
    }
}
