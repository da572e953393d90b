//! Nodes that are almost a layer: read exactly, or rejected.

use super::*;
use burn::tensor::{Device, Tensor};

/// A convolution with 8 filters on 8x8 pixels, `c`.
fn conv() -> Builder {
    image()
        .floats("w", &[8, 3, 1, 1])
        .node("Conv", &["x", "w"], "c", &[])
}

/// The logits of a network that ends with `a`, on images of one value.
fn logits(builder: Builder, value: f32) -> Vec<f32> {
    let network = builder.head("a", 8).read().unwrap();
    let device = Device::flex();
    let model = network.classifier(&device).unwrap();
    let images = Tensor::<4>::full([1, 3, 8, 8], value, &device);
    model.forward(images).into_data().iter().collect()
}

/// What [`logits`] are if `function` is applied to the outputs of the convolution.
fn expected(value: f32, function: impl Fn(f32) -> f32) -> Vec<f32> {
    let filter = |f: i32| function(value * 0.01 * (9 * f + 6) as f32);
    let class = |k: i32| {
        (0..8)
            .map(|f| 0.01 * (8 * k + f + 1) as f32 * filter(f))
            .sum()
    };
    (0..4).map(class).collect()
}

fn assert_near(found: &[f32], expected: &[f32], what: &str) {
    let largest = expected
        .iter()
        .fold(0.0f32, |most, value| most.max(value.abs()));
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() <= 1e-4 * largest,
            "{what}: {found}, {expected}"
        );
    }
}

