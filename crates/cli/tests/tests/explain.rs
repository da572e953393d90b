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
        "valid    without padding: (5 + 2*0 - 3)/1 + 1 = 3",
        "same     ceil(n/s) = 5: needs p = 1 on both sides",
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
    assert!(
        words.contains("the last pixel is read by no window"),
        "{words}"
    );
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
fn what_can_not_be_is_a_sentence() {
    for (arguments, words) in [
        (["explain", "conv", "--kernel", "9"], "smaller kernel_size"),
        (["explain", "conv", "--input", "five"], "is no size"),
        (["explain", "pool", "--padding", "some"], "is no padding"),
        (["explain", "dense", "--input", "3x3"], "is no shape"),
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
