//! Several runs of one config: `train --seeds`, `train --folds`, `tune`.

use crate::{json, output, said, text};
use image::{Rgb, RgbImage};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Pictures of 8x8 in two classes, with splits of their own.
pub(crate) fn splits(root: &Path) -> String {
    for (split, count, first) in [("train", 24u8, 0u8), ("val", 8, 100), ("test", 8, 150)] {
        for (c, class) in ["cat", "dog"].into_iter().enumerate() {
            let folder = root.join(split).join(class);
            fs::create_dir_all(&folder).unwrap();
            for i in first..first + count {
                let picture = RgbImage::from_fn(8, 8, |x, y| match c {
                    0 => Rgb([(25 * x as u8) ^ i, 0, i]),
                    _ => Rgb([0, (25 * y as u8) ^ i, i]),
                });
                picture.save(folder.join(format!("{i}.png"))).unwrap();
            }
        }
    }
    root.to_str().unwrap().into()
}

pub(crate) fn train(more: &[&str]) -> Value {
    let start = [
        "train",
        "--preset",
        "tutorial",
        "--batch-size",
        "16",
        "--json",
    ];
    json(&[&start, more].concat())
}

/// Two trials of one epoch.
pub(crate) fn short_search(data: &str, directory: &str) -> Value {
    let plan = ["--networks", "tutorial", "--trials", "2", "--epochs", "1"];
    json(&[&["tune", data, "--run-dir", directory, "--json"], &plan[..]].concat())
}

