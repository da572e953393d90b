//! A run that several processes share.

use super::{RUNS, TrainArgs};
use crate::error::CliError;
use receptive_core::text::{counted, grouped, percent};
use receptive_train::{Compute, RankDirectory, Ranks, RunDirectory, Series, Traffic};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Rejects what several processes cannot share.
pub(super) fn check_shared(arguments: &TrainArgs) -> Result<(), CliError> {
    let is_series = |path: &PathBuf| Series::is_at(path);
    for (argument, is_given) in [
        ("--seeds", arguments.seeds.is_some()),
        ("--folds", arguments.folds.is_some()),
        ("--dry-run", arguments.dry_run),
        ("--overfit", arguments.overfit.is_some()),
        ("--resume", arguments.resume.as_ref().is_some_and(is_series)),
    ] {
        if is_given {
            return Err(CliError::argument(
                argument,
                "several processes share one run, not several runs or a trial; start one process, without mpirun",
            ));
        }
    }
    Ok(())
}

/// A new run's directory: the one that was named, or the next one.
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

/// Who computes the run, beside this process; nothing where it is alone.
pub(super) fn ranks_text(compute: &Compute) -> String {
    compute.ranks().map_or(String::new(), |ranks| {
        format!(
            " in each of {} on {}",
            counted(ranks.size(), "rank"),
            counted(ranks.machines(), "machine")
        )
    })
}

/// What the first rank has seen of the network.
#[derive(Serialize)]
pub(super) struct Network {
    ranks: usize,
    machines: usize,
    #[serde(flatten)]
    traffic: Traffic,
}

impl Network {
    /// `None` where the process was alone.
    pub(super) fn of(compute: &Compute) -> Option<Self> {
        compute.ranks().map(|ranks| Self {
            ranks: ranks.size(),
            machines: ranks.machines(),
            traffic: ranks.traffic(),
        })
    }

    /// What travelled and how long it took, of so many seconds.
    pub(super) fn text(&self, seconds: f64) -> String {
        let Traffic {
            steps,
            sent_bytes,
            waited_seconds,
            sending_seconds,
        } = self.traffic;
        let share = |part: f64| percent(part / seconds.max(part).max(f64::MIN_POSITIVE));
        format!(
            "{} bytes sent by a rank in a step; {} of the time waiting for other ranks, {} sending",
            grouped((sent_bytes / steps.max(1)) as usize),
            share(waited_seconds),
            share(sending_seconds)
        )
    }
}
