//! What is missing of an archive is said: its end, what links lead to, what is encrypted.

use crate::make::{gz, open, png, rejection, skipping, write};
use receptive_data::{DataOptions, DataSet};
use std::path::PathBuf;

/// Images of two classes in a tar, with links: name and target.
fn tarred(links: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for i in 0..20 {
        let content = png(8, 6, i);
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        let name = format!("{}/{i:02}.png", ["cat", "dog"][i as usize % 2]);
        builder
            .append_data(&mut header, name, content.as_slice())
            .unwrap();
    }
    for (name, target) in links {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        builder.append_link(&mut header, name, target).unwrap();
    }
    builder.into_inner().unwrap()
}

fn packed(name: &str, bytes: Vec<u8>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    write(&path, bytes);
    (folder, path)
}

fn notes(name: &str, bytes: Vec<u8>) -> String {
    let (_folder, path) = packed(name, bytes);
    let data: DataSet = open(&path, &DataOptions::default()).unwrap();
    data.notes.join("\n")
}

#[test]
fn a_tar_that_was_cut_between_two_files_is_told() {
    let whole = tarred(&[]);
    let end = whole.iter().rposition(|byte| *byte != 0).unwrap();
    let blocks = (end + 1).div_ceil(512);
    let cut = whole[..blocks * 512].to_vec();
    assert_eq!(notes("whole.tar", whole.clone()), "");
    assert_eq!(notes("whole.tar.gz", gz(&whole)), "");
    for (name, bytes) in [("cut.tar", cut.clone()), ("cut.tar.gz", gz(&cut))] {
        let notes = notes(name, bytes);
        assert!(notes.contains("no end marker"), "{name}: {notes}");
    }
}

/// A tar of the images and an entry of this kind.
fn with_entry(name: &str, kind: tar::EntryType) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(0);
    header.set_path(name).unwrap();
    header.set_cksum();
    builder.append(&header, &b""[..]).unwrap();
    let mut bytes = builder.into_inner().unwrap();
    // Its mark at the end.
    bytes.truncate(512);
    [bytes, tarred(&[])].concat()
}

#[test]
fn devices_are_called_so_and_what_describes_the_archive_is_no_link() {
    let (_folder, path) = packed("a.tar", with_entry("cat/x.png", tar::EntryType::Char));
    let text = rejection(&path);
    assert!(
        text.contains("cat/x.png: it is a pipe or a device"),
        "{text}"
    );
    assert_eq!(notes("b.tar", with_entry("pipe", tar::EntryType::Fifo)), "");
    assert_eq!(
        notes("c.tar", with_entry("pax", tar::EntryType::XGlobalHeader)),
        ""
    );
}

#[test]
fn what_is_no_archive_is_not_quoted() {
    for (name, bytes) in [
        ("one.png.gz", gz(&png(8, 6, 1))),
        ("text.tgz", gz(&b"hello ".repeat(200))),
        ("random.tar", png(40, 40, 1)),
        ("zeros.zip", vec![0; 1000]),
    ] {
        let (_folder, path) = packed(name, bytes);
        let text = rejection(&path);
        assert!(text.contains("could not read it as a"), "{text}");
        let plain = |c: char| c.is_ascii_graphic() || c == ' ';
        assert!(text.chars().all(plain), "{text}");
        assert!(!text.contains("EOCD") && !text.contains("hello"), "{text}");
    }
}

#[test]
fn other_files_of_a_gzipped_archive_are_counted_as_those_of_others_are() {
    let mut builder = tar::Builder::new(Vec::new());
    for name in ["a-images-idx3-ubyte.gz", "b.gz"] {
        let mut header = tar::Header::new_gnu();
        header.set_size(3);
        builder.append_data(&mut header, name, &b"abc"[..]).unwrap();
    }
    let tar = builder.into_inner().unwrap();
    for (name, bytes) in [("a.tar", tar.clone()), ("a.tgz", gz(&tar))] {
        let (_folder, path) = packed(name, bytes);
        let text = rejection(&path);
        assert!(text.contains("0 images and 2 other files"), "{text}");
    }
}

#[test]
fn links_in_an_archive_are_named_and_an_image_by_a_link_is_rejected() {
    let links = [
        ("owl", "/photos/owl"),
        ("notes.txt", "../notes.txt"),
        (".link", "x"),
    ];
    for (name, bytes) in [("a.tar", tarred(&links)), ("a.tar.gz", gz(&tarred(&links)))] {
        let notes = notes(name, bytes);
        assert!(notes.contains("did not follow links"), "{name}: {notes}");
        assert!(notes.contains("`owl`"), "{name}: {notes}");
        assert!(
            !notes.contains("notes.txt") && !notes.contains(".link"),
            "{notes}"
        );
    }
    for name in ["cat/new.png", "cat/new.HEIC"] {
        let (_folder, path) = packed("a.tar", tarred(&[(name, "/photos/x")]));
        let error = rejection(&path);
        assert!(error.contains(name) && error.contains("link"), "{error}");
    }
}

/// The general purpose bit of encryption, in the header of each file and in the directory.
fn encrypted(mut zip: Vec<u8>, name: &str) -> Vec<u8> {
    for (signature, flags, at_name) in [(b"PK\x03\x04", 6, 30), (b"PK\x01\x02", 8, 46)] {
        let of_name = |zip: &[u8], at: usize| {
            zip[at..].starts_with(signature) && zip[at + at_name..].starts_with(name.as_bytes())
        };
        let at = (0..zip.len() - at_name)
            .find(|at| of_name(&zip, *at))
            .unwrap();
        zip[at + flags] |= 1;
    }
    zip
}

#[test]
fn an_encrypted_image_of_any_kind_is_rejected_and_another_file_is_named() {
    use std::io::Write;
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for i in 0..20 {
        let name = format!("{}/{i:02}.png", ["cat", "dog"][i as usize % 2]);
        writer.start_file(name, options).unwrap();
        writer.write_all(&png(8, 6, i)).unwrap();
    }
    for name in ["cat/photo.heic", "cat/IMG_0001"] {
        writer.start_file(name, options).unwrap();
        writer.write_all(b"anything").unwrap();
    }
    let zip = writer.finish().unwrap().into_inner();
    let (_folder, path) = packed("a.zip", encrypted(zip.clone(), "cat/photo.heic"));
    let error = rejection(&path);
    assert!(
        error.contains("photo.heic") && error.contains("encrypted"),
        "{error}"
    );
    let (_folder, path) = packed("a.zip", encrypted(zip, "cat/IMG_0001"));
    let notes = open(&path, &skipping()).unwrap().notes.join("\n");
    assert!(
        notes.contains("encrypted") && notes.contains("IMG_0001"),
        "{notes}"
    );
}
