//! Ranks connected by MPI.

use super::transport::Transport;
use crate::error::TrainError;
use mpi::Threading;
use mpi::collective::CommunicatorCollectives;
use mpi::datatype::{Partition, PartitionMut};
use mpi::environment::{Universe, initialize_with_threading, processor_name};
use mpi::topology::{Communicator, SimpleCommunicator};
use std::fmt;
use std::time::{Duration, Instant};

/// The processes started together by `mpirun` or a cluster's scheduler. Dropping it finalizes MPI, so that must
/// be the last operation of a process.
pub struct Mpi {
    // Kept because dropping it finalizes MPI.
    _universe: Universe,
    rank: usize,
    size: usize,
}

/// A waiting rank first only yields, since a sleep takes at least 50 us longer than requested.
const YIELDING: Duration = Duration::from_micros(300);
/// Then it checks for others at this interval, and at ever longer ones.
const FIRST_SLEEP: Duration = Duration::from_micros(20);
const LONGEST_SLEEP: Duration = Duration::from_micros(500);

impl Mpi {
    /// Connects to the other processes; call it once per process.
    ///
    /// # Errors
    /// MPI is already in use, or the library does not allow calls from more than one thread.
    pub fn new() -> Result<Self, TrainError> {
        let rejected = |problem: &str| TrainError::Ranks(format!("MPI cannot be used: {problem}"));
        let Some((universe, threading)) = initialize_with_threading(Threading::Serialized) else {
            return Err(rejected("it is already initialised in this process"));
        };
        if threading < Threading::Serialized {
            return Err(rejected(
                "the library does not support calls from several threads (MPI_THREAD_SERIALIZED)",
            ));
        }
        let world = SimpleCommunicator::world();
        let whole = |number: i32| usize::try_from(number).unwrap_or(0);
        Ok(Self {
            rank: whole(world.rank()),
            size: whole(world.size()),
            _universe: universe,
        })
    }
}

impl fmt::Debug for Mpi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mpi(rank {} of {})", self.rank, self.size)
    }
}

/// Lengths as MPI counts them, and their offsets.
fn parts(lengths: &[usize]) -> (Vec<i32>, Vec<i32>) {
    let counts: Vec<i32> = lengths
        .iter()
        .map(|length| i32::try_from(*length).unwrap_or(i32::MAX))
        .collect();
    let starts = counts.iter().scan(0, |next, count| {
        let start = *next;
        *next += count;
        Some(start)
    });
    let starts = starts.collect();
    (counts, starts)
}

impl Transport for Mpi {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn host(&self) -> String {
        processor_name().unwrap_or_else(|_| "unknown".into())
    }

    fn all_gather(&self, own: &[u8]) -> Vec<u8> {
        let mut all = vec![0; own.len() * self.size];
        // A blocking call would keep a core busy that loaders or another rank could use.
        mpi::request::scope(|scope| {
            let world = SimpleCommunicator::world();
            let mut request = world.immediate_all_gather_into(scope, own, &mut all[..]);
            let (began, mut sleep) = (Instant::now(), FIRST_SLEEP);
            loop {
                match request.test() {
                    Ok(_) => return,
                    Err(waiting) => request = waiting,
                }
                if began.elapsed() < YIELDING {
                    std::thread::yield_now();
                    continue;
                }
                std::thread::sleep(sleep);
                sleep = (sleep + FIRST_SLEEP).min(LONGEST_SLEEP);
            }
        });
        all
    }

    fn all_gather_bytes(&self, own: &[u8], lengths: &[usize]) -> Vec<u8> {
        let mut all = vec![0; lengths.iter().sum()];
        let (counts, starts) = parts(lengths);
        let mut into = PartitionMut::new(&mut all[..], counts, starts);
        SimpleCommunicator::world().all_gather_varcount_into(own, &mut into);
        all
    }

    fn all_gather_values(&self, own: &[f32], lengths: &[usize], all: &mut [f32]) {
        let (counts, starts) = parts(lengths);
        let mut into = PartitionMut::new(all, counts, starts);
        SimpleCommunicator::world().all_gather_varcount_into(own, &mut into);
    }

    fn exchange(&self, own: &[f32], to: &[usize], from: &[usize]) -> Vec<f32> {
        let mut all = vec![0.0; from.iter().sum()];
        let (counts, starts) = parts(to);
        let out = Partition::new(own, counts, starts);
        let (counts, starts) = parts(from);
        let mut into = PartitionMut::new(&mut all[..], counts, starts);
        SimpleCommunicator::world().all_to_all_varcount_into(&out, &mut into);
        all
    }
}
