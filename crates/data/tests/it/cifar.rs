use crate::make::{gz, open, rejection, uncut, write};
use receptive_data::{DataOptions, NoProgress};
use std::path::Path;

/// One record: the label bytes, then a red, a green and a blue plane of one value each.
fn record(labels: &[u8], [red, green, blue]: [u8; 3]) -> Vec<u8> {
    let planes = [red, green, blue].map(|value| [value; 1024]);
    [labels, planes.as_flattened()].concat()
}

/// CIFAR-10: five batches of two images and a test batch of one.
fn ten() -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = (0..5u8)
        .map(|batch| {
            let bytes = [
                record(&[batch], [batch, 1, 2]),
                record(&[batch + 5], [batch, 3, 4]),
            ];
            (format!("data_batch_{}.bin", batch + 1), bytes.concat())
        })
        .collect();
    files.push(("test_batch.bin".into(), record(&[9], [7, 8, 9])));
    files.push(("batches.meta.txt".into(), b"airplane\n".to_vec()));
    files
}

/// CIFAR-100: two training images and a test image, with coarse labels that must not be used.
fn hundred() -> Vec<(String, Vec<u8>)> {
    let train = [record(&[3, 99], [1, 2, 3]), record(&[4, 0], [4, 5, 6])].concat();
    vec![
        ("train.bin".into(), train),
        ("test.bin".into(), record(&[1, 50], [7, 8, 9])),
    ]
}

fn tar(files: &[(String, Vec<u8>)], folder: &str) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    // The order of an archive is not the order of the set.
    for (name, bytes) in files.iter().rev() {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        let path = format!("{folder}/{name}");
        archive
            .append_data(&mut header, path, bytes.as_slice())
            .unwrap();
    }
    archive.into_inner().unwrap()
}

fn unpack(files: &[(String, Vec<u8>)], root: &Path) {
    for (name, bytes) in files {
        write(&root.join(name), bytes);
    }
}

#[test]
fn cifar_10_is_the_same_from_a_folder_and_from_its_archive() {
    let root = tempfile::tempdir().unwrap();
    let (plain, outer, packed) = ("plain", "outer", "cifar-10-binary.tar.gz");
    unpack(&ten(), &root.path().join(plain));
    unpack(
        &ten(),
        &root.path().join(outer).join("cifar-10-batches-bin"),
    );
    write(
        &root.path().join(packed),
        gz(&tar(&ten(), "cifar-10-batches-bin")),
    );
    write(
        &root.path().join("plain.tar"),
        tar(&ten(), "cifar-10-batches-bin"),
    );
    let mut prints = Vec::new();
    for place in [plain, outer, packed, "plain.tar", ""] {
        let data = open(&root.path().join(place), &uncut()).unwrap();
        assert_eq!((data.classes.len(), &*data.classes[9]), (10, "truck"));
        assert_eq!(data.train.labels(), [0, 5, 1, 6, 2, 7, 3, 8, 4, 9]);
        assert_eq!(data.test.as_ref().unwrap().labels(), [9]);
        let picture = data.train.read(3).unwrap();
        assert_eq!(
            (picture.width, picture.height, picture.channels),
            (32, 32, 3)
        );
        assert!(picture.pixels.chunks(3).all(|pixel| pixel == [1, 3, 4]));
        assert_eq!(data.train.path(3), "data_batch_2.bin[1]");
        assert!(!data.notes.join(" ").contains("lacks"), "{:?}", data.notes);
        prints.push(data.fingerprint());
    }
    prints.dedup();
    assert_eq!(prints.len(), 1);
}

#[test]
fn cifar_100_uses_the_fine_labels() {
    let root = tempfile::tempdir().unwrap();
    unpack(&hundred(), &root.path().join("plain"));
    let packed = root.path().join("any name.tgz");
    write(&packed, gz(&tar(&hundred(), "cifar-100-binary")));
    for path in [root.path().join("plain"), packed] {
        let data = open(&path, &uncut()).unwrap();
        assert_eq!(data.classes.len(), 100);
        assert_eq!(data.train.labels(), [99, 0]);
        assert_eq!(data.test.as_ref().unwrap().labels(), [50]);
    }
}

