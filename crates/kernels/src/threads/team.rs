//! Threads that stay awake for the kernels of one pass through a network. Waking a sleeping thread takes as long as
//! a small kernel.
#![allow(unsafe_code)] // a job is lent to other threads for as long as its owner waits

use super::Pool;
use std::any::Any;
use std::cell::{RefCell, UnsafeCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What this thread does at the moment.
enum Role {
    /// Anything else: kernels run on rayon's threads.
    Outside,
    /// The pass itself: its kernels are shared by the team.
    Owner(Lead),
    /// A task of a kernel, which computes everything in it alone.
    Task,
}

/// Where the helpers of a pass come from, and its team once there is something to share.
struct Lead {
    pool: Pool,
    team: Option<RunningTeam>,
}

impl Lead {
    fn new(pool: Pool) -> Self {
        Self { pool, team: None }
    }

    /// The team, whose helpers are called at the first job.
    fn team(&mut self) -> Arc<Team> {
        let team = self.team.get_or_insert_with(|| Team::start(&self.pool));
        team.0.clone()
    }
}

thread_local! {
    static ROLE: RefCell<Role> = const { RefCell::new(Role::Outside) };
}

/// Sets a role until it is dropped, even by a panic; then the previous one is restored.
struct Acting(Option<Role>);

impl Acting {
    fn new(role: Role) -> Self {
        Self(Some(ROLE.replace(role)))
    }
}

impl Drop for Acting {
    fn drop(&mut self) {
        if let Some(before) = self.0.take() {
            ROLE.set(before);
        }
    }
}

/// Whether this thread is neither in a pass nor in a task.
fn is_outside() -> bool {
    ROLE.with_borrow(|role| matches!(role, Role::Outside))
}

/// Calls `work`. The kernels of [`inference`](crate::inference) in it are shared by the threads set by
/// [`KernelThreads::share`](super::KernelThreads::share), or else by rayon's current ones, which stay awake until
/// `work` is done; the calling thread is one of them.
///
/// `work` must not use rayon, nor wait for another thread, except within [`shared`](super::shared) or
/// [`alone`](super::alone): what it waits for might wait for the team in turn.
pub fn together<R>(work: impl FnOnce() -> R) -> R {
    if !is_outside() {
        return work();
    }
    let _owner = Acting::new(Role::Owner(Lead::new(Pool::current())));
    work()
}

/// Calls `work` without the team: for kernels that use rayon. While a thread waits for rayon, it may compute
/// something else, which must not have to wait for the team in turn.
pub(super) fn apart<R>(work: impl FnOnce() -> R) -> R {
    let pool = ROLE.with_borrow(|role| match role {
        Role::Owner(lead) => Some(lead.pool.clone()),
        _ => None,
    });
    let Some(pool) = pool else {
        return work();
    };
    // Dropping the lead ends its team; the next kernel starts another one.
    drop(ROLE.replace(Role::Outside));
    let result = work();
    ROLE.set(Role::Owner(Lead::new(pool)));
    result
}

/// Number of threads that share the kernels called by this thread.
pub(crate) fn count() -> usize {
    ROLE.with_borrow(|role| match role {
        Role::Outside => rayon::current_num_threads(),
        Role::Owner(lead) => lead.pool.threads(),
        Role::Task => 1,
    })
}

/// Calls `work` for every task, in any order, on all threads; a thread takes `at_a_time` of them at once. Tasks that
/// read or write neighbouring values should follow each other: a thread takes the same part of the tasks of every
/// kernel first, and so finds what it has written itself in its cache.
pub(crate) fn each<T: Send>(tasks: Vec<T>, at_a_time: usize, work: impl Fn(T) + Sync) {
    use rayon::prelude::*;

    let at_a_time = at_a_time.max(1);
    if is_outside() {
        return tasks
            .into_par_iter()
            .with_min_len(at_a_time)
            .for_each(&work);
    }
    let team = ROLE.with_borrow_mut(|role| match role {
        Role::Owner(lead) if tasks.len() > at_a_time && lead.pool.threads() > 1 => {
            Some(lead.team())
        }
        _ => None,
    });
    match team {
        Some(team) => {
            let mut tasks = tasks.into_iter();
            let mut bundles = Vec::with_capacity(tasks.len().div_ceil(at_a_time));
            while tasks.len() > 0 {
                let bundle: Vec<T> = tasks.by_ref().take(at_a_time).collect();
                bundles.push(Mutex::new(bundle));
            }
            team.run(&|member| {
                let first = member * bundles.len() / team.members;
                let (others, own) = bundles.split_at(first);
                for bundle in own.iter().chain(others) {
                    let mut bundle = bundle.lock().unwrap_or_else(PoisonError::into_inner);
                    let tasks = std::mem::take(&mut *bundle);
                    drop(bundle);
                    tasks.into_iter().for_each(&work);
                }
            });
        }
        None => tasks.into_iter().for_each(work),
    }
}

/// Calls `work(number, part)` for every part of `values` of this length, `at_a_time` or more of them per task.
pub(crate) fn each_part(
    values: &mut [f32],
    length: usize,
    at_a_time: usize,
    work: impl Fn(usize, &mut [f32]) + Sync,
) {
    let length = length.max(1);
    let parts = at_a_time.max(1);
    let tasks = values.chunks_mut(length * parts).enumerate().collect();
    each(tasks, 1, |(task, values)| {
        for (i, part) in values.chunks_mut(length).enumerate() {
            work(task * parts + i, part);
        }
    });
}

/// What the members of a team do together, each until nothing is left to do; called with the member's number.
type Job<'a> = &'a (dyn Fn(usize) + Sync);

/// The team itself: its owner opens one job after another, which the helpers enter and leave.
struct Team {
    /// Number of threads: the owner, whose number is 0, and the helpers.
    members: usize,
    /// Number of helpers that have come so far.
    helpers: AtomicUsize,
    /// [`OPEN`], [`DONE`], and [`INSIDE`] for each helper in the job.
    state: AtomicUsize,
    /// Number of jobs so far: a helper enters each of them once.
    jobs: AtomicUsize,
    /// The last job. It is valid, and not written, while the job is open or a helper is inside.
    job: UnsafeCell<Option<Job<'static>>>,
    /// The first panic of a helper in the job.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

/// Helpers may enter the job.
const OPEN: usize = 1;
/// There will be no more jobs.
const DONE: usize = 2;
/// One helper is in the job.
const INSIDE: usize = 4;

// SAFETY: `job` is all that is not `Sync`. The owner alone writes it, and only while the job is closed and no helper is
// inside; helpers read it only while they are inside. `state` orders the two.
unsafe impl Sync for Team {}

impl Team {
    /// Asks all but one of the pool's threads to help.
    fn start(pool: &Pool) -> RunningTeam {
        let team = Arc::new(Self {
            members: pool.threads(),
            helpers: AtomicUsize::new(0),
            state: AtomicUsize::new(0),
            jobs: AtomicUsize::new(0),
            job: UnsafeCell::new(None),
            panic: Mutex::new(None),
        });
        for _ in 1..team.members {
            let team = team.clone();
            pool.spawn(move || team.help());
        }
        RunningTeam(team)
    }

    /// Runs the job on the calling thread, the team's owner, and on every helper that comes in time; returns when
    /// all have left it.
    fn run(&self, job: Job<'_>) {
        let _task = Acting::new(Role::Task);
        // SAFETY: only the lifetime changes. `run` returns, or goes on with a panic, after the job is closed and
        // every helper has left it, so nobody calls it any later.
        let lent = unsafe { std::mem::transmute::<Job<'_>, Job<'static>>(job) };
        // SAFETY: the job is closed and no helper inside, since `run` returns only then, and only the owner calls it:
        // `ROLE`, of one thread, has the only `Lead`, and is `Task` during the job.
        unsafe { *self.job.get() = Some(lent) };
        self.jobs.fetch_add(1, Ordering::Relaxed);
        self.state.fetch_or(OPEN, Ordering::Release);
        let own = catch_unwind(AssertUnwindSafe(|| job(0)));
        self.state.fetch_and(!OPEN, Ordering::Relaxed);
        let mut wait = Wait::default();
        while self.state.load(Ordering::Acquire) >= INSIDE {
            wait.moment();
        }
        let of_helper = self
            .panic
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(panic) = own.err().or(of_helper) {
            resume_unwind(panic);
        }
    }

    /// Helps with every job until the team is done.
    fn help(&self) {
        let _task = Acting::new(Role::Task);
        let member = 1 + self.helpers.fetch_add(1, Ordering::Relaxed);
        let mut helped = 0;
        let mut wait = Wait::default();
        loop {
            let state = self.state.load(Ordering::Relaxed);
            if state & DONE != 0 {
                return;
            }
            let is_new = state & OPEN != 0 && self.jobs.load(Ordering::Relaxed) != helped;
            if is_new && self.enter(state) {
                helped = self.jobs.load(Ordering::Relaxed);
                // SAFETY: this helper is inside, so that the job is valid and not written.
                let job = unsafe { *self.job.get() };
                let result = catch_unwind(AssertUnwindSafe(|| job.map(|job| job(member))));
                let mut first = self.panic.lock().unwrap_or_else(PoisonError::into_inner);
                let unreported = match result {
                    Err(panic) if first.is_none() => first.replace(panic),
                    result => result.err(),
                };
                drop(first);
                self.state.fetch_sub(INSIDE, Ordering::Release);
                drop(unreported);
                wait = Wait::default();
            } else {
                wait.moment();
            }
        }
    }

    /// Enters the job if nothing has changed since `state`, in which it was open.
    fn enter(&self, state: usize) -> bool {
        self.state
            .compare_exchange(state, state + INSIDE, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }
}

/// A team that is done when this is dropped.
struct RunningTeam(Arc<Team>);

impl Drop for RunningTeam {
    fn drop(&mut self) {
        self.0.state.fetch_or(DONE, Ordering::Release);
    }
}

/// Waiting for another thread without sleeping.
#[derive(Default)]
struct Wait(u32);

impl Wait {
    /// Moments after which another program may use the processor: longer than most kernels take.
    const SPINS: u32 = 1 << 12;

    fn moment(&mut self) {
        if self.0 < Self::SPINS {
            self.0 += 1;
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{KernelThreads, alone};
    use super::*;
    use rayon::prelude::*;

    /// Squares of `0..length`, in three kernels with rayon's own work between them.
    fn squares(length: usize) -> Vec<f32> {
        together(|| {
            let mut values = vec![0.0; length];
            each_part(&mut values, 3, 2, |part, values| {
                for (i, value) in values.iter_mut().enumerate() {
                    *value = (part * 3 + i) as f32;
                }
            });
            let sum: f32 = alone(|| values.par_iter().sum());
            assert!(sum >= 0.0);
            let tasks = values.iter_mut().collect();
            each(tasks, 4, |value| {
                // A kernel in a task is computed by the task's thread; a single task is not handed out.
                assert!(length <= 4 || count() == 1 || is_outside());
                each(vec![value], 1, |value| *value *= *value);
            });
            values
        })
    }

    fn expected(length: usize) -> Vec<f32> {
        (0..length).map(|i| (i * i) as f32).collect()
    }

    #[test]
    fn every_task_is_done_once_on_any_number_of_threads() {
        for threads in [1, 2, 3, 8] {
            let helpers = KernelThreads::new(threads).unwrap();
            assert_eq!(helpers.share(|| together(count)), threads);
            for length in [0, 1, 2, 17, 100] {
                assert_eq!(helpers.share(|| squares(length)), expected(length));
                assert_eq!(squares(length), expected(length));
                assert!(is_outside());
            }
        }
    }

    /// Many passes at once in one pool, from inside and outside, beside other work of the same pool that waits and
    /// is stolen: none may wait for another for ever.
    #[test]
    fn passes_in_one_pool_do_not_block_each_other() {
        for threads in [2, 3, 8] {
            let helpers = KernelThreads::new(threads).unwrap();
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        for _ in 0..200 {
                            assert_eq!(helpers.share(|| squares(50)), expected(50));
                        }
                    });
                }
                scope.spawn(|| {
                    for _ in 0..50 {
                        helpers.share(|| {
                            super::super::shared(|| {
                                (0..16).into_par_iter().for_each(|_| {
                                    assert_eq!(squares(20), expected(20));
                                    let sum: usize = (0..100).into_par_iter().sum();
                                    assert_eq!(sum, 4950);
                                });
                            });
                        });
                    }
                });
            });
        }
    }

    #[test]
    fn a_panic_of_any_thread_reaches_the_caller_and_the_threads_go_on() {
        let helpers = KernelThreads::new(3).unwrap();
        for bad in 0..64 {
            let result = catch_unwind(AssertUnwindSafe(|| {
                helpers.share(|| {
                    together(|| each((0..64).collect(), 1, |task| assert_ne!(task, bad)));
                });
            }));
            assert!(result.is_err());
            assert!(is_outside());
        }
        assert_eq!(helpers.share(|| squares(30)), expected(30));
    }
}
