use crate::make::{gz, open, rejection, uncut, write};
use receptive_data::{DataOptions, NoProgress};
use std::path::Path;
use std::time::{Duration, Instant};

fn header(magic: [u8; 4], sizes: &[u32]) -> Vec<u8> {
    let sizes = sizes.iter().flat_map(|size| size.to_be_bytes());
    magic.into_iter().chain(sizes).collect()
}

/// `n` images of 3x2 pixels; image `i` holds `6 i, 6 i + 1` ...
fn images(n: u32) -> Vec<u8> {
    images_from(0, n)
}

fn images_from(first: u32, n: u32) -> Vec<u8> {
    let mut file = header([0, 0, 8, 3], &[n, 3, 2]);
    file.extend((first * 6..(first + n) * 6).map(|value| value as u8));
    file
}

fn labels(labels: &[u8]) -> Vec<u8> {
    let mut file = header([0, 0, 8, 1], &[labels.len() as u32]);
    file.extend(labels);
    file
}

/// Six training and two test images, as MNIST names its files.
fn whole(root: &Path) {
    write(&root.join("train-images-idx3-ubyte"), images(6));
    write(
        &root.join("train-labels-idx1-ubyte"),
        labels(&[0, 1, 2, 2, 1, 0]),
    );
    write(&root.join("t10k-images-idx3-ubyte"), images_from(6, 2));
    write(&root.join("t10k-labels-idx1-ubyte"), labels(&[2, 0]));
}

const FILES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

#[test]
fn raw_and_gzipped_files_are_the_same_set() {
    let (raw, zipped) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    whole(raw.path());
    for name in FILES {
        let bytes = std::fs::read(raw.path().join(name)).unwrap();
        write(&zipped.path().join(format!("{name}.gz")), gz(&bytes));
    }
    let prints = [raw.path(), zipped.path()].map(|path| {
        let data = open(path, &uncut()).unwrap();
        assert_eq!(data.classes, ["0", "1", "2"]);
        assert_eq!(data.train.labels(), [0, 1, 2, 2, 1, 0]);
        let test = data.test.as_ref().unwrap();
        assert_eq!(test.labels(), [2, 0]);
        let picture = data.train.read(5).unwrap();
        assert_eq!((picture.height, picture.width, picture.channels), (3, 2, 1));
        assert_eq!(picture.pixels, [30, 31, 32, 33, 34, 35]);
        assert_eq!(test.path(1), "t10k-images-idx3-ubyte[1]");
        data.fingerprint()
    });
    assert_eq!(prints[0], prints[1]);
    // `gunzip --keep` leaves both.
    write(
        &raw.path().join("train-images-idx3-ubyte.gz"),
        gz(&images(6)),
    );
    assert_eq!(open(raw.path(), &uncut()).unwrap().fingerprint(), prints[0]);
}

#[test]
fn a_header_that_claims_more_than_there_is_is_rejected_at_once() {
    for (n, rows, columns) in [
        (1u32 << 31, 28u32, 28u32),
        (1 << 31, 1, 1),
        (1 << 20, 28, 28), // below the cap: what is missing shows when the file ends
        (u32::MAX, 16_384, 16_384),
    ] {
        for zipped in [false, true] {
            let root = tempfile::tempdir().unwrap();
            whole(root.path());
            let mut file = header([0, 0, 8, 3], &[n, rows, columns]);
            file.extend([1; 100]);
            let mut name = "train-images-idx3-ubyte".to_string();
            if zipped {
                std::fs::remove_file(root.path().join(&name)).unwrap();
                name.push_str(".gz");
                file = gz(&file);
            }
            write(&root.path().join(&name), file);
            let began = Instant::now();
            let text = rejection(root.path());
            assert!(
                text.contains("train-images-idx3-ubyte") && text.contains("announces"),
                "{text}"
            );
            assert!(began.elapsed() < Duration::from_secs(1));
        }
    }
}

#[test]
fn a_wrong_magic_number_is_an_error_that_names_the_file() {
    for name in FILES {
        for start in [&[0, 0, 0x0d, 3, 0, 0, 0, 1][..], b"\x89PNG", b""] {
            let root = tempfile::tempdir().unwrap();
            whole(root.path());
            write(&root.path().join(name), start);
            let text = rejection(root.path());
            assert!(text.contains(name), "{text}");
        }
    }
    // Even if no file is what its name says.
    let root = tempfile::tempdir().unwrap();
    for name in FILES {
        write(&root.path().join(name), [0, 0, 0x0d, 3, 0, 0, 0, 1]);
    }
    let text = rejection(root.path());
    assert!(
        text.contains("t10k-images-idx3-ubyte") && text.contains("IDX"),
        "{text}"
    );
}

#[test]
fn images_and_labels_of_different_number_are_an_error() {
    let root = tempfile::tempdir().unwrap();
    whole(root.path());
    write(&root.path().join("t10k-labels-idx1-ubyte"), labels(&[2]));
    let text = rejection(root.path());
    assert!(
        text.contains("t10k-labels-idx1-ubyte") && text.contains("1 labels for 2 images"),
        "{text}"
    );
}

