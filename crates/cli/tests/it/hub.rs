//! Weights from a hub.

use crate::published::{NETWORK, config, weights};
use crate::{receptive, text};
use receptive_model::presets::Scheme;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// A hub that has one repository.
fn hub() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let weights = weights(Scheme::Timm, 3);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = answer(stream, &weights);
        }
    });
    url
}

fn answer(mut stream: TcpStream, weights: &[u8]) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
        request.push(byte[0]);
    }
    let request = String::from_utf8_lossy(&request).to_string();
    let config = config();
    let body = match request.split(' ').nth(1).unwrap() {
        path if path.starts_with("/timm/other/") => b"",
        path if path.ends_with("/config.json") => config.as_bytes(),
        path if path.ends_with("/model.safetensors") => weights,
        _ => b"",
    };
    let status = if body.is_empty() {
        "404 Not Found"
    } else {
        "200 OK"
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nConnection: close\r\nX-Repo-Commit: {}\r\n\
         X-Linked-Etag: \"{}\"\r\nContent-Length: {}\r\n\r\n",
        "0123456789".repeat(4),
        receptive_core::hash::sha256(body),
        body.len()
    )?;
    match request.starts_with("HEAD") {
        true => Ok(()),
        false => stream.write_all(body),
    }
}

#[test]
fn a_repository_of_a_hub_is_fetched_once_and_then_found_offline() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_string();
    let url = hub();
    let run = |arguments: &[&str], endpoint: &str| {
        let mut command = receptive(arguments);
        command
            .env("HF_ENDPOINT", endpoint)
            .env("RECEPTIVE_CACHE", at("cache"));
        command.output().unwrap()
    };
    let out = at("out");
    let import = ["import", "hf:timm/net", "--out", &out];
    let first = run(&import, &url);
    assert!(first.status.success(), "{}", text(&first.stderr));
    let origin = std::fs::read_to_string(at("out/origin.json")).unwrap();
    assert!(origin.contains("/timm/net/tree/0123456789"), "{origin}");
    assert!(!origin.contains("apache"), "{origin}");
    // A repository that is called as its config calls the weights.
    let named = format!("hf:timm/{NETWORK}.test_in3");
    let ran = run(&["import", &named, "--out", &at("named")], &url);
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let origin = std::fs::read_to_string(at("named/origin.json")).unwrap();
    assert!(origin.contains("apache-2.0"), "{origin}");

    // A network's name is that of its repository.
    let ran = run(&["import", NETWORK, "--out", &at("network")], &url);
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let origin = std::fs::read_to_string(at("network/origin.json")).unwrap();
    assert!(origin.contains(".lamb_in1k/tree/0123456789"), "{origin}");
    let unknown = run(&["import", "alexnet", "--out", &at("network")], &url);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("publisher (torchvision)"));

    let nowhere = "http://127.0.0.1:9";
    let offline = run(&[&import[..], &["--offline"]].concat(), nowhere);
    assert!(offline.status.success(), "{}", text(&offline.stderr));
    let refused = run(
        &["import", "hf:timm/other", "--offline", "--out", &out],
        nowhere,
    );
    assert!(text(&refused.stderr).contains("missing or damaged in the"));
    assert!(!text(&refused.stderr).contains("nothing was kept"));
    let missing = run(&["import", "hf:timm/other", "--out", &out], &url);
    assert!(
        text(&missing.stderr).contains("has no config.json"),
        "{}",
        text(&missing.stderr)
    );
    let bad = run(&["import", "hf:timm", "--out", &out], &url);
    assert_eq!(bad.status.code(), Some(2));

    // `train --from` takes the same names.
    let trained = run(
        &[
            "train",
            "fashion-mini",
            "--from",
            NETWORK,
            "--offline",
            "--limit",
            "40",
            "--epochs",
            "1",
            "--image-size",
            "32",
            "--run-dir",
            &at("run"),
        ],
        nowhere,
    );
    assert!(trained.status.success(), "{}", text(&trained.stderr));
    let config = std::fs::read_to_string(at("run/config.toml")).unwrap();
    assert!(config.contains("crop_fraction = 0.9"), "{config}");
}
