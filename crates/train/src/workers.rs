//! Threads that compute, each with a pool of its own.

use crate::TrainError;
use rayon::{ThreadPool, ThreadPoolBuilder};
use receptive_core::panic::message;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Threads that compute shards. On a CPU backend each is a rayon pool of one thread: what it
/// computes is then split in the same way, and added up in the same order, whatever the machine.
#[derive(Debug)]
pub struct Workers {
    pools: Vec<ThreadPool>,
}

impl Workers {
    /// `threads` of them, at least one.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn new(threads: usize) -> Result<Self, TrainError> {
        let pools = (0..threads.max(1))
            .map(|worker| {
                ThreadPoolBuilder::new()
                    .num_threads(1)
                    .thread_name(move |_| format!("compute-{worker}"))
                    .build()
            })
            .collect::<Result<_, _>>()
            .map_err(|error| refused(threads, &error))?;
        Ok(Self { pools })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.pools.len()
    }

    /// Never: there is at least one.
    pub fn is_empty(&self) -> bool {
        self.pools.is_empty()
    }

    /// Runs `work` on one of the threads: what runs there does not depend on how many there are.
    pub fn alone<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match self.pools.first() {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    /// Computes `work(worker state, 0..count)` on all threads and gives the results in order.
    /// `begin` makes each thread's state, such as its copy of the model.
    ///
    /// # Errors
    /// The message of the first panic.
    pub fn map<S, R: Send>(
        &self,
        count: usize,
        begin: impl Fn() -> S + Sync,
        work: impl Fn(&mut S, usize) -> R + Sync,
    ) -> Result<Vec<R>, String> {
        let next = AtomicUsize::new(0);
        let one = || {
            let mut state = begin();
            let mut done = Vec::new();
            loop {
                let item = next.fetch_add(1, Ordering::Relaxed);
                if item >= count {
                    return done;
                }
                done.push((item, work(&mut state, item)));
            }
        };
        let caught = |pool: &ThreadPool| {
            pool.install(|| catch_unwind(AssertUnwindSafe(one)))
                .map_err(|panic| message(&*panic))
        };
        let busy = self.pools.len().min(count).max(1);
        let mut results: Vec<(usize, R)> = std::thread::scope(|scope| {
            let threads: Vec<_> = self
                .pools
                .iter()
                .take(busy)
                .map(|pool| scope.spawn(|| caught(pool)))
                .collect();
            let mut all = Vec::with_capacity(count);
            for thread in threads {
                all.extend(thread.join().map_err(|panic| message(&*panic))??);
            }
            Ok::<_, String>(all)
        })?;
        results.sort_by_key(|(item, _)| *item);
        Ok(results.into_iter().map(|(_, result)| result).collect())
    }
}

/// The error of threads that the system does not give.
pub(crate) fn refused(threads: usize, error: &rayon::ThreadPoolBuildError) -> TrainError {
    TrainError::setting(
        "machine.threads",
        format!("the system refused {threads} threads ({error}); use fewer"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_from_any_number_of_threads() {
        for threads in [1, 2, 5] {
            let workers = Workers::new(threads).unwrap();
            let squares = workers.map(20, || (), |(), item| item * item).unwrap();
            assert_eq!(squares, (0..20).map(|item| item * item).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_panic_is_its_message_not_a_crash() {
        let workers = Workers::new(2).unwrap();
        let result = workers.map(4, || (), |(), item| assert_ne!(item, 2, "item two"));
        assert!(result.unwrap_err().contains("item two"));
        assert_eq!(workers.map(1, || (), |(), item| item).unwrap(), [0]);
    }
}
