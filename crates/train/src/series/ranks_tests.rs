//! Tests of series with several ranks, which are threads here.
// The lint spares test functions, not what they call.
#![allow(clippy::unwrap_used)]

use super::{Series, SeriesKind, SeriesSummary};
use crate::compute::Compute;
use crate::config::OpenSettings;
use crate::fit::ranks_tests::{StopAfter, compute_of, config};
use crate::prepare::InputFrom;
use crate::ranks::threads::on_ranks;
use crate::run::RunDirectory;
use crate::stop::Stop;
use receptive_data::NoProgress;
use std::path::Path;

fn create(path: &Path) -> Series {
    let directory = RunDirectory::create(path).unwrap();
    let kind = SeriesKind::Seeds { first: 3, count: 2 };
    let (open, input) = (OpenSettings::default(), InputFrom::Data);
    Series::create(&directory, kind, config(), input, open).unwrap()
}

/// Names and weights of the finished runs.
fn runs(summary: &SeriesSummary) -> Vec<(String, String)> {
    let runs = summary.runs.iter();
    runs.map(|run| (run.name.clone(), run.weights_sha256.clone()))
        .collect()
}

#[test]
fn ranks_train_the_runs_of_one_process_and_any_number_of_them_resumes() {
    let directory = tempfile::tempdir().unwrap();
    let compute = Compute::on(&"flex".parse().unwrap(), 1).unwrap();
    let mut watch = StopAfter(u64::MAX, Stop::default());
    let series = create(&directory.path().join("alone"));
    let (summary, _) = series
        .run(&compute, &Stop::default(), &NoProgress, &mut watch)
        .unwrap();
    let expected = runs(&summary);
    assert_eq!(expected.len(), 2);

    let path = directory.path().join("shared");
    create(&path);
    for (ranks, stop_after) in [(3, 2), (2, u64::MAX)] {
        let all = on_ranks(ranks, |rank, ranks| {
            let replica = Series::replica(Some(&ranks), &path).unwrap();
            let series = Series::open(replica.path()).unwrap();
            let stop = Stop::default();
            // A stop of the last rank.
            let is_last = rank + 1 == ranks.size();
            let mut watch = StopAfter(if is_last { stop_after } else { u64::MAX }, stop.clone());
            let compute = compute_of(rank, &ranks);
            let found = series.run(&compute, &stop, &NoProgress, &mut watch);
            ranks.end(None).unwrap();
            found.unwrap()
        });
        for (summary, signal) in all {
            if stop_after < u64::MAX {
                assert_eq!((signal, summary.runs.len()), (Some(15), 0));
            } else {
                assert_eq!((signal, runs(&summary)), (None, expected.clone()));
            }
        }
    }
    let series = Series::open(&path).unwrap();
    let summary = series.summary().unwrap();
    assert_eq!(runs(&summary), expected);
    assert!(series.changed_runs(&summary).is_empty());
}
