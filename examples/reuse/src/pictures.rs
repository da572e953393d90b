//! Images for burn's data loader.

use burn::data::dataloader::batcher::Batcher;
use burn::data::dataloader::{DataLoader, DataLoaderBuilder};
use burn::data::dataset::InMemDataset;
use burn::tensor::{Device, Int, Tensor, TensorData};
use receptive_data::{DataError, DataOptions, NoProgress, Resize, Samples, Split};
use receptive_model::{ImageBatch, InputSpec};
use std::sync::Arc;

/// One image, normalised for the classifier, and its class.
#[derive(Debug, Clone)]
pub struct Picture {
    pixels: Vec<f32>,
    class: usize,
}

/// Stacks images to batches of the classifier's input size.
#[derive(Debug, Clone)]
struct Stack(InputSpec);

impl Batcher<Picture, ImageBatch> for Stack {
    fn batch(&self, pictures: Vec<Picture>, device: &Device) -> ImageBatch {
        let InputSpec {
            channels,
            height,
            width,
            ..
        } = self.0;
        let classes: Vec<i64> = pictures
            .iter()
            .map(|picture| picture.class as i64)
            .collect();
        let count = pictures.len();
        let pixels: Vec<f32> = pictures.into_iter().flat_map(|one| one.pixels).collect();
        let pixels = TensorData::new(pixels, [count, channels, height, width]);
        ImageBatch {
            images: Tensor::from_data(pixels, device),
            targets: Tensor::<1, Int>::from_data(TensorData::new(classes, [count]), device),
        }
    }
}

/// At most `limit` images of a split of `fashion-mini`, prepared according to `input`, with their
/// classes mapped by `target`.
pub fn pictures(
    split: &Split,
    input: &InputSpec,
    limit: usize,
    target: impl Fn(usize) -> usize,
) -> Result<Vec<Picture>, DataError> {
    let samples = Samples::new(split.clone(), input.size(), Resize::Stretch, 0);
    (0..samples.len().min(limit))
        .map(|i| {
            let sample = samples.get(i)?;
            // One channel: `(pixel / 255 - mean) / std`.
            let value = |byte: &u8| (f32::from(*byte) / 255.0 - input.mean[0]) / input.std[0];
            Ok(Picture {
                pixels: sample.pixels.iter().map(value).collect(),
                class: target(sample.label),
            })
        })
        .collect()
}

/// The training and validation splits of `fashion-mini`.
pub fn splits() -> Result<[Split; 2], DataError> {
    let options = DataOptions::default();
    let data = receptive_data::open("fashion-mini", &options, &NoProgress)?;
    Ok([data.train, data.val])
}

/// Batches of 64 in a random order drawn from a seed.
pub fn batches(
    pictures: Vec<Picture>,
    input: &InputSpec,
    device: &Device,
) -> Arc<dyn DataLoader<ImageBatch>> {
    DataLoaderBuilder::new(Stack(input.clone()))
        .batch_size(64)
        .shuffle(1)
        .set_device(device.clone())
        .build(InMemDataset::new(pictures))
}
