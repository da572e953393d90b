//! The filters of the first layer.

use receptive_model::{Artifact, Operation};
use receptive_plot::{Grid, Tile};

/// The filters of the first convolution: in colour for colour input, otherwise grey, with 0 at half
/// brightness and all on the same scale; at most `max_filters` of them. `None` if the network has
/// no convolution on its input.
pub fn filters(artifact: &Artifact, max_filters: usize) -> Option<Grid> {
    let plan = artifact.model.plan();
    let first = plan.layers.first()?;
    let Operation::Conv2d(conv) = &first.operation else {
        return None;
    };
    let [inputs, count] = conv.channels;
    let [height, width] = conv.kernel_size;
    let weight = artifact.model.values(&first.number)?.weight;
    let depth = inputs / conv.groups;
    let largest = weight
        .iter()
        .fold(f32::MIN_POSITIVE, |most, w| most.max(w.abs()));
    let byte = |value: f32| (127.5 + 127.5 * value / largest).round() as u8;
    let subtitle = format!(
        "{} of {count} filters of {depth}x{height}x{width}; grey is 0, white {largest:.2}",
        count.min(max_filters)
    );
    let mut grid = Grid {
        subtitle,
        fitted: true,
        ..Grid::new("Filters of the first layer")
    };
    for (number, filter) in weight
        .chunks(depth * height * width)
        .take(max_filters)
        .enumerate()
    {
        let area = height * width;
        let tile = if depth == 3 {
            let bytes: Vec<u8> = (0..area)
                .flat_map(|place| (0..3).map(move |channel| channel * area + place))
                .map(|at| byte(filter[at]))
                .collect();
            Tile::rgb(width, height, &bytes)
        } else {
            let bytes: Vec<u8> = filter[..area].iter().map(|value| byte(*value)).collect();
            Tile::grey(width, height, &bytes)
        };
        grid = grid.tile(tile.caption(&number.to_string()));
    }
    Some(grid)
}
