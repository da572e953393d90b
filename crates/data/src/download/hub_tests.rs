//! Tests against a local server that redirects, truncates bodies, or sends wrong hashes, no hashes or nothing
//! at all.

use super::*;
use crate::error::DataError;
use crate::progress::NoProgress;
use receptive_core::hash::sha256;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// How the server answers.
#[derive(Clone, Copy, PartialEq)]
enum Server {
    /// As the hub: the hash and size of the weights, then a redirect to another path.
    Good,
    /// The connection closes after each third of the weights.
    Cut,
    /// The hash of another file.
    WrongHash,
    /// No hash, and no redirect.
    NoHash,
    /// `pytorch_model.bin` in place of `model.safetensors`.
    Bin,
    /// The repository was renamed.
    Renamed,
    Gone,
    Closed,
    Broken,
    /// Endless data, more than announced.
    Endless,
    /// An HTML page instead of the config, with a commit in its headers.
    Page,
    /// Ranges are ignored: the file is always sent from its beginning.
    NoRanges,
}

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const CONFIG: &[u8] = br#"{"architecture":"resnet18"}"#;

fn weights() -> Vec<u8> {
    (0..90_000u32).map(|i| (i * 7 % 251) as u8).collect()
}

struct Running {
    url: String,
    requests: Arc<AtomicUsize>,
}

fn serve(server: Server) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let requests = Arc::new(AtomicUsize::new(0));
    let count = requests.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            count.fetch_add(1, Ordering::Relaxed);
            thread::spawn(move || answer(stream, server));
        }
    });
    Running { url, requests }
}

fn answer(mut stream: TcpStream, server: Server) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
        request.push(byte[0]);
    }
    let request = String::from_utf8_lossy(&request).to_string();
    let mut words = request.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let range = request
        .to_ascii_lowercase()
        .find("range: bytes=")
        .map(|at| {
            let digits = request[at + 13..].chars().take_while(char::is_ascii_digit);
            digits.collect::<String>().parse::<usize>().unwrap()
        });
    let plain = |status: &str| {
        format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    };
    match server {
        Server::Gone => return stream.write_all(plain("404 Not Found").as_bytes()),
        Server::Closed => return stream.write_all(plain("401 Unauthorized").as_bytes()),
        Server::Broken => return stream.write_all(plain("500 Oops").as_bytes()),
        Server::Renamed if path.starts_with("/timm/net/") => {
            let new = path.replace("/timm/net/", "/timm/new/");
            return write!(
                stream,
                "HTTP/1.1 307 Moved\r\nConnection: close\r\nLocation: {new}\r\nContent-Length: 0\r\n\r\n"
            );
        }
        _ => {}
    }
    let commit = format!("X-Repo-Commit: {COMMIT}\r\n");
    let body = match path.rsplit('/').next().unwrap() {
        "config.json" if server == Server::Page => b"<!DOCTYPE html><p>Log in".to_vec(),
        "config.json" => CONFIG.to_vec(),
        "model.safetensors" if server != Server::Bin => weights(),
        "pytorch_model.bin" if server == Server::Bin => weights(),
        _ => return stream.write_all(plain("404 Not Found").as_bytes()),
    };
    let is_weights = body.len() > 1000;
    if is_weights && !path.starts_with("/cdn/") && server != Server::NoHash {
        let hash = match server {
            Server::WrongHash => sha256(b"another file"),
            _ => sha256(&body),
        };
        let size = body.len();
        return write!(
            stream,
            "HTTP/1.1 302 Found\r\nConnection: close\r\n{commit}X-Linked-Etag: \"{hash}\"\r\n\
             X-Linked-Size: {size}\r\nLocation: /cdn{path}\r\nContent-Length: 0\r\n\r\n"
        );
    }
    let from = range.filter(|_| server != Server::NoRanges).unwrap_or(0);
    let status = if from > 0 {
        "206 Partial Content"
    } else {
        "200 OK"
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nConnection: close\r\n{commit}ETag: \"abc\"\r\n"
    )?;
    if server == Server::Endless && is_weights {
        stream.write_all(b"\r\n")?;
        loop {
            stream.write_all(&body)?;
        }
    }
    write!(stream, "Content-Length: {}\r\n\r\n", body.len() - from)?;
    if method == "HEAD" {
        return Ok(());
    }
    let is_cut = matches!(server, Server::Cut | Server::NoRanges) && is_weights;
    let end = match is_cut {
        true if server == Server::NoRanges && range.is_some() => body.len(),
        true => (from + body.len() / 3 + 1).min(body.len()),
        false => body.len(),
    };
    stream.write_all(&body[from..end])
}

