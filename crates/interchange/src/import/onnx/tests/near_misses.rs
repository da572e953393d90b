//! Nodes that are almost a layer: read exactly, or rejected.

use super::*;

/// A convolution with 8 filters on 8x8 pixels, `c`.
fn conv() -> Builder {
    image()
        .floats("w", &[8, 3, 1, 1])
        .node("Conv", &["x", "w"], "c", &[])
}

#[test]
fn a_clip_is_never_dropped() {
    for (low, high) in [
        (0.0, 20.0),
        (0.0, 50.0),
        (-10.0, 10.0),
        (-1e4, 1e4),
        (-12.5, f32::MAX),
    ] {
        conv()
            .number("low", low)
            .number("high", high)
            .node("Clip", &["c", "low", "high"], "a", &[])
            .head("a", 8)
            .rejected(&["not a supported activation"]);
    }
    // ReLU and a limit in two nodes.
    conv()
        .number("high", 50.0)
        .node("Relu", &["c"], "r", &[])
        .node("Min", &["r", "high"], "a", &[])
        .head("a", 8)
        .rejected(&["not a supported activation"]);
    // What clips nothing is left out.
    let kinds = conv()
        .number("low", f32::MIN)
        .number("high", f32::MAX)
        .node("Clip", &["c", "low", "high"], "a", &[])
        .head("a", 8)
        .kinds();
    assert_eq!(kinds[0], "conv2d_1");
    assert!(
        !kinds.iter().any(|kind| kind.contains("activation")),
        "{kinds:?}"
    );
}

#[test]
fn a_conversion_to_integers_is_not_left_out() {
    // FLOAT16, DOUBLE, FLOAT, BFLOAT16.
    for kind in [10, 11, 1, 16] {
        let cast = conv().node("Cast", &["c"], "a", &[int("to", kind)]);
        assert!(cast.head("a", 8).read().is_ok(), "{kind}");
    }
    // UINT8, INT32, INT64, BOOL.
    for kind in [2, 6, 7, 9] {
        let cast = conv().node("Cast", &["c"], "a", &[int("to", kind)]);
        cast.head("a", 8).rejected(&["`Cast/a` (Cast)", "rounded"]);
    }
    let cast = conv().node("Cast", &["c"], "a", &[]);
    cast.head("a", 8).rejected(&["`to` is missing"]);
}

#[test]
fn slopes_of_rows_or_columns_are_not_slopes_of_channels() {
    let prelu = |dims: &[i64]| {
        conv()
            .floats("slope", dims)
            .node("PRelu", &["c", "slope"], "a", &[])
            .head("a", 8)
    };
    // 8 channels of 8x8: only these mean the channels.
    for dims in [&[8, 1, 1][..], &[1, 8, 1, 1], &[1], &[], &[1, 1, 1]] {
        assert!(prelu(dims).read().is_ok(), "{dims:?}");
    }
    for dims in [
        &[8][..],
        &[8, 1],
        &[1, 8, 1],
        &[1, 1, 8],
        &[1, 1, 1, 8],
        &[8, 1, 1, 1],
        &[4],
        &[8, 8, 8],
    ] {
        prelu(dims).rejected(&["`PRelu/a` (PRelu)", "not one per channel"]);
    }
}

#[test]
fn class_names_and_scales_of_the_file_are_used_if_they_are_usable() {
    let with = |entries: &[(&str, &str)]| conv().head("c", 8).read_with(entries).unwrap();
    let network = with(&[
        ("classes", "a\nb\nc\nd"),
        ("mean", "[0.5]"),
        ("std", "[0.25]"),
    ]);
    assert_eq!(network.classes.unwrap(), ["a", "b", "c", "d"]);
    assert_eq!(network.std.unwrap(), [0.25; 3]);
    assert!(network.notes.is_empty(), "{:?}", network.notes);
    for (classes, problem) in [
        ("a\nb\nc", "there are 3, but the network has 4 outputs"),
        ("a\nb\nb\nd", "`b` is there twice"),
        ("a\nb\n\nd", "some are empty"),
    ] {
        let network = with(&[("classes", classes)]);
        assert_eq!(network.classes, None);
        assert!(network.notes[0].contains(problem), "{:?}", network.notes);
    }
    for std in ["[0.0]", "[-1.0]"] {
        let network = with(&[("mean", "[0.5]"), ("std", std)]);
        assert_eq!((&network.mean, &network.std), (&None, &None));
        assert!(
            network.notes[0].contains("standard deviation"),
            "{:?}",
            network.notes
        );
    }
}
