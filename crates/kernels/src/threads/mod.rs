//! Threads that share the work of a kernel.

mod team;

pub use team::together;
pub(crate) use team::{count, each, each_part};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use std::cell::RefCell;
use std::sync::{Arc, OnceLock};

/// Number of values per task of operations on single values.
pub(crate) const CHUNK: usize = 1 << 14;

/// Number of parts of this length per task.
pub(crate) fn per_task(length: usize) -> usize {
    CHUNK / length.max(1) + 1
}

/// Threads that share the work of every kernel called within [`share`](Self::share). Results are
/// bit-identical to those without them.
#[derive(Debug, Clone)]
pub struct KernelThreads(Arc<ThreadPool>);

thread_local! {
    static SHARED: RefCell<Option<KernelThreads>> = const { RefCell::new(None) };
}

impl KernelThreads {
    /// Starts this many threads, at least one.
    ///
    /// # Errors
    /// If the system cannot start a thread.
    pub fn new(threads: usize) -> Result<Self, ThreadPoolBuildError> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads.max(1))
            .thread_name(|thread| format!("kernel-{thread}"))
            .build()?;
        Ok(Self(Arc::new(pool)))
    }

    /// Number of threads.
    pub fn count(&self) -> usize {
        self.0.current_num_threads()
    }

    /// Runs `work` on the calling thread; the kernels that it calls, forward and backward, are
    /// computed on these threads while it waits, or within [`together`] with their help.
    pub fn share<R>(&self, work: impl FnOnce() -> R) -> R {
        /// Restores the previous threads, even if `work` panics.
        struct Before(Option<KernelThreads>);
        impl Drop for Before {
            fn drop(&mut self) {
                SHARED.set(self.0.take());
            }
        }
        let _before = Before(SHARED.replace(Some(self.clone())));
        work()
    }
}

/// Runs a kernel that uses rayon on the threads set by [`KernelThreads::share`] for the calling thread, if any.
pub fn shared<R: Send>(kernel: impl FnOnce() -> R + Send) -> R {
    team::apart(|| match Pool::current() {
        Pool::Shared(threads) => threads.0.install(kernel),
        Pool::Rayon => kernel(),
    })
}

/// Runs `work` with a single rayon thread: for operations whose sums may depend on the number of
/// threads.
pub fn alone<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    static ONE: OnceLock<Option<ThreadPool>> = OnceLock::new();
    team::apart(|| {
        if rayon::current_num_threads() <= 1 {
            return work();
        }
        let one = ONE.get_or_init(|| ThreadPoolBuilder::new().num_threads(1).build().ok());
        match one {
            Some(one) => one.install(work),
            None => work(),
        }
    })
}

/// The threads that the kernels of the calling thread may use.
#[derive(Clone)]
enum Pool {
    /// Those of [`KernelThreads::share`].
    Shared(KernelThreads),
    /// Rayon's pool of the calling thread.
    Rayon,
}

impl Pool {
    fn current() -> Self {
        SHARED
            .with_borrow(Clone::clone)
            .map_or(Self::Rayon, Self::Shared)
    }

    fn threads(&self) -> usize {
        match self {
            Self::Shared(threads) => threads.count(),
            Self::Rayon => rayon::current_num_threads(),
        }
    }

    fn spawn(&self, work: impl FnOnce() + Send + 'static) {
        match self {
            Self::Shared(threads) => threads.0.spawn(work),
            Self::Rayon => rayon::spawn(work),
        }
    }
}
