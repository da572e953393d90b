//! The page of several runs of one config: with different seeds, or the folds of a
//! cross-validation.

use crate::html::{Figure, figure, table};
use crate::page::document;
use crate::sections::{Confusions, GainSection, mean_gain};
use crate::text::{duration, missing, percent, percent_or_dash};
use maud::{Markup, html};
use receptive_core::text::{Printable, counted, grouped};
use receptive_plot::{Chart, Curve, LineStyle, Mark, Panel};
use receptive_train::{RunFigures, RunSummary, SeriesKind, SeriesMeans, SeriesSummary, Spread};
use std::path::Path;

/// A series of runs as one page; `path` is its directory.
pub fn series_page(summary: &SeriesSummary, path: &Path) -> String {
    let name = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy();
    let (kind, runs) = match summary.kind {
        SeriesKind::Seeds { count, .. } => ("Report of runs with several seeds", count),
        SeriesKind::Folds { count } => ("Report of a cross-validation", count),
    };
    let noun = summary.kind.noun();
    let of_folds = summary.out_of_fold.as_ref();
    let of_folds = of_folds.and_then(|all| Some(GainSection::of_folds(all.gain.as_ref()?).html()));
    let gain = of_folds.or_else(|| {
        let means = summary.means.as_ref()?;
        Some(mean_gain(means, means.gain.as_ref()?))
    });
    let body = html! {
        header {
            p.kind { (kind) }
            h1 { "Series " (name) }
            p.lead { (counted(runs, noun)) " on " (summary.data) }
            @if summary.remaining > 0 {
                p.missing {
                    (counted(summary.remaining, noun)) " not finished yet; resume with `receptive \
                                                        train --resume "
                    (path.shell_word()) "`."
                }
            }
            @if let Some(means) = &summary.means { (cards(summary, means)) }
        }
        nav aria-label="Sections" {
            ul {
                li { a href="#runs" { "Runs" } }
                @if gain.is_some() { li { a href="#gain" { "Fine-tuning" } } }
                @if matches!(summary.kind, SeriesKind::Folds { .. }) {
                    li { a href="#confusion" { "Confusion" } }
                }
            }
        }
        main {
            section id="runs" {
                h2 { "Runs" }
                (runs_table(summary))
                (spread_figure(summary))
                (explanation(summary.kind))
            }
            @if let Some(gain) = gain {
                section id="gain" { h2 { "Fine-tuning" } (gain) }
            }
            @if matches!(summary.kind, SeriesKind::Folds { .. }) {
                section id="confusion" {
                    h2 { "Confusion" }
                    (confusion(summary))
                }
            }
        }
        footer { "Made by receptive " (env!("CARGO_PKG_VERSION")) " of " (path.printable()) }
    };
    document(&format!("Series {name} · receptive"), &body)
}

fn cards(summary: &SeriesSummary, means: &SeriesMeans) -> Markup {
    let words = |spread: &Spread, number: fn(f64) -> String| {
        let span = match summary.kind {
            SeriesKind::Seeds { .. } => spread.interval.map(|[low, high]| {
                format!("95\u{a0}% interval {} to {}", number(low), number(high))
            }),
            SeriesKind::Folds { .. } => spread
                .deviation
                .map(|deviation| format!("standard deviation {}", number(deviation))),
        };
        let all = summary.runs.len() + summary.remaining;
        span.unwrap_or_else(|| format!("of 1 of {}", counted(all, summary.kind.noun())))
    };
    let split = match (summary.kind, means.split.as_str()) {
        (SeriesKind::Folds { .. }, "test") => "folds not trained on",
        (_, "test") => "test split",
        _ => "validation split",
    };
    let loss: fn(f64) -> String = |loss| format!("{loss:.3}");
    html! {
        dl.cards {
            div.main {
                dt { "mean top-1, " (split) }
                dd { (percent(means.top1.mean)) }
                dd.more { (words(&means.top1, percent)) }
            }
            @if let Some(recall) = &means.mean_recall {
                div { dt { "mean recall" } dd { (percent(recall.mean)) } dt { (words(recall, percent)) } }
            }
            div { dt { "loss" } dd { (loss(means.loss.mean)) } dt { (words(&means.loss, loss)) } }
            @if let Some(all) = &summary.out_of_fold {
                div {
                    dt { "all folds together" } dd { (percent(all.top1)) }
                    dt { "of " (grouped(all.images)) " images" }
                }
            }
        }
    }
}

/// The figures of a run on the evaluated split.
fn figures(summary: &SeriesSummary, run: &RunSummary) -> Option<RunFigures> {
    match summary.means.as_ref().map(|means| means.split.as_str()) {
        Some("val") => run.val,
        _ => run.test,
    }
}

fn runs_table(summary: &SeriesSummary) -> Markup {
    let head = [
        "run",
        "images",
        "top-1",
        "mean recall",
        "loss",
        "kept epoch",
        "time",
    ];
    let rows: Vec<Vec<String>> = summary
        .runs
        .iter()
        .map(|run| {
            let figures = figures(summary, run);
            let of = |text: &dyn Fn(RunFigures) -> String| figures.map_or("–".into(), text);
            let epoch = match run.failed {
                Some(_) => "failed".into(),
                None if run.epochs == 0 => "head only".into(),
                None => format!("{} of {}", run.best_epoch, run.epochs),
            };
            vec![
                run.name.clone(),
                of(&|one| grouped(one.images)),
                of(&|one| percent(one.top1)),
                of(&|one| percent_or_dash(one.mean_recall)),
                of(&|one| format!("{:.3}", one.loss)),
                epoch,
                duration(run.train_seconds),
            ]
        })
        .collect();
    html! {
        (table("The finished runs", &head, 1, &rows))
        @for run in &summary.runs {
            @if let Some(reason) = &run.failed { p.missing { (run.name) ": " (reason) } }
        }
    }
}

