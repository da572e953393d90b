//! Data parallelism: several processes train one model. All have the same weights, and each computes a part of
//! every step.

pub(crate) mod aligned;
pub(crate) mod alike;
mod answers;
mod field;
#[cfg(feature = "mpi")]
mod mpi;
mod shared;
mod sum;
#[cfg(test)]
pub(crate) mod threads;
mod transport;

#[cfg(feature = "mpi")]
pub use mpi::Mpi;
pub use shared::found_by_first;
pub(crate) use shared::{all_are_here, stop_of_any};
pub use transport::Transport;

use crate::error::TrainError;
use crate::stop::Stop;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The ranks of a run. Every collective operation begins with a round, in which each rank announces its next
/// operation, whether it has failed, and whether it was requested to stop. So all stop at the same step, and an
/// error of one rank ends all, unless all have failed with one of several runs.
#[derive(Debug)]
pub struct Ranks {
    transport: Box<dyn Transport>,
    hosts: Vec<String>,
    /// Stop requests of this process; other processes may have others.
    requested: Mutex<Stop>,
    /// The stop requests that all ranks know.
    agreed: Mutex<Stop>,
    /// After a failure that not all ranks have, no collective operation is possible.
    is_over: AtomicBool,
    traffic: Mutex<Traffic>,
    /// The layouts of the latest step's values, with the hash of their description.
    described: Mutex<Option<(u64, Vec<Vec<u8>>)>>,
}

/// The kind of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Connecting.
    Hello,
    /// Settings that must agree.
    Alike,
    /// Files of a run.
    Files,
    /// The shards of a step.
    Step,
    /// Answers on images.
    Answers,
    /// The gradients of a receptive field.
    Field,
    /// The end of an epoch.
    Epoch,
    /// What one rank has found.
    Shared,
    /// The end of the program.
    End,
}

/// The traffic of one rank, with timings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Traffic {
    /// Training steps.
    pub steps: u64,
    /// Bytes that this rank sent for them.
    pub sent_bytes: u64,
    /// Seconds spent waiting for slower ranks.
    pub waited_seconds: f64,
    /// Seconds spent sending the sums of steps.
    pub sending_seconds: f64,
}

/// An error of one rank, as sent to the others.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Failure {
    message: String,
    is_usage: bool,
}

impl Failure {
    fn of(error: &TrainError) -> Self {
        Self {
            message: error.to_string(),
            is_usage: error.is_usage(),
        }
    }
}

/// The message that each rank sends at the beginning of a round.
#[derive(Debug, Clone, Copy)]
struct Header {
    kind: u8,
    failed: bool,
    /// A signal's number, or 0.
    signal: u8,
    /// The number of bytes that it will send.
    length: usize,
    /// A number with a meaning specific to the kind.
    tag: u64,
}

impl Header {
    const BYTES: usize = 24;

    fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..3].copy_from_slice(&[self.kind, u8::from(self.failed), self.signal]);
        bytes[8..16].copy_from_slice(&(self.length as u64).to_le_bytes());
        bytes[16..].copy_from_slice(&self.tag.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let number = |at: usize| {
            let bytes = bytes[at..at + 8].iter().rev();
            bytes.fold(0, |number: u64, byte| number << 8 | u64::from(*byte))
        };
        Self {
            kind: bytes[0],
            failed: bytes[1] != 0,
            signal: bytes[2],
            length: number(8) as usize,
            tag: number(16),
        }
    }
}

/// Maximum number of bytes per call, for all ranks together: MPI counts in 32 bits.
const MAX_BYTES: usize = 1 << 30;

impl Ranks {
    /// Connects to the other ranks.
    ///
    /// # Errors
    /// One of them has already failed.
    pub fn new(transport: Box<dyn Transport>) -> Result<Self, TrainError> {
        let mut ranks = Self {
            hosts: vec![String::new(); transport.size()],
            transport,
            requested: Mutex::default(),
            agreed: Mutex::default(),
            is_over: AtomicBool::new(false),
            traffic: Mutex::default(),
            described: Mutex::default(),
        };
        let host = ranks.transport.host();
        let hosts = ranks.gather(Kind::Hello, Ok(host.into_bytes()))?;
        let hosts = hosts.iter().map(|host| String::from_utf8_lossy(host));
        ranks.hosts = hosts.map(Into::into).collect();
        Ok(ranks)
    }

