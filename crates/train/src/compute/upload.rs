//! The images of a batch on a device. A GPU is sent bytes, four in a word, a quarter of the values' size, and
//! normalises them itself.

use burn::tensor::{Device, Int, Tensor, TensorData};
use receptive_data::Batch;
use std::ops::Range;

/// Bytes in a word: shaders have no smaller integers.
const IN_WORD: usize = 4;

/// These rows of a batch's images on a device, normalised: `[rows, channels, height, width]`. Rows that the batch does not
/// have are left out.
pub fn images_on(batch: &Batch, rows: Range<usize>, device: &Device) -> Tensor<4> {
    let [images, channels, height, width] = batch.shape;
    let rows = rows.start.min(images)..rows.end.min(images);
    let image = channels * height * width;
    let shape = [rows.len(), channels, height, width];
    let values = rows.start * image..rows.end * image;
    let Some(of_bytes) = batch.images.bytes() else {
        let values = batch.images[values].to_vec();
        return Tensor::from_data(TensorData::new(values, shape), device);
    };
    let pixels = unpacked(&of_bytes.bytes()[values], device)
        .reshape([rows.len(), height, width, channels])
        .permute([0, 3, 1, 2]);
    let [mean, std] = of_bytes.mean_and_std().map(|of_channel| {
        let data = TensorData::new(of_channel.to_vec(), [1, channels, 1, 1]);
        Tensor::<4>::from_data(data, device)
    });
    // The operations of a CPU, in the same order.
    (pixels / 255.0 - mean) / std
}

/// The bytes as numbers, one after the other.
fn unpacked(bytes: &[u8], device: &Device) -> Tensor<1> {
    let words: Vec<i32> = bytes
        .chunks(IN_WORD)
        .map(|bytes| {
            let mut word = [0; IN_WORD];
            word[..bytes.len()].copy_from_slice(bytes);
            i32::from_le_bytes(word)
        })
        .collect();
    let count = words.len();
    let words = Tensor::<1, Int>::from_data(TensorData::new(words, [count]), device);
    let parts = [0, 8, 16, 24].map(|shift| {
        let shifted = words.clone().bitwise_right_shift_scalar(shift);
        // The sign is shifted in.
        shifted.bitwise_and_scalar(255)
    });
    Tensor::stack::<2>(parts.to_vec(), 1) // [words, 4]
        .reshape([count * IN_WORD])
        .slice(0..bytes.len())
        .float()
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use receptive_data::{
        DataOptions, ImageSize, Loader, LoaderOptions, NoProgress, Resize, Samples,
    };
    use std::sync::Arc;

    #[test]
    fn a_device_normalises_bytes_to_the_same_bits() {
        // Of one channel and of three; the last word of a row is not full.
        for size in [ImageSize::new(1, 7, 7), ImageSize::new(3, 5, 7)] {
            let options = DataOptions::default();
            let data = receptive_data::open("fashion-mini", &options, &NoProgress).unwrap();
            let samples = Samples::new(data.val, size, Resize::Stretch, 0);
            let samples = Arc::new(samples);
            let load = |bytes| {
                let options = LoaderOptions {
                    batch_size: 5,
                    workers: 0,
                    mean: vec![0.3, 0.5, 0.44][..size.channels].to_vec(),
                    std: vec![0.25, 0.31, 0.2][..size.channels].to_vec(),
                    bytes,
                    ..LoaderOptions::default()
                };
                Loader::new(Arc::clone(&samples), (0..5).collect(), options)
                    .next()
                    .unwrap()
                    .unwrap()
            };
            let (values, bytes) = (load(false), load(true));
            assert!(bytes.images.bytes().is_some() && values.images.bytes().is_none());
            for rows in [0..5, 2..3, 4..5] {
                let [expected, found] = [&values, &bytes].map(|batch| {
                    let images = images_on(batch, rows.clone(), &Device::flex());
                    images.into_data().try_to_vec::<f32>().unwrap()
                });
                assert_eq!(found, expected, "{rows:?} of {size:?}");
            }
        }
    }
}
