//! `receptive report`: a run as one page, whole or with sentences where parts are missing.

use crate::{done, json, output, text, train};
use image::{GrayImage, Luma};
use std::fs;
use std::path::{Path, PathBuf};

/// A class that would be a program if it were not escaped.
const HOSTILE: &str = "<script>alert(1)&\"'";

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn at(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().into()
    }
}

fn folder(root: &Path) {
    folder_of(root, &[HOSTILE.into(), "down".into()]);
}

fn folder_of(root: &Path, classes: &[String]) {
    for (c, class) in classes.iter().enumerate() {
        let class = root.join(class);
        fs::create_dir_all(&class).unwrap();
        for i in 0..8u32 {
            let picture = GrayImage::from_fn(16, 16, |x, y| {
                Luma([if c == 0 { 8 * x + i } else { 8 * y + i } as u8])
            });
            picture.save(class.join(format!("{i}.png"))).unwrap();
        }
    }
}

fn trained(root: &str, run: &str, settings: &[&str]) {
    let start = [
        "train",
        root,
        "--preset",
        "tutorial",
        "--epochs",
        "2",
        "--run-dir",
        run,
        "--json",
    ];
    json(&[&start, settings].concat());
}

/// What the page says under a heading.
fn section<'a>(page: &'a str, id: &str) -> &'a str {
    let start = page.find(&format!("<section id=\"{id}\">")).unwrap();
    &page[start..start + page[start..].find("</section>").unwrap()]
}

