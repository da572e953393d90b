//! Image files in a `.zip`, `.tar` or `.tar.gz`, read in place: the archive is listed once, and each image is
//! read from its position when needed.
//!
//! A gzipped tar has no random access, so its images are written once to an unnamed temporary file, which the
//! system removes when the program ends for any reason.

mod tar;
mod zip;

use crate::error::DataError;
use crate::names::enumerate;
use crate::progress::Progress;
use crate::sources::kind::{self, FileKind, is_image_name};
use crate::sources::tree::Folder;
use flate2::Crc;
use flate2::read::DeflateDecoder;
use receptive_core::mark;
use receptive_core::text::Printable;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// Maximum number of files in an archive; each takes some 200 bytes of memory.
const MAX_FILES: usize = 10_000_000;

/// An archive that has been listed.
#[derive(Debug)]
pub(crate) struct Archive {
    path: PathBuf,
    /// The archive, or the unpacked images of a gzipped one.
    file: Mutex<File>,
    /// The file's length and modification time when it was listed.
    state: Option<(u64, SystemTime)>,
    members: HashMap<PathBuf, ArchiveMember>,
    /// Notes on files that are not read, one sentence each.
    notes: Vec<String>,
}

/// The position of one file in an archive.
#[derive(Clone, Debug)]
struct ArchiveMember {
    /// The offset of its data or, in a zip, of its header.
    start: u64,
    /// The number of bytes stored.
    stored: u64,
    /// The length of the file.
    len: u64,
    /// How the file is stored, if the archive is a zip.
    zipped: Option<ZipFile>,
}

#[derive(Clone, Debug)]
struct ZipFile {
    is_deflated: bool,
    crc: u32,
}

/// The kinds of archives, detected by their first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ArchiveKind {
    Zip,
    Tar,
    /// Presumably a gzipped tar.
    Gzip,
    /// An unsupported kind, by name with an article.
    Other(&'static str),
}

impl ArchiveKind {
    /// The kind of a regular file; `None` if it is not an archive.
    pub(crate) fn of(path: &Path) -> Result<Option<Self>, DataError> {
        let mut head = Vec::new();
        File::open(path)
            .and_then(|file| file.take(512).read_to_end(&mut head))
            .map_err(DataError::io("read", path))?;
        let is_tar = head.get(257..262) == Some(b"ustar");
        let name = path.to_string_lossy().to_lowercase();
        Ok(match head.as_slice() {
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] | [b'P', b'K', 7, 8, ..] => {
                Some(Self::Zip)
            }
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [b'7', b'z', 0xbc, 0xaf, ..] => Some(Self::Other("a 7z")),
            [b'R', b'a', b'r', b'!', ..] => Some(Self::Other("a RAR")),
            [b'B', b'Z', b'h', ..] => Some(Self::Other("a bzip2")),
            [0xfd, b'7', b'z', b'X', b'Z', ..] => Some(Self::Other("an xz")),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Other("a zstd")),
            [0x5d, 0, 0, _, _, ..] => Some(Self::Other("an LZMA")),
            [b'L', b'Z', b'I', b'P', ..] => Some(Self::Other("an lzip")),
            [0x04, 0x22, 0x4d, 0x18, ..] => Some(Self::Other("an LZ4")),
            [0x1f, 0x9d, ..] => Some(Self::Other("a compress")),
            [b'M', b'S', b'C', b'F', ..] => Some(Self::Other("a CAB")),
            _ if is_tar || name.ends_with(".tar") => Some(Self::Tar),
            // Truncated or invalid files are reported as archives of the kind that their name says.
            _ if name.ends_with(".zip") => Some(Self::Zip),
            _ if [".tar.gz", ".tgz"].iter().any(|end| name.ends_with(end)) => Some(Self::Gzip),
            _ => None,
        })
    }
}

impl Archive {
    /// Lists an archive of this kind. The images of a gzipped one are copied to a temporary file.
    ///
    /// # Errors
    /// The archive cannot be read, or contains images that cannot be read.
    pub(crate) fn open(
        path: &Path,
        kind: ArchiveKind,
        progress: &dyn Progress,
    ) -> Result<Self, DataError> {
        let mut list = List::new(path);
        let file = File::open(path).map_err(DataError::io("open", path))?;
        let file = match kind {
            ArchiveKind::Zip => zip::list(file, &mut list)?,
            ArchiveKind::Tar => tar::list(file, &mut list)?,
            ArchiveKind::Gzip => tar::unpack(file, &mut list, progress)?,
            ArchiveKind::Other(name) => {
                return Err(list.error(format!(
                    "it is {name} archive, which cannot be read; unpack it, or pack the folder \
                     as .zip, .tar or .tar.gz"
                )));
            }
        };
        Ok(Self {
            path: path.to_path_buf(),
            state: state(&file),
            file: Mutex::new(file),
            notes: list.notes(),
            members: list.members,
        })
    }