fn hub(url: &str, cache: &Path) -> Hub {
    Hub {
        endpoint: url.into(),
        cache: cache.into(),
        offline: false,
        silence: Some(Duration::from_secs(2)),
    }
}

fn get(hub: &Hub) -> Result<HubFiles, DataError> {
    let repository: HubRepository = "timm/net".parse().unwrap();
    let wanted: [&[&str]; 2] = [
        &["config.json"],
        &["model.safetensors", "pytorch_model.bin"],
    ];
    hub.files(&repository, &wanted, &NoProgress)
}

#[test]
fn files_come_through_redirects_and_then_from_the_cache() {
    for server in [Server::Good, Server::Renamed] {
        let (server, cache) = (serve(server), tempfile::tempdir().unwrap());
        let mut hub = hub(&server.url, cache.path());
        let files = get(&hub).unwrap();
        assert!(files.folder.ends_with(Path::new("timm/net").join(COMMIT)));
        assert_eq!(files.names, ["config.json", "model.safetensors"]);
        assert!(files.address.ends_with(&format!("/timm/net/tree/{COMMIT}")));
        assert!(files.notes.is_empty());
        let weights_at = files.folder.join("model.safetensors");
        assert_eq!(fs::read(&weights_at).unwrap(), weights());
        let entries = fs::read_dir(&files.folder).unwrap();
        assert_eq!(
            entries.count(),
            4,
            "both, the hash of the weights, and the address"
        );

        // `main` may have moved, so the server is asked, but the files are not sent again.
        let before = server.requests.load(Ordering::Relaxed);
        assert_eq!(get(&hub).unwrap(), files);
        let asked = server.requests.load(Ordering::Relaxed) - before;
        assert!(asked <= 4, "{asked}");
        hub.offline = true;
        let before = server.requests.load(Ordering::Relaxed);
        assert_eq!(get(&hub).unwrap(), files);
        assert_eq!(server.requests.load(Ordering::Relaxed), before);
    }
}

#[test]
fn a_body_that_is_cut_is_continued_by_the_next_try() {
    let (server, cache) = (serve(Server::Cut), tempfile::tempdir().unwrap());
    let hub = hub(&server.url, cache.path());
    for _ in 0..2 {
        let error = get(&hub).unwrap_err().to_string();
        assert!(
            error.contains("of 90000 bytes") || error.contains("model.safetensors"),
            "{error}"
        );
        assert!(error.contains("try again to continue"), "{error}");
        assert!(!error.contains("nothing"), "{error}");
    }
    let files = get(&hub).unwrap();
    assert_eq!(
        fs::read(files.folder.join("model.safetensors")).unwrap(),
        weights()
    );
}

#[test]
fn a_server_without_ranges_sends_the_file_anew() {
    let (server, cache) = (serve(Server::NoRanges), tempfile::tempdir().unwrap());
    let hub = hub(&server.url, cache.path());
    get(&hub).unwrap_err();
    let files = get(&hub).unwrap();
    assert_eq!(
        fs::read(files.folder.join("model.safetensors")).unwrap(),
        weights()
    );
}

#[test]
fn a_file_that_is_not_the_announced_one_is_not_kept() {
    for server in [Server::WrongHash, Server::Endless] {
        let (server, cache) = (serve(server), tempfile::tempdir().unwrap());
        let hub = hub(&server.url, cache.path());
        let error = get(&hub).unwrap_err();
        assert!(matches!(error, DataError::Checksum { .. }), "{error}");
        let folder = cache.path().join("timm/net").join(COMMIT);
        let left: Vec<_> = fs::read_dir(folder).unwrap().flatten().collect();
        assert_eq!(left.len(), 1, "config.json alone: {left:?}");
    }
}

