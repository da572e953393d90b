//! What `receptive bench` prints.

use crate::done;
use serde_json::Value;

const SCALING: [&str; 9] = [
    "bench",
    "fashion",
    "--batch",
    "32",
    "--steps",
    "2",
    "--threads",
    "2",
    "--scaling",
];

#[test]
fn scaling_is_a_table_of_eighty_columns() {
    let printed = done(&SCALING);
    for line in printed.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    for word in ["slices", "largest", "serial", "x2", "x32", "2 shards first"] {
        assert!(printed.contains(word), "no {word}: {printed}");
    }
    let kernels = [
        "conv2d  ",
        "conv2d input gradient",
        "conv2d weight gradient",
        "linear weight gradient",
        "max_pool2d gradient",
        "optimizer",
        "other, per shard",
        "other, per step",
        "step  ",
        "2 threads measured: speedup",
    ];
    for kernel in kernels {
        let rows = printed.lines().filter(|line| line.starts_with(kernel));
        assert_eq!(rows.count(), 1, "{kernel}: {printed}");
    }
}

#[test]
fn scaling_bounds_never_exceed_the_threads_nor_fall_with_more() {
    let printed = done(&[&SCALING[..], &["--json"]].concat());
    let json: Value = serde_json::from_str(&printed).unwrap();
    let scaling = &json["scaling"];
    assert_eq!(scaling["shards"], 2);
    let operations = scaling["operations"].as_array().unwrap();
    for of in operations.iter().chain([scaling]) {
        let mut before = 1.0;
        for (bound, threads) in of["bounds"]
            .as_array()
            .unwrap()
            .iter()
            .zip([2, 4, 8, 16, 32])
        {
            assert_eq!(bound["threads"], threads);
            let speedup = bound["speedup"].as_f64().unwrap();
            assert!(speedup <= 1.001 * f64::from(threads), "{of}");
            assert!(speedup >= 0.999 * before, "{of}");
            before = speedup;
        }
    }
    for of in operations {
        let parts = ["largest", "serial"].map(|part| of[part].as_f64().unwrap());
        let sum: f64 = parts.iter().sum();
        assert!(
            parts.iter().all(|part| *part >= 0.0) && sum <= 1.001,
            "{of}"
        );
    }
    let measured = &scaling["measured"];
    assert_eq!(measured["threads"], 2);
    assert!(measured["speedup"].as_f64().unwrap() > 0.0, "{measured}");
}

/// With one shard every thread but one would wait for an operation that is not cut into slices.
#[test]
fn the_operations_of_a_shard_are_cut_into_slices() {
    let printed = done(&[
        "bench",
        "small",
        "--batch",
        "16",
        "--steps",
        "1",
        "--scaling",
        "--json",
    ]);
    let json: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(json["scaling"]["shards"], 1);
    let operations = json["scaling"]["operations"].as_array().unwrap();
    for name in [
        "conv2d",
        "conv2d input gradient",
        "conv2d weight gradient",
        "max_pool2d",
        "max_pool2d gradient",
        "batch_norm",
        "batch_norm gradient",
    ] {
        let of = operations.iter().find(|of| of["name"] == name);
        let of = of.unwrap_or_else(|| panic!("no {name}: {printed}"));
        assert!(of["slices"].as_f64().unwrap() >= 2.0, "{of}");
    }
}