    /// Notes on the archive for the user.
    pub(crate) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The folder that the archive would extract to.
    pub(crate) fn folder(&self) -> Result<Folder, DataError> {
        let kind = |name: &Path| {
            let head = || {
                self.member(name, mark::HEAD_BYTES as u64)
                    .unwrap_or_default()
            };
            kind::of_file(name, head)
        };
        let mut files: Vec<(PathBuf, FileKind)> = Vec::with_capacity(self.members.len());
        for name in self.members.keys() {
            files.push((name.clone(), kind(name)));
        }
        Folder::from_files(&self.path, files)
    }

    /// The content of the file at a path that includes the archive, such as `photos.zip/cat/1.png`.
    pub(crate) fn read(&self, path: &Path, limit: u64) -> Result<Vec<u8>, DataError> {
        let name = path.strip_prefix(&self.path).unwrap_or(path);
        let len = self.members.get(name).map_or(0, |member| member.len);
        if len > limit {
            return Err(DataError::TooLarge {
                path: path.to_path_buf(),
                found: format!("{len} bytes"),
                limit: format!("{limit} bytes"),
            });
        }
        self.member(name, u64::MAX)
            .map_err(|error| match error.kind() {
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => DataError::Image {
                    path: path.to_path_buf(),
                    reason: match self.has_changed() {
                        true => "its archive was changed while in use; restore it, or start again"
                            .into(),
                        false => format!("it is damaged in the archive: {error}"),
                    },
                },
                _ => DataError::io("read", path)(error),
            })
    }

    /// Whether another program has written to the file since it was listed.
    fn has_changed(&self) -> bool {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        state(&file) != self.state
    }

