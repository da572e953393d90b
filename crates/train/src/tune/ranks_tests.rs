//! Tests of searches with several ranks, which are threads here.
// The lint spares test functions, not what they call.
#![allow(clippy::unwrap_used)]

use super::{Tune, TuneOptions, TuneState};
use crate::compute::Compute;
use crate::config::OpenSettings;
use crate::fit::ranks_tests::{StopAfter, compute_of, config};
use crate::fit::replica::Replica;
use crate::prepare::InputFrom;
use crate::ranks::threads::on_ranks;
use crate::series::SeriesWatch;
use crate::stop::Stop;
use receptive_data::{NoProgress, Progress};
use std::path::Path;

impl SeriesWatch for StopAfter {}

fn alone_on(threads: usize) -> Compute {
    Compute::on(&"flex".parse().unwrap(), threads).unwrap()
}

/// A search in a new directory, of whose trials the second diverges.
fn create(path: &Path) {
    let mut base = config();
    base.train.epochs = 3;
    let options = TuneOptions {
        trials: 4,
        minutes: None,
        networks: Vec::new(),
    };
    let (open, input) = (OpenSettings::default(), InputFrom::Data);
    let on = (&alone_on(1), &NoProgress as &dyn Progress);
    let make = || Replica::new(None, || Ok(path.into()));
    let mut tune = Tune::create(make, options, base, open, input, on).unwrap();
    tune.state.trials[1].learning_rate = 1e30;
    tune.save().unwrap();
}

/// Trial, round, validation loss, and whether it failed, of each result.
fn results(state: &TuneState) -> Vec<(usize, usize, Option<f64>, Option<String>)> {
    let results = state.results.iter();
    let of = |result: &super::TrialResult| {
        let failed = result.failed.clone();
        (result.trial, result.rung, result.val_loss, failed)
    };
    results.map(of).collect()
}

#[test]
fn ranks_find_what_one_process_finds_and_any_number_of_them_resumes() {
    let directory = tempfile::tempdir().unwrap();
    let (alone, shared) = (
        directory.path().join("alone"),
        directory.path().join("shared"),
    );
    create(&alone);
    let compute = alone_on(1);
    let mut tune = Tune::open(None, &alone).unwrap();
    let mut watch = StopAfter(u64::MAX, Stop::default());
    let signal = tune
        .run(&compute, &Stop::default(), &NoProgress, &mut watch)
        .unwrap();
    assert_eq!(signal, None);
    let expected = results(tune.state());
    assert_eq!(expected.len(), 5);
    assert_eq!(expected[1], (1, 0, None, Some("diverged".into())));

    create(&shared);
    // A stop of the first rank within the first trial.
    for (ranks, stop_after) in [(2, 1), (3, u64::MAX)] {
        let all = on_ranks(ranks, |rank, ranks| {
            let mut tune = Tune::open(Some(&ranks), &shared).unwrap();
            let stop = Stop::default();
            let after = if rank == 0 { stop_after } else { u64::MAX };
            let mut watch = StopAfter(after, stop.clone());
            let compute = compute_of(rank, &ranks);
            let signal = tune.run(&compute, &stop, &NoProgress, &mut watch).unwrap();
            ranks.end(None).unwrap();
            (signal, tune.state.clone())
        });
        for (rank, (signal, state)) in all.iter().enumerate() {
            if stop_after < u64::MAX {
                assert_eq!((*signal, state.results.len()), (Some(15), 0));
                continue;
            }
            assert_eq!(*signal, None);
            let mut found = results(state);
            if rank > 0 {
                // The first rank has the log of the run.
                found[1].3 = expected[1].3.clone();
            }
            assert_eq!(found, expected, "rank {rank}");
        }
    }
    let [alone, shared] = [alone, shared].map(|path| Tune::open(None, &path).unwrap());
    let best = |tune: &Tune| tune.best_config().unwrap().unwrap().to_toml().unwrap();
    assert_eq!(best(&shared), best(&alone));
}

/// The time is that of the first rank, which alone has a limit.
#[test]
fn the_time_limit_ends_the_search_of_all_ranks() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("search");
    create(&path);
    let signals = on_ranks(2, |rank, ranks| {
        let mut tune = Tune::open(Some(&ranks), &path).unwrap();
        tune.state.options.minutes = Some(1e-9);
        let mut watch = StopAfter(u64::MAX, Stop::default());
        let (compute, stop) = (compute_of(rank, &ranks), Stop::default());
        let signal = tune.run(&compute, &stop, &NoProgress, &mut watch);
        ranks.end(None).unwrap();
        (signal.unwrap(), tune.state.results.len())
    });
    assert_eq!(signals, [(None, 0); 2]);
}
