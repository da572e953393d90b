//! Each command's promise.

use crate::{done, json, short_run, text, train};
use receptive_data::{DataOptions, NoProgress};

#[test]
fn a_trained_run_is_all_that_evaluate_predict_and_summary_need() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run");
    let trained = train(&path);
    for field in [
        "test_top1",
        "test_loss",
        "train_seconds",
        "images_per_second",
        "data_wait",
        "epochs",
        "threads",
    ] {
        assert!(trained[field].is_number(), "{field}: {trained}");
    }
    assert_eq!(trained["backend"], "flex");
    assert_eq!(trained["weights_sha256"].as_str().unwrap().len(), 64);
    let run = trained["run"].as_str().unwrap();
    for file in [
        "config.toml",
        "classes.txt",
        "metrics.csv",
        "curves.png",
        "confusion.png",
    ] {
        assert!(path.join(file).is_file(), "{file}");
    }

    let evaluated = json(&["evaluate", run, "--json"]);
    assert_eq!(evaluated["top1"], trained["test_top1"]);
    assert_eq!(evaluated["loss"], trained["test_loss"]);
    assert!(evaluated["top5"].as_f64() >= evaluated["top1"].as_f64());
    let confusion = evaluated["confusion"].as_array().unwrap();
    assert_eq!(
        (confusion.len(), confusion[0].as_array().unwrap().len()),
        (10, 10)
    );

    // The first two test images as files, in a folder.
    let data = receptive_data::open("fashion-mini", &DataOptions::default(), &NoProgress).unwrap();
    let folder = directory.path().join("pictures");
    std::fs::create_dir(&folder).unwrap();
    for i in 0..2 {
        let picture = data.test.as_ref().unwrap().read(i).unwrap();
        image::save_buffer(
            folder.join(format!("{i}.png")),
            &picture.pixels,
            28,
            28,
            image::ExtendedColorType::L8,
        )
        .unwrap();
    }
    let out = done(&[
        "predict",
        run,
        folder.to_str().unwrap(),
        "--top",
        "4",
        "--json",
    ]);
    assert_eq!(out.lines().count(), 2, "{out}");
    for line in out.lines() {
        let answer: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(answer["path"].as_str().unwrap().ends_with(".png"));
        let top = answer["top"].as_array().unwrap();
        assert_eq!(top.len(), 4);
        assert!(top[0]["probability"].as_f64() >= top[1]["probability"].as_f64());
        assert!(
            data.classes
                .iter()
                .any(|class| top[0]["class"] == class.as_str())
        );
    }

    let summary = json(&["summary", run, "--json"]);
    assert_eq!(summary["classes"], 10);
    assert_eq!(
        summary["layers"][0]["trf"]["size"],
        serde_json::json!([3, 3])
    );
}

#[test]
fn summary_gives_the_plans_numbers_and_fits_80_columns() {
    let summary = json(&["summary", "tutorial", "--json"]);
    let first = &summary["layers"][0];
    assert_eq!(first["name"], "conv2d_1");
    assert_eq!(first["output"], serde_json::json!([16, 28, 28]));
    assert_eq!(
        (&first["params"], &first["macs"]),
        (&160.into(), &112_896.into())
    );
    assert_eq!(first["trf"]["centre"], serde_json::json!([0.0, 0.0]));
    assert_eq!(first["padding"], serde_json::json!([1, 1, 1, 1]));
    assert_eq!(summary["total"]["params"], 160 + 200_768 + 650);
    for preset in ["tutorial", "small", "accurate", "vgg", "resnet", "plain-20"] {
        let out = done(&["summary", preset]);
        let longest = out.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(
            longest <= 80,
            "{preset} has a line of {longest} columns:\n{out}"
        );
    }
    let wide = json(&[
        "summary",
        "vgg",
        "--input",
        "1x64x48",
        "--classes",
        "3",
        "--json",
    ]);
    assert_eq!(wide["input"], serde_json::json!([1, 64, 48]));
    assert_eq!(wide["classes"], 3);
}

#[test]
fn data_counts_what_there_is() {
    let data = json(&["data", "--json"]);
    assert_eq!(data["splits"]["train"], serde_json::json!(vec![900; 10]));
    assert_eq!(data["splits"]["val"], serde_json::json!(vec![100; 10]));
    assert_eq!(data["splits"]["test"], serde_json::json!(vec![200; 10]));
    assert_eq!(data["damaged"], serde_json::json!([]));
    assert!(done(&["data"]).contains("Ankle boot"));
}

#[test]
fn backends_says_what_is_there_and_how_to_get_the_rest() {
    let backends = json(&["backends", "--json"]);
    assert_eq!(backends[0]["name"], "flex");
    assert_eq!(backends[0]["compiled"], true);
    for backend in backends.as_array().unwrap() {
        let name = backend["name"].as_str().unwrap();
        assert!(
            backend["build"]
                .as_str()
                .unwrap()
                .contains(&format!("--features {name}"))
        );
    }
}

#[test]
fn off_a_terminal_there_are_plain_lines_and_no_escapes() {
    let directory = tempfile::tempdir().unwrap();
    let run = directory.path().join("run");
    let output = short_run(&run).output().unwrap();
    let (out, messages) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{messages}");
    assert!(
        !out.contains('\u{1b}') && !messages.contains('\u{1b}'),
        "{out}{messages}"
    );
    assert!(
        messages.contains("epoch 1/2") && messages.contains("epoch 2/2"),
        "{messages}"
    );
    let last = out.lines().last().unwrap();
    assert!(
        last.starts_with("next") && last.contains("receptive report"),
        "{out}"
    );
}

#[test]
fn a_config_file_and_set_decide_what_is_trained() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("net.toml");
    std::fs::write(
        &file,
        r#"
        [input]
        channels = 1
        height = 14
        width = 14
        [[layers]]
        type = "conv2d"
        filters = 3
        kernel_size = 5
        strides = 2
        activation = "gelu"
        [[layers]]
        type = "flatten"
        [[layers]]
        type = "linear"
        "#,
    )
    .unwrap();
    let run = directory.path().join("run");
    let run = run.to_str().unwrap();
    let arguments = [
        "train",
        "--config",
        file.to_str().unwrap(),
        "--limit",
        "100",
        "--run-dir",
        run,
        "--set",
        "train.epochs=1",
        "--set",
        "train.optimizer.kind=adamw",
        "--seed",
        "7",
        "--json",
    ];
    assert_eq!(json(&arguments)["epochs"], 1);
    let config = std::fs::read_to_string(directory.path().join("run/config.toml")).unwrap();
    for line in [
        "seed = 7",
        "kind = \"adamw\"",
        "height = 14",
        "classes = 10",
    ] {
        assert!(config.contains(line), "`{line}` is not in\n{config}");
    }
    assert_eq!(
        json(&["summary", run, "--json"])["input"],
        serde_json::json!([1, 14, 14])
    );
}
