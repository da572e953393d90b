//! Batches of bytes, for devices that normalise them.

use crate::loader::{SIZE, augmented, deliver, samples};
use receptive_data::{Batch, LoaderOptions, Samples};

#[test]
fn bytes_become_the_same_values() {
    let root = tempfile::tempdir().unwrap();
    let samples = samples(root.path(), Samples::CACHE_BYTES);
    let load = |options: LoaderOptions| -> Vec<Batch> {
        let made = deliver(&samples, (0..26).collect(), options);
        made.into_iter().map(Result::unwrap).collect()
    };
    for workers in [0, 2] {
        let bytes = LoaderOptions {
            bytes: true,
            ..augmented(workers, 3)
        };
        let of_bytes = load(bytes.clone());
        assert!(of_bytes == load(augmented(0, 3)), "{workers} workers");
        let last = of_bytes[6].images.bytes().unwrap();
        assert_eq!(last.bytes().len(), 2 * SIZE.len());
        assert_eq!(last.mean_and_std(), [&[0.5; 3], &[0.25; 3]]);
        assert_eq!(of_bytes[0].images.clone().into_vec(), *of_bytes[0].images);
        // Images are mixed as values.
        let mut mixed = bytes;
        mixed.augment.mixup = 0.2;
        assert!(load(mixed)[0].images.bytes().is_none());
    }
}
