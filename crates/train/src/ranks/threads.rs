//! Ranks as threads of one process, for tests.
// The lint spares test functions, not what they call.
#![allow(clippy::unwrap_used)]

use super::Ranks;
use super::transport::Transport;
use std::sync::{Arc, Barrier, Mutex, PoisonError};

#[derive(Debug)]
struct Table {
    places: Vec<Mutex<Vec<u8>>>,
    barrier: Barrier,
}

/// One of these ranks.
#[derive(Debug)]
pub(crate) struct ThreadRank {
    table: Arc<Table>,
    rank: usize,
}

/// This many ranks.
fn ranks(size: usize) -> Vec<ThreadRank> {
    let table = Arc::new(Table {
        places: (0..size).map(|_| Mutex::default()).collect(),
        barrier: Barrier::new(size),
    });
    let of = |rank| ThreadRank {
        table: Arc::clone(&table),
        rank,
    };
    (0..size).map(of).collect()
}

/// Runs `work` for each rank on a thread of its own.
pub(crate) fn on_ranks<R: Send>(
    count: usize,
    work: impl Fn(usize, Arc<Ranks>) -> R + Sync,
) -> Vec<R> {
    std::thread::scope(|scope| {
        let started: Vec<_> = ranks(count)
            .into_iter()
            .enumerate()
            .map(|(rank, transport)| {
                let work = &work;
                scope.spawn(move || work(rank, Arc::new(Ranks::new(Box::new(transport)).unwrap())))
            })
            .collect();
        started
            .into_iter()
            .map(|rank| rank.join().unwrap())
            .collect()
    })
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn values(bytes: &[u8]) -> Vec<f32> {
    let (numbers, _) = bytes.as_chunks::<4>();
    numbers
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect()
}

impl ThreadRank {
    /// The bytes of each rank.
    fn all(&self, own: &[u8]) -> Vec<Vec<u8>> {
        let lock = |rank: usize| {
            let place = &self.table.places[rank];
            place.lock().unwrap_or_else(PoisonError::into_inner)
        };
        *lock(self.rank) = own.to_vec();
        self.table.barrier.wait();
        let all = (0..self.size()).map(|rank| lock(rank).clone()).collect();
        self.table.barrier.wait();
        all
    }
}

impl Transport for ThreadRank {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.table.places.len()
    }

    fn host(&self) -> String {
        "here".into()
    }

    fn all_gather(&self, own: &[u8]) -> Vec<u8> {
        self.all(own).concat()
    }

    fn all_gather_bytes(&self, own: &[u8], lengths: &[usize]) -> Vec<u8> {
        let all = self.all(own);
        assert!(all.iter().map(Vec::len).eq(lengths.iter().copied()));
        all.concat()
    }

    fn all_gather_values(&self, own: &[f32], lengths: &[usize], all: &mut [f32]) {
        let lengths: Vec<usize> = lengths.iter().map(|length| 4 * length).collect();
        all.copy_from_slice(&values(&self.all_gather_bytes(&bytes(own), &lengths)));
    }

    fn exchange(&self, own: &[f32], to: &[usize], from: &[usize]) -> Vec<f32> {
        // Each rank gets all values with their lengths, and picks its own.
        let cuts: Vec<u8> = to
            .iter()
            .flat_map(|to| (*to as u64).to_le_bytes())
            .collect();
        let all = self.all(&[cuts, bytes(own)].concat());
        let mut mine = Vec::new();
        for (other, from) in all.iter().zip(from) {
            let (cuts, numbers) = other.split_at(8 * self.size());
            let (cuts, _) = cuts.as_chunks::<8>();
            let cuts: Vec<usize> = cuts
                .iter()
                .map(|cut| u64::from_le_bytes(*cut) as usize)
                .collect();
            assert_eq!(cuts[self.rank], *from);
            let start: usize = cuts[..self.rank].iter().sum();
            mine.extend_from_slice(&values(numbers)[start..start + from]);
        }
        mine
    }
}
