use crate::make::{images, open, uncut};
use receptive_core::hash::mix;
use receptive_data::{
    Augment, Batch, BatchAugment, BatchRows, DataError, ImageSize, Loader, LoaderOptions,
    NoProgress, Resize, Samples, SoftTargets, order,
};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use std::{fs, thread};

pub(crate) const SIZE: ImageSize = ImageSize::new(3, 12, 10);

/// 26 images of 8x6 pixels in two classes, at 10x12.
pub(crate) fn samples(root: &Path, cache_bytes: u64) -> Arc<Samples> {
    images(&root.join("cat"), 15);
    images(&root.join("dog"), 11);
    let data = open(root, &uncut()).unwrap();
    Arc::new(Samples::new(
        data.train.clone(),
        SIZE,
        Resize::Pad,
        cache_bytes,
    ))
}

fn options(workers: usize) -> LoaderOptions {
    LoaderOptions {
        batch_size: 4,
        workers,
        prefetch: 3,
        mean: vec![0.5; 3],
        std: vec![0.25; 3],
        seed: 7,
        ..LoaderOptions::default()
    }
}

pub(crate) fn augmented(workers: usize, epoch: u64) -> LoaderOptions {
    LoaderOptions {
        augment: Augment {
            crop: 0.0,
            flip: true,
            shift: 2,
            rotation: 15.0,
            brightness: 0.3,
            contrast: 0.3,
            erase: 0.5,
            ..Augment::default()
        },
        epoch,
        ..options(workers)
    }
}

/// All results of a loader, made in a thread of their own so that a hang is a failure.
pub(crate) fn deliver(
    samples: &Arc<Samples>,
    indices: Vec<usize>,
    options: LoaderOptions,
) -> Vec<Result<Batch, DataError>> {
    let (sender, receiver) = mpsc::channel();
    let loader = Loader::new(samples.clone(), indices, options);
    thread::spawn(move || sender.send(loader.collect()));
    receiver
        .recv_timeout(Duration::from_secs(60))
        .expect("the loader must not hang")
}

#[test]
fn the_number_of_workers_and_the_cache_change_no_batch() {
    let root = tempfile::tempdir().unwrap();
    let cached = samples(root.path(), Samples::CACHE_BYTES);
    let some = samples(root.path(), 5 * SIZE.len() as u64);
    let uncached = samples(root.path(), 0);
    assert_eq!(
        [&cached, &some, &uncached].map(|samples| samples.cache_bytes()),
        [26, 5, 0].map(|images| images * SIZE.len() as u64)
    );
    let batches = |samples: &Arc<Samples>, workers, epoch| -> Vec<Batch> {
        let order = order(samples.len(), 7, epoch);
        let made = deliver(samples, order, augmented(workers, epoch));
        made.into_iter().map(Result::unwrap).collect()
    };
    let first = batches(&uncached, 0, 3);
    assert_eq!(first.len(), 7);
    assert!(
        first
            .iter()
            .all(|batch| batch.images.iter().all(|x| x.is_finite()))
    );
    for workers in [0, 1, 2, 4] {
        for samples in [&cached, &some, &uncached] {
            assert!(batches(samples, workers, 3) == first, "{workers} workers");
        }
    }
    assert!(batches(&cached, 2, 4) != first, "another epoch differs");
}

#[test]
fn an_epoch_may_begin_in_its_middle() {
    let root = tempfile::tempdir().unwrap();
    let samples = samples(root.path(), Samples::CACHE_BYTES);
    let order = order(samples.len(), 7, 0);
    let whole = deliver(&samples, order.clone(), augmented(2, 0));
    let rest = deliver(&samples, order[12..].to_vec(), augmented(2, 0));
    assert_eq!(rest.len(), 4);
    for (a, b) in whole[3..].iter().zip(&rest) {
        assert!(a.as_ref().unwrap() == b.as_ref().unwrap());
    }
}

