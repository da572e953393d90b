//! The peak rates of this machine with one thread and with all: matrix products in the cache, memory
//! bandwidth, and memory fresh from the system. Threads share nothing here, so no program scales better.
//!
//! `cargo run -p receptive-kernels --example machine`

use burn::tensor::{Device, Distribution, Tensor};
use rayon::{ThreadPoolBuildError, ThreadPoolBuilder};
use std::hint::black_box;
use std::num::NonZero;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

const ROUNDS: usize = 20;
/// Rows and columns of a matrix.
const SIDE: usize = 512;
/// 64 MiB of values: more than a cache holds.
const VALUES: usize = 16 << 20;

fn main() -> Result<(), ThreadPoolBuildError> {
    let max = thread::available_parallelism().map_or(1, NonZero::get);
    println!(
        "{:<34}{:>9}{:>13}{:>9}",
        "",
        "1 thread",
        format!("{max} threads"),
        "ratio"
    );
    line("GMAC/s, product of 512x512", max, || {
        let square = || Tensor::<2>::random([SIDE, SIDE], Distribution::Default, &Device::flex());
        let (a, b) = (square(), square());
        let product = move || drop(black_box(a.clone().matmul(b.clone())));
        (SIDE.pow(3) as f64, Box::new(product))
    })?;
    line("GB/s, a = b + 2 c in memory", max, || {
        let (mut a, b, c) = (
            vec![0.0_f32; VALUES],
            vec![1.0_f32; VALUES],
            vec![2.0_f32; VALUES],
        );
        let add = move || {
            for ((a, b), c) in a.iter_mut().zip(&b).zip(&c) {
                *a = b + 2.0 * c;
            }
            black_box(&a);
        };
        ((3 * VALUES * size_of::<f32>()) as f64, Box::new(add))
    })?;
    line("GB/s, memory fresh from the system", max, || {
        // Large enough for the allocator to return it to the system at once.
        let touch = || drop(black_box(vec![1.0_f32; VALUES]));
        ((VALUES * size_of::<f32>()) as f64, Box::new(touch))
    })
}

/// The amount of work in a call, and the call.
type Work = (f64, Box<dyn FnMut()>);

fn line(
    name: &str,
    threads: usize,
    work: impl Fn() -> Work + Sync,
) -> Result<(), ThreadPoolBuildError> {
    let (one, all) = (rate(1, &work)? / 1e9, rate(threads, &work)? / 1e9);
    println!("{name:<34}{one:>9.1}{all:>13.1}{:>9.2}", all / one);
    Ok(())
}

/// Work per second of all threads together, in the best of several rounds: the least disturbed.
fn rate(threads: usize, work: &(impl Fn() -> Work + Sync)) -> Result<f64, ThreadPoolBuildError> {
    let start = Barrier::new(threads);
    let rates = || -> Vec<f64> {
        let (amount, mut work) = work();
        work();
        let round = |_| {
            start.wait();
            let began = Instant::now();
            work();
            amount / began.elapsed().as_secs_f64()
        };
        (0..ROUNDS).map(round).collect()
    };
    // A pool of one thread each, or burn would split a product among all.
    let pools = (0..threads).map(|_| ThreadPoolBuilder::new().num_threads(1).build());
    let pools = pools.collect::<Result<Vec<_>, _>>()?;
    let rounds: Vec<Vec<f64>> = thread::scope(|scope| {
        let workers = pools.iter().map(|pool| scope.spawn(|| pool.install(rates)));
        let workers: Vec<_> = workers.collect();
        workers
            .into_iter()
            .filter_map(|worker| worker.join().ok())
            .collect()
    });
    let together = |round: usize| rounds.iter().map(|rates| rates[round]).sum();
    Ok((0..ROUNDS).map(together).fold(0.0, f64::max))
}