    /// A file's content, or its first bytes. The checksum is verified only for the whole content.
    fn member(&self, name: &Path, most: u64) -> io::Result<Vec<u8>> {
        let Some(member) = self.members.get(name) else {
            let is_called_so = |other: &&PathBuf| other.file_name() == name.file_name();
            let other = self.members.keys().find(is_called_so);
            let other = other.map(|other| format!("; {} is", self.path.join(other).printable()));
            let other = other.unwrap_or_default();
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("it is not in the archive{other}"),
            ));
        };
        let invalid = |problem: &str| io::Error::new(io::ErrorKind::InvalidData, problem);
        let most = most.min(member.len);
        // Deflated data are at most slightly longer than their content.
        let needed = match member.zipped {
            Some(_) => member
                .stored
                .min(most.saturating_add(most / 8).saturating_add(1 << 12)),
            None => most,
        };
        let packed = self.stored(member, needed)?;
        let Some(zipped) = &member.zipped else {
            return Ok(packed);
        };
        let content = match zipped.is_deflated {
            true => {
                let mut content = Vec::new();
                // One byte more, to detect content longer than declared.
                DeflateDecoder::new(packed.as_slice())
                    .take(most.saturating_add(1))
                    .read_to_end(&mut content)
                    .map_err(|_| invalid("its compressed data is invalid"))?;
                content
            }
            false => packed,
        };
        if most < member.len {
            return Ok(content);
        }
        if content.len() as u64 != member.len {
            return Err(invalid("its length differs from the one in the archive"));
        }
        let mut crc = Crc::new();
        crc.update(&content);
        match crc.sum() == zipped.crc {
            true => Ok(content),
            false => Err(invalid("its checksum is wrong")),
        }
    }

    /// The first `len` bytes of a file as stored.
    fn stored(&self, member: &ArchiveMember, len: u64) -> io::Result<Vec<u8>> {
        // Nothing panics while the lock is held.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(member.start))?;
        if member.zipped.is_some() {
            let skipped = zip::header_tail(&mut *file)?;
            file.seek(SeekFrom::Current(skipped))?;
        }
        let mut bytes = Vec::new();
        let read = (&mut *file).take(len).read_to_end(&mut bytes)?;
        match read as u64 == len {
            true => Ok(bytes),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// A file's length and modification time.
fn state(file: &File) -> Option<(u64, SystemTime)> {
    let metadata = file.metadata().ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}

/// The files of an archive while it is being listed.
struct List {
    archive: PathBuf,
    members: HashMap<PathBuf, ArchiveMember>,
    /// Links that may lead to folders; they are not followed.
    links: Vec<PathBuf>,
    /// Files that cannot be read, such as encrypted ones, and are not images by name.
    unreadable: Vec<PathBuf>,
    /// Whether the end-of-archive mark was found, if the format has one.
    has_end: bool,
}

impl List {
    fn new(archive: &Path) -> Self {
        Self {
            archive: archive.to_path_buf(),
            members: HashMap::new(),
            links: Vec::new(),
            unreadable: Vec::new(),
            has_end: true,
        }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.has_end {
            notes.push(
                "the archive has no end marker, so it may be truncated: compare its size with the \
                 original's, or copy it again"
                    .into(),
            );
        }
        for (what, paths) in [
            (
                "did not follow links in the archive (pack their targets: tar --dereference, zip \
                 without -y)",
                &self.links,
            ),
            (
                "skipped files of the archive that are encrypted or use an unsupported \
                 compression method (unpack it and use the folder)",
                &self.unreadable,
            ),
        ] {
            let mut names: Vec<String> = paths
                .iter()
                .map(|path| path.to_string_lossy().into_owned())
                .collect();
            names.sort();
            if !names.is_empty() {
                notes.push(format!("{what}: {}", enumerate(&names)));
            }
        }
        notes
    }

    fn error(&self, problem: impl Into<String>) -> DataError {
        DataError::format(self.archive.to_string_lossy(), problem)
    }

    /// An error about one file.
    fn file_error(&self, name: &Path, problem: &str) -> DataError {
        DataError::format(self.archive.join(name).to_string_lossy(), problem)
    }

    /// A file's path within the archive: relative, without `..`, and in UTF-8 as class names must be.
    fn name(&self, bytes: &[u8]) -> Result<PathBuf, DataError> {
        let Ok(name) = std::str::from_utf8(bytes) else {
            return Err(self.error(format!(
                "the name `{}` in it is not valid UTF-8; pack it again with UTF-8 names, or unpack it",
                String::from_utf8_lossy(bytes).printable()
            )));
        };
        let mut path = PathBuf::new();
        for part in Path::new(name).components() {
            match part {
                Component::CurDir => {}
                Component::Normal(part) => path.push(part),
                _ => {
                    return Err(self.error(format!(
                        "the name `{}` in it points outside the archive; pack the folder with \
                         relative names",
                        name.printable()
                    )));
                }
            }
        }
        Ok(path)
    }

    fn add(&mut self, name: PathBuf, member: ArchiveMember) -> Result<(), DataError> {
        if self.members.contains_key(&name) {
            return Err(self.held_twice(&name));
        }
        self.members.insert(name, member);
        if self.members.len() > MAX_FILES {
            return Err(self.error(format!(
                "it contains more than {MAX_FILES} files; unpack it and use the folder"
            )));
        }
        Ok(())
    }

    fn held_twice(&self, name: &Path) -> DataError {
        self.file_error(
            name,
            "the archive contains this file twice; pack the folder again",
        )
    }

    /// A link. An image that is a link is an error, because it would be missing. Other links, which may lead to
    /// class folders, are skipped with a note.
    fn add_link(&mut self, name: PathBuf) -> Result<(), DataError> {
        if is_image_name(&name) {
            return Err(self.file_error(
                &name,
                "it is a link, which is not followed in an archive; pack the targets of links \
                 (tar --dereference, zip without -y)",
            ));
        }
        if !kind::is_passed_over(&name) {
            self.links.push(name);
        }
        Ok(())
    }

    /// A pipe or device. It is an error if it has the name of an image, which would be missing; others are
    /// ignored.
    fn add_special(&self, name: &Path) -> Result<(), DataError> {
        match is_image_name(name) {
            true => Err(self.file_error(
                name,
                "it is a pipe or a device, not a file; pack the folder again without it",
            )),
            false => Ok(()),
        }
    }

    /// A file whose content cannot be read. An image is an error, because it would be missing; other files are
    /// skipped with a note.
    fn add_unreadable(&mut self, name: PathBuf, problem: &str) -> Result<(), DataError> {
        if is_image_name(&name) {
            return Err(self.file_error(&name, problem));
        }
        if !kind::is_passed_over(&name) {
            self.unreadable.push(name);
        }
        Ok(())
    }
}
