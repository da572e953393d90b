//! What `train` says before, during and after a run: splits, imbalance, early stopping, memory, and
//! settings that change when a run is resumed.

use crate::{json, output, said, text};
use image::{Rgb, RgbImage};
use std::fs;
use std::path::Path;

/// Colour pictures of 12x12, as many of each class as said.
fn folder(root: &Path, classes: &[(&str, u8)]) -> String {
    images(root, classes, 0)
}

/// No two of them are equal, if `first` differs.
fn images(root: &Path, classes: &[(&str, u8)], first: u8) -> String {
    for (c, (class, count)) in classes.iter().enumerate() {
        let folder = root.join(class);
        fs::create_dir_all(&folder).unwrap();
        for i in first..first + *count {
            let value = |x: u32| (20 * x) as u8 ^ i.wrapping_mul(7);
            let picture = RgbImage::from_fn(12, 12, |x, y| match c {
                0 => Rgb([value(x), 0, i]),
                _ => Rgb([0, value(y), i]),
            });
            picture.save(folder.join(format!("{i:02}.png"))).unwrap();
        }
    }
    root.to_str().unwrap().into()
}

/// The same with splits of their own, so that every count is known.
fn splits(root: &Path, train: &[(&str, u8)], val: &[(&str, u8)]) -> String {
    folder(&root.join("train"), train);
    images(&root.join("val"), val, 100);
    root.to_str().unwrap().into()
}

/// A short run's arguments.
fn arguments<'a>(data: &'a str, run: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let run = [
        "train",
        data,
        "--preset",
        "tutorial",
        "--tui",
        "off",
        "--run-dir",
        run,
    ];
    [&run[..], more].concat()
}

fn rejected(arguments: &[&str], wanted: &[&str]) {
    let ended = output(arguments);
    let message = said(&ended);
    assert_eq!(ended.status.code(), Some(2), "{arguments:?}: {message}");
    for wanted in wanted {
        assert!(message.contains(wanted), "{wanted}: {message}");
    }
}

#[test]
fn what_the_splits_lack_is_told_by_data_and_by_train() {
    let parent = tempfile::tempdir().unwrap();
    let few = folder(&parent.path().join("few"), &[("cat", 1), ("owl", 1)]);
    let rare = splits(
        &parent.path().join("rare"),
        &[("cat", 3), ("dog", 3), ("owl", 1)],
        &[("cat", 2), ("dog", 2)],
    );
    let run = parent.path().join("run");
    for (data, wanted) in [
        (&few, &["neither validation nor test images"][..]),
        (
            &rare,
            &[
                "no validation images of owl",
                "no test images",
                "training image of owl",
            ],
        ),
    ] {
        let listed = output(&["data", data]);
        let listed = text(&listed.stdout)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        let notes = json(&["data", data, "--json"])["notes"].to_string();
        let trained = arguments(data, run.to_str().unwrap(), &["--epochs", "1", "--dry-run"]);
        let trained = said(&output(&trained));
        for wanted in wanted {
            for said in [&listed, &notes, &trained] {
                assert!(said.contains(wanted), "{wanted}: {said}");
            }
        }
    }
    let notes = json(&["data", "fashion-mini", "--json"])["notes"].to_string();
    assert!(
        !notes.contains("validation") && !notes.contains("test images"),
        "{notes}"
    );
    rejected(
        &arguments(&few, run.to_str().unwrap(), &["--patience", "3"]),
        &[
            "train.early_stopping",
            "needs validation images",
            "--patience",
        ],
    );
}

#[test]
fn imbalanced_classes_are_named_and_can_be_balanced() {
    let parent = tempfile::tempdir().unwrap();
    let val = [("cat", 4), ("owl", 4)];
    let data = splits(
        &parent.path().join("data"),
        &[("cat", 31), ("owl", 10)],
        &val,
    );
    let even = splits(
        &parent.path().join("even"),
        &[("cat", 30), ("owl", 10)],
        &val,
    );
    let run = |name: &str| parent.path().join(name).to_str().unwrap().to_string();
    let trained = output(&arguments(&data, &run("plain"), &["--epochs", "1"]));
    let message = said(&trained);
    for wanted in [
        "imbalanced",
        "of cat",
        "of owl",
        "train.class_weights",
        "train.sampling",
        "argument: --balance",
    ] {
        assert!(message.contains(wanted), "{wanted}: {message}");
    }
    let notes = json(&["data", &even, "--json"])["notes"].to_string();
    assert!(!notes.contains("imbalanced"), "{notes}");

    for (how, setting) in [
        ("weights", "class_weights = \"balanced\""),
        ("sample", "sampling = \"balanced\""),
    ] {
        let path = run(how);
        let result = json(&arguments(
            &data,
            &path,
            &["--epochs", "1", "--balance", how, "--json"],
        ));
        let mean = result["val_mean_recall"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&mean));
        let config = fs::read_to_string(format!("{path}/config.toml")).unwrap();
        assert!(config.contains(setting), "{config}");
        let evaluated = json(&["evaluate", &path, "--split", "val", "--json"]);
        assert!(evaluated["mean_recall"].is_number());
        let csv = fs::read_to_string(format!("{path}/metrics.csv")).unwrap();
        assert!(
            csv.starts_with("epoch,") && csv.contains(",val_mean_recall,"),
            "{csv}"
        );
    }
    rejected(
        &arguments(
            &data,
            &run("both"),
            &[
                "--balance",
                "sample",
                "--set",
                "train.class_weights=balanced",
            ],
        ),
        &["train.sampling", "train.class_weights"],
    );
}