#[test]
fn a_file_without_a_hash_is_taken_and_said() {
    let (server, cache) = (serve(Server::NoHash), tempfile::tempdir().unwrap());
    let files = get(&hub(&server.url, cache.path())).unwrap();
    assert_eq!(
        files.notes,
        ["the server gave no checksum of model.safetensors"]
    );
    assert_eq!(
        fs::read(files.folder.join("model.safetensors")).unwrap(),
        weights()
    );
}

#[test]
fn a_file_that_was_damaged_in_the_cache_is_fetched_again() {
    let (server, cache) = (serve(Server::Good), tempfile::tempdir().unwrap());
    let mut hub = hub(&server.url, cache.path());
    let file = get(&hub).unwrap().folder.join("model.safetensors");
    let mut bytes = fs::read(&file).unwrap();
    bytes[50_000] ^= 1;
    fs::write(&file, &bytes).unwrap();
    hub.offline = true;
    let error = get(&hub).unwrap_err().to_string();
    assert!(error.contains("damaged"), "{error}");
    hub.offline = false;
    get(&hub).unwrap();
    assert_eq!(fs::read(&file).unwrap(), weights());
}

#[test]
fn a_file_that_came_without_a_hash_is_fetched_again_once_a_server_has_another() {
    let cache = tempfile::tempdir().unwrap();
    let file = get(&hub(&serve(Server::NoHash).url, cache.path())).unwrap();
    let file = file.folder.join("model.safetensors");
    // As if that server had sent other bytes.
    let mut bytes = weights();
    bytes[50_000] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let note = file.with_extension("safetensors.sha256");
    let noted = fs::read_to_string(&note).unwrap();
    fs::write(&note, noted.replace(&sha256(&weights()), &sha256(&bytes))).unwrap();
    let files = get(&hub(&serve(Server::Good).url, cache.path())).unwrap();
    assert!(files.notes.is_empty(), "{:?}", files.notes);
    assert_eq!(fs::read(&file).unwrap(), weights());
    assert_settled(cache.path());
}

#[test]
fn a_file_that_came_without_a_hash_is_verified_once_a_server_has_the_same() {
    let cache = tempfile::tempdir().unwrap();
    let files = get(&hub(&serve(Server::NoHash).url, cache.path())).unwrap();
    let file = files.folder.join("model.safetensors");
    let modified = fs::metadata(&file).unwrap().modified().unwrap();
    let files = get(&hub(&serve(Server::Good).url, cache.path())).unwrap();
    assert!(files.notes.is_empty(), "{:?}", files.notes);
    assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), modified);
    assert_settled(cache.path());
}

/// Without asking the server, the files of a commit are known to be those that it has announced.
fn assert_settled(cache: &Path) {
    let server = serve(Server::Good);
    let pinned: HubRepository = format!("timm/net@{COMMIT}").parse().unwrap();
    let wanted: [&[&str]; 2] = [&["config.json"], &["model.safetensors"]];
    let found = hub(&server.url, cache).files(&pinned, &wanted, &NoProgress);
    assert_eq!(found.unwrap().names, ["config.json", "model.safetensors"]);
    assert_eq!(server.requests.load(Ordering::Relaxed), 0);
}

#[test]
fn a_file_that_lost_its_hash_is_fetched_again() {
    let (server, cache) = (serve(Server::Good), tempfile::tempdir().unwrap());
    let mut hub = hub(&server.url, cache.path());
    let file = get(&hub).unwrap().folder.join("model.safetensors");
    fs::remove_file(file.with_extension("safetensors.sha256")).unwrap();
    fs::write(&file, "other").unwrap();
    hub.offline = true;
    let error = get(&hub).unwrap_err().to_string();
    assert!(error.contains("missing or damaged"), "{error}");
    hub.offline = false;
    get(&hub).unwrap();
    assert_eq!(fs::read(&file).unwrap(), weights());
}

