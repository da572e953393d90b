//! T17: memory, open files, threads and checkpoints stay the same over a long run.

use super::{appears, arguments, spawn};
use std::path::Path;
use std::time::{Duration, Instant};

struct Seen {
    hours: f64,
    kib: f64,
    files: usize,
    threads: usize,
}

fn look(process: u32, began: Instant) -> Option<Seen> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let field = |name: &str| -> Option<f64> {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    Some(Seen {
        hours: began.elapsed().as_secs_f64() / 3600.0,
        kib: field("VmRSS:")?,
        files: std::fs::read_dir(format!("/proc/{process}/fd"))
            .ok()?
            .count(),
        threads: field("Threads:")? as usize,
    })
}

/// The slope of a straight line through the points, in MiB an hour.
fn slope(seen: &[Seen]) -> f64 {
    let n = seen.len() as f64;
    let mean = |of: fn(&Seen) -> f64| seen.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|one| one.hours), mean(|one| one.kib));
    let cov: f64 = seen.iter().map(|one| (one.hours - x) * (one.kib - y)).sum();
    let var: f64 = seen.iter().map(|one| (one.hours - x).powi(2)).sum();
    cov / var / 1024.0
}

fn checkpoints(run: &Path) -> usize {
    std::fs::read_dir(run.join("checkpoints")).unwrap().count()
}

fn soak(minutes: u64) {
    let parent = tempfile::tempdir().unwrap();
    let run = parent.path().join("run");
    let mut long = arguments(run.to_str().unwrap(), "20steps");
    let epochs = long.iter().position(|argument| *argument == "10").unwrap();
    long[epochs] = "1000000";
    // Loading threads come and go with every epoch.
    long.extend(["--workers", "2"]);
    let mut child = spawn(&long);
    appears(&run.join("checkpoints"));
    let began = Instant::now();
    let all = Duration::from_secs(60 * minutes);
    let mut seen = Vec::new();
    while began.elapsed() < all {
        std::thread::sleep(all / 200);
        seen.extend(look(child.id(), began));
    }
    let left = checkpoints(&run);
    child.kill().unwrap();
    child.wait().unwrap();
    let newest = std::fs::read_dir(run.join("checkpoints"))
        .unwrap()
        .filter_map(|entry| {
            entry
                .unwrap()
                .file_name()
                .to_string_lossy()
                .parse::<u64>()
                .ok()
        })
        .max()
        .unwrap();
    let settled = &seen[seen.len() / 4..];
    let most = |of: fn(&Seen) -> usize| settled.iter().map(of).max().unwrap();
    println!(
        "T17: {minutes} min, {newest} steps, {} checkpoints: {:.2} MiB/h, {:.0} MiB, at most {} open \
         files and {} threads, {left} checkpoints kept",
        newest / 20,
        slope(settled),
        settled.last().unwrap().kib / 1024.0,
        most(|one| one.files),
        most(|one| one.threads)
    );
    assert!(left <= 3, "two, and one that is being written or deleted");
    assert!(most(|one| one.files) < 40 && most(|one| one.threads) < 20);
    // `curves.png` and the memory of past epochs grow by a few hundred bytes an epoch.
    assert!(slope(settled) < if minutes >= 10 { 20.0 } else { 400.0 });
}

#[test]
#[ignore = "takes an hour; RECEPTIVE_SOAK_MINUTES sets another length"]
fn t17_soak() {
    let minutes = std::env::var("RECEPTIVE_SOAK_MINUTES");
    soak(minutes.map_or(60, |minutes| minutes.parse().unwrap()));
}
