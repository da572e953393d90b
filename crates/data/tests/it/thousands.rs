//! T8, T10 and T11 of docs/reliability.md: thousands of damaged images, shares of them in a data
//! set, and files that change while they are read.

use crate::make::{encoded, images, jpeg, open, png, rgb, skipping, uncut, write};
use image::ImageFormat;
use receptive_data::{
    BadImages, DataOptions, DecodeLimits, ImageSize, Loader, LoaderOptions, Resize, Samples,
    decode_file, order,
};
use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A generator of test cases.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % most as u64) as usize
    }
}

const FORMATS: [(&str, ImageFormat); 3] = [
    ("jpeg", ImageFormat::Jpeg),
    ("png", ImageFormat::Png),
    ("bmp", ImageFormat::Bmp),
];
const DAMAGES: [&str; 4] = ["cut", "bit", "zeros", "splice"];

fn damaged(whole: &[u8], how: &str, random: &mut Random) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    let at = random.below(bytes.len());
    match how {
        "cut" => bytes.truncate(at),
        "bit" => bytes[at] ^= 1 << random.below(8),
        "zeros" => {
            let end = (at + 1 + random.below(200)).min(bytes.len());
            bytes[at..end].fill(0);
        }
        _ => {
            let (from, to) = (random.below(bytes.len()), random.below(bytes.len()));
            let length = (1 + random.below(100)).min(bytes.len() - from.max(to));
            bytes.copy_within(from..from + length, to);
        }
    }
    bytes
}

fn thousand(each: usize) {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("image");
    let limits = DecodeLimits::default();
    let mut random = Random(8);
    // Errors, pictures that are other ones, pictures that are the same.
    let mut seen: BTreeMap<(&str, &str), [usize; 3]> = BTreeMap::new();
    let (mut slowest, mut cut_jpegs) = (Duration::ZERO, 0);
    for round in 0..each {
        for (name, format) in FORMATS {
            let (width, height) = (8 + random.below(80) as u32, 8 + random.below(60) as u32);
            let whole = encoded(&rgb(width, height, round as u32), format);
            fs::write(&path, &whole).unwrap();
            let clean = decode_file(&path, &limits).unwrap();
            for how in DAMAGES {
                let bytes = damaged(&whole, how, &mut random);
                if bytes == whole {
                    continue;
                }
                fs::write(&path, &bytes).unwrap();
                let began = Instant::now();
                let decoded = catch_unwind(AssertUnwindSafe(|| decode_file(&path, &limits)));
                slowest = slowest.max(began.elapsed());
                let decoded = decoded.unwrap_or_else(|_| panic!("{name}, {how}: a panic"));
                let kind = match &decoded {
                    Err(_) => 0,
                    Ok(picture) => 1 + usize::from(picture.pixels == clean.pixels),
                };
                seen.entry((name, how)).or_default()[kind] += 1;
                if name == "jpeg" && how == "cut" {
                    cut_jpegs += 1;
                    assert!(decoded.is_err(), "a JPEG cut at {} passed", bytes.len());
                }
            }
        }
    }
    for ((format, how), [errors, other, same]) in &seen {
        println!("T8: {format:<5} {how:<7} {errors:>5} errors {other:>5} other {same:>5} the same");
    }
    println!("T8: no panic, the slowest {slowest:?}; {cut_jpegs} cut JPEGs, all flagged");
    assert!(slowest < Duration::from_secs(5));
}

#[test]
fn t8_damaged_images_never_panic_and_cut_jpegs_are_flagged() {
    thousand(100);
}

#[test]
#[ignore = "the long version: 12,000 damaged images"]
fn t8_long() {
    thousand(1_000);
}

#[test]
fn t8_a_thousand_clean_files_raise_no_alarm() {
    let root = tempfile::tempdir().unwrap();
    for i in 0..1_000u32 {
        let (width, height) = (4 + i % 37, 4 + i % 29);
        let (name, format) = FORMATS[i as usize % 3];
        let mut bytes = encoded(&rgb(width, height, i), format);
        if i % 50 == 0 && name == "jpeg" {
            bytes.extend(b"appended by a phone \xff\xd8\xff");
        }
        write(&root.path().join(format!("{}/{i}.{name}", i % 2)), bytes);
    }
    let data = open(root.path(), &uncut()).unwrap();
    println!(
        "T8: {} clean files, {} alarms",
        data.train.len(),
        data.damaged.len()
    );
    assert_eq!((data.train.len(), data.damaged.len()), (1_000, 0));
}

