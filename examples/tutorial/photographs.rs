//! Step 1: make a batch of two photographs.

use crate::steps::Steps;
use burn::tensor::{Device, Tensor, TensorData};
use receptive_data::{Picture, photos};
use receptive_plot::{Draw, Grid, Tile};
use std::error::Error;
use std::path::Path;

/// Both photographs, as bytes and as a batch.
pub(crate) struct Photographs {
    pub(crate) pictures: [Picture; 2],
    /// `[2, 3, 427, 640]`, from 0 to 1.
    pub(crate) batch: Tensor<4>,
    pub(crate) size: [usize; 2],
}

pub(crate) fn load(
    steps: &mut Steps,
    out: &Path,
    device: &Device,
) -> Result<Photographs, Box<dyn Error>> {
    steps.say("== 1. Two photographs");
    let pictures = [photos::china()?, photos::flower()?];
    let mut images = Vec::new();
    for picture in &pictures {
        let Picture {
            width,
            height,
            channels,
            pixels,
        } = picture;
        // The file stores pixel after pixel, burn one channel after the other.
        let image = TensorData::new(pixels.clone(), [*height, *width, *channels]);
        let image = Tensor::<3>::from_data(image.convert::<f32>(), device);
        images.push(image.permute([2, 0, 1]) / 255.0);
    }
    let batch = Tensor::stack::<4>(images, 0); // [2, 3, 427, 640]
    let (height, width) = (pictures[0].height, pictures[0].width);
    steps.say("(batch, channels, height, width); Keras puts the channels last");
    steps.shape("the batch", &batch.dims(), &[2, 3, height, width])?;
    steps.say(format!(
        "values from {} to {}: bytes divided by 255",
        batch.clone().min().into_scalar::<f32>(),
        batch.clone().max().into_scalar::<f32>()
    ));
    let mut grid = Grid {
        subtitle: "By danielbuechele and vultilion, CC BY 2.0".into(),
        tile_size: 150.0,
        columns: 2,
        ..Grid::new("Two photographs")
    };
    for (picture, name) in pictures.iter().zip(["china", "flower"]) {
        grid = grid.tile(tile(picture).caption(name));
    }
    grid.write(&out.join("photographs.png"))?;
    Ok(Photographs {
        pictures,
        batch,
        size: [height, width],
    })
}

pub(crate) fn tile(picture: &Picture) -> Tile {
    Tile::rgb(picture.width, picture.height, &picture.pixels)
}

/// A feature map as a tile, from black for 0 to white for its largest value.
pub(crate) fn map_tile(map: Tensor<2>) -> Tile {
    let [height, width] = map.dims();
    let largest = map
        .clone()
        .max()
        .into_scalar::<f32>()
        .max(f32::MIN_POSITIVE);
    let bytes: Vec<u8> = map
        .into_data()
        .iter::<f32>()
        .map(|value| (255.0 * (value / largest).clamp(0.0, 1.0)).round() as u8)
        .collect();
    Tile::grey(width, height, &bytes)
}

/// `[1, 3, height, width]` from 0 to 1 as a tile.
pub(crate) fn colours(image: Tensor<4>) -> Tile {
    let [_, _, height, width] = image.dims();
    let bytes: Vec<u8> = image
        .permute([0, 2, 3, 1])
        .into_data()
        .iter::<f32>()
        .map(|value| (255.0 * value).round() as u8)
        .collect();
    Tile::rgb(width, height, &bytes)
}
