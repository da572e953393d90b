//! A directory of files that is written atomically and verified when read.
//!
//! Writing: the files go to a scratch directory next to the target and each is synced to disk, then
//! a manifest with their sizes and SHA-256 hashes, then one rename moves the directory into place.
//! If there is an old one, the two are exchanged in one step if the file system supports that;
//! otherwise the old one is moved aside first, and [`recover`] restores it if the process dies
//! between the two renames. A run killed at any moment thus leaves either the old or the new
//! directory, and perhaps a scratch directory named `.tmp-*`, which is never read.
//!
//! Reading: each file is read completely, up to a size limit, and compared with the manifest before
//! it is parsed. The hash detects damage; it is not a signature, so it does not protect against
//! someone who rewrites both.

mod leftovers;
mod manifest;
mod read;
mod write;

pub use leftovers::recover;
pub use read::{read_capped, read_directory, read_text};
pub use write::{Moment, write_directory, write_directory_watched, write_file};

/// The manifest's file name.
pub const MANIFEST: &str = "MANIFEST.json";
const MANIFEST_BYTES: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::PathBuf;

    fn written() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("model");
        write_directory(
            &target,
            "test",
            1,
            &[("a.txt", b"alpha"), ("b.bin", &[0, 1])],
        )
        .unwrap();
        (directory, target)
    }

    #[test]
    fn what_is_written_reads_back_and_leaves_no_scratch() {
        let (directory, target) = written();
        write_directory(&target, "test", 1, &[("a.txt", b"beta")]).unwrap();
        let files = read_directory(&target, "test", 1, 100).unwrap();
        assert_eq!(files.len(), 1);
        assert_eq!(files["a.txt"], b"beta");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn any_flipped_bit_in_any_file_is_an_error() {
        let (_directory, target) = written();
        for name in ["a.txt", "b.bin", MANIFEST] {
            let path = target.join(name);
            let original = fs::read(&path).unwrap();
            for bit in 0..original.len() * 8 {
                let mut damaged = original.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                fs::write(&path, &damaged).unwrap();
                let read = read_directory(&target, "test", 1, 100);
                // White space is insignificant: a bit flip that turns one kind into another changes
                // nothing.
                if let Ok(files) = read {
                    assert_eq!(name, MANIFEST, "bit {bit} of {name} went unseen");
                    assert_eq!(files["a.txt"], b"alpha");
                    assert_eq!(files["b.bin"], [0, 1]);
                }
            }
            fs::write(&path, &original).unwrap();
        }
    }

    #[test]
    fn a_missing_a_cut_and_an_outsized_file_are_named() {
        let (_directory, target) = written();
        let error = read_directory(&target, "test", 1, 4)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("a.txt") && error.contains("more than the maximum of 4"),
            "{error}"
        );
        let error = read_directory(&target, "test", 2, 100)
            .unwrap_err()
            .to_string();
        assert!(error.contains("expected `test` version 2"), "{error}");
        fs::write(target.join("a.txt"), b"al").unwrap();
        let error = read_directory(&target, "test", 1, 100)
            .unwrap_err()
            .to_string();
        assert!(error.contains("2 bytes but was written with 5"), "{error}");
        fs::remove_file(target.join("a.txt")).unwrap();
        let error = read_directory(&target, "test", 1, 100)
            .unwrap_err()
            .to_string();
        assert!(error.contains("a.txt"), "{error}");
    }
}
