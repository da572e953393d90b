//! Communication between ranks.

use std::fmt;

/// Sends bytes and numbers between processes that train together. All processes call the same methods in the
/// same order, each from one thread at a time; a call returns once all have made it. If a rank is lost, the
/// transport ends the process, as MPI does.
pub trait Transport: fmt::Debug + Send + Sync {
    /// The number of this process, from 0.
    fn rank(&self) -> usize;

    /// Number of processes.
    fn size(&self) -> usize;

    /// The name of this process's machine.
    fn host(&self) -> String;

    /// The bytes of all ranks in order, equally many of each. Waits without keeping a core busy, if possible.
    fn all_gather(&self, own: &[u8]) -> Vec<u8>;

    /// The bytes of all ranks in order; `lengths` are their numbers of bytes, together less than 2 GiB.
    fn all_gather_bytes(&self, own: &[u8], lengths: &[usize]) -> Vec<u8>;

    /// Writes the values of all ranks to `all`, in order; `lengths` are their numbers of values, together that
    /// of `all` and less than 2^31.
    fn all_gather_values(&self, own: &[f32], lengths: &[usize], all: &mut [f32]);

    /// The values that each rank sends to this one, in the order of the ranks. `to` are the numbers of values
    /// in `own` for each rank, in order, and `from` the numbers received from each; together less than 2^31.
    fn exchange(&self, own: &[f32], to: &[usize], from: &[usize]) -> Vec<f32>;
}
