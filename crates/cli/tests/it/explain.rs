//! `receptive explain`: the numbers of the textbook.

use crate::{done, json, output, text};

#[test]
fn a_convolution_is_worked_out() {
    let words = done(&[
        "explain",
        "conv",
        "--input",
        "5",
        "--kernel",
        "3",
        "--padding",
        "1",
    ]);
    for part in [
        "(n + 2p - f)/s + 1 = (5 + 2*1 - 3)/1 + 1 = 5",
        "valid    without padding (5 + 2*0 - 3)/1 + 1 = 3",
        "same     ceil(n/s) = ceil(5/1) = 5, needs p = 1 on both sides",
        "1 x (1x3x3 + 1) = 10",
        "output 4         x x x",
    ] {
        assert!(words.contains(part), "{part} in\n{words}");
    }
    assert!(
        words.lines().all(|line| line.chars().count() <= 80),
        "{words}"
    );
}

#[test]
fn what_does_not_divide_or_has_no_centre_is_said() {
    let words = done(&[
        "explain",
        "conv",
        "--input",
        "6x9",
        "--stride",
        "2",
        "--filters",
        "32",
    ]);
    assert!(words.contains("the last pixel is never read"), "{words}");
    assert!(words.contains("input 7 gives 3"), "{words}");
    let words = done(&["explain", "conv", "--kernel", "4", "--padding", "same"]);
    assert!(
        words.contains("has no centre") && words.contains("1 before and 2 after"),
        "{words}"
    );
}

#[test]
fn pools_and_dense_layers_too() {
    let pool = json(&[
        "explain",
        "pool",
        "--input",
        "427x640",
        "--channels",
        "32",
        "--json",
    ]);
    assert_eq!(pool["output"], serde_json::json!([32, 213, 320]));
    assert_eq!(pool["params"], 0);
    let dense = json(&[
        "explain", "dense", "--input", "64x7x7", "--units", "128", "--json",
    ]);
    assert_eq!(dense["params"], 401_536);
}

#[test]
fn an_impossible_layer_is_a_sentence() {
    for (arguments, words) in [
        (["explain", "conv", "--kernel", "9"], "smaller kernel_size"),
        (
            ["explain", "conv", "--input", "five"],
            "such as 64 or 64x48",
        ),
        (["explain", "pool", "--padding", "some"], "same, valid or"),
        (
            ["explain", "dense", "--input", "3x3"],
            "such as 3136 or 64x7x7",
        ),
    ] {
        let output = output(&arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            text(&output.stderr).contains(words),
            "{}",
            text(&output.stderr)
        );
    }
}

#[test]
fn a_map_that_is_not_square_is_worked_out_along_both_sides() {
    let words = done(&["explain", "conv", "--input", "6x9", "--stride", "2"]);
    for part in [
        "height   (n + 2p - f)/s + 1 = floor((6 + 2*0 - 3)/2) + 1 = 2",
        "width    (n + 2p - f)/s + 1 = (9 + 2*0 - 3)/2 + 1 = 4",
        "valid    width: without padding (9 + 2*0 - 3)/2 + 1 = 4",
        "same     height: ceil(n/s) = ceil(6/2) = 3, needs padding of 0 before and 1 after",
        "uneven   height: 3/2 is not an integer",
    ] {
        assert!(words.contains(part), "{part} in\n{words}");
    }
    assert!(!words.contains("uneven   width"), "{words}");
    let found = json(&[
        "explain", "conv", "--input", "6x9", "--stride", "2", "--json",
    ]);
    assert_eq!(found["valid"], serde_json::json!([2, 4]));
    assert_eq!(found["same"], serde_json::json!([3, 5]));
}

#[test]
fn pools_take_a_mean_too() {
    let words = done(&["explain", "pool", "--kind", "avg", "--input", "7"]);
    assert!(words.contains("none: the mean of each window"), "{words}");
    assert!(words.contains("the last pixel is never read"), "{words}");
    let global = json(&[
        "explain",
        "pool",
        "--kind",
        "global",
        "--input",
        "5x7",
        "--channels",
        "32",
        "--json",
    ]);
    assert_eq!(global["output"], serde_json::json!([32]));
    assert_eq!(global["field"], serde_json::json!([5, 7]));
    let refused = output(&["explain", "pool", "--kind", "global", "--stride", "2"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        text(&refused.stderr).contains("--stride: a global pool has no sliding window"),
        "{}",
        text(&refused.stderr)
    );
    let output = output(&["explain", "pool", "--kind", "avg", "--dilation", "2"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("an average pool has none"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn what_each_output_reads_is_drawn() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("explain.png");
    let out = out.to_str().unwrap();
    let words = done(&["explain", "conv", "--padding", "same", "--out", out]);
    assert!(words.ends_with(&format!("file     {out}\n")), "{words}");
    let drawn = image::open(out).unwrap().to_rgb8();
    let count = |colour: [u8; 3]| drawn.pixels().filter(|pixel| pixel.0 == colour).count();
    // Blue for pixels that are read, orange for padding that is: of 25 outputs with 9 taps each,
    // 169 taps lie on pixels and 56 on padding.
    let (read, padding) = (count([0, 114, 178]), count([230, 159, 0]));
    let ratio = read as f64 / padding as f64;
    assert!((ratio - 169.0 / 56.0).abs() < 0.05, "{read} {padding}");
    let output = output(&["explain", "conv", "--input", "640", "--out", out]);
    assert!(
        text(&output.stderr).contains("too large to draw"),
        "{}",
        text(&output.stderr)
    );
}
