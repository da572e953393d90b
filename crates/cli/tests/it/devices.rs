//! Several devices in one process, and a launcher that starts several processes.

use crate::{json, output, text};

/// Arguments of a run of seconds.
const SHORT: [&str; 8] = [
    "train", "--limit", "120", "--epochs", "1", "--json", "--preset", "tutorial",
];

#[test]
fn devices_are_named_in_the_config_and_change_no_bit() {
    let directory = tempfile::tempdir().unwrap();
    let hash = |name: &str, more: &[&str]| {
        let run = directory.path().join(name);
        let run = run.to_str().unwrap();
        let arguments = [&SHORT[..], &["--run-dir", run], more].concat();
        let result = json(&arguments);
        let config = std::fs::read_to_string(format!("{run}/config.toml")).unwrap();
        (result["weights_sha256"].clone(), config)
    };
    let (one, config) = hash("one", &["--threads", "1"]);
    assert!(config.contains("# devices = "), "{config}");
    let (two, config) = hash("two", &["--devices", "flex,flex", "--threads", "3"]);
    assert_eq!(one, two);
    assert!(config.contains(r#"devices = ["flex", "flex"]"#), "{config}");
    // A resume on one device takes the place of several.
    let run = directory.path().join("two");
    let run = run.to_str().unwrap();
    json(&[
        "train",
        "--resume",
        run,
        "--epochs",
        "2",
        "--backend",
        "flex",
        "--json",
    ]);
    let config = std::fs::read_to_string(format!("{run}/config.toml")).unwrap();
    assert!(config.contains("# devices = "), "{config}");
    let evaluated = |more: &[&str]| json(&[&["evaluate", run, "--json"][..], more].concat());
    assert_eq!(
        evaluated(&["--devices", "flex,flex,flex"]),
        evaluated(&["--threads", "1"])
    );
}

#[test]
fn devices_that_cannot_be_used_are_a_sentence_with_the_argument() {
    for (devices, wanted) in [
        ("flex,toaster", "backend `toaster` is unknown"),
        ("flex,flex:4", "has no device 4"),
        ("flex:4", "has no device 4"),
        (",", "it lists no devices"),
        ("wgpu:1,wgpu:1", "lists `wgpu:1` twice"),
        ("flex,rocm", "--features rocm"),
    ] {
        let output = output(&["train", "--devices", devices, "--dry-run"]);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(wanted), "{devices}: {error}");
        assert!(error.contains("--devices"), "{devices}: {error}");
    }
    let output = output(&["train", "--devices", "flex", "--backend", "flex"]);
    assert_eq!(output.status.code(), Some(2));
}

/// Without MPI each of several processes would write the same run.
#[test]
#[cfg(not(feature = "mpi"))]
fn several_processes_of_a_program_without_mpi_are_rejected() {
    let directory = tempfile::tempdir().unwrap();
    let run = directory.path().join("run");
    let run = run.to_str().unwrap();
    for variable in ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"] {
        let arguments = [&SHORT[..], &["--run-dir", run]].concat();
        let output = crate::receptive(&arguments)
            .env(variable, "3")
            .output()
            .unwrap();
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(
            error.contains("3 processes") && error.contains("--features mpi"),
            "{error}"
        );
        assert!(!directory.path().join("run").exists());
    }
    let output = crate::receptive(&["summary", "small"])
        .env("PMI_SIZE", "2")
        .output()
        .unwrap();
    assert!(text(&output.stderr).contains("not `summary`"));
    // One process that a launcher started is as any other.
    let output = crate::receptive(&["summary", "small"])
        .env("PMI_SIZE", "1")
        .output()
        .unwrap();
    assert!(output.status.success());
}