#[test]
fn a_file_deleted_after_opening_spoils_its_batch_only() {
    for workers in [0, 1, 2, 4] {
        let root = tempfile::tempdir().unwrap();
        let samples = samples(root.path(), 0);
        let gone = samples.path(9);
        fs::remove_file(&gone).unwrap();
        let made = deliver(&samples, (0..26).collect(), options(workers));
        assert_eq!(made.len(), 7);
        for (number, batch) in made.into_iter().enumerate() {
            match batch {
                Ok(batch) => assert_eq!(batch.indices[0], number * 4),
                Err(error) => {
                    assert_eq!(number, 2);
                    assert!(error.to_string().contains(&gone), "{error}");
                }
            }
        }
        let error = samples.mean_std(&NoProgress, 2).unwrap_err();
        assert!(error.to_string().contains(&gone), "{error}");
    }
}

#[test]
fn dropping_early_joins_the_threads() {
    let root = tempfile::tempdir().unwrap();
    let samples = samples(root.path(), 0);
    for taken in [0, 1, 5, 7] {
        let order = order(samples.len(), 1, 0);
        let mut loader = Loader::new(samples.clone(), order, augmented(4, 0));
        for _ in 0..taken {
            loader.next().unwrap().unwrap();
        }
        drop(loader);
        // Every thread holds the samples.
        assert_eq!(Arc::strong_count(&samples), 1);
    }
}

#[test]
fn the_last_batch_is_partial_or_left_out() {
    let root = tempfile::tempdir().unwrap();
    let samples = samples(root.path(), 0);
    for workers in [0, 2] {
        for (drop_last, expected) in [(false, vec![8, 8, 8, 2]), (true, vec![8, 8, 8])] {
            let options = LoaderOptions {
                batch_size: 8,
                drop_last,
                ..options(workers)
            };
            let loader = Loader::new(samples.clone(), (0..26).collect(), options);
            assert_eq!(loader.len(), expected.len());
            let sizes: Vec<usize> = loader
                .map(|batch| {
                    let batch = batch.unwrap();
                    let n = batch.labels.len();
                    assert_eq!(batch.shape, [n, 3, 12, 10]);
                    assert_eq!((batch.images.len(), batch.indices.len()), (n * 360, n));
                    n
                })
                .collect();
            assert_eq!(sizes, expected);
        }
    }
}

#[test]
fn a_batch_larger_than_the_split_is_the_whole_split() {
    let root = tempfile::tempdir().unwrap();
    let samples = samples(root.path(), 0);
    let options = LoaderOptions {
        batch_size: usize::MAX,
        ..options(2)
    };
    let made = deliver(&samples, (0..26).collect(), options.clone());
    assert_eq!(made.len(), 1);
    assert_eq!(made[0].as_ref().unwrap().labels.len(), 26);
    assert!(deliver(&samples, Vec::new(), options).is_empty());
}

#[test]
fn mean_and_std_do_not_depend_on_the_threads() {
    let root = tempfile::tempdir().unwrap();
    let samples = samples(root.path(), 0);
    let one = samples.mean_std(&NoProgress, 1).unwrap();
    assert_eq!(one.0.len(), 3);
    for threads in [0, 2, 5] {
        assert_eq!(samples.mean_std(&NoProgress, threads).unwrap(), one);
    }
}

/// Mixes each image and its target with those of another image of the batch (mixup, in short).
#[derive(Debug)]
struct Mix;

impl BatchAugment for Mix {
    fn apply(
        &self,
        images: &mut [f32],
        shape: [usize; 4],
        targets: &mut SoftTargets,
        (seed, epoch, first): (u64, u64, u64),
    ) {
        let random = mix(mix(seed, epoch), first);
        let share = (random >> 40) as f32 / (1u64 << 24) as f32;
        for (values, each) in [
            (images, shape[1] * shape[2] * shape[3]),
            (targets.values.as_mut_slice(), targets.classes),
        ] {
            let mut others = values.to_vec();
            others.rotate_left(each);
            for (value, other) in values.iter_mut().zip(others) {
                *value = share * *value + (1.0 - share) * other;
            }
        }
    }
}

