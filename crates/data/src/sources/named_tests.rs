//! Downloads of named data sets from a local server, with small IDX files instead of a published set.

use super::*;
use crate::download::RemoteFile;
use crate::progress::NoProgress;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, thread};

/// How the server misbehaves.
#[derive(Clone, Copy, PartialEq)]
enum Server {
    Good,
    /// Half the body, then the connection closes, with or without an announced length.
    Cut {
        announced: bool,
    },
    /// Half the body, then nothing more.
    Silent,
    /// The right length, but other bytes.
    Altered,
    /// Endless data, more than published.
    Endless,
    /// Not found.
    Gone,
    /// An internal server error.
    Broken,
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

/// Four IDX files, gzipped: 4 training and 2 test images of 2 x 2.
fn files() -> [Vec<u8>; 4] {
    let images = |n: u8| {
        let header = [0, 0, 8, 3, 0, 0, 0, n, 0, 0, 0, 2, 0, 0, 0, 2];
        gzip(&[&header[..], &vec![n; usize::from(n) * 4]].concat())
    };
    let labels = |n: u8| {
        let labels: Vec<u8> = (0..n).map(|i| i % 2).collect();
        gzip(&[&[0, 0, 8, 1, 0, 0, 0, n][..], &labels].concat())
    };
    [images(4), labels(4), images(2), labels(2)]
}

const NAMES: [&str; 4] = [
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
];

/// A known data set with those files. Leaked, because known sets have static lifetime.
fn known() -> KnownDataSet {
    let remotes = NAMES.iter().zip(files()).map(|(file, bytes)| {
        let sha256 = receptive_core::hash::sha256(&bytes);
        RemoteFile {
            file,
            size: bytes.len() as u64,
            sha256: sha256.leak(),
        }
    });
    KnownDataSet {
        name: "toy",
        url: "unused",
        files: remotes.collect::<Vec<_>>().leak(),
        format: Format::Idx {
            classes: &["even", "odd"],
        },
        images: (4, 2),
    }
}

/// Starts a server and returns its address.
fn serve(server: Server) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("bound"));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream, server));
        }
    });
    url
}

fn answer(mut stream: TcpStream, server: Server) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
        request.push(byte[0]);
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let file = NAMES
        .iter()
        .position(|name| request.starts_with(&format!("GET /{name} ")));
    if server == Server::Broken {
        return stream.write_all(b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops");
    }
    let (Some(file), true) = (file, server != Server::Gone) else {
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    };
    let mut body = files()[file].clone();
    if server == Server::Altered {
        *body.last_mut().expect("not empty") ^= 1;
    }
    let close = "HTTP/1.1 200 OK\r\nConnection: close\r\n";
    if matches!(server, Server::Endless | Server::Cut { announced: false }) {
        write!(stream, "{close}\r\n")?;
    } else {
        write!(stream, "{close}Content-Length: {}\r\n\r\n", body.len())?;
    }
    match server {
        Server::Cut { .. } => stream.write_all(&body[..body.len() / 2]),
        Server::Silent => {
            stream.write_all(&body[..body.len() / 2])?;
            thread::sleep(Duration::from_secs(20));
            Ok(())
        }
        Server::Endless => loop {
            stream.write_all(&body)?;
        },
        _ => stream.write_all(&body),
    }
}

fn places(folder: &Path) -> SearchPath {
    SearchPath {
        bases: vec![folder.to_path_buf()],
        download: Some(folder.to_path_buf()),
    }
}

fn get(url: &str, folder: &Path) -> Result<Source, DataError> {
    let silence = Some(Duration::from_millis(400));
    open(&known(), url, &places(folder), true, &NoProgress, silence)
}

/// All files below a folder.
fn left(folder: &Path) -> Vec<std::ffi::OsString> {
    let Ok(entries) = fs::read_dir(folder.join("toy")) else {
        return Vec::new();
    };
    entries
        .map(|entry| entry.expect("listed").file_name())
        .collect()
}

#[test]
fn a_set_is_downloaded_once_and_then_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = get(&serve(Server::Good), folder.path()).expect("downloads");
    assert_eq!((source.train.items.len(), source.list.len()), (4, 2));
    assert_eq!(left(folder.path()).len(), 4);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let file = folder.path().join("toy").join(NAMES[0]);
        let mode = file.metadata().expect("there").permissions().mode();
        assert_eq!(
            mode & 0o044,
            0o044 & !umask(),
            "others may read it as the umask allows"
        );
    }
    // The second time no server is contacted.
    assert!(get("http://127.0.0.1:1/", folder.path()).is_ok());
}

