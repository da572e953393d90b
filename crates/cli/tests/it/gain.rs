//! What fine-tuning added, in several runs: `train --from` with `--seeds` and `--folds`.

use crate::several::{file, splits, train};
use crate::{output, text};

#[test]
fn several_fine_tuned_runs_say_what_fine_tuning_added_in_the_mean_and_in_all_folds() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let data = splits(&directory.path().join("data"));
    train(&[&data, "--epochs", "1", "--run-dir", &at("first")]);
    let start = ["train", &data, "--from", &at("first"), "--json"];
    // A new head is fitted only for other classes; here the old one continues.
    let start = [&start[..], &["--epochs", "2", "--run-dir"]].concat();
    let run = |name: &str, kind: &[&str]| crate::json(&[&start[..], &[&at(name)], kind].concat());

    let seeds = run("seeds", &["--seeds", "3"]);
    let gain = &seeds["means"]["gain"];
    let of = |run: &serde_json::Value| {
        let scores = &run["gain"];
        [&scores["head_only"], &scores["nearest_mean"], &run["test"]]
            .map(|score| score["top1"].as_f64().unwrap())
    };
    let runs: Vec<[f64; 3]> = seeds["runs"].as_array().unwrap().iter().map(of).collect();
    assert_eq!(runs.len(), 3);
    let mean = |of: &dyn Fn(&[f64; 3]) -> f64| runs.iter().map(of).sum::<f64>() / 3.0;
    for (found, expected) in [
        (&gain["head_only"], mean(&|[head, ..]| *head)),
        (&gain["nearest_mean"], mean(&|[_, nearest, _]| *nearest)),
        (&gain["difference"], mean(&|[head, _, tuned]| tuned - head)),
    ] {
        assert_eq!(found["count"], 3);
        let found = found["mean"].as_f64().unwrap();
        assert!((found - expected).abs() < 1e-9, "{gain} {runs:?}");
    }
    let again = output(&["train", "--resume", &at("seeds")]);
    let shown = text(&again.stdout);
    for line in [
        "  nearest class mean: top-1 ",
        "  head only: top-1 ",
        "\ngain  ",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    assert!(shown.contains("in the mean of 3 runs"), "{shown}");
    let page = file(&format!("{}/report.html", at("seeds")));
    assert!(
        page.contains("id=\"gain\"") && page.contains("mean top-1"),
        "{page}"
    );

    // Every image of the folds is tested once, and compared once.
    let folds = run("folds", &["--folds", "2"]);
    assert!(folds["means"]["gain"].is_null());
    let (gain, images) = (
        &folds["out_of_fold"]["gain"],
        &folds["out_of_fold"]["images"],
    );
    assert!(images.as_u64().unwrap() > 0);
    for classifier in ["nearest_mean", "head_only", "fine_tuned"] {
        assert_eq!(&gain[classifier]["images"], images, "{gain}");
    }
    let shown = output(&["train", "--resume", &at("folds")]);
    let shown = text(&shown.stdout);
    assert!(shown.contains("  head only: top-1 "), "{shown}");
    let page = file(&format!("{}/report.html", at("folds")));
    assert!(page.contains("id=\"gain\""), "{page}");
}