#[test]
fn the_page_says_what_the_other_commands_say_and_needs_nothing_else() {
    let place = Place::new();
    let run = place.at("run");
    train(run.as_ref());
    let shown = json(&["report", &run, "--samples", "20", "--losses", "7", "--json"]);
    let evaluated = json(&["evaluate", &run, "--json"]);
    for figure in ["top1", "mean_recall", "top5", "loss", "images", "split"] {
        assert_eq!(shown[figure], evaluated[figure], "{figure}");
    }
    assert_eq!(shown["network"], "tutorial");
    assert_eq!(shown["missing"], serde_json::json!([]));
    let page = fs::read_to_string(shown["file"].as_str().unwrap()).unwrap();
    assert_eq!(shown["file"], format!("{run}/report.html"));
    assert_eq!(shown["bytes"], page.len());
    // Not one address but those within the page.
    for outside in ["http:", "https:", "src=\"/", "<script", "<link", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert_eq!(section(&page, "losses").matches("<img").count(), 7);
    assert_eq!(section(&page, "batch").matches("<img").count(), 24);
    assert!(section(&page, "confusion").contains("Ankle boot"));
    assert!(section(&page, "settings").contains(&format!("--config {run}/config.toml")));
    assert!(!page.contains("<section id=\"growth\">"));
    let verdict = shown["erf_verdict"].as_str().unwrap().replace('_', " ");
    let words = section(&page, "field").to_lowercase();
    assert!(words.contains(&format!("<strong>{verdict}</strong>")));
    // In words for a person, and where it was asked to be.
    let out = place.at("elsewhere.html");
    let said = done(&["report", &run, "--out", &out, "--samples", "20"]);
    assert!(
        said.lines().all(|line| line.chars().count() <= 80),
        "{said}"
    );
    assert!(
        said.contains("top-1") && Path::new(&out).is_file(),
        "{said}"
    );
}

#[test]
fn a_hostile_class_name_is_only_a_name() {
    let place = Place::new();
    folder(&place.path("photos"));
    let run = place.at("run");
    trained(&place.at("photos"), &run, &["--track-erf"]);
    let shown = json(&["report", &run, "--json"]);
    let page = fs::read_to_string(shown["file"].as_str().unwrap()).unwrap();
    assert!(!page.contains("<script"), "it would run");
    for id in ["confusion", "classes", "data", "batch", "losses"] {
        let said = section(&page, id);
        assert!(said.contains("&lt;script&gt;alert(1)&amp;&quot;"), "{id}");
    }
    // Its field was followed: before training and after each epoch.
    let growth = section(&page, "growth");
    assert!(
        growth.contains("data:image/png") && growth.contains("before"),
        "{growth}"
    );
}

#[test]
fn what_is_missing_is_said_in_its_section() {
    let place = Place::new();
    folder(&place.path("photos"));
    let (photos, run) = (place.at("photos"), place.at("run"));
    trained(&photos, &run, &[]);
    let whole = json(&["report", &run, "--json"]);
    assert_eq!(whole["missing"], serde_json::json!([]));

    // The images moved away: what training left is shown, and the rest says why it is not.
    fs::rename(place.path("photos"), place.path("moved")).unwrap();
    let moved = json(&["report", &run, "--json"]);
    assert_eq!(moved["top1"], serde_json::Value::Null);
    let missing: Vec<&str> = moved["missing"]
        .as_array()
        .unwrap()
        .iter()
        .map(|missing| {
            assert!(
                missing["reason"]
                    .as_str()
                    .unwrap()
                    .contains("no longer exist")
            );
            missing["section"].as_str().unwrap()
        })
        .collect();
    assert_eq!(
        missing,
        [
            "Data",
            "Probabilities",
            "Top losses",
            "Augmented batch",
            "Feature maps"
        ]
    );
    let page = fs::read_to_string(moved["file"].as_str().unwrap()).unwrap();
    assert!(section(&page, "confusion").contains("the end of training"));
    assert!(section(&page, "classes").contains("from the end of training"));
    assert!(section(&page, "field").contains("noise"));
    assert!(done(&["report", &run]).contains("missing  Top losses:"));
    // Told where they are now, it is the same report.
    let found = json(&["report", &run, "--data", &place.at("moved"), "--json"]);
    assert_eq!(found["missing"], serde_json::json!([]));
    for figure in ["top1", "loss", "images", "erf_sigma"] {
        assert_eq!(found[figure], whole[figure], "{figure}");
    }

    // Killed before it could say how it ended.
    let log = place.path("run/log.jsonl");
    let text = fs::read_to_string(&log).unwrap();
    let cut: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains("\"end\""))
        .collect();
    fs::write(&log, cut.join("\n")).unwrap();
    json(&["report", &run, "--json"]);
    let page = fs::read_to_string(place.path("run/report.html")).unwrap();
    assert!(page.contains("--resume"), "{page}");
    // Without a log there are no curves.
    fs::remove_file(&log).unwrap();
    let shown = json(&["report", &run, "--json"]);
    assert_eq!(shown["missing"][1]["section"], "Training");
    assert_eq!(shown["best_epoch"], serde_json::Value::Null);
}

#[test]
fn a_matrix_of_many_classes_is_a_picture() {
    let place = Place::new();
    let classes: Vec<String> = (0..31).map(|class| format!("kind {class}")).collect();
    folder_of(&place.path("photos"), &classes);
    let run = place.at("run");
    trained(&place.at("photos"), &run, &[]);
    let shown = json(&["report", &run, "--json"]);
    assert_eq!(shown["missing"], serde_json::json!([]));
    let page = fs::read_to_string(shown["file"].as_str().unwrap()).unwrap();
    let confusion = section(&page, "confusion");
    assert!(confusion.contains("data:image/svg+xml") && !confusion.contains("<table"));
    assert!(confusion.contains("was predicted as"));
    assert!(section(&page, "classes").contains("The weakest classes"));
}

#[test]
fn a_run_that_held_nothing_out_says_so() {
    let place = Place::new();
    folder(&place.path("photos"));
    let run = place.at("run");
    let all = [
        "--set",
        "data.test_fraction=0",
        "--set",
        "data.val_fraction=0",
    ];
    trained(&place.at("photos"), &run, &all);
    let shown = json(&["report", &run, "--json"]);
    assert_eq!(shown["split"], serde_json::Value::Null);
    let page = fs::read_to_string(shown["file"].as_str().unwrap()).unwrap();
    assert!(section(&page, "losses").contains("No images were held out"));
    assert_eq!(section(&page, "batch").matches("<img").count(), 16);
}

