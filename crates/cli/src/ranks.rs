//! Several processes of this program, started together by `mpirun` or a scheduler.

use crate::error::CliError;
use crate::render;
use receptive_train::Ranks;
use std::sync::{Arc, Mutex, PoisonError};

/// Environment variables in which launchers store the number of processes.
const SIZES: [&str; 2] = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"];

static JOINED: Mutex<Option<Arc<Ranks>>> = Mutex::new(None);

/// The ranks that this process has joined; `None` if it is the only one.
pub(crate) fn joined() -> Option<Arc<Ranks>> {
    JOINED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// The number of processes started together, as reported by the launcher.
fn started(variable: impl Fn(&str) -> Option<String>) -> usize {
    // PMIx tells a process its own number but not the total, which Slurm stores separately. Without PMIx,
    // Slurm's variable may belong to a step that does not use MPI.
    let by_slurm = variable("PMIX_RANK").and_then(|_| variable("SLURM_STEP_NUM_TASKS"));
    let sizes = SIZES
        .iter()
        .filter_map(|name| variable(name))
        .chain(by_slurm);
    sizes
        .filter_map(|size| size.parse().ok())
        .max()
        .unwrap_or(1)
}

/// Connects to the other processes, if several were started together; `can_share` tells whether
/// several processes can share the command.
pub(crate) fn join(command: &str, can_share: bool) -> Result<(), CliError> {
    let count = started(|name| std::env::var(name).ok());
    if count < 2 {
        return Ok(());
    }
    if !can_share {
        silence_all_ranks_but(&["0"]);
        return Err(CliError::Usage(format!(
            "{count} processes of this program were started together, and each would do the same \
             work: only `train`, `tune`, `evaluate` and `erf` can be shared, not `{command}`; \
             start one process, without mpirun"
        )));
    }
    meet(count)
}

#[cfg(feature = "mpi")]
fn meet(_: usize) -> Result<(), CliError> {
    let ranks = Ranks::new(Box::new(receptive_train::Mpi::new()?))?;
    if !ranks.is_first() {
        render::silence();
    }
    *JOINED.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(ranks));
    Ok(())
}

#[cfg(not(feature = "mpi"))]
fn meet(count: usize) -> Result<(), CliError> {
    // The first rank may be another program, one with MPI that waits for this one.
    silence_all_ranks_but(&["0", "1"]);
    Err(CliError::Usage(format!(
        "{count} processes of this program were started together, but this one ({}) is built without MPI: each \
         would write the same run. Build it with `cargo build --features mpi`, on all machines, or start one process",
        std::env::current_exe().unwrap_or_default().display()
    )))
}

/// Lets only some processes print an error that all have.
fn silence_all_ranks_but(printing: &[&str]) {
    let ranks = ["OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"];
    let mut ranks = ranks.iter().filter_map(|name| std::env::var(name).ok());
    if ranks.any(|rank| !printing.contains(&rank.as_str())) {
        render::silence();
    }
}

/// Exchanges the exit status with the other processes.
pub(crate) fn end<T>(result: Result<T, CliError>) -> Result<T, CliError> {
    let Some(ranks) = joined() else {
        return result;
    };
    let is_usage = |error: &CliError| error.exit() == crate::error::Exit::Usage;
    let error = result.as_ref().err();
    let error = error.map(|error| (error.to_string(), is_usage(error)));
    let ended = ranks.end(error);
    let value = result?;
    ended?;
    Ok(value)
}

/// Disconnects from the other processes. If one ends with an error, the launcher kills the others, so all wait
/// until the first has printed its messages.
pub(crate) fn leave() {
    let ranks = JOINED.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(ranks) = ranks {
        ranks.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn launchers_say_how_many_they_have_started() {
        let by = |name: &'static str, value: &'static str| {
            started(|asked| (asked == name).then(|| value.into()))
        };
        assert_eq!(by("OMPI_COMM_WORLD_SIZE", "3"), 3);
        assert_eq!(by("PMI_SIZE", "2"), 2);
        assert_eq!(by("PMI_SIZE", "1"), 1);
        assert_eq!(by("PMI_SIZE", "many"), 1);
        assert_eq!(by("SLURM_STEP_NUM_TASKS", "4"), 1);
        let slurm = |name: &str| match name {
            "PMIX_RANK" => Some("0".to_string()),
            "SLURM_STEP_NUM_TASKS" => Some("4".into()),
            _ => None,
        };
        assert_eq!(started(slurm), 4);
    }

    #[test]
    fn a_command_that_cannot_be_shared_says_so() {
        // Without a launcher there is nothing to join.
        assert!(join("summary", false).is_ok() && joined().is_none());
        assert_eq!(end(Ok(3)).unwrap(), 3);
    }
}
