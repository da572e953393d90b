//! A folder of photos, three of them damaged.

use crate::{done, json, output, text};
use image::{Rgb, RgbImage};
use std::fs;
use std::path::Path;

fn photos(root: &Path) {
    for (class, colour) in [("day", [230, 220, 180]), ("night", [10, 10, 40])] {
        fs::create_dir_all(root.join(class)).unwrap();
        for i in 0..12u32 {
            let picture = RgbImage::from_pixel(30 + 5 * i, 70 - 4 * i, Rgb(colour));
            let extension = if i % 2 == 0 { "jpg" } else { "png" };
            picture
                .save(root.join(class).join(format!("{i}.{extension}")))
                .unwrap();
        }
    }
    let whole = fs::read(root.join("day/0.jpg")).unwrap();
    fs::write(root.join("day/half.jpg"), &whole[..whole.len() - 40]).unwrap();
    let whole = fs::read(root.join("day/1.png")).unwrap();
    fs::write(root.join("night/half.png"), &whole[..whole.len() / 2]).unwrap();
    fs::write(root.join("night/empty.jpg"), b"").unwrap();
}

const DAMAGED: [&str; 3] = ["half.jpg", "half.png", "empty.jpg"];

#[test]
fn data_lists_damaged_files_and_train_rejects_or_skips_them() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("photos");
    photos(&root);
    let root = root.to_str().unwrap();
    let listed = done(&["data", root]);
    let data = json(&["data", root, "--json"]);
    assert_eq!(data["damaged"].as_array().unwrap().len(), 3);
    let run = directory.path().join("run");
    let run = run.to_str().unwrap();
    let train = [
        "train",
        root,
        "--preset",
        "tutorial",
        "--epochs",
        "1",
        "--run-dir",
        run,
    ];
    let refused = output(&train);
    assert_eq!(refused.status.code(), Some(1));
    for name in DAMAGED {
        assert!(listed.contains(name), "{name} is not in {listed}");
        let message = text(&refused.stderr);
        assert!(message.contains(name), "{name} is not in {message}");
    }
    done(
        &[
            &train[..],
            &["--bad-images", "skip", "--set", "data.image_size=16"],
        ]
        .concat(),
    );
    let skipped = fs::read_to_string(directory.path().join("run/skipped.csv")).unwrap();
    assert_eq!(skipped.lines().count(), 4, "{skipped}");
    for name in DAMAGED {
        assert!(skipped.contains(name), "{name} is not in {skipped}");
    }
}

#[test]
fn predict_answers_on_the_good_pictures_and_names_the_bad() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("photos");
    photos(&root);
    let run = directory.path().join("run");
    crate::train(&run);
    let output = output(&["predict", run.to_str().unwrap(), root.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout).lines().count(), 24);
    let message = text(&output.stderr);
    for name in DAMAGED {
        assert!(message.contains(name), "{name} is not in {message}");
    }
}

/// Found by fuzzing: a file at which the decoder panics. Only its name and a sentence may be seen.
#[test]
fn a_decoder_that_panics_is_a_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let attack = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../data/tests/attacks/zune-jpeg-0.5.15-idct.jpg");
    photos(directory.path());
    std::fs::copy(attack, directory.path().join("day/attack.jpg")).unwrap();
    let output = output(&["data", directory.path().to_str().unwrap(), "--json"]);
    let (out, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(out.contains("attack.jpg"), "{out}");
    assert!(!errors.contains("panicked"), "{errors}");
}

/// The command that is proposed trains.
#[test]
fn what_data_proposes_for_a_folder_of_unread_files_trains() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("photos");
    for class in crate::split::CLASSES {
        for i in 0..12 {
            crate::split::noise(&root.join(class).join(format!("{i}.png")));
        }
    }
    for i in 0..3 {
        fs::create_dir_all(root.join("owl")).unwrap();
        fs::write(root.join("owl").join(format!("{i}.npy")), b"numbers").unwrap();
    }
    let root = root.to_str().unwrap();
    let listed = done(&["data", root, "--seed", "3"]);
    let next = listed.lines().last().unwrap();
    let expected = format!("receptive train {root} --seed 3 --bad-images skip");
    assert!(next.ends_with(&expected), "{next}");
    assert_eq!(json(&["data", root, "--json"])["unread"], 3);
    let words = expected.split(' ').skip(1).chain(["--dry-run"]);
    done(&words.collect::<Vec<_>>());
}