#[test]
fn an_archive_truncated_anywhere_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("cifar-10-binary.tar.gz");
    let whole = gz(&tar(&ten(), "cifar-10-batches-bin"));
    let step = (whole.len() / 40).max(1);
    for length in (0..whole.len()).step_by(step).chain([whole.len() - 1]) {
        write(&path, &whole[..length]);
        let text = rejection(&path);
        assert!(text.contains("cifar-10-binary.tar.gz"), "{length}: {text}");
    }
}

#[test]
fn a_damaged_byte_of_an_archive_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("cifar-10-binary.tar.gz");
    let mut bytes = gz(&tar(&ten(), "cifar-10-batches-bin"));
    let last = bytes.len() - 6; // of the checksum
    bytes[last] ^= 1;
    write(&path, bytes);
    assert!(rejection(&path).contains("could not read or unpack it"));
}

#[test]
fn a_file_cut_short_in_a_folder_is_an_error_and_not_left_out() {
    for name in ["data_batch_3.bin", "test_batch.bin"] {
        let root = tempfile::tempdir().unwrap();
        unpack(&ten(), root.path());
        write(&root.path().join(name), vec![0; 3000]);
        let text = rejection(root.path());
        assert!(text.contains(name) && text.contains("3000 bytes"), "{text}");
    }
    let root = tempfile::tempdir().unwrap();
    unpack(&hundred(), root.path());
    write(&root.path().join("test.bin"), vec![0; 3000]);
    assert!(rejection(root.path()).contains("test.bin"));
}

#[test]
fn a_missing_file_is_noted_by_path_and_rejected_by_name() {
    let base = tempfile::tempdir().unwrap();
    let root = base.path().join("cifar10");
    unpack(&ten(), &root);
    std::fs::remove_file(root.join("data_batch_4.bin")).unwrap();
    let data = open(&root, &uncut()).unwrap();
    let notes = data.notes.join("\n");
    assert!(notes.contains("`data_batch_4.bin`"), "{notes}");

    let options = DataOptions {
        data_dir: Some(base.path().into()),
        download: false,
        ..uncut()
    };
    let error = receptive_data::open("cifar10", &options, &NoProgress).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("50000") && text.contains("found 8 and 1"),
        "{text}"
    );
}

#[test]
fn a_label_out_of_range_names_its_record() {
    let root = tempfile::tempdir().unwrap();
    unpack(&ten(), root.path());
    let bytes = [record(&[1], [1; 3]), record(&[10], [1; 3])].concat();
    write(&root.path().join("data_batch_2.bin"), bytes);
    let text = rejection(root.path());
    assert!(
        text.contains("data_batch_2.bin[1]") && text.contains("10"),
        "{text}"
    );
}

#[test]
fn an_archive_without_cifar_files_is_one_of_images() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("photos.tar.gz");
    write(&path, gz(&tar(&[("a.png".into(), vec![1; 10])], "photos")));
    let text = rejection(&path);
    assert!(
        text.contains("photos.tar.gz") && !text.contains("CIFAR"),
        "{text}"
    );
}

#[test]
fn a_known_name_that_is_nowhere_says_where_to_put_it() {
    let base = tempfile::tempdir().unwrap();
    let options = DataOptions {
        data_dir: Some(base.path().into()),
        download: false,
        ..uncut()
    };
    let error = receptive_data::open("cifar100", &options, &NoProgress).unwrap_err();
    let text = error.to_string();
    let place = base.path().join("cifar100");
    assert!(text.contains(place.to_str().unwrap()), "{text}");
    assert!(text.contains("cifar-100-binary.tar.gz"), "{text}");
    assert!(text.contains("downloads are disabled"), "{text}");
}
