//! Repositories of the Hugging Face hub or of a compatible server: `ENDPOINT/ORG/NAME/resolve/REVISION/FILE`.

use super::agent::agent;
use super::resume::{RemoteMetadata, fetch, is_announced, is_intact, is_verified, mark_verified};
use crate::error::DataError;
use crate::progress::Progress;
use receptive_core::file::write_durable;
use receptive_core::text::Printable;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// The hub's address, unless `HF_ENDPOINT` is set.
const ENDPOINT: &str = "https://huggingface.co";

/// A repository and one of its revisions, written `ORG/NAME` or `ORG/NAME@REVISION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubRepository {
    organization: String,
    name: String,
    /// A branch, a tag or a commit.
    revision: String,
}

impl HubRepository {
    /// The name without the organisation.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for HubRepository {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (path, revision) = text.split_once('@').unwrap_or((text, "main"));
        // The parts become folders of the cache and parts of a URL.
        let is_word = |word: &str| {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            !word.is_empty()
                && !word.starts_with('.')
                && word.len() <= 96
                && word.chars().all(is_plain)
        };
        match path.split_once('/') {
            Some((organization, name))
                if is_word(organization) && is_word(name) && revision.split('/').all(is_word) =>
            {
                Ok(Self {
                    organization: organization.into(),
                    name: name.into(),
                    revision: revision.into(),
                })
            }
            _ => Err(format!(
                "expected ORG/NAME or ORG/NAME@REVISION, such as timm/resnet18.a1_in1k, found `{}`",
                text.printable()
            )),
        }
    }
}

/// A hub, and the cache folder for its files.
#[derive(Debug, Clone)]
pub struct Hub {
    /// Its address, without a slash at the end.
    pub endpoint: String,
    /// The cache: one folder per repository and commit.
    pub cache: PathBuf,
    /// Whether downloads are disabled.
    pub offline: bool,
    /// Timeout of a connection that transfers no data; 30 seconds by default.
    pub silence: Option<Duration>,
}

/// Files of a repository on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubFiles {
    /// Where they are.
    pub folder: PathBuf,
    /// The requested names, as in the repository.
    pub names: Vec<String>,
    /// The address of the revision: `https://huggingface.co/timm/resnet18.a1_in1k/tree/COMMIT`.
    pub address: String,
    /// A warning for the user, such as a file without a checksum.
    pub notes: Vec<String>,
}

/// In the folder of a commit: the endpoint from which its files were downloaded.
const ORIGIN: &str = ".endpoint";

fn origin(folder: &Path) -> Option<String> {
    let endpoint = fs::read_to_string(folder.join(ORIGIN)).ok()?;
    (!endpoint.contains(char::is_control)).then_some(endpoint)
}

/// A server's response about a file.
struct Head {
    commit: Option<String>,
    announced: RemoteMetadata,
}

