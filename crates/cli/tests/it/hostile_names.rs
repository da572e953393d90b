//! Names of files from strangers: none of them reaches a terminal or a page as it is.

use crate::{output, text};
use image::{Rgb, RgbImage};
use receptive_core::text::{Printable, is_unprintable};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Sets a title, clears the screen, colours, breaks the line, turns the text around.
const HOSTILE: &str = "a\u{1b}]0;title\u{7}\u{1b}[2J\n\r\t\u{9b}31m\u{7f}\u{202e}\u{2066} $(x)";

fn assert_clean(what: &str, text: &str) {
    for line in text.split('\n') {
        assert!(!line.contains(is_unprintable), "{what}: {line:?}");
    }
}

fn checked(arguments: &[&str]) -> (Output, String) {
    let output = output(arguments);
    let printed = text(&output.stdout) + &text(&output.stderr);
    assert_clean(&format!("{arguments:?}"), &printed);
    // The part of a path behind its line break.
    if !arguments.iter().any(|argument| argument.ends_with(HOSTILE)) {
        assert!(!printed.contains("\n\\r"), "{arguments:?}: {printed}");
    }
    (output, printed)
}

fn pages(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pages(&path, found);
        } else if path
            .extension()
            .is_some_and(|end| end == "html" || end == "svg")
        {
            found.push(path);
        }
    }
}

#[test]
fn no_name_commands_a_terminal_or_a_page() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join(HOSTILE);
    for (class, colour) in [("day", [230, 220, 180]), ("night", [10, 10, 40])] {
        fs::create_dir_all(root.join("photos").join(class)).unwrap();
        for i in 0..12u32 {
            let picture = RgbImage::from_pixel(24, 24 + i, Rgb(colour));
            let file = format!("{i}{HOSTILE}.png");
            picture
                .save(root.join("photos").join(class).join(file))
                .unwrap();
        }
    }
    let path = |name: &str| root.join(name).to_str().unwrap().to_string();
    let (photos, run) = (path("photos"), path("run"));
    let train = [
        "train",
        &photos,
        "--preset",
        "tutorial",
        "--epochs",
        "1",
        "--run-dir",
        &run,
    ];
    let damaged = format!("photos/day/{HOSTILE}.png");
    fs::write(path(&damaged), b"damaged").unwrap();
    let (_, refused) = checked(&train);
    assert!(refused.contains("\\u{1b}]0;title"), "{refused}");
    fs::remove_file(path(&damaged)).unwrap();
    let (trained, message) = checked(&train);
    assert!(trained.status.success(), "{message}");

    fs::write(path(&damaged), b"damaged").unwrap();
    let picture = path(&format!("photos/night/3{HOSTILE}.png"));
    let [out, nothing, onnx] = ["out", "nothing", "onnx"].map(path);
    let preset = format!("--preset={HOSTILE}");
    let [damaged, ini] = [path(&damaged), path("x.toml")];
    fs::write(&ini, "a = \u{1b}[31m\u{9b}").unwrap();
    for (arguments, code) in [
        (vec!["data", &photos], 0),
        (vec!["data", &photos, "--json"], 0),
        (
            vec!["data", &photos, "--show", "--out", &path("batch.svg")],
            0,
        ),
        (vec!["data", &nothing], 2),
        (vec!["train", &photos, "--dry-run"], 1),
        (vec!["train", "--resume", &run, "--bad-images", "skip"], 2),
        (vec!["train", "--resume", &nothing], 1),
        (vec!["train", &preset], 2),
        (vec!["train", "--set", HOSTILE], 2),
        (vec!["train", "--config", &ini], 2),
        (vec!["evaluate", &run, "--bad-images", "skip"], 0),
        (vec!["evaluate", &nothing], 1),
        (vec!["predict", &run, &photos], 1),
        (vec!["predict", &run, &photos, "--json"], 1),
        (vec!["predict", &run, &damaged, &nothing], 1),
        (vec!["features", &run, &picture, "--out", &out], 0),
        (vec!["features", &run, &damaged, "--out", &out], 1),
        (vec!["attend", &run, &picture, "--out", &out], 0),
        (vec!["attend", &run, &nothing, "--out", &out], 1),
        (vec!["erf", &run, "--samples", "8", "--out", &out], 0),
        (vec!["summary", &run], 0),
        (vec!["summary", HOSTILE], 2),
        (vec!["export", &run, "--to", "onnx", "--out", &onnx], 0),
        (vec!["import", &picture], 1),
        (vec!["report", &run, "--samples", "8"], 0),
        (vec!["report", &nothing], 1),
        (vec![HOSTILE], 2),
        (vec!["train", "--epochs", HOSTILE], 2),
        (vec!["man", HOSTILE], 2),
    ] {
        let (output, printed) = checked(&arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {printed}");
    }
    let mut found = Vec::new();
    pages(directory.path(), &mut found);
    assert!(found.len() > 2, "{found:?}");
    for page in found {
        assert_clean(&format!("{page:?}"), &fs::read_to_string(&page).unwrap());
    }
}

