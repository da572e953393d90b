//! A figure of the input pixels that each output reads.

use crate::error::CliError;
use receptive_model::explain::SlidingAxis;
use receptive_plot::{Color, Draw, Grid, Tile};
use std::path::Path;

/// Maximum side in pixels of an input that is drawn: on a larger one, a window would be too small to see.
const MAX_PIXELS: usize = 48;
/// Maximum number of outputs drawn per axis; if there are more, the first, the middle and the last.
const MAX_OUTPUTS: usize = 6;
/// Side of a figure in screen pixels.
const SIDE: usize = 240;

const PIXEL: Color = Color::new(236, 236, 236);
const PADDING: Color = Color::new(176, 176, 176);
const LINE: Color = Color::WHITE;
/// The blue and orange of Okabe and Ito, which colour-blind readers can distinguish.
const READ: Color = Color::new(0, 114, 178);
const READ_PADDING: Color = Color::new(230, 159, 0);

pub(super) fn write(
    path: &Path,
    layer: &str,
    [rows, columns]: &[SlidingAxis; 2],
) -> Result<(), CliError> {
    let sides = [rows, columns].map(|axis| axis.before + axis.input + axis.after);
    if sides.iter().any(|side| *side > MAX_PIXELS) {
        return Err(CliError::argument(
            "--out",
            format!(
                "an input of {}x{} pixels, padding included, is too large to draw; use at most \
                 {MAX_PIXELS} pixels per side",
                sides[0], sides[1]
            ),
        ));
    }
    let (down, across) = (units_to_draw(rows.output), units_to_draw(columns.output));
    let title = format!(
        "What each output of the {layer} reads: {}x{} in, {}x{} out",
        rows.input, columns.input, rows.output, columns.output
    );
    let subtitle = format!(
        "kernel {}, stride {}, padding {}; blue: read; orange: read, but padding; dark grey: padding",
        rows.kernel,
        rows.stride,
        edges(rows)
    );
    let mut grid = Grid {
        subtitle,
        columns: across.len(),
        tile_size: SIDE as f64 / 2.0,
        ..Grid::new(&title)
    };
    for row in &down {
        for column in &across {
            let caption = format!("row {row}, column {column}");
            grid = grid.tile(tile([rows, columns], [*row, *column]).caption(&caption));
        }
    }
    grid.write(path)?;
    Ok(())
}

fn edges(axis: &SlidingAxis) -> String {
    if axis.before == axis.after {
        axis.before.to_string()
    } else {
        format!("{} before and {} after", axis.before, axis.after)
    }
}

/// The outputs to draw.
fn units_to_draw(outputs: usize) -> Vec<usize> {
    if outputs <= MAX_OUTPUTS {
        return (0..outputs).collect();
    }
    vec![0, 1, outputs / 2, outputs - 1]
}

/// The input with its padding, and the part that one output reads.
fn tile(axes: [&SlidingAxis; 2], unit: [usize; 2]) -> Tile {
    let [rows, columns] = axes;
    let [high, wide] = axes.map(|axis| axis.before + axis.input + axis.after);
    let cell = (SIDE / high.max(wide)).max(4);
    let read: [Vec<i64>; 2] = [0, 1].map(|axis| axes[axis].reads(unit[axis]).collect());
    let colour = |row: usize, column: usize| {
        let place = [
            row as i64 - rows.before as i64,
            column as i64 - columns.before as i64,
        ];
        let is_pixel = [0, 1].map(|axis| (0..axes[axis].input as i64).contains(&place[axis]));
        let is_read = [0, 1].map(|axis| read[axis].contains(&place[axis]));
        match (is_read == [true; 2], is_pixel == [true; 2]) {
            (true, true) => READ,
            (true, false) => READ_PADDING,
            (false, true) => PIXEL,
            (false, false) => PADDING,
        }
    };
    let mut bytes = Vec::with_capacity(3 * high * wide * cell * cell);
    for y in 0..high * cell {
        for x in 0..wide * cell {
            let is_line = y % cell == 0 || x % cell == 0;
            let pixel = if is_line {
                LINE
            } else {
                colour(y / cell, x / cell)
            };
            bytes.extend([pixel.r, pixel.g, pixel.b]);
        }
    }
    Tile::rgb(wide * cell, high * cell, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use receptive_model::Padding;

    #[test]
    fn of_many_outputs_the_ends_and_the_middle_are_drawn() {
        assert_eq!(units_to_draw(3), [0, 1, 2]);
        assert_eq!(units_to_draw(20), [0, 1, 10, 19]);
    }

    #[test]
    fn an_input_that_can_not_be_made_out_is_rejected() {
        let axis = SlidingAxis::new(640, 3, 1, 1, Padding::Same).unwrap();
        let error = write(Path::new("unused.png"), "conv", &[axis, axis]).unwrap_err();
        assert!(error.to_string().contains("too large to draw"), "{error}");
    }
}