pub(crate) fn file(path: &str) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn seeds_are_the_runs_that_they_would_be_alone_and_give_a_mean_with_its_interval() {
    let parent = tempfile::tempdir().unwrap();
    let at = |name: &str| parent.path().join(name).to_str().unwrap().to_string();
    let data = splits(&parent.path().join("data"));
    let (series, alone) = (at("series"), at("alone"));
    let found = train(&[
        &data,
        "--epochs",
        "2",
        "--seed",
        "3",
        "--seeds",
        "3",
        "--run-dir",
        &series,
    ]);
    let one = train(&[&data, "--epochs", "2", "--seed", "4", "--run-dir", &alone]);
    let runs = found["runs"].as_array().unwrap();
    let names: Vec<&str> = runs
        .iter()
        .map(|run| run["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["seed-3", "seed-4", "seed-5"]);
    assert_eq!(runs[1]["weights_sha256"], one["weights_sha256"]);
    assert_eq!(runs[1]["test"]["loss"], one["test_loss"]);

    let losses: Vec<f64> = runs
        .iter()
        .map(|run| run["test"]["loss"].as_f64().unwrap())
        .collect();
    let mean = losses.iter().sum::<f64>() / 3.0;
    let deviation = losses.iter().map(|loss| (loss - mean).powi(2)).sum::<f64>() / 2.0;
    // Student's t of two degrees of freedom.
    let half = 4.302652729749 * (deviation / 3.0).sqrt();
    let loss = &found["means"]["loss"];
    let near = |value: &Value, wanted: f64| {
        assert!(
            (value.as_f64().unwrap() - wanted).abs() < 1e-9,
            "{value} {wanted}"
        );
    };
    near(&loss["mean"], mean);
    near(&loss["interval"][0], (mean - half).max(0.0));
    near(&loss["interval"][1], mean + half);
    let page = file(&format!("{series}/report.html"));
    assert!(page.contains("95\u{a0}% interval") && page.contains("seed-5"));

    // Nothing is repeated, and a run that is missing is trained again, to the same bits.
    let log = file(&format!("{series}/seed-3/log.jsonl"));
    let kept: Value = serde_json::from_str(&file(&format!("{series}/summary.json"))).unwrap();
    let mut without = kept.clone();
    without["runs"].as_array_mut().unwrap().truncate(2);
    without["remaining"] = 1.into();
    fs::write(format!("{series}/summary.json"), without.to_string()).unwrap();
    fs::remove_dir_all(format!("{series}/seed-5")).unwrap();
    let again = json(&[
        "train",
        "--resume",
        &series,
        "--threads",
        "1",
        "--workers",
        "0",
        "--json",
    ]);
    assert_eq!(
        again["runs"][2]["weights_sha256"],
        runs[2]["weights_sha256"]
    );
    assert_eq!(again["means"], found["means"]);
    assert_eq!(file(&format!("{series}/seed-3/log.jsonl")), log);

    let refused = output(&["train", "--resume", &series, "--epochs", "9"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("keep their settings"));
}

#[test]
fn folds_test_every_image_once_and_leave_the_test_split_of_the_data() {
    let parent = tempfile::tempdir().unwrap();
    let at = |name: &str| parent.path().join(name).to_str().unwrap().to_string();
    let data = splits(&parent.path().join("data"));
    let run = |name: &str, more: &[&str]| {
        let place = at(name);
        let start = [
            data.as_str(),
            "--epochs",
            "1",
            "--folds",
            "3",
            "--run-dir",
            &place,
        ];
        train(&[&start[..], more].concat())
    };
    let found = run("folds", &["--threads", "2", "--workers", "2"]);
    let mut tested: BTreeMap<String, usize> = BTreeMap::new();
    for fold in 1..=3 {
        for line in file(&format!("{}/fold-{fold}/split.csv", at("folds"))).lines() {
            assert!(!line.contains(",test/"), "{line}");
            let mut cells = line.split(',');
            if cells.next() == Some("test") {
                *tested.entry(cells.nth(1).unwrap().into()).or_default() += 1;
            }
        }
    }
    assert_eq!(tested.len(), 64);
    assert!(tested.values().all(|times| *times == 1));
    let all = &found["out_of_fold"];
    assert_eq!(all["images"], 64);
    let counts = all["confusion_counts"].as_array().unwrap();
    let sum = |wanted: fn(&Value) -> bool| -> u64 {
        let counts = counts.iter().filter(|one| wanted(one));
        counts.map(|one| one[2].as_u64().unwrap()).sum()
    };
    assert_eq!(sum(|_| true), 64);
    let right = sum(|one| one[0] == one[1]) as f64 / 64.0;
    assert_eq!(all["top1"].as_f64().unwrap(), right);

    let same = run("again", &["--threads", "7", "--workers", "4"]);
    for (one, other) in found["runs"]
        .as_array()
        .unwrap()
        .iter()
        .zip(same["runs"].as_array().unwrap())
    {
        assert_eq!(one["weights_sha256"], other["weights_sha256"]);
        assert_eq!(one["confusion_counts"], other["confusion_counts"]);
    }
    let page = file(&format!("{}/report.html", at("folds")));
    assert!(page.contains("of 64 images of the folds"), "{page}");

    // A fold is a run like others: its own test split is what `evaluate` measures.
    let fold = format!("{}/fold-2", at("folds"));
    let evaluated = json(&["evaluate", &fold, "--json"]);
    assert_eq!(evaluated["loss"], found["runs"][1]["test"]["loss"]);
    let too_few = output(&["train", &data, "--folds", "1"]);
    assert_eq!(too_few.status.code(), Some(2));

    // The last line trains the final network on the images of all folds.
    let again = text(&output(&["train", "--resume", &at("folds")]).stdout);
    let next = again.lines().find(|line| line.starts_with("next")).unwrap();
    let command: Vec<&str> = next.split_whitespace().skip(2).collect();
    let last = at("last");
    let more = ["--run-dir", &last, "--tui", "off", "--json"];
    let trained = json(&[&command[..], &more].concat());
    assert_eq!(trained["outcome"], "finished");
    let split = file(&format!("{last}/split.csv"));
    assert!(
        split
            .lines()
            .all(|line| !line.starts_with("test,") || line.contains(",test/")),
        "{split}"
    );

    // A fold that was copied over another is not pooled.
    fs::remove_file(format!("{}/summary.json", at("folds"))).unwrap();
    fs::remove_dir_all(&fold).unwrap();
    fs::create_dir(&fold).unwrap();
    for entry in fs::read_dir(format!("{}/fold-1", at("folds"))).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(
                &path,
                format!("{fold}/{}", path.file_name().unwrap().to_str().unwrap()),
            )
            .unwrap();
        }
    }
    let refused = output(&["train", "--resume", &at("folds")]);
    let words = said(&refused);
    assert!(!refused.status.success(), "{words}");
    assert!(
        words.contains("it has fold 1 of 3, seed 0 instead of fold 2 of 3"),
        "{words}"
    );
}

#[test]
fn a_search_gives_a_config_that_reproduces_its_best_result_and_never_tests() {
    let parent = tempfile::tempdir().unwrap();
    let at = |name: &str| parent.path().join(name).to_str().unwrap().to_string();
    let data = splits(&parent.path().join("data"));
    let (search, best) = (at("search"), at("best"));
    let start = [
        "tune",
        &data,
        "--networks",
        "tutorial",
        "--batch-size",
        "16",
    ];
    let more = [
        "--trials",
        "4",
        "--epochs",
        "3",
        "--run-dir",
        &search,
        "--json",
    ];
    let found = json(&[&start[..], &more].concat());
    let rungs = serde_json::json!([{"trials": 4, "epochs": 1}, {"trials": 1, "epochs": 3}]);
    assert_eq!(found["rungs"], rungs);
    assert_eq!(found["results"].as_array().unwrap().len(), 5);
    let losses = |rung: u64| -> Vec<(u64, f64)> {
        let results = found["results"].as_array().unwrap().iter();
        results
            .filter(|one| one["rung"] == rung)
            .map(|one| {
                (
                    one["trial"].as_u64().unwrap(),
                    one["val_loss"].as_f64().unwrap(),
                )
            })
            .collect()
    };
    let first = losses(0);
    let winner = first.iter().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    assert_eq!(losses(1)[0].0, winner.0);
    for result in found["results"].as_array().unwrap() {
        let log = file(&format!(
            "{search}/{}/log.jsonl",
            result["run"].as_str().unwrap()
        ));
        assert!(log.contains("\"test_top1\":null"), "{log}");
    }
    let config = format!("{search}/best.toml");
    let trained = json(&["train", "--config", &config, "--run-dir", &best, "--json"]);
    assert_eq!(trained["val_loss"], found["best"]["val_loss"]);
    assert!(trained["test_top1"].is_number());

    // A search that has ended repeats nothing.
    let again = json(&["tune", "--resume", &search, "--json"]);
    assert_eq!(again["results"], found["results"]);
}

#[test]
fn a_search_that_cannot_start_uses_up_no_number() {
    let parent = tempfile::tempdir().unwrap();
    for wrong in [
        &["nowhere"][..],
        &["--networks", "no-such-thing"],
        &["--set", "train.foo=1"],
        &["--minutes", "0"],
    ] {
        let failed = crate::receptive(&[&["tune"], wrong].concat())
            .current_dir(parent.path())
            .output()
            .unwrap();
        assert!(!failed.status.success(), "{wrong:?}");
        assert_eq!(parent.path().read_dir().unwrap().count(), 0, "{wrong:?}");
    }
}

#[test]
fn trials_that_diverge_leave_a_search_without_them() {
    let parent = tempfile::tempdir().unwrap();
    let data = splits(&parent.path().join("data"));
    let search = parent.path().join("search");
    let ended = output(&[
        "tune",
        &data,
        "--networks",
        "tutorial",
        "--trials",
        "2",
        "--epochs",
        "1",
        "--batch-size",
        "16",
        "--set",
        "train.optimizer.learning_rate=1e30",
        "--run-dir",
        search.to_str().unwrap(),
    ]);
    let (shown, message) = (text(&ended.stdout), text(&ended.stderr));
    assert_eq!(ended.status.code(), Some(1), "{message}");
    assert!(message.contains("diverged"), "{message}");
    assert!(shown.contains("no trial has a result"), "{shown}");
    assert!(
        shown.lines().all(|line| line.chars().count() <= 80),
        "{shown}"
    );
}

#[test]
fn a_series_or_a_search_whose_data_were_moved_names_the_way_on_and_its_runs() {
    let parent = tempfile::tempdir().unwrap();
    let at = |name: &str| parent.path().join(name).to_str().unwrap().to_string();
    let (data, moved) = (splits(&parent.path().join("data")), at("moved"));
    let (series, search) = (at("series"), at("search"));
    train(&[&data, "--seeds", "2", "--epochs", "1", "--run-dir", &series]);
    let found = short_search(&data, &search);
    for (directory, inner) in [(&series, "seed-0"), (&search, "trial-00/epochs-1")] {
        let refused = output(&["evaluate", directory]);
        let words = said(&refused);
        assert!(
            words.contains("is not a run directory but contains some"),
            "{words}"
        );
        assert!(words.contains(inner), "{words}");
    }
    fs::rename(&data, &moved).unwrap();
    for (command, directory) in [("train", &series), ("tune", &search)] {
        let resume = [command, "--resume", directory];
        let refused = output(&resume);
        let words = said(&refused);
        assert!(words.contains("no longer exist"), "{words}");
        let advice = format!("receptive {command} --resume {directory} --data NEWPATH");
        assert!(words.contains(&advice), "{words}");
        let moved = [&resume[..], &["--data", &moved]].concat();
        let resumed = json(&[&moved[..], &["--json"]].concat());
        if command == "tune" {
            assert_eq!(resumed["results"], found["results"]);
        }
        // The commands to go on with know the new place as well: the runs' own configs have the old one.
        let shown = text(&output(&moved).stdout);
        let from = shown.find("receptive ").expect("a next command");
        for line in shown[from..].lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let next: Vec<&str> = words
                .into_iter()
                .skip_while(|w| *w != "receptive")
                .skip(1)
                .collect();
            let next = match next[0] {
                "train" => [&next[..], &["--dry-run"]].concat(),
                _ => next,
            };
            assert!(output(&next).status.success(), "{next:?}");
        }
    }
}

