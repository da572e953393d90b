//! Downloads with a checksum that leave nothing half done.

use std::{
    fs,
    io::{Read, Write},
    path::Path,
    time::Duration,
};

use sha2::{Digest, Sha256};

use crate::{DataError, Progress, known::Remote, progress::Running};

const CONNECT: Duration = Duration::from_secs(20);
/// A connection on which nothing arrives for so long is given up.
const SILENCE: Duration = Duration::from_secs(30);

/// Fetches `url` into `folder/remote.file`, through a temporary file in the same folder which is
/// renamed only after its size and SHA-256 are right, and removed in every other case.
pub(crate) fn fetch(
    url: &str,
    remote: &Remote,
    folder: &Path,
    progress: &dyn Progress,
    silence: Option<Duration>,
) -> Result<(), DataError> {
    fs::create_dir_all(folder).map_err(DataError::io("create", folder))?;
    let failed = |reason: String| DataError::Download {
        url: url.to_string(),
        reason,
        place: folder.to_path_buf(),
    };
    let silence = silence.unwrap_or(SILENCE);
    let mut config = ureq::Agent::config_builder();
    if url.starts_with("http://127.0.0.1:") {
        config = config.proxy(None); // this machine is never behind the proxy
    }
    let agent: ureq::Agent = config
        .timeout_resolve(Some(CONNECT))
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(silence))
        .timeout_per_read(Some(silence))
        .user_agent(concat!("receptive/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let response = agent
        .get(url)
        .call()
        .map_err(|error| failed(error.to_string()))?;
    // Never more than what was published, whatever the server sends.
    let mut body = response.into_body().into_reader().take(remote.size + 1);

    let mut partial = new_file(folder)?;
    let running = Running::start(
        progress,
        &format!("downloading {}", remote.file),
        Some(remote.size),
    );
    let (mut hash, mut size) = (Sha256::new(), 0);
    let mut buffer = vec![0; 64 << 10];
    loop {
        let n = body
            .read(&mut buffer)
            .map_err(|error| failed(error.to_string()))?;
        let bytes = &buffer[..n];
        if bytes.is_empty() {
            break;
        }
        hash.update(bytes);
        partial
            .write_all(bytes)
            .map_err(DataError::io("write", partial.path()))?;
        size += n as u64;
        running.advance(n as u64);
    }
    if size < remote.size {
        return Err(failed(format!(
            "the connection ended after {size} of {} bytes",
            remote.size
        )));
    }
    let found: String = hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if size > remote.size || found != remote.sha256 {
        return Err(DataError::Checksum {
            url: url.to_string(),
            expected: format!("SHA-256 {} of {} bytes", remote.sha256, remote.size),
            found: if size > remote.size {
                "a longer file".into()
            } else {
                found
            },
        });
    }
    let target = folder.join(remote.file);
    partial
        .as_file()
        .sync_all()
        .map_err(DataError::io("write", partial.path()))?;
    partial
        .persist(&target)
        .map_err(|e| DataError::io("create", &target)(e.error))?;
    Ok(())
}

/// A temporary file that removes itself unless it is persisted, readable by others then.
fn new_file(folder: &Path) -> Result<tempfile::NamedTempFile, DataError> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".partial-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o644));
    }
    builder
        .tempfile_in(folder)
        .map_err(DataError::io("create a file in", folder))
}