    /// The number of this process, from 0.
    pub fn rank(&self) -> usize {
        self.transport.rank()
    }

    /// The number of ranks.
    pub fn size(&self) -> usize {
        self.transport.size()
    }

    /// Whether this rank writes the run's files and prints.
    pub fn is_first(&self) -> bool {
        self.rank() == 0
    }

    /// This rank's number among those on its machine, and their number.
    pub(crate) fn on_machine(&self) -> (usize, usize) {
        let own = &self.hosts[self.rank()];
        let count = |hosts: &[String]| hosts.iter().filter(|host| *host == own).count();
        (count(&self.hosts[..self.rank()]), count(&self.hosts))
    }

    /// Number of machines.
    pub fn machines(&self) -> usize {
        let mut hosts = self.hosts.clone();
        hosts.sort_unstable();
        hosts.dedup();
        hosts.len()
    }

    /// A rank's name in messages.
    pub(crate) fn name(&self, rank: usize) -> String {
        format!("rank {rank} on {}", self.hosts[rank])
    }

    /// A rank's part of `items` items: contiguous, and of equal size for all ranks up to one item.
    pub(crate) fn part(&self, items: usize, rank: usize) -> Range<usize> {
        part(items, rank, self.size())
    }

    /// The stop requests of all processes for what they do next, such as one of several runs. They change only
    /// in rounds, so all ranks see them at the same point.
    pub(crate) fn agree_on(&self, stop: &Stop) -> Stop {
        let agreed = Stop::default();
        for (place, stop) in [(&self.requested, stop), (&self.agreed, &agreed)] {
            *place.lock().unwrap_or_else(PoisonError::into_inner) = stop.clone();
        }
        agreed
    }

    /// The traffic so far.
    pub fn traffic(&self) -> Traffic {
        *self.count()
    }

    fn count(&self) -> MutexGuard<'_, Traffic> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the collective operations. `error` is this rank's error message, and whether it is a usage error.
    /// Does nothing after a failure or if called again.
    ///
    /// # Errors
    /// Another rank has failed.
    pub fn end(&self, error: Option<(String, bool)>) -> Result<(), TrainError> {
        if self.is_over.load(Ordering::SeqCst) {
            return Ok(());
        }
        let own = match error {
            None => Ok(Vec::new()),
            Some((message, is_usage)) => Err(Failure { message, is_usage }),
        };
        let has_failed = own.is_err();
        let ended = self.round(Kind::End, &own, 0).map(|_| ());
        self.is_over.store(true, Ordering::SeqCst);
        // Its own error was already reported.
        if has_failed { Ok(()) } else { ended }
    }

    /// Whether all ranks have failed with one of several runs, such as one that diverged, so that all can
    /// continue with the next. Otherwise this error ends all.
    pub(crate) fn have_all_failed(&self, error: &TrainError) -> bool {
        let _ = self.round(Kind::Shared, &Err(Failure::of(error)), 0);
        !self.is_over.load(Ordering::SeqCst)
    }

    /// Waits for all ranks, failed or not, as the last operation.
    pub fn leave(&self) {
        self.transport.all_gather(&[0]);
    }

    /// An error that all ranks have found at the same point; it ends the collective operations.
    pub(crate) fn close<T>(&self, error: TrainError) -> Result<T, TrainError> {
        self.is_over.store(true, Ordering::SeqCst);
        Err(error)
    }

    /// The bytes that each rank contributes, in order.
    ///
    /// # Errors
    /// The error of this rank or of another.
    pub(crate) fn gather(
        &self,
        kind: Kind,
        own: Result<Vec<u8>, TrainError>,
    ) -> Result<Vec<Vec<u8>>, TrainError> {
        let (own, error) = told(own);
        match self.round(kind, &own, 0) {
            Ok(headers) => {
                let own = own.as_deref().unwrap_or_default();
                let lengths: Vec<usize> = headers.iter().map(|header| header.length).collect();
                Ok(self.all(own, &lengths))
            }
            Err(of_rank) => Err(error.unwrap_or(of_rank)),
        }
    }

