//! Step 5: hand-made filters, one for vertical and one for horizontal lines.

use crate::photographs::{Photographs, colours, map_tile};
use crate::steps::{Steps, sizes};
use burn::module::Param;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::Conv2dConfig;
use burn::tensor::{Tensor, TensorData};
use receptive_model::Padding;
use receptive_plot::{Draw, Grid};
use std::error::Error;
use std::path::Path;

const KERNEL: usize = 7;
/// The corner, height and width of the part of each photograph that is shown.
const PARTS: [[usize; 4]; 2] = [[150, 130, 70, 120], [180, 270, 70, 120]];

pub(crate) fn filters(
    steps: &mut Steps,
    photographs: &Photographs,
    out: &Path,
) -> Result<(), Box<dyn Error>> {
    steps.say(format!(
        "\n== 5. Two {KERNEL}x{KERNEL} filters made by hand: 1 along a line, 0 elsewhere"
    ));
    let device = photographs.batch.device();
    let mut conv = Conv2dConfig::new([3, 2], [KERNEL, KERNEL])
        .with_padding(PaddingConfig2d::Same)
        .with_bias(false)
        .init(&device);
    conv.weight = Param::from_data(weights(), &device);
    let maps = conv.forward(photographs.batch.clone()); // [2, 2, 427, 640]
    let [height, width] = sizes(steps, photographs.size, KERNEL, 1, Padding::Same)?;
    steps.shape("line filters", &maps.dims(), &[2, 2, height, width])?;

    let subtitle = "Each adds up 7 pixels along its line: lines that way stay sharp, others blur";
    let columns = ["picture", "vertical line", "horizontal line"];
    let mut grid = Grid {
        subtitle: subtitle.into(),
        columns: 3,
        tile_size: 180.0,
        column_names: columns.map(str::to_owned).to_vec(),
        row_names: ["china", "flower"].map(str::to_owned).to_vec(),
        ..Grid::new("Filters made by hand")
    };
    for (image, [top, left, high, wide]) in PARTS.into_iter().enumerate() {
        let part = |from: usize, to: usize, all: &Tensor<4>| {
            let (rows, columns) = (top..top + high, left..left + wide);
            all.clone()
                .slice([image..image + 1, from..to, rows, columns])
        };
        grid = grid.tile(colours(part(0, 3, &photographs.batch)));
        for filter in 0..2 {
            let map = part(filter, filter + 1, &maps);
            grid = grid.tile(map_tile(map.reshape([high, wide])));
        }
    }
    grid.write(&out.join("lines.png"))?;
    Ok(())
}

/// `[2, 3, 7, 7]`: the middle column, and the middle row.
fn weights() -> TensorData {
    let mut weights = Vec::new();
    for filter in 0..2 {
        for _channel in 0..3 {
            for row in 0..KERNEL {
                for column in 0..KERNEL {
                    let across = if filter == 0 { column } else { row };
                    weights.push(f32::from(u8::from(across == KERNEL / 2)));
                }
            }
        }
    }
    TensorData::new(weights, [2, 3, KERNEL, KERNEL])
}