/// What the time limit cut short is no result beside those that were not.
#[test]
fn a_trial_that_the_time_cut_short_stands_last_with_the_epochs_that_it_trained() {
    let parent = tempfile::tempdir().unwrap();
    let data = splits(&parent.path().join("data"));
    let search = parent.path().join("search");
    let search = search.to_str().unwrap();
    let minutes = "0.02";
    let ended = output(&[
        "tune",
        &data,
        "--networks",
        "tutorial",
        "--batch-size",
        "4",
        "--trials",
        "1",
        "--epochs",
        "100000",
        "--minutes",
        minutes,
        "--run-dir",
        search,
    ]);
    let shown = text(&ended.stdout);
    let state: Value = serde_json::from_str(&file(&format!("{search}/tune.json"))).unwrap();
    let result = &state["results"][0];
    assert_eq!(result["cut"], true);
    let trained = result["trained"].as_u64().unwrap();
    assert!(trained < 100_000, "{trained}");
    if trained > 0 {
        assert!(shown.contains(&format!("{trained} of 100000")), "{shown}");
        assert!(shown.contains("(time limit)"), "{shown}");
    }
    let mut lines = shown.lines().filter(|line| !line.contains(search));
    assert!(lines.all(|line| line.chars().count() <= 80), "{shown}");
}

#[test]
fn a_search_rejects_networks_without_what_its_settings_need_before_any_trial() {
    let parent = tempfile::tempdir().unwrap();
    let data = splits(&parent.path().join("data"));
    let search = parent.path().join("search");
    let place = search.to_str().unwrap();
    let start = [
        "tune",
        &data,
        "--run-dir",
        place,
        "--stochastic-depth",
        "0.1",
    ];
    let rejected = output(&[&start[..], &["--networks", "small,vgg"]].concat());
    assert!(!rejected.status.success());
    let told = said(&rejected);
    assert!(
        told.contains("the network vgg of the search has no residual block"),
        "{told}"
    );
    assert!(!search.exists());
}
