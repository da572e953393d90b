//! `receptive erf`: every network, every layer, every way of asking.

use crate::{done, json, output, text, train};

#[test]
fn a_presets_field_is_measured_judged_and_drawn() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out");
    let out = out.to_str().unwrap();
    let found = json(&[
        "erf",
        "plain-6",
        "--samples",
        "240",
        "--channels",
        "signs",
        "--out",
        out,
        "--json",
    ]);
    assert_eq!(found["verdict"], "gaussian");
    assert_eq!(found["trf"]["size"], serde_json::json!([13, 13]));
    for key in ["value", "low", "high"] {
        assert!(found["tv"][key].is_number(), "{found}");
    }
    for key in [
        "kurtosis",
        "sigma",
        "size",
        "ratio",
        "mass_squares",
        "samples",
        "seconds",
    ] {
        assert!(!found[key].is_null(), "{key}: {found}");
    }
    assert_eq!(found["theory"]["exact"], true);
    assert_eq!(found["aggregates"].as_array().unwrap().len(), 2);
    for name in ["png", "svg", "json"] {
        assert!(
            directory
                .path()
                .join("out/plain-6-6")
                .with_extension(name)
                .is_file()
        );
    }
    let npy = std::fs::read(directory.path().join("out/plain-6-6-abs.npy")).unwrap();
    assert_eq!(&npy[1..6], b"NUMPY");

    let shown = done(&["erf", "plain-6", "--samples", "240", "--out", out]);
    assert!(
        shown.contains("GAUSSIAN") && shown.contains("13x13"),
        "{shown}"
    );
    assert!(
        shown.lines().all(|line| line.chars().count() <= 80),
        "{shown}"
    );
    assert!(!shown.contains('\u{1b}'), "no terminal, no colour");
}

#[test]
fn one_convolution_is_no_gaussian_and_ones_are_exact() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().to_str().unwrap();
    let found = json(&[
        "erf",
        "plain-1",
        "--weights",
        "ones",
        "--out",
        out,
        "--json",
    ]);
    assert_eq!(
        (&found["verdict"], &found["reason"]),
        (&"not_gaussian".into(), &"box".into())
    );
    assert_eq!(found["samples"], 1);
    assert_eq!(found["tv"]["low"], found["tv"]["high"]);
    assert!(found["theory"]["tv"].as_f64().unwrap() < 1e-6);
    assert_eq!(found["theory"]["aggregate"], "abs");
}

#[test]
fn all_layers_and_several_networks_have_a_picture_each() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().to_str().unwrap();
    let shown = done(&[
        "erf",
        "plain-3",
        "--layer",
        "all",
        "--samples",
        "40",
        "--out",
        out,
    ]);
    assert_eq!(shown.matches("conv2d_").count(), 3, "{shown}");
    assert!(directory.path().join("plain-3-growth.png").is_file());
    done(&["erf", "plain-2", "plain-4", "--samples", "40", "--out", out]);
    assert!(directory.path().join("comparison.png").is_file());
}

#[test]
fn a_trained_run_is_measured_on_its_own_images_at_any_size() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run");
    train(&path);
    let (run, out) = (path.to_str().unwrap(), directory.path().join("erf"));
    let out = out.to_str().unwrap();
    let ask = |more: &[&str]| {
        let mut all = vec!["erf", run, "--samples", "60", "--out", out, "--json"];
        all.extend(more);
        json(&all)
    };
    let own = ask(&[]);
    assert_eq!(own["weights"], "given");
    assert!(
        own["input"].as_str().unwrap().contains("test split"),
        "{own}"
    );
    assert_eq!(own["samples"], 60);
    let noise = ask(&["--input", "noise", "--layer", "1"]);
    assert_eq!(noise["input"], "noise");
    let one = ask(&[
        "--layer",
        "1",
        "--channels",
        "3",
        "--unit",
        "5,6",
        "--method",
        "plain",
    ]);
    assert_eq!(
        (&one["unit"], &one["method"]),
        (&serde_json::json!([5, 6]), &"plain".into())
    );
    let compat = ask(&["--layer", "1", "--compat", "replknet"]);
    assert_eq!(compat["replknet"].as_array().unwrap().len(), 4);
}

