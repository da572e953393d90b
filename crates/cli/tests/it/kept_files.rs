//! No file that the program did not write is written over.

use crate::{done, output, text};
use std::fs;

const CONV: [&str; 6] = ["explain", "conv", "--input", "5", "--kernel", "3"];

#[test]
fn pictures_take_the_place_of_their_own_kind_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("window.png");
    let out = file.to_str().unwrap();
    let arguments = [&CONV[..], &["--out", out]].concat();
    done(&arguments);
    done(&arguments); // its own is drawn anew
    fs::write(&file, b"\x89PNG\r\n\x1a\n of a holiday").unwrap();
    let ran = output(&arguments);
    let message = text(&ran.stderr);
    assert_eq!(ran.status.code(), Some(1), "{message}");
    assert!(
        message.contains("window.png") && message.contains("choose another name"),
        "{message}"
    );
    assert!(fs::read(&file).unwrap().ends_with(b"holiday"));
}

#[test]
fn exported_models_too() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    let (model, out) = (file("run"), file("net.safetensors"));
    crate::train(&model);
    let arguments = [
        "export",
        model.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ];
    done(&arguments);
    done(&arguments);
    // A module that somebody has changed is theirs.
    let module = fs::read_to_string(file("net.py")).unwrap();
    fs::write(
        file("net.py"),
        module.replace("nn.ReLU", "nn.GELU") + "# mine\n",
    )
    .unwrap();
    assert_eq!(output(&arguments).status.code(), Some(1));
    fs::write(file("net.py"), "print('mine')").unwrap();
    let ran = output(&arguments);
    let message = text(&ran.stderr);
    assert!(
        ran.status.code() == Some(1) && message.contains("net.py"),
        "{message}"
    );
    assert_eq!(fs::read(file("net.py")).unwrap(), b"print('mine')");
    // Not even where it speaks of the program.
    fs::write(file("net.py"), "# for receptive\nprint('mine')").unwrap();
    assert_eq!(output(&arguments).status.code(), Some(1));
}

#[test]
fn a_model_that_is_imported_again_takes_no_other_file_along() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    let (run, weights, out) = (file("run"), file("net.safetensors"), file("imported"));
    crate::train(&run);
    let [run, weights, imported] = [&run, &weights, &out].map(|path| path.to_str().unwrap());
    done(&["export", run, "--out", weights]);
    let import = ["import", weights, "--out", imported];
    done(&import);
    done(&import);
    fs::write(out.join("README.md"), "mine").unwrap();
    let ran = output(&import);
    let message = text(&ran.stderr);
    assert!(
        ran.status.code() == Some(2) && message.contains("README.md"),
        "{message}"
    );
    assert_eq!(fs::read(out.join("README.md")).unwrap(), b"mine");
    // Nor is a run's own model replaced.
    let model = format!("{run}/model");
    let ran = output(&["import", weights, "--out", &model]);
    let message = text(&ran.stderr);
    assert!(
        ran.status.code() == Some(2) && message.contains("trained"),
        "{message}"
    );
}

#[test]
fn a_report_in_its_usual_place_a_label_list_and_manual_pages_too() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    let run = file("run");
    crate::train(&run);
    let page = run.join("report.html");
    fs::write(&page, "<p>my notes").unwrap();
    let list = file("labels.csv");
    let mine = "path,class,probability,comment\n1.png,cat,1,checked\n";
    fs::write(&list, mine).unwrap();
    let man = file("man");
    fs::create_dir(&man).unwrap();
    fs::write(man.join("receptive-erf.1"), ".TH mine").unwrap();
    let [run, list_path, man_path] = [&run, &list, &man].map(|path| path.to_str().unwrap());
    for (arguments, kept, text_of_it) in [
        (&["report", run][..], &page, "<p>my notes"),
        (&["predict", run, "1.png", "--csv", list_path], &list, mine),
        (
            &["man", "--out", man_path],
            &man.join("receptive-erf.1"),
            ".TH mine",
        ),
    ] {
        let ran = output(arguments);
        let message = text(&ran.stderr);
        assert!(
            ran.status.code().is_some_and(|code| code > 0),
            "{arguments:?}"
        );
        let is_said = ["overwritten", "not written by receptive"]
            .iter()
            .any(|words| message.contains(words));
        assert!(is_said, "{message}");
        assert_eq!(fs::read(kept).unwrap(), text_of_it.as_bytes());
    }
    // Pages of its own are written anew.
    fs::remove_file(man.join("receptive-erf.1")).unwrap();
    done(&["man", "--out", man_path]);
    done(&["man", "--out", man_path]);
}
