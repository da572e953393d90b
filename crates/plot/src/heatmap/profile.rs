//! Marginal profiles: the mean of every column above a heat map, and of every row beside it.

use super::Placing;
use crate::Theme;
use crate::paint::scene::{Outline, Point, Scene, Stroke};

/// How much room a profile takes, in points.
pub(crate) const ROOM: f64 = 56.0;
const GAP: f64 = 8.0;

/// The mean of each column and of each row, values that are not finite left out.
pub(crate) fn means(width: usize, height: usize, values: &[f32]) -> (Vec<f64>, Vec<f64>) {
    let mut columns = vec![(0.0, 0_u32); width];
    let mut rows = vec![(0.0, 0_u32); height];
    for (row, line) in rows.iter_mut().zip(values.chunks(width.max(1))) {
        for (column, value) in columns.iter_mut().zip(line).filter(|(_, v)| v.is_finite()) {
            let value = f64::from(*value);
            *column = (column.0 + value, column.1 + 1);
            *row = (row.0 + value, row.1 + 1);
        }
    }
    let mean = |(sum, count): &(f64, u32)| {
        if *count == 0 {
            0.0
        } else {
            sum / f64::from(*count)
        }
    };
    (
        columns.iter().map(mean).collect(),
        rows.iter().map(mean).collect(),
    )
}

/// Draws both profiles along the map.
pub(crate) fn draw(
    scene: &mut Scene,
    theme: &Theme,
    placing: &Placing,
    means: &(Vec<f64>, Vec<f64>),
) {
    let area = placing.area;
    let (shares, zero) = heights(&means.0);
    let top = shares.into_iter().enumerate().flat_map(|(index, share)| {
        let y = area.y - GAP - share * (ROOM - 2.0 * GAP);
        [
            (placing.at(index as f64, 0.0).0, y),
            (placing.at(index as f64 + 1.0, 0.0).0, y),
        ]
    });
    let base = area.y - GAP - zero * (ROOM - 2.0 * GAP);
    steps(
        scene,
        theme,
        top.collect(),
        (area.x, base),
        (area.right(), base),
    );
    let (shares, zero) = heights(&means.1);
    let side = shares.into_iter().enumerate().flat_map(|(index, share)| {
        let x = area.right() + GAP + share * (ROOM - 2.0 * GAP);
        [
            (x, placing.at(0.0, index as f64).1),
            (x, placing.at(0.0, index as f64 + 1.0).1),
        ]
    });
    let base = area.right() + GAP + zero * (ROOM - 2.0 * GAP);
    steps(
        scene,
        theme,
        side.collect(),
        (base, area.y),
        (base, area.bottom()),
    );
}

fn steps(scene: &mut Scene, theme: &Theme, line: Vec<Point>, from: Point, to: Point) {
    let colour = theme.series(0);
    let closed: Vec<Point> = [from]
        .into_iter()
        .chain(line.iter().copied())
        .chain([to])
        .collect();
    scene.fill_through(Outline::Polygon(closed), colour, 0.15);
    scene.stroke(Outline::Line(vec![from, to]), Stroke::new(theme.rule, 1.0));
    scene.stroke(Outline::Line(line), Stroke::new(colour, 1.25));
}

/// Where each mean stands between the least and the greatest, and where zero does: both ends are
/// moved to zero where it lies beyond them.
fn heights(means: &[f64]) -> (Vec<f64>, f64) {
    let low = means.iter().copied().fold(0.0, f64::min);
    let high = means.iter().copied().fold(0.0, f64::max);
    let share = |value: f64| {
        if high > low {
            (value - low) / (high - low)
        } else {
            0.0
        }
    };
    (
        means.iter().map(|value| share(*value)).collect(),
        share(0.0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_run_along_columns_and_rows() {
        let (columns, rows) = means(3, 2, &[1.0, 2.0, 3.0, 3.0, f32::NAN, 5.0]);
        assert_eq!(columns, [2.0, 2.0, 4.0]);
        assert_eq!(rows, [2.0, 4.0]);
    }

    #[test]
    fn heights_count_from_zero() {
        assert_eq!(heights(&[1.0, 4.0]), (vec![0.25, 1.0], 0.0));
        assert_eq!(heights(&[-1.0, 3.0]), (vec![0.0, 1.0], 0.25));
        assert_eq!(heights(&[-2.0, -1.0]), (vec![0.0, 0.5], 1.0));
        assert_eq!(heights(&[0.0, 0.0]), (vec![0.0, 0.0], 0.0));
    }
}