#[test]
fn a_run_without_a_model_is_an_error() {
    let place = Place::new();
    let run = place.at("run");
    train(run.as_ref());
    fs::remove_dir_all(place.path("run/model")).unwrap();
    let refused = output(&["report", &run]);
    let errors = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{errors}");
    assert!(errors.contains("it was moved or deleted"), "{errors}");
    let nowhere = output(&["report", &place.at("nowhere")]);
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(text(&nowhere.stderr).contains("it is not a run directory"));
}

#[test]
fn data_show_draws_a_batch_that_its_seed_decides() {
    let place = Place::new();
    let drawn = |seed: &str, name: &str| {
        let file = place.at(name);
        let arguments = [
            "data", "--show", "--count", "5", "--seed", seed, "--out", &file, "--json",
        ];
        let shown = json(&arguments);
        assert_eq!((&shown["images"], &shown["of"]), (&5.into(), &9000.into()));
        assert_eq!(shown["augment"]["flip"], true);
        image::open(&file).unwrap().to_rgb8()
    };
    let first = drawn("1", "a.png");
    assert_eq!(first, drawn("1", "b.png"));
    assert_ne!(first, drawn("2", "c.png"));
    let file = place.at("photos.png");
    folder(&place.path("photos"));
    let said = done(&["data", &place.at("photos"), "--show", "--out", &file]);
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("random erasing in 25 % of images"), "{said}");
    image::open(&file).unwrap();
    let refused = output(&["data", "--count", "3"]);
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn data_show_draws_the_random_changes_that_are_set() {
    let place = Place::new();
    let file = place.at("a.png");
    let show = ["data", "--show", "--count", "2", "--out", &file, "--json"];
    let shown = |more: &[&str]| json(&[&show[..], more].concat());
    let height = || image::open(&file).unwrap().height();
    let own = shown(&[]);
    let low = height();
    let with = shown(&[
        "--augment",
        "randaugment",
        "--mixup",
        "0.2",
        "--set",
        "train.augment.hue=0.1",
    ]);
    assert_eq!(own["augment"].get("randaugment"), None);
    assert_eq!(with["augment"]["randaugment"]["magnitude"], 9);
    assert_eq!(with["augment"]["flip"], true);
    assert!(height() > low + 100, "a mixed batch stands below");
    let off = shown(&["--augment", "none"]);
    assert_eq!(off["augment"]["flip"], false);
    // Beside no changes of single images mixing stays.
    let mixed = shown(&["--augment", "none", "--mixup", "0.2"]);
    assert_eq!(mixed["augment"]["flip"], false);
    assert!(mixed["augment"]["mixup"].as_f64().unwrap() > 0.0);
    let run = place.at("run");
    train(run.as_ref());
    let tuned = shown(&["--from", &run]);
    assert_eq!(tuned["augment"]["crop"], 0.5);
    assert_eq!(tuned["augment"]["erase"], 0.0);
    let small = shown(&["--image-size", "14x20", "--grey"]);
    let size = serde_json::json!({ "channels": 1, "height": 14, "width": 20 });
    assert_eq!(small["input"], size);

    for (arguments, expected) in [
        (&["data", "--mixup", "1"][..], "--show displays"),
        (
            &["data", "--show", "--set", "train.epochs=3"],
            "only augmentation settings",
        ),
        (&["data", "--show", "--mixup", "-1"], "(set by --mixup)"),
        (&["train", "--cutmix", "-1"], "(set by --cutmix)"),
        (&["train", "--set", "train.augment.hue=0.7"], "use 0 to 0.5"),
        (
            &["train", "--set", "train.augment.exclude.flip=[\"Bagg\"]"],
            "did you mean `Bag`?",
        ),
    ] {
        let refused = output(arguments);
        assert_eq!(refused.status.code(), Some(2));
        let errors = text(&refused.stderr);
        assert!(errors.contains(expected), "{arguments:?}: {errors}");
    }
}