impl Hub {
    /// The hub at `HF_ENDPOINT`, or else huggingface.co, with its cache in `RECEPTIVE_CACHE` or the user's
    /// cache folder.
    ///
    /// # Errors
    /// `HF_ENDPOINT` is not a valid address, or there is no cache folder.
    pub fn from_env(
        offline: bool,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, DataError> {
        let variable = |name| environment(name).filter(|value| !value.is_empty());
        let endpoint = match variable("HF_ENDPOINT").map(OsString::into_string) {
            None => ENDPOINT.into(),
            Some(Ok(url)) if url.starts_with("https://") || url.starts_with("http://") => url,
            Some(url) => {
                let url = url.unwrap_or_else(|url| url.to_string_lossy().into_owned());
                return Err(DataError::setting(
                    "HF_ENDPOINT",
                    format!(
                        "expected an address such as {ENDPOINT}, found `{}`",
                        url.printable()
                    ),
                ));
            }
        };
        let path = |name| variable(name).map(PathBuf::from);
        let cache = path("RECEPTIVE_CACHE")
            .or_else(|| path("XDG_CACHE_HOME").map(|cache| cache.join("receptive")))
            .or_else(|| path("HOME").map(|home| home.join(".cache").join("receptive")))
            .or_else(|| path("LOCALAPPDATA").map(|cache| cache.join("receptive")))
            .ok_or_else(|| {
                DataError::setting(
                    "RECEPTIVE_CACHE",
                    "there is no folder for downloads; set it to one",
                )
            })?;
        Ok(Self {
            endpoint: endpoint.trim_end_matches('/').into(),
            cache: cache.join("hub"),
            offline,
            silence: None,
        })
    }

    /// Files of a repository, from the cache or the hub. Each entry of `wanted` lists alternative names; the
    /// first that exists is used.
    ///
    /// # Errors
    /// The repository, the revision or a file does not exist, the connection fails, a file does not match its
    /// announced size or hash, or downloads are disabled and a file is not in the cache.
    pub fn files(
        &self,
        repository: &HubRepository,
        wanted: &[&[&str]],
        progress: &dyn Progress,
    ) -> Result<HubFiles, DataError> {
        let HubRepository {
            organization,
            name,
            revision,
        } = repository;
        let base = self.cache.join(organization).join(name);
        let mark = base.join("refs").join(revision.replace('/', "--"));
        let url = |file: &str, revision: &str| {
            format!(
                "{}/{organization}/{name}/resolve/{revision}/{file}",
                self.endpoint
            )
        };
        let first = wanted.first().and_then(|names| names.first());
        let first = url(first.copied().unwrap_or_default(), revision);
        let mut commit = if is_commit(revision) {
            Some(revision.clone())
        } else if self.offline {
            fs::read_to_string(&mark).ok().filter(|mark| is_plain(mark))
        } else {
            None
        };
        // A server may tell more about a file than the one it was downloaded from.
        let is_settled = |folder: &Path, name: &str| self.offline || is_verified(folder, name);
        let cached = |commit: &str| {
            let folder = base.join(commit);
            in_folder(&folder, wanted)
                .filter(|names| names.iter().all(|name| is_settled(&folder, name)))
        };
        let found = |commit: &str, names: Vec<String>, notes: Vec<String>| HubFiles {
            folder: base.join(commit),
            names,
            address: format!(
                "{}/{organization}/{name}/tree/{commit}",
                origin(&base.join(commit)).unwrap_or_else(|| self.endpoint.clone())
            ),
            notes,
        };
        if let Some((commit, names)) = commit
            .as_ref()
            .and_then(|commit| Some((commit, cached(commit)?)))
        {
            return Ok(found(commit, names, Vec::new()));
        }
        if self.offline {
            return Err(DataError::Hub {
                url: first,
                reason: format!(
                    "downloads are disabled, and it is missing or damaged in the cache {}",
                    base.printable()
                ),
                remedy: "allow the download once, or use the folder of a downloaded copy of the \
                    repository"
                    .into(),
            });
        }
        let (mut names, mut notes) = (Vec::new(), Vec::new());
        for choices in wanted {
            let mut head = None;
            for choice in *choices {
                let at = commit.as_deref().unwrap_or(revision);
                head = self.head(&url(choice, at))?.map(|head| (*choice, head));
                if head.is_some() {
                    break;
                }
            }
            let Some((file, head)) = head else {
                let at = commit.as_deref().unwrap_or(revision);
                return Err(DataError::Hub {
                    url: url(choices.first().copied().unwrap_or_default(), at),
                    reason: format!(
                        "the repository {organization}/{name} has no {} at `{revision}` (404)",
                        choices.join(" or ")
                    ),
                    remedy:
                        "check the name and the revision; only repositories with both files can be \
                             imported"
                            .into(),
                });
            };
            // The first file determines the commit of the revision, for all files.
            let commit = commit.get_or_insert_with(|| {
                let commit = head.commit.clone().filter(|commit| is_plain(commit));
                commit.unwrap_or_else(|| revision.replace('/', "--"))
            });
            let folder = base.join(&*commit);
            // Without a commit, the file may have changed since: only its announced hash tells.
            let is_this = (is_commit(commit) || head.announced.sha256.is_some())
                && is_announced(&folder, file, &head.announced);
            if is_this && is_intact(&folder, file) {
                if head.announced.sha256.is_some() && !is_verified(&folder, file) {
                    mark_verified(&folder, file)?;
                }
            } else {
                let at = if is_commit(commit) {
                    &*commit
                } else {
                    revision
                };
                fetch(
                    &url(file, at),
                    &folder,
                    file,
                    &head.announced,
                    progress,
                    self.silence,
                )?;
            }
            if !is_verified(&folder, file) {
                notes.push(match head.announced.size {
                    Some(_) => format!("the server gave no checksum of {file}"),
                    None => format!(
                        "the server gave neither size nor checksum of {file}: if it is incomplete, delete {}",
                        folder.join(file).printable()
                    ),
                });
            }
            names.push(file.to_string());
        }
        let commit = commit.unwrap_or_else(|| revision.clone());
        if origin(&base.join(&commit)).is_none() {
            let file = base.join(&commit).join(ORIGIN);
            write_durable(&file, self.endpoint.as_bytes())
                .map_err(DataError::io("write", &file))?;
        }
        if !is_commit(revision) {
            let folder = base.join("refs");
            fs::create_dir_all(&folder).map_err(DataError::io("create", &folder))?;
            write_durable(&mark, commit.as_bytes()).map_err(DataError::io("write", &mark))?;
        }
        Ok(found(&commit, names, notes))
    }

    /// The server's metadata of a file; `None` if it does not exist.
    fn head(&self, url: &str) -> Result<Option<Head>, DataError> {
        let rejected = |reason: String, remedy: &str| DataError::Hub {
            url: url.to_string(),
            reason,
            remedy: remedy.into(),
        };
        let remedy = "check the network and try again, or give a file or folder of weights that is on this machine";
        let failed = |reason: String| rejected(reason, remedy);
        let config = agent(url, self.silence)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false);
        let agent: ureq::Agent = config.build().into();
        let mut at = url.to_string();
        for _ in 0..MAX_RENAMED {
            let response = agent
                .head(&at)
                .call()
                .map_err(|error| failed(error.to_string()))?;
            let header = |name: &str| {
                let value = response.headers().get(name)?;
                Some(value.to_str().ok()?.trim().to_string())
            };
            let status = response.status().as_u16();
            match status {
                404 => return Ok(None),
                401 | 403 => {
                    let reason = format!(
                        "the server rejects it ({status}): there is no such repository, or it is \
                         not public"
                    );
                    return Err(rejected(reason, "check the name"));
                }
                200..=399 => {}
                _ => return Err(failed(format!("the server returned {status}"))),
            }
            let linked = header("X-Linked-Etag");
            // A renamed repository: a redirect on the same server, without metadata of the file.
            if let (300..=399, None, Some(location)) = (status, &linked, header("Location"))
                && location.starts_with('/')
            {
                at = format!("{}{location}", self.endpoint);
                continue;
            }
            let sha256 = linked.map(|tag| {
                let tag = tag.trim_start_matches("W/").trim_matches('"');
                tag.to_ascii_lowercase()
            });
            let length = match status {
                200 => header("Content-Length"),
                _ => None, // the length of the redirect, not of the file
            };
            let size = header("X-Linked-Size").or(length);
            return Ok(Some(Head {
                commit: header("X-Repo-Commit"),
                announced: RemoteMetadata {
                    size: size.and_then(|size| size.parse().ok()),
                    sha256: sha256.filter(|hash| is_sha256(hash)),
                },
            }));
        }
        Err(failed("the server redirects endlessly".into()))
    }
}

/// Maximum number of redirects to follow for renamed repositories.
const MAX_RENAMED: usize = 5;

fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_sha256(hash: &str) -> bool {
    hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether it is a plain name of one folder.
fn is_plain(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    !name.is_empty() && name.len() <= 96 && name.bytes().all(is_plain)
}

/// The matching files in a folder; `None` unless it has one for each entry.
fn in_folder(folder: &Path, wanted: &[&[&str]]) -> Option<Vec<String>> {
    let one = |choices: &&[&str]| {
        let found = choices.iter().find(|name| is_intact(folder, name));
        found.map(ToString::to_string)
    };
    wanted.iter().map(one).collect()
}