#[test]
fn a_run_that_stops_early_says_why() {
    let parent = tempfile::tempdir().unwrap();
    let classes = [("cat", 20), ("owl", 20)];
    let data = splits(&parent.path().join("data"), &classes, &classes);
    let run = parent.path().join("run");
    let run = run.to_str().unwrap();
    let more = ["--lr", "1e-12", "--epochs", "9", "--patience", "2"];
    let monitor = ["--set", "train.monitor=val_top1", "--json"];
    let ended = output(&arguments(&data, run, &[&more[..], &monitor].concat()));
    let message = said(&ended);
    assert!(
        message
            .contains("stopped early after epoch 3 of 9: val_top1 has not improved for 2 epochs"),
        "{message}"
    );
    assert!(text(&ended.stdout).contains("stopped_early"));
    // After its last epoch it has not stopped early, however long it has waited.
    let whole = parent.path().join("whole");
    let last = ["--lr", "1e-12", "--epochs", "3", "--patience", "2"];
    let last = [&last[..], &monitor].concat();
    let ended = output(&arguments(&data, whole.to_str().unwrap(), &last));
    assert!(text(&ended.stdout).contains("\"finished\""));
    assert!(!said(&ended).contains("stopped early"));
    let again = said(&output(&["train", "--resume", run]));
    assert!(
        again.contains("no steps are left") && again.contains("--patience"),
        "{again}"
    );
    let on = said(&output(&[
        "train",
        "--resume",
        run,
        "--patience",
        "3",
        "--tui",
        "off",
    ]));
    assert!(on.contains("train.early_stopping.patience: 2 -> 3"), "{on}");
    assert!(on.contains("epoch 4/9"), "{on}");
}

#[test]
fn a_finished_run_is_continued_and_what_cannot_change_is_named() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("run");
    let run = path.to_str().unwrap();
    let classes = [("cat", 20), ("owl", 20)];
    let data = splits(&parent.path().join("data"), &classes, &classes);
    json(&arguments(
        &data,
        run,
        &["--epochs", "2", "--batch-size", "64", "--json"],
    ));
    rejected(
        &[
            "train",
            "--resume",
            run,
            "--batch-size",
            "16",
            "--epochs",
            "4",
        ],
        &["`train.batch_size`: 64 -> 16", "--from"],
    );
    rejected(
        &["train", "--resume", run, "--image-size", "20"],
        &["data.image_size"],
    );
    rejected(
        &["train", "--resume", run, "--epochs", "1"],
        &["already in epoch 2"],
    );

    // As an older version wrote it: without the mean recall.
    let csv = path.join("metrics.csv");
    let without = |line: &str| {
        let fields = line.split(',').enumerate().filter(|(place, _)| *place != 6);
        fields.map(|(_, field)| field).collect::<Vec<_>>().join(",") + "\n"
    };
    let older: String = fs::read_to_string(&csv)
        .unwrap()
        .lines()
        .map(without)
        .collect();
    assert!(!older.contains("mean_recall"));
    fs::write(&csv, older).unwrap();

    let ended = output(&[
        "train", "--resume", run, "--epochs", "4", "--lr", "0.01", "--tui", "off",
    ]);
    let message = said(&ended);
    for wanted in [
        "train.epochs: 2 -> 4",
        "train.optimizer.learning_rate: 0.05 -> 0.01",
        "the learning rate of the next step is",
        "epoch 3/4",
        "epoch 4/4",
    ] {
        assert!(message.contains(wanted), "{wanted}: {message}");
    }
    assert!(!message.contains("epoch 2/4"), "{message}");
    let csv = fs::read_to_string(&csv).unwrap();
    let fields: Vec<usize> = csv.lines().map(|line| line.split(',').count()).collect();
    assert_eq!(fields, [16; 5], "{csv}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_step_that_does_not_fit_into_memory_is_rejected_before_it_is_tried() {
    let parent = tempfile::tempdir().unwrap();
    let classes = [("cat", 10), ("owl", 10)];
    let data = splits(&parent.path().join("data"), &classes, &classes);
    let limited = |arguments: &[&str]| {
        std::process::Command::new("bash")
            .args([
                "-c",
                "ulimit -v 4000000; exec \"$0\" \"$@\"",
                env!("CARGO_BIN_EXE_receptive"),
            ])
            .args(arguments)
            .current_dir(parent.path())
            .output()
            .unwrap()
    };
    for command in [
        &["train", "--dry-run"][..],
        &["train"],
        &["train", "--overfit", "10"],
        &["lr-find"],
    ] {
        let ended = limited(&[command, &[&data, "--image-size", "5000"]].concat());
        let message = said(&ended);
        assert_eq!(ended.status.code(), Some(2), "{command:?}: {message}");
        for wanted in [
            "of memory",
            "available",
            "5000x5000",
            "--image-size",
            "--batch-size",
        ] {
            assert!(message.contains(wanted), "{command:?}: {wanted}: {message}");
        }
    }
    assert!(!parent.path().join("runs").exists(), "nothing was begun");
    let ended = limited(&["bench", "vgg", "--batch", "1000000"]);
    let message = said(&ended);
    assert_eq!(ended.status.code(), Some(2), "{message}");
    assert!(
        message.contains("--batch") && message.contains("of memory"),
        "{message}"
    );

    // More images a step than there are.
    let run = parent.path().join("run");
    let batch = |size: &str| {
        let more = ["--dry-run", "--batch-size", size];
        said(&output(&arguments(&data, run.to_str().unwrap(), &more)))
    };
    let (all, many) = (batch("20"), batch("100000"));
    assert!(
        many.contains(" training images: each step takes all"),
        "{many}"
    );
    let estimate = |message: &str| {
        let before = message.split(" MiB per step").next().unwrap().to_string();
        before.split_whitespace().last().unwrap().to_string()
    };
    assert_eq!(estimate(&many), estimate(&all));
}