#[test]
fn a_sweep_prints_slopes_beside_theory() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().to_str().unwrap();
    let found = json(&[
        "erf",
        "sweep",
        "depth",
        "--depths",
        "5,10,20",
        "--samples",
        "300",
        "--filters",
        "16",
        "--out",
        out,
        "--json",
    ]);
    assert_eq!(found["points"].as_array().unwrap().len(), 6);
    for slopes in found["slopes"].as_array().unwrap() {
        for mean in ["abs", "square"] {
            for place in 0..2 {
                let measured = slopes[mean][place].as_f64().unwrap();
                let exact = slopes[format!("{mean}_exact")][place].as_f64().unwrap();
                // Narrow networks, few samples: the full sweep is in docs/erf.md.
                assert!((measured - exact).abs() < 0.05, "{mean} {measured} {exact}");
            }
        }
    }
    assert!(directory.path().join("sweep-depth.png").is_file());
}

/// A field has no labels: class folders are folders like any others.
#[test]
fn any_images_are_an_input() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_string();
    let (run, out) = (at("run"), at("out"));
    crate::train(run.as_ref());
    for folder in ["flat", "nested/fox/young", "nested/bee"] {
        std::fs::create_dir_all(at(folder)).unwrap();
        for i in 0..4u8 {
            let noise = |x: u32, y: u32| (x * 37 + y * 101 + u32::from(i) * 7) as u8;
            let picture = image::GrayImage::from_fn(20, 24, |x, y| image::Luma([noise(x, y)]));
            picture.save(at(&format!("{folder}/{i}.png"))).unwrap();
        }
    }
    std::fs::rename(at("flat/0.png"), at("flat/without_extension")).unwrap();
    for network in [run.as_str(), "plain-3"] {
        for (input, images, samples) in [
            ("flat", "4 images of ", 4),
            ("nested", "8 images of ", 8),
            ("nested/bee/2.png", "the image ", 1),
            ("flat/without_extension", "the image ", 1),
        ] {
            let field = json(&[
                "erf",
                network,
                "--input",
                &at(input),
                "--samples",
                "40",
                "--out",
                &out,
                "--json",
            ]);
            assert_eq!(
                field["input"],
                format!("{images}{}", at(input)),
                "{network}"
            );
            // A network with random weights is another one for each sample.
            let samples = if network == run { samples } else { 40 };
            assert_eq!(field["samples"], samples, "{network}, {input}");
        }
    }
    let field = json(&[
        "erf",
        &run,
        "--input",
        "fashion-mini",
        "--samples",
        "8",
        "--out",
        &out,
        "--json",
    ]);
    assert_eq!(field["input"], "images of fashion-mini, test split");
    std::fs::write(at("flat/damaged.png"), "damaged").unwrap();
    let flat = at("flat");
    let said = output(&[
        "erf",
        &run,
        "--input",
        &flat,
        "--samples",
        "40",
        "--out",
        &out,
    ]);
    assert!(said.status.success(), "{}", text(&said.stderr));
    assert!(text(&said.stderr).contains("left out 1 damaged image"));
    let damaged = at("flat/damaged.png");
    let said = output(&["erf", &run, "--input", &damaged, "--out", &out]);
    let problem = "the only image cannot be read; repair it";
    assert!(text(&said.stderr).contains(problem));
}

