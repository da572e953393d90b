//! Archives and label lists that are mutated in thousands of ways give a data set or an error: what the
//! targets `archive` and `labels` of `fuzz/` do, on any toolchain and without their coverage.

use crate::archives::{tarred, zipped};
use crate::make::{gz, png, write};
use receptive_data::{BadImages, DataOptions, DecodeLimits, NoProgress, open};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};
use zip::CompressionMethod;

/// Numbers that look random, the same every time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end.max(1)
    }
}

/// What means something to one of the parsers.
const TOKENS: [&[u8]; 16] = [
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"PK\x01\x02",
    b"PK\x05\x06",
    b"../",
    b"/",
    b"\"",
    b"\n",
    b",",
    b";",
    b"file",
    b"class",
    b"split",
    b"group",
    b"cat/1.png",
    b"ustar",
];

/// Bits flipped, bytes set, parts cut, doubled or put elsewhere, tokens, numbers counted up.
fn mutated(seed: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(5) {
        let (at, length) = (random.below(bytes.len()), random.below(64));
        let end = (at + length).min(bytes.len());
        match random.below(8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 if at < bytes.len() => bytes[at] = random.below(256) as u8,
            2 => drop(bytes.drain(at..end)),
            3 => {
                let part = bytes[at..end].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, part);
            }
            4 => {
                let token = TOKENS[random.below(TOKENS.len())];
                bytes.splice(
                    at..(at + token.len()).min(bytes.len()),
                    token.iter().copied(),
                );
            }
            5 => {
                let token = TOKENS[random.below(TOKENS.len())];
                bytes.splice(at..at, token.iter().copied());
            }
            6 if at < bytes.len() => bytes[at] = bytes[at].wrapping_add(1),
            _ => bytes.truncate(bytes.len() - random.below(bytes.len() / 4)),
        }
    }
    bytes
}

/// Opens mutations of the seeds until that is enough; the number of them. One that panics is kept.
fn mutate(
    seeds: &[Vec<u8>],
    is_enough: &dyn Fn(usize) -> bool,
    open: impl Fn(usize, &[u8]),
) -> usize {
    let mut random = Random(7);
    let mut done = 0;
    while !is_enough(done) {
        let which = done % seeds.len();
        let bytes = mutated(&seeds[which], &mut random);
        if catch_unwind(AssertUnwindSafe(|| open(which, &bytes))).is_err() {
            let kept = std::env::temp_dir().join(format!("mutated-{which}-{done}"));
            std::fs::write(&kept, &bytes).unwrap();
            panic!("input {done} panics, kept in {}", kept.display());
        }
        done += 1;
    }
    done
}

fn archives(is_enough: &dyn Fn(usize) -> bool) -> usize {
    let files: Vec<(String, Vec<u8>)> = (0..6)
        .map(|i| {
            (
                format!("{}/{i}.png", ["cat", "dog"][i % 2]),
                png(4, 3, i as u32),
            )
        })
        .collect();
    let seeds = [
        zipped(&files, CompressionMethod::Deflated),
        zipped(&files, CompressionMethod::Stored),
        tarred(&files),
        gz(&tarred(&files)),
    ];
    let folder = tempfile::tempdir().unwrap();
    mutate(&seeds, is_enough, |which, bytes| {
        let name = ["a.zip", "b.zip", "a.tar", "a.tar.gz"][which];
        let path = folder.path().join(name);
        write(&path, bytes);
        let options = DataOptions {
            bad_images: BadImages::Skip,
            allow_empty_classes: true,
            decode: DecodeLimits {
                pixels: 1 << 16,
                ..DecodeLimits::default()
            },
            ..DataOptions::default()
        };
        let _ = open(&path.to_string_lossy(), &options, &NoProgress);
    })
}

fn labels(is_enough: &dyn Fn(usize) -> bool) -> usize {
    let folder = tempfile::tempdir().unwrap();
    for (i, name) in ["a.png", "b.png", "cat/1.png", "dog/1.png", "dog/2 x.png"]
        .iter()
        .enumerate()
    {
        write(&folder.path().join(name), png(4, 3, i as u32));
    }
    let at = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/labels");
    let seeds = ["plain.csv", "splits.csv"].map(|name| std::fs::read(at.join(name)).unwrap());
    let list = folder.path().join("labels.csv");
    mutate(&seeds, is_enough, |_, bytes| {
        write(&list, bytes);
        for group in [None, Some("group"), Some("^([a-z]+)/")] {
            let options = DataOptions {
                labels: Some(list.clone()),
                group: group.map(String::from),
                bad_images: BadImages::Skip,
                ..DataOptions::default()
            };
            let _ = open(&folder.path().to_string_lossy(), &options, &NoProgress);
        }
    })
}

#[test]
fn mutated_archives_and_label_lists_never_panic() {
    archives(&|done| done >= 400);
    labels(&|done| done >= 100);
}

/// `RECEPTIVE_FUZZ_MINUTES` for each of the two, 30 by default.
#[test]
#[ignore = "long"]
fn mutated_archives_and_label_lists_never_panic_long() {
    let minutes = std::env::var("RECEPTIVE_FUZZ_MINUTES");
    let minutes: u64 = minutes.map_or(30, |text| text.parse().unwrap());
    type Run = fn(&dyn Fn(usize) -> bool) -> usize;
    for (name, run) in [("archives", archives as Run), ("label lists", labels)] {
        let end = Instant::now() + Duration::from_secs(60 * minutes);
        let done = run(&|_| Instant::now() > end);
        println!("{done} mutated {name} in {minutes} minutes, none panics");
    }
}