#[test]
fn a_download_removes_what_an_interrupted_one_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("toy");
    fs::create_dir(&place).expect("made");
    fs::write(place.join(".partial-a1b2c3"), "half").expect("written");
    get(&serve(Server::Good), folder.path()).expect("downloads");
    assert_eq!(left(folder.path()).len(), 4);
}

#[cfg(unix)]
fn umask() -> u32 {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("plain");
    fs::write(&file, "").expect("written");
    0o666 & !file.metadata().expect("there").permissions().mode()
}

#[test]
fn a_cut_connection_leaves_no_half_file() {
    for server in [
        Server::Cut { announced: true },
        Server::Cut { announced: false },
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let error = get(&serve(server), folder.path()).err().expect("must fail");
        let text = error.to_string();
        assert!(matches!(error, DataError::Download { .. }), "{text}");
        assert!(
            text.contains(NAMES[0]) && text.contains("nothing was kept"),
            "{text}"
        );
        assert_eq!(left(folder.path()), [""; 0]);
    }
}

#[test]
fn a_silent_server_is_given_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let began = Instant::now();
    let error = get(&serve(Server::Silent), folder.path())
        .err()
        .expect("must fail");
    assert!(matches!(error, DataError::Download { .. }), "{error}");
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(left(folder.path()), [""; 0]);
}

#[test]
fn a_wrong_checksum_leaves_no_file() {
    for server in [Server::Altered, Server::Endless] {
        let folder = tempfile::tempdir().expect("a folder");
        let error = get(&serve(server), folder.path()).err().expect("must fail");
        let text = error.to_string();
        assert!(matches!(error, DataError::Checksum { .. }), "{text}");
        assert!(text.contains(known().files[0].sha256), "{text}");
        assert_eq!(left(folder.path()), [""; 0]);
    }
}

#[test]
fn no_network_and_no_such_file_are_clear_errors() {
    let folder = tempfile::tempdir().expect("a folder");
    for (url, reason) in [
        (serve(Server::Gone), "404"),
        (serve(Server::Broken), "500"),
        ("http://127.0.0.1:1/".to_string(), ""),
    ] {
        let error = get(&url, folder.path()).err().expect("must fail");
        assert!(matches!(error, DataError::Download { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains(&format!("{url}{}", NAMES[0])) && text.contains(reason),
            "{text}"
        );
        let place = folder.path().join("toy").display().to_string();
        assert!(
            text.contains("try again, or put the file into") && text.contains(&place),
            "{text}"
        );
        assert_eq!(left(folder.path()), [""; 0]);
    }
}

#[test]
fn without_downloads_the_error_says_where_it_was_looked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let error = open(
        &known(),
        "http://x/",
        &places(folder.path()),
        false,
        &NoProgress,
        None,
    );
    let text = error.err().expect("must fail").to_string();
    let place = folder.path().join("toy");
    assert!(text.contains(&place.display().to_string()), "{text}");
    assert!(
        text.contains("http://x/") && text.contains(NAMES[3]),
        "{text}"
    );
    assert!(!place.exists(), "looking must not make folders");
}

#[test]
fn half_a_copy_is_completed_and_a_wrong_one_rejected() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("toy");
    fs::create_dir(&place).expect("made");
    // Two of four files exist: only the others are downloaded.
    for (name, bytes) in NAMES.iter().zip(files()).take(2) {
        fs::write(place.join(name), bytes).expect("written");
    }
    get(&serve(Server::Good), folder.path()).expect("completes");
    // A set with fewer images than published must not be used under its name.
    let few = KnownDataSet {
        images: (60_000, 10_000),
        ..known()
    };
    let error = open(
        &few,
        "http://x/",
        &places(folder.path()),
        true,
        &NoProgress,
        None,
    );
    let text = error.err().expect("must fail").to_string();
    assert!(
        text.contains("60000") && text.contains("found 4 and 2"),
        "{text}"
    );
}

#[test]
fn places_are_looked_at_in_the_documented_order() {
    let options = DataOptions {
        data_dir: Some("chosen".into()),
        ..DataOptions::default()
    };
    let environment = |name: &str| match name {
        "RECEPTIVE_DATA" => Some("variable".into()),
        "HOME" => Some("home".into()),
        "XDG_CACHE_HOME" => Some("".into()),
        _ => None,
    };
    let found = SearchPath::new(&options, environment);
    let expected = ["chosen", "variable", SYSTEM, "home/.cache/receptive"].map(PathBuf::from);
    assert_eq!(found.bases, expected);
    assert_eq!(found.download, Some("chosen".into()));
    let found = SearchPath::new(&DataOptions::default(), environment);
    assert_eq!(found.download, Some("variable".into()));
    let found = SearchPath::new(&DataOptions::default(), |_| None);
    assert_eq!((found.bases.len(), found.download), (1, None));
}