    /// Exchanges each rank's next operation and whether it has failed.
    fn round(
        &self,
        kind: Kind,
        own: &Result<Vec<u8>, Failure>,
        tag: u64,
    ) -> Result<Vec<Header>, TrainError> {
        if self.is_over.load(Ordering::SeqCst) {
            return Err(TrainError::Ranks("the ranks have already finished".into()));
        }
        let text = own.as_ref().err().map(|failure| {
            let text = serde_json::to_vec(failure);
            text.unwrap_or_else(|_| failure.message.clone().into_bytes())
        });
        let requested = self
            .requested
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let signal = requested.requested().unwrap_or(0);
        drop(requested);
        let header = Header {
            kind: kind as u8,
            failed: own.is_err(),
            signal: u8::try_from(signal).unwrap_or(u8::MAX),
            length: own.as_ref().map_or_else(|_| 0, Vec::len),
            tag,
        };
        let length = text.as_ref().map_or(header.length, Vec::len);
        let header = Header { length, ..header };
        let began = Instant::now();
        let headers = self.transport.all_gather(&header.to_bytes());
        self.add_wait(began.elapsed());
        let (headers, _) = headers.as_chunks::<{ Header::BYTES }>();
        let headers: Vec<Header> = headers.iter().map(Header::from_bytes).collect();
        if let Some(signal) = headers.iter().map(|header| header.signal).max()
            && signal > 0
        {
            let agreed = self.agreed.lock();
            agreed
                .unwrap_or_else(PoisonError::into_inner)
                .request(usize::from(signal));
        }
        if headers.iter().any(|header| header.failed) {
            let is_shared = |header: &Header| header.failed && header.kind == Kind::Shared as u8;
            let is_over = !headers.iter().all(is_shared);
            self.is_over.store(is_over, Ordering::SeqCst);
            return Err(self.failure(&headers, &text.unwrap_or_default()));
        }
        if let Some(other) = headers.iter().position(|one| one.kind != header.kind) {
            self.is_over.store(true, Ordering::SeqCst);
            return Err(TrainError::Ranks(format!(
                "{} and {} are out of sync ({} and {}); this is a bug, please report it",
                self.name(self.rank()),
                self.name(other),
                header.kind,
                headers[other].kind
            )));
        }
        Ok(headers)
    }

    fn add_wait(&self, waited: Duration) {
        self.count().waited_seconds += waited.as_secs_f64();
    }

    /// The error of the first rank that has failed.
    fn failure(&self, headers: &[Header], own: &[u8]) -> TrainError {
        let length = |header: &Header| if header.failed { header.length } else { 0 };
        let lengths: Vec<usize> = headers.iter().map(length).collect();
        let texts = self.all(own, &lengths);
        let rank = headers.iter().position(|header| header.failed);
        let rank = rank.unwrap_or_default();
        let failure = serde_json::from_slice(&texts[rank]).unwrap_or_else(|_| Failure {
            message: String::from_utf8_lossy(&texts[rank]).into_owned(),
            is_usage: false,
        });
        TrainError::Rank {
            rank: self.name(rank),
            message: failure.message,
            is_usage: failure.is_usage,
        }
    }

    /// The bytes of all ranks, with these lengths.
    fn all(&self, own: &[u8], lengths: &[usize]) -> Vec<Vec<u8>> {
        let piece = MAX_BYTES / self.size();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let mut all: Vec<Vec<u8>> = lengths.iter().copied().map(Vec::with_capacity).collect();
        for start in (0..longest).step_by(piece) {
            let within = |length: usize| start.min(length)..(start + piece).min(length);
            let parts: Vec<usize> = lengths.iter().map(|length| within(*length).len()).collect();
            let bytes = self
                .transport
                .all_gather_bytes(&own[within(own.len())], &parts);
            let mut rest = &bytes[..];
            for (of_rank, length) in all.iter_mut().zip(parts) {
                let (part, others) = rest.split_at(length);
                of_rank.extend_from_slice(part);
                rest = others;
            }
        }
        all
    }
}

/// A result as sent to the other ranks, and this rank's own error.
fn told<T>(own: Result<T, TrainError>) -> (Result<T, Failure>, Option<TrainError>) {
    match own {
        Ok(own) => (Ok(own), None),
        Err(error) => (Err(Failure::of(&error)), Some(error)),
    }
}

/// The `at`-th of `parts` contiguous parts of `items` items.
pub(crate) fn part(items: usize, at: usize, parts: usize) -> Range<usize> {
    let start = |at: usize| items / parts * at + (items % parts).min(at);
    start(at)..start(at + 1)
}
