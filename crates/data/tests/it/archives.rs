//! Folders of images in a zip or tar, which are read where they are.

use crate::make::{gz, open, png, rejection, skipping, uncut, write};
use receptive_data::{DataError, DataOptions, DataSet, Split};
use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Images of two classes, by path; every one differs.
fn images() -> Vec<(String, Vec<u8>)> {
    let image = |i: u32| {
        let class = ["cat", "dog"][i as usize % 2];
        (format!("{class}/{i:02}.png"), png(8, 6, i))
    };
    (0..40).map(image).collect()
}

pub(crate) fn zipped(files: &[(String, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, content) in files {
        writer.start_file(name.as_str(), options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

pub(crate) fn tarred(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder
            .append_data(&mut header, name, content.as_slice())
            .unwrap();
    }
    builder.into_inner().unwrap()
}

/// An archive in a folder of its own.
struct Packed {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Packed {
    fn new(name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        write(&path, bytes);
        Self {
            _folder: folder,
            path,
        }
    }
}

/// The images of every split with their labels, by path below the source.
fn contents(data: &DataSet, root: &Path) -> Vec<String> {
    let image = |split: &Split, i: usize| {
        let path = split.path(i);
        let path = Path::new(&path).strip_prefix(root).unwrap();
        let pixels = split.read(i).unwrap().pixels;
        format!(
            "{} {} {} {pixels:?}",
            split.name(),
            path.display(),
            split.label(i)
        )
    };
    data.splits()
        .flat_map(|split| (0..split.len()).map(move |i| image(split, i)))
        .collect()
}

#[test]
fn an_archive_gives_what_its_folder_gives() {
    let files = images();
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in &files {
        write(&folder.path().join(name), content);
    }
    let expected = open(folder.path(), &DataOptions::default()).unwrap();
    let mut reversed = files.clone();
    reversed.reverse();
    for (name, bytes) in [
        ("photos.zip", zipped(&files, CompressionMethod::Deflated)),
        ("photos.zip", zipped(&reversed, CompressionMethod::Stored)),
        ("photos.tar", tarred(&files)),
        ("photos.tar.gz", gz(&tarred(&reversed))),
        // The content decides, not the name.
        ("photos.data", zipped(&files, CompressionMethod::Deflated)),
        ("photos.tgz", tarred(&files)),
    ] {
        let packed = Packed::new(name, bytes);
        let data = open(&packed.path, &DataOptions::default()).unwrap();
        assert_eq!(data.classes, expected.classes);
        assert_eq!(data.fingerprint(), expected.fingerprint(), "{name}");
        assert_eq!(
            contents(&data, &packed.path),
            contents(&expected, folder.path()),
            "{name}"
        );
        assert!(data.notes.is_empty(), "{:?}", data.notes);
    }
}

#[test]
fn what_systems_add_to_archives_is_passed_over() {
    let mut files: Vec<(String, Vec<u8>)> = images()
        .into_iter()
        .map(|(name, content)| (format!("train/{name}"), content))
        .collect();
    for extra in [
        "__MACOSX/train/cat/._00.png",
        "train/cat/.hidden.png",
        "train/cat/Thumbs.db",
    ] {
        files.push((extra.into(), b"no image".to_vec()));
    }
    // Written on Windows: `\` between folders.
    let windows: Vec<(String, Vec<u8>)> = files
        .iter()
        .map(|(name, content)| (name.replace('/', "\\"), content.clone()))
        .collect();
    // The usual folder around the data.
    let wrapped = |name: &str| match name.starts_with("__MACOSX") {
        true => name.to_string(),
        false => format!("archive/photos/{name}"),
    };
    let outer: Vec<(String, Vec<u8>)> = files
        .iter()
        .map(|(name, content)| (wrapped(name), content.clone()))
        .collect();
    let mut prints = Vec::new();
    for bytes in [
        zipped(&files, CompressionMethod::Deflated),
        zipped(&windows, CompressionMethod::Deflated),
        tarred(&files),
        zipped(&outer, CompressionMethod::Deflated),
        gz(&tarred(&outer)),
    ] {
        let packed = Packed::new("photos.zip", bytes);
        let data = open(&packed.path, &uncut()).unwrap();
        assert_eq!(data.train.class_counts(), [20, 20]);
        assert!(data.damaged.is_empty());
        assert!(data.name.ends_with("photos.zip"), "{}", data.name);
        prints.push(data.fingerprint());
    }
    prints.dedup();
    assert_eq!(prints.len(), 1);
}

#[test]
fn a_hard_link_in_a_tar_is_its_file_and_a_symbolic_one_is_rejected() {
    let link = |kind: tar::EntryType, name: &str| {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, content) in images() {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            builder
                .append_data(&mut header, name, content.as_slice())
                .unwrap();
        }
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        builder
            .append_link(&mut header, name, "cat/00.png")
            .unwrap();
        builder.into_inner().unwrap()
    };
    for name in ["photos.tar", "photos.tar.gz"] {
        let pack = |bytes: Vec<u8>| match name.ends_with("gz") {
            true => Packed::new(name, gz(&bytes)),
            false => Packed::new(name, bytes),
        };
        let packed = pack(link(tar::EntryType::Link, "cat/again.png"));
        let data = open(&packed.path, &uncut()).unwrap();
        assert_eq!(data.train.class_counts(), [21, 20]);
        let packed = pack(link(tar::EntryType::Symlink, "cat/again.png"));
        let refused = rejection(&packed.path);
        assert!(refused.contains("cat/again.png: it is a link"), "{refused}");
        // A link that is no image is of no interest.
        let packed = pack(link(tar::EntryType::Symlink, "latest"));
        assert!(open(&packed.path, &uncut()).is_ok());
    }
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    writer
        .add_symlink("cat/0.png", "../dog/0.png", options)
        .unwrap();
    let packed = Packed::new("photos.zip", writer.finish().unwrap().into_inner());
    assert!(rejection(&packed.path).contains("cat/0.png: it is a link"));
}

/// Replaces bytes by as many others, everywhere.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    for at in 0..bytes.len().saturating_sub(from.len()) {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
    }
    bytes
}

/// Sets bytes at this distance from every place of a signature.
fn patched(bytes: &[u8], signature: &[u8], distance: usize, to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for at in 0..bytes.len().saturating_sub(distance + to.len()) {
        if bytes[at..].starts_with(signature) {
            bytes[at + distance..at + distance + to.len()].copy_from_slice(to);
        }
    }
    bytes
}

#[test]
fn an_archive_that_cannot_be_read_safely_is_rejected_with_what_is_wrong() {
    let zip = zipped(&images(), CompressionMethod::Deflated);
    let tar = tarred(&images());
    let directory = b"PK\x01\x02";
    for (name, bytes, expected) in [
        (
            "a.zip",
            replaced(&zip, b"cat/00.png", b"../000.png"),
            "`../000.png` in it points outside",
        ),
        (
            "a.zip",
            replaced(&zip, b"cat/00.png", b"/at/00.png"),
            "`/at/00.png` in it points outside",
        ),
        (
            "a.zip",
            replaced(&zip, b"cat/00.png", b"cat/02.png"),
            "cat/02.png: the archive contains this file twice",
        ),
        (
            "a.zip",
            replaced(&zip, b"cat/00.png", b"cat/\xb0\xed.png"),
            "is not valid UTF-8",
        ),
        (
            "a.zip",
            patched(&zip, directory, 8, &[1, 0]),
            "it is encrypted",
        ),
        (
            "a.zip",
            patched(&zip, directory, 10, &[12, 0]),
            "only deflate is supported",
        ),
        (
            "a.zip",
            patched(&zip, b"PK\x05\x06", 4, &[1, 0, 0, 0]),
            "one part of several",
        ),
        (
            "a.zip",
            zip[..zip.len() / 2].to_vec(),
            "could not read it as a zip archive",
        ),
        (
            "a.zip",
            b"no archive at all".to_vec(),
            "could not read it as a zip archive",
        ),
        (
            "a.zip",
            zipped(&[], CompressionMethod::Stored),
            "no class folders",
        ),
        ("a.tar", tar[..tar.len() / 2].to_vec(), "truncated"),
        ("a.tar.gz", gz(&tar)[..2000].to_vec(), "truncated"),
        (
            "a.tar.gz",
            b"no archive at all".to_vec(),
            "could not read it as a tar archive",
        ),
        ("a.7z", b"7z\xbc\xaf\x27\x1c".to_vec(), "it is a 7z archive"),
        ("a.tar.xz", b"\xfd7zXZ\0".to_vec(), "it is an xz archive"),
        (
            "a.bin",
            b"nothing of that".to_vec(),
            "neither a folder nor an archive",
        ),
    ] {
        let packed = Packed::new(name, bytes);
        let refused = rejection(&packed.path);
        assert!(refused.contains(expected), "{expected}: {refused}");
        assert!(refused.contains(name), "{refused}");
    }
    let twice = [images(), images()].concat();
    for packed in [
        Packed::new("a.tar", tarred(&twice)),
        Packed::new("a.tar.gz", gz(&tarred(&twice))),
    ] {
        let refused = rejection(&packed.path);
        assert!(
            refused.contains("cat/00.png: the archive contains this file twice"),
            "{refused}"
        );
    }
}

#[test]
fn the_file_that_a_zip_holds_twice_and_a_method_that_cannot_be_read_are_named() {
    let zip = zipped(&images(), CompressionMethod::Stored);
    let packed = Packed::new("a.zip", replaced(&zip, b"cat/02.png", b"cat/00.png"));
    let refused = rejection(&packed.path);
    let expected = "a.zip/cat/00.png: the archive contains this file twice";
    assert!(refused.contains(expected), "{refused}");
    // The method in the directory.
    let bytes = patched(&zip, b"PK\x01\x02", 10, &[12, 0]);
    let packed = Packed::new("b.zip", bytes);
    let refused = rejection(&packed.path);
    assert!(refused.contains("compressed with bzip2"), "{refused}");
}

#[test]
fn a_damaged_image_of_an_archive_is_damaged_as_in_a_folder() {
    let mut files = images();
    files[0].1 = b"no image".to_vec();
    for (name, bytes) in [
        ("a.zip", zipped(&files, CompressionMethod::Deflated)),
        ("a.tar", tarred(&files)),
        ("a.tar.gz", gz(&tarred(&files))),
    ] {
        let packed = Packed::new(name, bytes);
        let refused = rejection(&packed.path);
        assert!(refused.contains("1 of 40 images"), "{refused}");
        assert!(refused.contains(&format!("{name}/cat/00.png")), "{refused}");
        let data = open(&packed.path, &skipping()).unwrap();
        assert_eq!(data.damaged[0].path, packed.path.join("cat/00.png"));
    }
    // Stored with another content than its checksum says: no decoder would notice a pixel.
    let zip = zipped(&images(), CompressionMethod::Stored);
    let packed = Packed::new(
        "a.zip",
        replaced(&zip, b"cat/00.png\x89PNG", b"cat/00.png\x88PNG"),
    );
    assert!(rejection(&packed.path).contains("its checksum is wrong"));
    // Shorter or longer than the directory says.
    for len in [10u32, 100_000] {
        let zip = patched(
            &zipped(&images(), CompressionMethod::Deflated),
            b"PK\x01\x02",
            24,
            &len.to_le_bytes(),
        );
        let packed = Packed::new("a.zip", zip);
        let refused = rejection(&packed.path);
        assert!(refused.contains("40 of 40 images"), "{refused}");
        assert!(
            refused.contains("differs from the one in the archive"),
            "{refused}"
        );
    }
}

/// A few kilobytes that become hundreds of megabytes.
#[test]
fn a_bomb_is_not_unpacked() {
    let mut files = images();
    files[0].1 = vec![0; 1 << 20];
    let options = || {
        let mut options = DataOptions::default();
        options.decode.file_bytes = 1 << 16;
        options
    };
    for (name, bytes) in [
        ("a.zip", zipped(&files, CompressionMethod::Deflated)),
        ("a.tar.gz", gz(&tarred(&files))),
    ] {
        let packed = Packed::new(name, bytes);
        let error = open(&packed.path, &options()).unwrap_err();
        assert!(
            matches!(error, DataError::BadImages { count: 1, .. }),
            "{error}"
        );
        assert!(error.to_string().contains("1048576 bytes"), "{error}");
    }
}

#[test]
fn a_label_list_may_lie_in_the_archive_or_beside_it() {
    let mut files: Vec<(String, Vec<u8>)> = (0..8)
        .map(|i| (format!("set/images/{i}.png"), png(8, 6, i)))
        .collect();
    let list: String = (0..8)
        .map(|i| format!("{i},{}\n", ["a", "b"][i % 2]))
        .collect();
    files.push(("set/labels.csv".into(), list.clone().into_bytes()));
    for (name, bytes) in [
        ("a.zip", zipped(&files, CompressionMethod::Deflated)),
        ("a.tar", tarred(&files)),
        ("a.tar.gz", gz(&tarred(&files))),
    ] {
        let packed = Packed::new(name, bytes);
        let beside = packed.path.with_file_name("labels.csv");
        fs::write(&beside, &list).unwrap();
        let listed = packed.path.join("set/labels.csv");
        let unlisted = rejection(&packed.path);
        assert!(
            unlisted.contains(&format!("`{}`", listed.display())),
            "{unlisted}"
        );
        let options = DataOptions {
            labels: Some(packed.path.join("labels.csv")),
            ..uncut()
        };
        let elsewhere = open(&packed.path, &options).unwrap_err().to_string();
        let advice = format!("it is not in the archive; {} is", listed.display());
        assert!(elsewhere.ends_with(&advice), "{elsewhere}");
        for labels in [listed, beside] {
            let options = DataOptions {
                labels: Some(labels),
                group: Some("^([0-3])|([4-7])".into()),
                ..uncut()
            };
            let data = open(&packed.path, &options).unwrap();
            assert_eq!(data.classes, ["a", "b"]);
            assert_eq!(data.train.class_counts(), [4, 4]);
            assert!(data.train.read(0).is_ok());
            assert!(
                data.notes.iter().any(|n| n == "8 images in 8 groups"),
                "{:?}",
                data.notes
            );
        }
    }
}