/// Top-1 and mean recall of each run, with their means.
fn spread_figure(summary: &SeriesSummary) -> Markup {
    let runs: Vec<(usize, &RunSummary)> = summary.runs.iter().enumerate().collect();
    let points = |value: fn(RunFigures) -> Option<f64>| -> Vec<(f64, f64)> {
        runs.iter()
            .filter_map(|(at, run)| Some((*at as f64, 100.0 * value(figures(summary, run)?)?)))
            .collect()
    };
    let top1 = points(|one| Some(one.top1));
    let Some(means) = summary.means.as_ref().filter(|_| top1.len() > 1) else {
        return html! {};
    };
    let last = (summary.runs.len() - 1) as f64;
    let mean = |name: &str, spread: &Spread| {
        let [low, high] = match summary.kind {
            SeriesKind::Seeds { .. } => spread.interval,
            SeriesKind::Folds { .. } => spread
                .deviation
                .map(|deviation| [spread.mean - deviation, spread.mean + deviation]),
        }
        .unwrap_or([spread.mean; 2]);
        let at = [0.0, last];
        Curve {
            band: at.map(|x| (x, 100.0 * low, 100.0 * high)).into(),
            style: LineStyle::Dashed,
            mark: Some(Mark::None),
            ..Curve::new(name, &at.map(|x| (x, 100.0 * spread.mean)))
        }
    };
    let dots = |name: &str, points: &[(f64, f64)], mark| Curve {
        style: LineStyle::None,
        mark: Some(mark),
        ..Curve::new(name, points)
    };
    let panel = |label: &str, points: &[(f64, f64)], spread: &Spread| {
        Panel::new(label)
            .curve(mean("mean", spread))
            .curve(dots("runs", points, Mark::Dot))
    };
    let mut panels = vec![panel("top-1 (%)", &top1, &means.top1)];
    if let Some(recall) = &means.mean_recall {
        let recalls = points(|one| one.mean_recall);
        panels.push(panel("mean recall (%)", &recalls, recall));
    }
    let chart = Chart {
        x_whole: true,
        x_names: runs
            .iter()
            .map(|(at, run)| (*at as f64, run.name.clone()))
            .collect(),
        panels,
        ..Chart::new("")
    };
    let what = match summary.kind {
        SeriesKind::Seeds { .. } => "The band is the 95\u{a0}% interval of the mean.",
        SeriesKind::Folds { .. } => "The band is one standard deviation of the folds.",
    };
    match Figure::drawn(&chart) {
        Ok(picture) => figure(&picture, "Results of each run", &html! { (what) }),
        Err(reason) => missing(&reason),
    }
}

fn explanation(kind: SeriesKind) -> Markup {
    let words = match kind {
        SeriesKind::Seeds { .. } => {
            "The interval is Student's t of the mean over the runs. It measures the randomness of \
             training, and of the splits if these depend on the seed; not the uncertainty due to \
             few test images."
        }
        SeriesKind::Folds { .. } => {
            "Each fold is tested by a model that was not trained on it, and whose epoch was not \
             selected on it. The models of the folds share most of their training images, so \
             their spread is smaller than that of independent runs."
        }
    };
    html! { p.note { (words) } }
}

fn confusion(summary: &SeriesSummary) -> Markup {
    let Some(all) = &summary.out_of_fold else {
        return missing("It is drawn once all folds have a result.");
    };
    let confusion = all.confusion(summary.classes.len());
    match Confusions::of(confusion, summary.classes.clone(), "folds") {
        Ok(section) => section.html(),
        Err(reason) => missing(&reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> SeriesSummary {
        let run = |n: usize, top1: f64| {
            let counts = [[0, 0, 8], [0, 1, 2], [1, 1, 10]];
            serde_json_run(n, top1, &counts)
        };
        let mut text = format!(
            r#"{{"kind":"folds","count":2,"data":"photos <&","classes":["<b>","dog"],"remaining":0,
            "runs":[{},{}],"#,
            run(1, 0.9),
            run(2, 0.8)
        );
        text += r#""means":{"split":"test",
            "top1":{"count":2,"mean":0.85,"deviation":0.0707,"interval":[0.2,1.0]},
            "mean_recall":null,"loss":{"count":2,"mean":0.4,"deviation":0.1,"interval":[0.0,1.0]}},
            "out_of_fold":{"images":40,"top1":0.9,"mean_recall":0.9,
            "confusion_counts":[[0,0,16],[0,1,4],[1,1,20]]}}"#;
        serde_json::from_str(&text).unwrap()
    }

    fn serde_json_run(n: usize, top1: f64, counts: &[[usize; 3]]) -> String {
        format!(
            r#"{{"name":"fold-{n}","failed":null,"epochs":3,"best_epoch":2,"train_seconds":1.5,
            "weights_sha256":"","test":{{"images":20,"top1":{top1},"mean_recall":null,"loss":0.4}},
            "val":null,"confusion_counts":{counts:?}}}"#
        )
    }

    #[test]
    fn a_cross_validation_is_one_page_with_one_confusion_matrix() {
        let page = series_page(&summary(), Path::new("runs/004"));
        for wanted in [
            "Series 004",
            "2 folds on photos &lt;&amp;",
            "85.0\u{a0}%",
            "standard deviation 7.1\u{a0}%",
            "36 of 40 images of the folds",
            "fold-2",
            "&lt;b&gt;",
            "<svg",
        ] {
            let found = page.contains(wanted) || wanted == "<svg" && page.contains("image/svg+xml");
            assert!(found, "{wanted}: {page}");
        }
        assert!(!page.contains("<b>dog") && !page.contains("<script"));
    }
}