#[test]
fn a_clip_far_from_zero_is_applied() {
    // The convolution gives up to 69, or 6,900.
    for value in [100.0, -100.0, 1e4] {
        for (low, high) in [
            (0.0, 20.0),
            (0.0, 50.0),
            (-10.0, 10.0),
            (-1e3, 1e3),
            (-12.5, f32::MAX),
            (f32::MIN, 7.0),
            (f32::MIN, f32::MAX),
            // Bounds of 16-bit numbers, and others that must not cost precision.
            (-65504.0, 65504.0),
            (-1e6, 1e6),
            (-1e10, 0.0),
            (0.0, 1e10),
        ] {
            let clip = conv().number("low", low).number("high", high).node(
                "Clip",
                &["c", "low", "high"],
                "a",
                &[],
            );
            let wanted = expected(value, |x| x.clamp(low, high));
            assert_near(&logits(clip, value), &wanted, &format!("{low} to {high}"));
        }
        let relu_and_limit = conv()
            .number("high", 50.0)
            .node("Relu", &["c"], "r", &[])
            .node("Min", &["high", "r"], "a", &[]);
        let wanted = expected(value, |x| x.clamp(0.0, 50.0));
        assert_near(&logits(relu_and_limit, value), &wanted, "Relu, Min");
        let at_least = conv()
            .number("low", -30.0)
            .node("Max", &["c", "low"], "a", &[]);
        assert_near(
            &logits(at_least, value),
            &expected(value, |x| x.max(-30.0)),
            "Max",
        );
    }
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

#[test]
fn softmax_is_over_the_classes_as_the_version_of_the_operators_means_it() {
    let softmax = |opset: i64, attributes: &[AttributeProto]| {
        let mut builder = image()
            .floats("w", &[4, 3, 1, 1])
            .node("Conv", &["x", "w"], "c", &[])
            .node("GlobalAveragePool", &["c"], "l", &[])
            .node("Softmax", &["l"], "y", attributes);
        builder.opset = Some(opset);
        builder.read()
    };
    // On [1, 4, 1, 1]: over all axes from 1 on, or over the last alone.
    assert!(softmax(11, &[]).is_ok());
    assert!(softmax(13, &[int("axis", 1)]).is_ok());
    assert!(softmax(13, &[]).unwrap_err().contains("over axis -1"));
    assert!(
        softmax(11, &[int("axis", 2)])
            .unwrap_err()
            .contains("over axis 2")
    );
}

/// A convolution of 8x8 pixels after its input is padded by one pixel on each side.
fn padded_conv(attributes: &[AttributeProto], pads: &[i64]) -> Builder {
    let builder = image().floats("w", &[8, 3, 3, 3]);
    match pads {
        [] => builder.node("Conv", &["x", "w"], "c", attributes),
        _ => builder
            .integers("pads", pads)
            .node("Pad", &["x", "pads"], "p", &[])
            .node("Conv", &["p", "w"], "c", attributes),
    }
}

#[test]
fn automatic_padding_is_that_of_the_padded_size() {
    let strides = ints("strides", &[2, 2]);
    let text = |kind: &str| AttributeProto {
        name: "auto_pad".into(),
        s: kind.as_bytes().to_vec().into(),
        r#type: 3,
        ..AttributeProto::default()
    };
    // 10 pixels with a window of 3 and steps of 2 lack one pixel; 8 lack one as well, 9 none.
    for (kind, pads, sum) in [
        ("SAME_UPPER", [0, 0, 1, 1, 0, 0, 1, 1], [1, 1, 2, 2]),
        ("SAME_LOWER", [0, 0, 1, 1, 0, 0, 1, 1], [2, 2, 1, 1]),
        ("SAME_UPPER", [0, 0, 0, 0, 0, 0, 1, 1], [1, 1, 2, 2]),
        ("VALID", [0, 0, 1, 1, 0, 0, 1, 1], [1, 1, 1, 1]),
    ] {
        let own = padded_conv(&[strides.clone(), text(kind)], &pads);
        let explicit = padded_conv(&[strides.clone(), ints("pads", &sum)], &[]);
        let [found, wanted] = [own, explicit].map(|builder| logits(named_a(builder), 1.0));
        assert_eq!(found, wanted, "{kind} {pads:?}");
    }
    let named = |axes: &[i64], pads: &[i64]| {
        let builder = image()
            .floats("w", &[8, 3, 3, 3])
            .integers("pads", pads)
            .integers("axes", axes)
            .node("Pad", &["x", "pads", "", "axes"], "p", &[])
            .node("Conv", &["p", "w"], "c", &[]);
        logits(named_a(builder), 1.0)
    };
    let wanted = logits(
        named_a(padded_conv(&[ints("pads", &[1, 2, 0, 3])], &[])),
        1.0,
    );
    assert_eq!(named(&[2, 3], &[1, 2, 0, 3]), wanted);
    assert_eq!(named(&[-1, -2], &[2, 1, 3, 0]), wanted);
}

/// With `c` as `a`.
fn named_a(builder: Builder) -> Builder {
    builder.node("Identity", &["c"], "a", &[])
}

#[test]
fn a_pool_rounded_up_does_not_take_the_border_for_its_padding() {
    for pool in ["MaxPool", "AveragePool"] {
        let kinds = |ceil: i64| {
            let builder = conv()
                .integers("pads", &[0, 0, 0, 0, 0, 0, 1, 1])
                .node("Pad", &["c", "pads"], "p", &[])
                .node(
                    pool,
                    &["p"],
                    "a",
                    &[
                        ints("kernel_shape", &[1, 1]),
                        ints("strides", &[3, 3]),
                        int("ceil_mode", ceil),
                    ],
                );
            let network = builder.head("a", 8).read().unwrap();
            let kinds = network.config.layers.iter().map(LayerConfig::kind);
            kinds.filter(|kind| *kind == "conv2d").count()
        };
        // The second convolution pads.
        assert_eq!(kinds(1), 2, "{pool}");
    }
}

#[test]
fn what_only_training_does_is_not_read_as_evaluation() {
    let norm = |outputs: &str| {
        let mut builder = conv().floats("g", &[8]).node(
            "BatchNormalization",
            &["c", "g", "g", "g", "g"],
            outputs,
            &[],
        );
        builder.opset = Some(9);
        builder.head("a", 8)
    };
    assert!(norm("a").read().is_ok());
    norm("a m v").rejected(&["the batch's own statistics"]);
    let dropout = |flag: f32| {
        conv()
            .number("ratio", 0.5)
            .number("training", flag)
            .node("Dropout", &["c", "ratio", "training"], "a", &[])
            .head("a", 8)
    };
    assert!(dropout(0.0).read().is_ok());
    dropout(1.0).rejected(&["it is in training mode"]);
    let window = image().floats("w", &[8, 3, 3, 3]).node(
        "Conv",
        &["x", "w"],
        "a",
        &[ints("kernel_shape", &[1, 1])],
    );
    window
        .head("a", 8)
        .rejected(&["its `kernel_shape` is [1, 1]"]);
}