#[test]
fn what_can_not_be_asked_is_wrong_usage_in_a_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().to_str().unwrap();
    for (arguments, word) in [
        (vec!["erf", "plain-3", "--layer", "nine"], "conv2d_3"),
        (vec!["erf", "plain-3", "--unit", "99,0"], "rows"),
        (vec!["erf", "plain-3", "--unit", "here"], "ROW,COLUMN"),
        (vec!["erf", "plain-3", "--unit", "-1,0"], "counted from 0"),
        (vec!["erf", "plain-3", "--channels", "32"], "32 channels"),
        (vec!["erf", "plain-3", "--channels", "-1"], "from 0"),
        (vec!["erf", "plain-3", "--size", "0x4"], "1 pixel or more"),
        (vec!["erf", "plain-3", "--input", "own"], "is not trained"),
        (vec!["erf", "plain-3", "--samples", "0"], "1 or more"),
        (
            vec!["erf", "plain-3", "--samples", "1"],
            "no noise estimate",
        ),
        (vec!["erf", "plain-3", "--noise", "2"], "[0, 1)"),
        (vec!["erf", "no-such-thing"], "no-such-thing"),
        (vec!["erf", "sweep", "--depths", "0"], "1 to 200"),
    ] {
        let mut all = arguments.clone();
        all.extend(["--out", out]);
        let output = output(&all);
        let words = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {words}");
        assert!(words.contains(word), "{arguments:?}: {words}");
    }
}

#[test]
fn an_atlas_grows_by_the_networks_it_does_not_have() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("atlas");
    let out = out.to_str().unwrap();
    let quick = ["--samples", "40", "--noise", "0", "--out", out];
    let atlas = |networks: &[&str], more: &[&str]| {
        output(&[&["erf", "atlas"], networks, &quick, more].concat())
    };
    let first = text(&atlas(&["plain-2"], &[]).stdout);
    assert!(
        first.contains("2 conv2d_2") && first.contains("5x5"),
        "{first}"
    );
    assert!(
        first.lines().all(|line| line.chars().count() <= 80),
        "{first}"
    );

    // The second time only what is new is measured, and the numbers of the first stay.
    let second = atlas(&["plain-2", "resnet"], &["--json"]);
    let notes = text(&second.stderr);
    assert!(notes.contains("plain-2 is in"), "{notes}");
    let found: serde_json::Value = serde_json::from_slice(&second.stdout).unwrap();
    let networks = found["networks"].as_array().unwrap();
    assert_eq!(networks.len(), 2);
    let stages = networks[1]["stages"].as_array().unwrap();
    let strides: Vec<i64> = stages
        .iter()
        .map(|s| s["stride"].as_i64().unwrap())
        .collect();
    assert_eq!(strides, [1, 2, 4], "a stage for each size of map");
    let page = std::fs::read_to_string(format!("{out}/atlas.md")).unwrap();
    assert!(
        page.contains("| plain-2 | random |") && page.contains("### resnet"),
        "{page}"
    );
    for file in ["atlas.png", "plain-2.png", "resnet.svg"] {
        assert!(std::path::Path::new(out).join(file).is_file(), "{file}");
    }

    // A network whose layers have changed is measured again.
    let config = directory.path().join("own.toml");
    let network = |kernel: usize| {
        let layers = format!(
            "input = [1, 12, 12]\nclasses = 2\n[[layers]]\ntype = \"conv2d\"\nfilters = 3\n\
             kernel_size = {kernel}\n[[layers]]\ntype = \"global_avg_pool2d\"\n\
             [[layers]]\ntype = \"linear\"\n"
        );
        std::fs::write(&config, layers).unwrap();
        let again = atlas(&[config.to_str().unwrap()], &["--json"]);
        let found: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
        let own = found["networks"][2].clone();
        assert_eq!(own["stages"][0]["trf"], serde_json::json!([kernel, kernel]));
        text(&again.stderr)
    };
    assert!(!network(3).contains("changed"));
    assert!(network(5).contains("changed"));

    // Names are checked before anything is measured.
    let wrong = text(&atlas(&["plain-4", "no-such-thing"], &[]).stderr);
    assert!(
        wrong.contains("no-such-thing") && !wrong.contains("1 of 2"),
        "{wrong}"
    );

    // Numbers measured in another way do not get into the same tables.
    let ones = atlas(&["plain-2"], &["--weights", "ones"]);
    assert_eq!(ones.status.code(), Some(2));
    assert!(text(&ones.stderr).contains("measured with random weights on noise"));
    let other = atlas(&["plain-3"], &["--seed", "7"]);
    assert_eq!(other.status.code(), Some(2));
    let error = text(&other.stderr);
    assert!(
        error.contains("--seed 0") && error.contains("--out"),
        "{error}"
    );
}