#[test]
fn a_change_of_whole_batches_is_the_same_for_any_workers_and_after_a_resume() {
    let root = tempfile::tempdir().unwrap();
    let samples = samples(root.path(), Samples::CACHE_BYTES);
    let order = order(samples.len(), 7, 0);
    let batches = |batch_augment, workers, epoch, indices: &[usize]| -> Vec<Batch> {
        let options = LoaderOptions {
            batch_augment,
            ..augmented(workers, epoch)
        };
        let made = deliver(&samples, indices.to_vec(), options);
        made.into_iter().map(Result::unwrap).collect()
    };
    let mixing = || Some(Arc::new(Mix) as Arc<dyn BatchAugment>);
    let first = batches(mixing(), 0, 0, &order);
    for workers in [1, 2, 4] {
        assert!(
            batches(mixing(), workers, 0, &order) == first,
            "{workers} workers"
        );
    }
    assert!(batches(mixing(), 2, 0, &order[12..]) == first[3..]);
    assert!(
        batches(mixing(), 2, 1, &order) != first,
        "another epoch differs"
    );

    let mut softened = 0;
    for (mixed, plain) in first.iter().zip(batches(None, 0, 0, &order)) {
        assert_eq!((&mixed.labels, mixed.shape), (&plain.labels, plain.shape));
        assert!(mixed.images != plain.images);
        assert_eq!(plain.soft_targets, None);
        let targets = mixed.soft_targets.as_ref().unwrap();
        assert_eq!(
            (targets.classes, targets.values.len()),
            (2, 2 * mixed.labels.len())
        );
        for row in targets.values.chunks(2) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{row:?}");
        }
        softened += usize::from(*targets != SoftTargets::from_labels(&mixed.labels, 2));
    }
    assert!(softened > 3, "{softened} batches");
}

/// Every change on, mixing too.
fn everything() -> Augment {
    Augment {
        vertical_flip: true,
        affine: Some(receptive_data::RandomAffine {
            degrees: 10.0,
            translate: [0.1; 2],
            scale: [0.8, 1.2],
            shear: 5.0,
        }),
        randaugment: Some(receptive_data::RandAugment::default()),
        saturation: 0.4,
        hue: 0.1,
        autocontrast: 0.3,
        equalize: 0.3,
        invert: 0.3,
        posterize: Some(receptive_data::Posterize::default()),
        solarize: Some(receptive_data::Solarize::default()),
        grayscale: 0.3,
        sharpness: Some(receptive_data::Sharpness::default()),
        blur: Some(receptive_data::GaussianBlur::default()),
        fill: receptive_data::Fill::Mean,
        mixup: 0.4,
        cutmix: 1.0,
        exclude: [("flip".to_string(), vec!["cat".to_string()])].into(),
        ..augmented(0, 0).augment
    }
}

#[test]
fn mixup_cutmix_and_every_change_are_the_same_for_any_workers_and_after_a_resume() {
    let root = tempfile::tempdir().unwrap();
    let samples = samples(root.path(), Samples::CACHE_BYTES);
    let order = order(samples.len(), 7, 0);
    let batches = |augment: Augment, workers, epoch, indices: &[usize]| -> Vec<Batch> {
        let options = LoaderOptions {
            augment,
            classes: vec!["cat".into(), "dog".into()],
            epoch,
            ..options(workers)
        };
        let made = deliver(&samples, indices.to_vec(), options);
        made.into_iter().map(Result::unwrap).collect()
    };
    let first = batches(everything(), 0, 0, &order);
    for workers in [1, 2, 4] {
        assert!(
            batches(everything(), workers, 0, &order) == first,
            "{workers} workers"
        );
    }
    assert!(batches(everything(), 2, 0, &order[12..]) == first[3..]);
    assert!(batches(everything(), 2, 1, &order) != first);

    let softened = first.iter().filter(|batch| {
        let hard = SoftTargets::from_labels(&batch.labels, 2);
        batch.soft_targets.as_ref().unwrap() != &hard
    });
    assert!(softened.count() > 3);

    // The changes of single images are the same with and without mixing.
    let single = Augment {
        mixup: 0.0,
        cutmix: 0.0,
        ..everything()
    };
    let plain = batches(single.clone(), 1, 0, &order);
    assert!(plain.iter().all(|batch| batch.soft_targets.is_none()));
    let mut values = plain[0].images.to_vec();
    let mut targets = SoftTargets::from_labels(&plain[0].labels, 2);
    let key = (7, 0, order[0] as u64);
    let mix = everything().mix().unwrap();
    mix.apply(&mut values, plain[0].shape, &mut targets, key);
    assert!(values == *first[0].images);
    assert_eq!(Some(targets), first[0].soft_targets);
}