#[test]
fn files_of_the_cache_have_the_address_that_they_were_downloaded_from() {
    let (server, cache) = (serve(Server::Good), tempfile::tempdir().unwrap());
    let address = get(&hub(&server.url, cache.path())).unwrap().address;
    assert!(address.starts_with(&server.url), "{address}");
    let mut other = hub("http://127.0.0.1:9", cache.path());
    other.offline = true;
    assert_eq!(get(&other).unwrap().address, address);
}

#[test]
fn the_second_name_is_taken_where_the_first_is_not_there() {
    let (server, cache) = (serve(Server::Bin), tempfile::tempdir().unwrap());
    let files = get(&hub(&server.url, cache.path())).unwrap();
    assert_eq!(files.names, ["config.json", "pytorch_model.bin"]);
}

#[test]
fn what_is_not_there_or_not_open_is_said_and_leaves_nothing() {
    for (server, words) in [
        (Server::Gone, "has no config.json at `main` (404)"),
        (Server::Closed, "(401): there is no such repository"),
        (Server::Broken, "the server returned 500"),
    ] {
        let (server, cache) = (serve(server), tempfile::tempdir().unwrap());
        let error = get(&hub(&server.url, cache.path()))
            .unwrap_err()
            .to_string();
        assert!(error.contains(words), "{error}");
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 0);
    }
    let cache = tempfile::tempdir().unwrap();
    let mut hub = hub("http://127.0.0.1:9", cache.path());
    hub.offline = true;
    let error = get(&hub).unwrap_err().to_string();
    assert!(error.contains("missing or damaged in the cache"), "{error}");
    // No download was attempted, so the message must not say that nothing was kept.
    assert!(!error.contains("nothing was kept"), "{error}");
    assert!(!error.contains("check the network"), "{error}");
    let folder = cache.path().join("timm").join("net");
    assert!(error.contains(&*folder.to_string_lossy()), "{error}");
}

#[test]
fn a_page_in_place_of_the_config_is_not_kept() {
    let (bad, cache) = (serve(Server::Page), tempfile::tempdir().unwrap());
    let error = get(&hub(&bad.url, cache.path())).unwrap_err().to_string();
    assert!(error.contains("something other than JSON"), "{error}");
    let good = serve(Server::Good);
    let files = get(&hub(&good.url, cache.path())).unwrap();
    let config = files.folder.join("config.json");
    assert_eq!(fs::read(&config).unwrap(), CONFIG);
    // A page that an earlier version saved as the config is replaced.
    fs::write(&config, "<!DOCTYPE html>").unwrap();
    get(&hub(&good.url, cache.path())).unwrap();
    assert_eq!(fs::read(&config).unwrap(), CONFIG);
}

#[test]
fn a_repository_is_an_organization_and_a_name() {
    for good in ["timm/resnet18.a1_in1k", "a/b@v1.0", "a/b@refs/pr/1"] {
        good.parse::<HubRepository>().unwrap();
    }
    for bad in [
        "resnet18", "a/b/c", "../b", "a/..", "a/b@", "a/b@../c", "a b/c", "", "a/",
    ] {
        assert!(bad.parse::<HubRepository>().is_err(), "{bad}");
    }
}

#[test]
fn the_environment_names_server_and_cache() {
    let hub = |pairs: &[(&str, &str)]| {
        let get = |name: &str| {
            let found = pairs.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.into())
        };
        Hub::from_env(false, get)
    };
    let usual = hub(&[("HOME", "/h")]).unwrap();
    assert_eq!(usual.endpoint, "https://huggingface.co");
    assert_eq!(usual.cache, Path::new("/h/.cache/receptive/hub"));
    let own = hub(&[
        ("HF_ENDPOINT", "https://mirror.example/"),
        ("RECEPTIVE_CACHE", "/c"),
    ])
    .unwrap();
    assert_eq!(own.endpoint, "https://mirror.example");
    assert_eq!(own.cache, Path::new("/c/hub"));
    assert!(hub(&[("HF_ENDPOINT", "mirror"), ("HOME", "/h")]).is_err());
    assert!(hub(&[]).is_err());
}