#[test]
fn a_batch_norm_over_one_value_is_rejected() {
    let parent = tempfile::tempdir().unwrap();
    let config = parent.path().join("net.toml");
    let layers = [
        "type = \"conv2d\"\nfilters = 4\nkernel_size = 3",
        "type = \"global_avg_pool2d\"",
        "type = \"batch_norm\"",
        "type = \"linear\"",
    ];
    let layers: String = layers
        .iter()
        .map(|layer| format!("[[layers]]\n{layer}\n"))
        .collect();
    let input = "[input]\nchannels = 1\nheight = 28\nwidth = 28\n";
    fs::write(&config, format!("{input}{layers}")).unwrap();
    let train = [
        "train",
        "--config",
        config.to_str().unwrap(),
        "--limit",
        "50",
        "--dry-run",
    ];
    rejected(
        &[&train[..], &["--batch-size", "1"]].concat(),
        &["train.batch_size", "batch_norm", "2 or more"],
    );
    rejected(
        &[&train[..], &["--set", "train.micro_batch=1"]].concat(),
        &["train.micro_batch", "batch_norm"],
    );
    assert!(output(&train).status.success());
}

#[test]
fn rate_size_and_grey_have_arguments() {
    let parent = tempfile::tempdir().unwrap();
    let data = folder(&parent.path().join("data"), &[("cat", 20), ("owl", 20)]);
    let path = parent.path().join("run");
    let run = path.to_str().unwrap();
    // A kind of optimizer brings its own rate, which the argument overrides.
    let more = [
        "--epochs",
        "1",
        "--lr",
        "0.02",
        "--set",
        "train.optimizer.kind=adamw",
    ];
    let size = ["--image-size", "20x24", "--grey", "--json"];
    json(&arguments(&data, run, &[&more[..], &size].concat()));
    let config: toml::Table =
        toml::from_str(&fs::read_to_string(path.join("config.toml")).unwrap()).unwrap();
    let optimizer = &config["train"]["optimizer"];
    assert_eq!(optimizer["kind"].as_str(), Some("adamw"));
    assert_eq!(optimizer["learning_rate"].as_float(), Some(0.02));
    let input = &config["model"]["input"];
    let input = ["channels", "height", "width"].map(|side| input[side].as_integer().unwrap());
    assert_eq!(input, [1, 20, 24]);
    assert!(json(&["evaluate", run, "--json"])["top1"].is_number());

    for rate in ["0", "-1", "nan", "inf"] {
        rejected(
            &arguments(&data, run, &["--lr", rate]),
            &["train.optimizer.learning_rate", "--lr"],
        );
    }
    let colour = parent.path().join("colour");
    let colour = colour.to_str().unwrap();
    json(&arguments(&data, colour, &["--epochs", "1", "--json"]));
    rejected(
        &["train", &data, "--from", colour, "--grey"],
        &["data.grey", "takes 3 channels"],
    );
}
