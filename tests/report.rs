//! A run's report in a browser: `RECEPTIVE_PYTHON` is a Python interpreter with websockets,
//! `RECEPTIVE_CHROMIUM` a Chromium (default: `chromium`).

use crate::{run_in, tiny, tiny_run};
use burn::tensor::Device;
use image::{Rgb, RgbImage};
use receptive_data::NoProgress;
use receptive_report::{Report, ReportOptions, Watch};
use receptive_train::{FieldConfig, RunConfig, RunDirectory, Stop};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The page of a very short run with this config.
fn page(directory: &Path, config: RunConfig) -> PathBuf {
    let path = directory.join("001");
    let device = Device::flex();
    run_in(&path, config, &device, &mut [], &Stop::default()).unwrap();
    let run = RunDirectory::open(&path).unwrap();
    let mut watch = Watch {
        data: &NoProgress,
        evaluation: &mut |_, _, _| (),
        field: &|_, _, _| (),
    };
    let options = ReportOptions {
        samples: 50,
        ..ReportOptions::default()
    };
    let report = Report::new(&run, &options, &device, &mut watch).unwrap();
    let file = path.join("report.html");
    fs::write(&file, report.html()).unwrap();
    file
}

/// A browser's findings about the page; screenshots go to `target/screenshots/<name>`.
fn in_browser(name: &str, page: &Path) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = std::env::var("RECEPTIVE_PYTHON")
        .expect("RECEPTIVE_PYTHON: the Python interpreter with websockets");
    let chromium = std::env::var("RECEPTIVE_CHROMIUM").unwrap_or("chromium".into());
    let ran = Command::new(python)
        .arg(root.join("python/browser.py"))
        .arg(chromium)
        .arg(page)
        .arg(root.join("../target/screenshots").join(name))
        .output()
        .expect("Python starts");
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{errors}");
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"))
}

fn is_readable(shown: &Value) {
    assert_eq!(shown["errors"], serde_json::json!([]), "console or network");
    let views = shown["views"].as_object().unwrap();
    assert_eq!(views.len(), 5);
    for (name, view) in views {
        assert!(view["images"].as_u64().unwrap() > 40, "{name}: {view}");
        for none in ["broken", "wide"] {
            assert_eq!(view[none], serde_json::json!([]), "{name}: {none}");
        }
        for zero in [
            "without_alt",
            "scripts",
            "tables_without_head",
            "headings_skipped",
        ] {
            assert_eq!(view[zero], 0, "{name}: {zero}");
        }
        assert_eq!(view["language"], "en");
        assert_eq!(view["width"], view["window"], "{name} scrolls sideways");
    }
    assert_eq!(views["phone"]["window"], 390);
}

#[test]
#[ignore = "needs Chromium and Python: RECEPTIVE_PYTHON names the latter"]
fn chromium_shows_a_report_of_a_data_set_known_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = tiny_run();
    config.track_erf = Some(FieldConfig {
        samples: 50,
        ..FieldConfig::default()
    });
    let shown = in_browser("fashion-mini", &page(directory.path(), config));
    is_readable(&shown);
    let sections = serde_json::json!([
        "Training",
        "Confusion",
        "Classes",
        "Probabilities",
        "Top losses",
        "Data",
        "Augmented batch",
        "Network",
        "Feature maps",
        "Receptive field",
        "Field in training",
        "Settings",
    ]);
    assert_eq!(shown["views"]["phone"]["sections"], sections);
}

#[test]
#[ignore = "needs Chromium and Python: RECEPTIVE_PYTHON names the latter"]
fn chromium_shows_a_report_of_photos_with_hostile_and_endless_names() {
    let directory = tempfile::tempdir().unwrap();
    let photos = directory.path().join("photos");
    let classes = [
        "<script>document.title='run'",
        "<img src=x onerror=\"document.title='run'\">",
        &"an_endless_name_without_a_place_to_break".repeat(3),
        "two words",
    ];
    for (c, class) in classes.iter().enumerate() {
        let folder = photos.join(class);
        fs::create_dir_all(&folder).unwrap();
        for i in 0..20u32 {
            let picture = RgbImage::from_fn(90 + 5 * i, 70, |x, y| {
                Rgb([(x * 2 + i) as u8, (y * 3) as u8, (60 * c) as u8])
            });
            picture.save(folder.join(format!("{i}.png"))).unwrap();
        }
    }
    let mut config = RunConfig::new(tiny());
    config.data.source = photos.display().to_string();
    config.train.epochs = 2;
    config.train.batch_size = 16;
    let shown = in_browser("photos", &page(directory.path(), config));
    is_readable(&shown);
    let phone = &shown["views"]["phone"];
    assert_eq!(phone["title"], "Run 001 · receptive");
    for class in classes {
        assert!(phone["text"].as_str().unwrap().contains(class), "{class}");
    }
}
