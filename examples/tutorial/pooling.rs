//! Step 7: pooling.

use crate::photographs::{Photographs, colours};
use crate::steps::{Steps, sizes};
use burn::nn::pool::{AvgPool2dConfig, MaxPool2dConfig};
use burn::tensor::Tensor;
use receptive_model::Padding;
use receptive_plot::{Draw, Grid};
use std::error::Error;
use std::path::Path;

/// The corner and the side of the part of the flower that is shown.
const PART: [usize; 3] = [180, 300, 48];

pub(crate) fn pools(
    steps: &mut Steps,
    maps: Tensor<4>, // [2, 32, 427, 640]
    photographs: &Photographs,
    out: &Path,
) -> Result<(), Box<dyn Error>> {
    steps.say("\n== 7. Pools of 2x2, stride 2, no padding");
    let [batch, channels, rows, columns] = maps.dims();
    let [height, width] = sizes(steps, [rows, columns], 2, 2, Padding::Valid)?;
    let max = MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init();
    let average = AvgPool2dConfig::new([2, 2]).with_strides([2, 2]).init();
    let computed = [batch, channels, height, width];
    steps.shape("max pool 2x2", &max.forward(maps.clone()).dims(), &computed)?;
    let averaged = average.forward(maps.clone());
    steps.shape("average pool 2x2", &averaged.dims(), &computed)?;
    steps.say(format!(
        "no parameters; {rows} rows are odd, so the last one is never read"
    ));
    let means: Tensor<2> = maps.mean_dims(&[2, 3]).flatten(1, 3);
    steps.shape("global average pool", &means.dims(), &[batch, channels])?;

    let [top, left, side] = PART;
    let part = photographs
        .batch
        .clone()
        .slice([1..2, 0..3, top..top + side, left..left + side]);
    let subtitle =
        "The largest value of each 2x2 window keeps what is bright; the mean keeps the whole";
    let grid = Grid {
        subtitle: subtitle.into(),
        fitted: true,
        tile_size: 160.0,
        ..Grid::new("A part of the flower, pooled")
    };
    let grid = grid
        .tile(colours(part.clone()).caption("48 x 48 pixels"))
        .tile(colours(max.forward(part.clone())).caption("max pool: 24 x 24"))
        .tile(colours(average.forward(part)).caption("average pool: 24 x 24"));
    grid.write(&out.join("pooling.png"))?;
    Ok(())
}