/// Found by fuzzing: zune-jpeg 0.5.15 panics in its inverse transform at these 573 bytes.
#[test]
fn a_jpeg_that_breaks_its_decoder_is_a_damaged_image() {
    let attacks = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/attacks");
    let path = attacks.join("zune-jpeg-0.5.15-idct.jpg");
    let error = decode_file(&path, &DecodeLimits::default()).unwrap_err();
    assert!(
        error.to_string().contains("zune-jpeg-0.5.15-idct.jpg"),
        "{error}"
    );
}

#[test]
fn t10_bad_files_are_counted_exactly_and_no_epoch_is_short() {
    for (share, bad) in [("0.1 %", 1), ("1 %", 10), ("10 %", 100)] {
        let root = tempfile::tempdir().unwrap();
        images(&root.path().join("a"), 500);
        images(&root.path().join("b"), 500);
        let mut names = Vec::new();
        for i in 0..bad {
            let path = root
                .path()
                .join(["a", "b"][i % 2])
                .join(format!("{}.png", 3 * i / 2));
            let whole = png(8, 6, i as u32);
            fs::write(&path, &whole[..whole.len() / 2]).unwrap();
            names.push(path);
        }
        names.sort();
        let fail = DataOptions {
            bad_images: BadImages::Fail,
            ..uncut()
        };
        let error = open(root.path(), &fail).unwrap_err().to_string();
        assert!(
            names
                .iter()
                .all(|path| error.contains(&*path.to_string_lossy())),
            "{share}"
        );
        let data = open(
            root.path(),
            &DataOptions {
                bad_images: BadImages::Skip,
                ..uncut()
            },
        );
        let data = data.unwrap();
        let mut listed: Vec<_> = data.damaged.iter().map(|bad| bad.path.clone()).collect();
        listed.sort();
        assert_eq!(listed, names, "{share}");
        for workers in [0, 4] {
            let size = ImageSize::new(3, 6, 8);
            let samples = Samples::new(data.train.clone(), size, Resize::Stretch, 0);
            let count = samples.len();
            let options = LoaderOptions {
                batch_size: 64,
                workers,
                mean: vec![0.0; 3],
                std: vec![1.0; 3],
                ..LoaderOptions::default()
            };
            let loader = Loader::new(Arc::new(samples), order(count, 1, 1), options);
            let images: usize = loader.map(|batch| batch.unwrap().labels.len()).sum();
            assert_eq!(images, 1_000 - bad, "{share}, {workers} workers");
        }
        println!(
            "T10: {share} bad: {bad} named when failing, {bad} listed when skipping, every epoch whole"
        );
    }
}

#[test]
fn t11_a_file_that_changes_under_a_running_epoch_is_named() {
    let began = Instant::now();
    let mut named = 0;
    for round in 0..20 {
        let root = tempfile::tempdir().unwrap();
        images(&root.path().join("a"), 40);
        images(&root.path().join("b"), 40);
        let data = open(root.path(), &skipping()).unwrap();
        let size = ImageSize::new(3, 6, 8);
        let samples = Arc::new(Samples::new(data.train.clone(), size, Resize::Stretch, 0));
        let count = samples.len();
        let options = LoaderOptions {
            batch_size: 4,
            workers: [0, 2][round % 2],
            prefetch: 1,
            mean: vec![0.0; 3],
            std: vec![1.0; 3],
            ..LoaderOptions::default()
        };
        let indices = order(count, 1, round as u64);
        let victim = samples.path(indices[count - 1 - round]);
        let path = std::path::Path::new(&victim);
        let mut loader = Loader::new(Arc::clone(&samples), indices, options);
        loader.next().unwrap().unwrap();
        match round % 4 {
            0 => fs::remove_file(path).unwrap(),
            1 => fs::write(path, b"").unwrap(),
            2 => fs::write(path, &jpeg(30, 20, 1)[..200]).unwrap(),
            _ => {
                fs::remove_file(path).unwrap();
                fs::create_dir(path).unwrap();
            }
        }
        let (mut whole, mut errors) = (0, Vec::new());
        for batch in loader {
            match batch {
                Ok(_) => whole += 1,
                Err(error) => errors.push(error.to_string()),
            }
        }
        assert_eq!(
            whole + errors.len() + 1,
            count.div_ceil(4),
            "a batch vanished"
        );
        assert_eq!(errors.len(), 1, "{errors:?}");
        named += usize::from(errors[0].contains(&victim));
    }
    println!(
        "T11: {named} of 20 changed files named, in {:?}",
        began.elapsed()
    );
    assert_eq!(named, 20);
    assert!(began.elapsed() < Duration::from_secs(100));
}