#[test]
fn missing_labels_are_an_error() {
    let root = tempfile::tempdir().unwrap();
    whole(root.path());
    std::fs::remove_file(root.path().join("t10k-labels-idx1-ubyte")).unwrap();
    let text = rejection(root.path());
    assert!(
        text.contains("the test split has no IDX file of labels"),
        "{text}"
    );
}

#[test]
fn a_label_that_the_classes_do_not_have_is_an_error() {
    // By path the training split says which classes there are.
    let root = tempfile::tempdir().unwrap();
    whole(root.path());
    write(&root.path().join("t10k-labels-idx1-ubyte"), labels(&[2, 3]));
    let text = rejection(root.path());
    assert!(
        text.contains("`3`") && text.contains("test split"),
        "{text}"
    );
    // There is no folder to rename, and no name that could be mistyped.
    assert!(text.contains("label file is damaged"), "{text}");
    assert!(
        !text.contains("rename") && !text.contains("did you mean"),
        "{text}"
    );

    // By name they are known: ten of them, and how many images there are. Of one pixel here.
    let base = tempfile::tempdir().unwrap();
    let root = base.path().join("mnist");
    for (split, n) in [("train", 60_000), ("t10k", 10_000)] {
        let mut file = header([0, 0, 8, 3], &[n, 1, 1]);
        file.resize(file.len() + n as usize, 0);
        write(&root.join(format!("{split}-images-idx3-ubyte")), file);
        let path = root.join(format!("{split}-labels-idx1-ubyte"));
        write(&path, labels(&vec![3; n as usize]));
    }
    let options = DataOptions {
        data_dir: Some(base.path().into()),
        download: false,
        ..uncut()
    };
    let data = receptive_data::open("mnist", &options, &NoProgress).unwrap();
    assert_eq!((data.classes.len(), data.train.len()), (10, 60_000));
    let mut wrong = vec![3; 60_000];
    wrong[17] = 10;
    write(&root.join("train-labels-idx1-ubyte"), labels(&wrong));
    let error = receptive_data::open("mnist", &options, &NoProgress).unwrap_err();
    assert!(error.to_string().contains("`10`"), "{error}");
}

#[test]
fn numbered_classes_are_places_in_the_list_of_a_trained_model() {
    let root = tempfile::tempdir().unwrap();
    whole(root.path());
    let given = |classes: &[&str]| DataOptions {
        classes: Some(classes.iter().map(|class| class.to_string()).collect()),
        ..uncut()
    };
    let data = open(root.path(), &given(&["x", "y", "z", "w"])).unwrap();
    assert_eq!(data.classes, ["x", "y", "z", "w"]);
    assert_eq!(data.train.labels(), [0, 1, 2, 2, 1, 0]);
    let error = open(root.path(), &given(&["x", "y"])).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("`2`") && !text.contains("rename"), "{text}");
    assert!(text.contains("trained on other classes"), "{text}");
}

#[test]
fn a_truncated_gz_file_is_an_error() {
    for cut in [1, 4, 9, 20] {
        let root = tempfile::tempdir().unwrap();
        whole(root.path());
        std::fs::remove_file(root.path().join("train-images-idx3-ubyte")).unwrap();
        let bytes = gz(&images(6));
        write(
            &root.path().join("train-images-idx3-ubyte.gz"),
            &bytes[..bytes.len() - cut],
        );
        assert!(rejection(root.path()).contains("train-images-idx3-ubyte"));
    }
}

#[test]
fn an_idx_file_opens_the_set_of_its_folder() {
    let root = tempfile::tempdir().unwrap();
    whole(root.path());
    std::fs::remove_file(root.path().join("t10k-images-idx3-ubyte")).unwrap();
    let zipped = root.path().join("t10k-images-idx3-ubyte.gz");
    write(&zipped, gz(&images(2)));
    let expected = open(root.path(), &uncut()).unwrap().fingerprint();
    for path in [zipped, root.path().join("train-labels-idx1-ubyte")] {
        let data = open(&path, &uncut()).unwrap();
        assert_eq!(data.fingerprint(), expected);
        assert_eq!(data.name, path.display().to_string());
        let notes = data.notes.join("\n");
        assert!(notes.contains(root.path().to_str().unwrap()), "{notes}");
    }
}

#[test]
fn an_idx_file_without_its_counterpart_says_what_it_lacks() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("train-labels-idx1-ubyte");
    write(&path, labels(&[0, 1]));
    let text = rejection(&path);
    assert!(text.contains("without an IDX file of images"), "{text}");
    write(&path, "text");
    let text = rejection(&path);
    assert!(text.contains("its content is not"), "{text}");
}

#[test]
fn a_gzip_bomb_is_stopped_at_what_its_header_promises() {
    let folder = tempfile::tempdir().unwrap();
    whole(folder.path());
    // 2 images are promised, 300 MB of zeros follow in 300 kB.
    let mut bytes = images(2);
    bytes.resize(300_000_000, 0);
    std::fs::remove_file(folder.path().join("t10k-images-idx3-ubyte")).unwrap();
    write(&folder.path().join("t10k-images-idx3-ubyte.gz"), gz(&bytes));
    let error = rejection(folder.path());
    assert!(error.contains("more follow"), "{error}");
}
