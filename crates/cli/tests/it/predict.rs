//! `receptive predict`: where images come from, and where answers go.

use crate::{done, json, output, receptive, text, train};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

/// Runs the command with these bytes on standard input.
fn with_input(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = receptive(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn pictures(folder: &Path, names: &[&str]) {
    fs::create_dir_all(folder).unwrap();
    for (shade, name) in (1..).zip(names) {
        let picture = image::GrayImage::from_pixel(28, 28, image::Luma([40 * shade]));
        picture.save(folder.join(name)).unwrap();
    }
}

#[test]
fn predictions_become_a_table_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_string();
    let (run, photos, table) = (at("run"), at("photos"), at("table.csv"));
    train(run.as_ref());
    pictures(photos.as_ref(), &["a.png", "b, c.png"]);
    let said = done(&["predict", &run, &photos, "--top", "2", "--csv", &table]);
    assert_eq!(said, format!("file     {table} (2 images)\n"));
    let rows = fs::read_to_string(&table).unwrap();
    let rows: Vec<&str> = rows.lines().collect();
    assert_eq!(
        rows[0],
        "path,class,probability,class_2,probability_2,split,error"
    );
    assert_eq!(rows.len(), 3);
    assert!(
        rows[2].starts_with(&format!("\"{photos}/b, c.png\",")),
        "{}",
        rows[2]
    );
    let answer = json(&["predict", &run, &at("photos/a.png"), "--json"]);
    let first = &answer["top"][0];
    let cells: Vec<&str> = rows[1].split(',').collect();
    assert_eq!(cells[1], first["class"].as_str().unwrap());
    assert_eq!(
        cells[2].parse::<f64>().unwrap(),
        first["probability"].as_f64().unwrap()
    );
    assert_eq!((cells.len(), cells[5], cells[6]), (7, "", ""));

    fs::write(at("photos/damaged.png"), "damaged").unwrap();
    let output = output(&["predict", &run, &photos, "--csv", &table]);
    assert_eq!(output.status.code(), Some(1));
    let rows = fs::read_to_string(&table).unwrap();
    assert!(
        rows.lines().any(|row| row.contains("damaged.png,,,,,,,,")),
        "{rows}"
    );
    // Messages about an archive name its images in this way.
    fs::write(at("photos.zip"), "PK").unwrap();
    let refused = crate::output(&["predict", &run, &at("photos.zip/cat/1.png")]);
    let words = text(&refused.stderr);
    assert!(
        words.contains("photos.zip is a file, not a folder"),
        "{words}"
    );
    for place in [at("nowhere/table.csv"), photos.clone()] {
        let refused = crate::output(&["predict", &run, &photos, "--csv", &place]);
        assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stderr));
    }
}

#[test]
fn images_and_lists_of_them_come_from_standard_input() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_string();
    let run = at("run");
    train(run.as_ref());
    pictures(directory.path(), &["a.png", "b c.png", "-.png"]);
    let [a, b] = ["a.png", "b c.png"].map(at);
    let expected = done(&["predict", &run, &a, &b]);

    let bytes = fs::read(&a).unwrap();
    let output = with_input(&["predict", &run, "-"], &bytes);
    let answer = expected.lines().next().unwrap().replace(&a, "-");
    assert_eq!(
        text(&output.stdout),
        answer + "\n",
        "{}",
        text(&output.stderr)
    );

    for list in [format!("{a}\n{b}\n"), format!("{a}\0{b}\0")] {
        let output = with_input(&["predict", &run, "--files-from", "-"], list.as_bytes());
        assert_eq!(text(&output.stdout), expected, "{}", text(&output.stderr));
        fs::write(at("list"), &list).unwrap();
        assert_eq!(
            done(&["predict", &run, "--files-from", &at("list")]),
            expected
        );
    }
    for (arguments, input, code, message) in [
        (
            vec!["predict", &run, "-"],
            "no image",
            1,
            "standard input is not a readable image",
        ),
        (vec!["predict", &run, "-"], "", 1, "standard input"),
        (
            vec!["predict", &run, "--files-from", "-"],
            "\n",
            2,
            "no paths",
        ),
        (
            vec!["predict", &run, "-", "--files-from", "-"],
            "",
            2,
            "only once",
        ),
        (vec!["predict", &run], "", 2, "IMAGE"),
    ] {
        let output = with_input(&arguments, input.as_bytes());
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
        assert!(errors.contains(message), "{arguments:?}: {errors}");
    }
}