/// What a message says to type works when it is pasted into a shell, whatever the paths.
#[test]
fn printed_commands_can_be_pasted() {
    let directory = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_receptive"));
    let bin = program.parent().unwrap().to_str().unwrap();
    let shell = |command: &str| {
        let path = format!("{bin}:{}", std::env::var("PATH").unwrap_or_default());
        let output = Command::new("sh")
            .args(["-c", command])
            .env("PATH", path)
            .env_remove("RECEPTIVE_DATA")
            .current_dir(directory.path())
            .output()
            .unwrap();
        let (out, errors) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{command}: {errors}");
        out
    };
    let next = |printed: &str| {
        let line = printed.lines().find_map(|line| line.strip_prefix("next "));
        line.unwrap_or_else(|| panic!("{printed}"))
            .trim()
            .to_owned()
    };
    let (photos, run) = ("my photos $(touch pwned) \u{1b}[31m\n;", "-it's a run");
    for (class, colour) in [("day", [230, 220, 180]), ("night", [10, 10, 40])] {
        let folder = directory.path().join(photos).join(class);
        fs::create_dir_all(&folder).unwrap();
        for i in 0..12u32 {
            let picture = RgbImage::from_pixel(24, 24 + i, Rgb(colour));
            picture.save(folder.join(format!("{i}.png"))).unwrap();
        }
    }
    let train = next(&shell(&format!("receptive data {}", photos.shell_word())));
    let options = "--preset tutorial --epochs 1 --run-dir=";
    let trained = shell(&format!("{train} {options}{}", run.shell_word()));
    let commands = next(&trained);
    let (report, predict) = commands.split_once(", ").unwrap();
    shell(report);
    assert!(directory.path().join(run).join("report.html").is_file());
    let picture = format!("{photos}/day/1.png").shell_word();
    shell(&predict.replace("IMAGE", &picture));
    let evaluated = shell(&format!("receptive evaluate {}", run.shell_word()));
    shell(&next(&evaluated).replace("IMAGE", &picture));
    let export = format!(
        "receptive export {} --to safetensors --out st",
        run.shell_word()
    );
    shell(&export);
    let imported = shell("receptive import st/model.safetensors --out \"new model's\"");
    let again = next(&imported).replace("DATA", &photos.shell_word());
    assert!(again.contains("'new model'"), "{again}");
    shell(&again);
    // The remedy in an error.
    fs::rename(
        directory.path().join(photos),
        directory.path().join("moved"),
    )
    .unwrap();
    let lost = Command::new(program)
        .args(["evaluate", &format!("./{run}")])
        .current_dir(directory.path())
        .output()
        .unwrap();
    let message = text(&lost.stderr);
    let remedy = message.split_once(": receptive ").unwrap().1;
    let remedy = remedy
        .lines()
        .next()
        .unwrap()
        .split(" NEWPATH")
        .next()
        .unwrap();
    shell(&format!("receptive {remedy} moved"));
    assert!(!directory.path().join("pwned").exists());
}
