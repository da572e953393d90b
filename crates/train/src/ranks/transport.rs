//! Communication between ranks.

use std::fmt;

/// Sends bytes and numbers between the processes that train together. All of them call the same
/// methods in the same order, each from one thread at a time; a call returns once all have made it.
/// A transport that loses a rank ends the process, as MPI does.
pub trait Transport: fmt::Debug + Send + Sync {
    /// Of this process, from 0.
    fn rank(&self) -> usize;

    /// Number of processes.
    fn size(&self) -> usize;

    /// The name of this process's machine.
    fn host(&self) -> String;

    /// The bytes of all ranks in order, as many of each as of this one. Waits without keeping a core busy
    /// where it can.
    fn all_gather(&self, own: &[u8]) -> Vec<u8>;

    /// The bytes of all ranks in order, `lengths` having the number of each rank's; together less than 2 GiB.
    fn all_gather_bytes(&self, own: &[u8], lengths: &[usize]) -> Vec<u8>;

    /// The numbers of all ranks in order, `lengths` having how many each has; together less than 2^31.
    fn all_gather_values(&self, own: &[f32], lengths: &[usize]) -> Vec<f32>;

    /// What each rank has for this one, in the ranks' order: `to` has how many of `own` go to each rank, in
    /// order, and `from` how many come from each; together less than 2^31.
    fn exchange(&self, own: &[f32], to: &[usize], from: &[usize]) -> Vec<f32>;
}