#[test]
fn an_excluded_class_is_left_out_of_a_change_and_of_no_other() {
    let root = tempfile::tempdir().unwrap();
    let samples = samples(root.path(), Samples::CACHE_BYTES);
    let images = |excluded: &[&str]| -> Vec<(usize, Vec<f32>)> {
        let classes = excluded.iter().map(|class| (*class).to_string()).collect();
        let options = LoaderOptions {
            batch_size: 1,
            augment: Augment {
                flip: true,
                brightness: 0.3,
                exclude: [("flip".to_string(), classes)].into(),
                ..Augment::default()
            },
            classes: vec!["cat".into(), "dog".into()],
            ..options(1)
        };
        let made = deliver(&samples, (0..26).collect(), options);
        made.into_iter()
            .map(|batch| {
                batch
                    .map(|batch| (batch.labels[0], batch.images.to_vec()))
                    .unwrap()
            })
            .collect()
    };
    let (all, without) = (images(&[]), images(&["dog"]));
    let changed = |label: usize| {
        let pairs = all.iter().zip(&without);
        pairs
            .filter(|(one, other)| one.0 == label && one.1 != other.1)
            .count()
    };
    assert_eq!(changed(0), 0);
    assert!(changed(1) > 2, "{}", changed(1));
}

#[test]
fn rows_that_are_not_wanted_are_not_read_and_change_no_other() {
    let root = tempfile::tempdir().unwrap();
    let samples = samples(root.path(), 0);
    let mixed = |mixup, cutmix| {
        let mut options = augmented(0, 3);
        (options.augment.mixup, options.augment.cutmix) = (mixup, cutmix);
        options
    };
    for options in [augmented(1, 3), mixed(0.4, 0.0), mixed(0.0, 1.0)] {
        let whole = deliver(&samples, (0..26).collect(), options.clone());
        // Batches of four, the last of two.
        for wanted in [0..4, 1..3, 0..1, 3..9, 2..2] {
            let rows = wanted.clone();
            let options = LoaderOptions {
                rows: Some(BatchRows::new(move |_| rows.clone())),
                ..options.clone()
            };
            let parts = deliver(&samples, (0..26).collect(), options);
            assert_eq!(parts.len(), whole.len());
            for (part, whole) in parts.iter().zip(&whole) {
                let (part, whole) = (part.as_ref().unwrap(), whole.as_ref().unwrap());
                assert_eq!(part.labels, whole.labels);
                assert_eq!(part.indices, whole.indices);
                assert_eq!(part.soft_targets, whole.soft_targets);
                assert_eq!(part.images.len(), whole.images.len());
                for row in wanted.clone().take_while(|row| *row < whole.labels.len()) {
                    let values = row * SIZE.len()..(row + 1) * SIZE.len();
                    assert_eq!(part.images[values.clone()], whole.images[values], "{row}");
                }
            }
        }
    }
    // A damaged image that nobody wants is no error; one that is mixed into a wanted one is.
    fs::remove_file(samples.path(9)).unwrap();
    let failed = |mut options: LoaderOptions, rows: std::ops::Range<usize>| {
        options.rows = Some(BatchRows::new(move |_| rows.clone()));
        let made = deliver(&samples, (0..26).collect(), options);
        made.iter().filter(|batch| batch.is_err()).count()
    };
    assert_eq!(failed(augmented(0, 3), 2..4), 0);
    assert_eq!(failed(augmented(0, 3), 1..2), 1);
    assert_eq!(failed(mixed(0.4, 0.0), 2..3), 1);
    assert_eq!(failed(mixed(0.4, 0.0), 3..4), 0);
}
