//! Receptive fields of what is trained here: on real images, and while it trains.

mod inputs;
mod tracker;

pub use inputs::SplitInputs;
pub(crate) use tracker::Tracker;
pub use tracker::{EpochField, FieldConfig};

use crate::TrainError;
use crate::workers::refused;

/// Runs a measurement with this many threads, whatever the machine has.
///
/// # Errors
/// When the system refuses the threads.
pub fn on_threads<R: Send>(
    threads: usize,
    work: impl FnOnce() -> R + Send,
) -> Result<R, TrainError> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads.max(1))
        .build()
        .map_err(|error| refused(threads, &error))?;
    Ok(pool.install(work))
}
