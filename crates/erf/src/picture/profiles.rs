//! One-dimensional profiles: the cross sections through the Gaussian's centre, and the means at
//! equal Mahalanobis radius, which are `exp(-r^2/2)` for a Gaussian.

use super::raster::per_peak;
use super::subject::{Bell, Subject};
use crate::gaussian::half_interval;
use crate::map::{Map, Region};
use receptive_plot::{Chart, Color, Curve, LineStyle, Mark, Panel, Scale};

/// The colours of the measured map, of the Gaussian and of the theory.
const MEASURED: Color = Color::new(0, 114, 178);
const GAUSSIAN: Color = Color::new(213, 94, 0);
const THEORY: Color = Color::new(0, 140, 100);

/// The direction of a section.
#[derive(Debug, Clone, Copy)]
enum Direction {
    /// Along a row.
    Right,
    /// Along a column.
    Down,
}

/// Both sections, one above the other, against the distance from the centre.
pub(super) fn sections(
    subject: &Subject<'_>,
    bell: Option<(Bell, &str)>,
    window: Region,
    size: (f64, f64),
) -> Chart {
    let middle = bell.map_or(subject.trf.centre(), |(bell, _)| bell.mean());
    [Direction::Right, Direction::Down].into_iter().fold(
        Chart {
            columns: 1,
            panel_size: size,
            x_label: "distance from the centre, pixels".into(),
            ..Chart::new("")
        },
        |chart, direction| chart.panel(section(subject, bell, middle, window, direction)),
    )
}

fn section(
    subject: &Subject<'_>,
    bell: Option<(Bell, &str)>,
    middle: [f64; 2],
    window: Region,
    direction: Direction,
) -> Panel {
    let along = match direction {
        Direction::Right => 1,
        Direction::Down => 0,
    };
    // Clamped to the window, since there are no pixels outside it.
    let line = match direction {
        Direction::Right => clamped(middle[0], window.top, window.bottom()),
        Direction::Down => clamped(middle[1], window.left, window.right()),
    };
    let (start, end) = match direction {
        Direction::Right => (window.left, window.right()),
        Direction::Down => (window.top, window.bottom()),
    };
    let place = |step: f64| match direction {
        Direction::Right => (line as f64, step),
        Direction::Down => (step, line as f64),
    };
    let at = |map: &Map, step: i64| match direction {
        Direction::Right => map.at(line, step),
        Direction::Down => map.at(step, line),
    };
    // Beyond five standard deviations a section is flat.
    let reach = bell.map_or(f64::INFINITY, |(bell, _)| {
        (5.0 * bell.spread()[along]).max(8.0)
    });
    let steps: Vec<i64> = (start..end)
        .filter(|step| (*step as f64 - middle[along]).abs() <= reach)
        .collect();
    let scale = per_peak(subject.map);
    let points = |map: &Map, scale: f64| -> Vec<(f64, f64)> {
        let point = |step: &i64| (*step as f64 - middle[along], at(map, *step) * scale);
        steps.iter().map(point).collect()
    };
    let measured = points(subject.map, scale);
    let band: Vec<(f64, f64, f64)> = steps
        .iter()
        .zip(&measured)
        .filter_map(|(step, (x, y))| {
            let half = half_interval(subject.groups.iter().map(|map| at(map, *step)))? * scale;
            // A density is not negative.
            half.is_finite()
                .then_some((*x, (y - half).max(0.0), y + half))
        })
        .collect();

    let name = match direction {
        Direction::Right => format!("row {line}, relative to the peak"),
        Direction::Down => format!("column {line}, relative to the peak"),
    };
    // The measured line comes last, which is drawn lowest: the others are dashed and let it show
    // through.
    let mut panel = Panel::new(&name);
    if let (Some((bell, word)), Some(first), Some(last)) = (bell, steps.first(), steps.last()) {
        // Finer than pixels, so that a narrow Gaussian is a smooth curve.
        let fine = (0..=240).map(|i| {
            let step = *first as f64 + (*last - *first) as f64 * f64::from(i) / 240.0;
            let (row, column) = place(step);
            (step - middle[along], bell.at(row, column) * scale)
        });
        panel = panel.curve(Curve {
            style: LineStyle::Dashed,
            color: Some(GAUSSIAN),
            ..Curve::new(word, &fine.collect::<Vec<_>>())
        });
    }
    if let Some((theory, factor)) = subject.theory() {
        panel = panel.curve(Curve {
            style: LineStyle::Dotted,
            mark: Some(Mark::None),
            color: Some(THEORY),
            ..Curve::new("theory", &points(theory, scale * factor))
        });
    }
    panel.curve(Curve {
        band,
        color: Some(MEASURED),
        ..Curve::new("measured", &measured)
    })
}

fn clamped(middle: f64, start: i64, end: i64) -> i64 {
    (middle.round() as i64).min(end - 1).max(start)
}

/// The largest radius drawn.
const MAX_RADIUS: f64 = 5.0;

/// Pixels grouped by their radius.
struct Rings {
    /// The ring of each pixel, with its row and column.
    pixels: Vec<(usize, i64, i64)>,
    /// The mean radius and the number of pixels of each ring.
    radii: Vec<(f64, f64)>,
}

impl Rings {
    fn new(bell: &Bell, window: Region) -> Self {
        // Rings narrower than a pixel would be ragged.
        let [down, right] = bell.spread();
        let step = (0.7 / down.min(right)).clamp(0.1, 1.0);
        let mut radii = vec![(0.0, 0.0); (MAX_RADIUS / step).ceil() as usize];
        let mut pixels = Vec::new();
        for row in window.top..window.bottom() {
            for column in window.left..window.right() {
                let radius = bell.radius(row as f64, column as f64);
                let ring = (radius / step) as usize;
                if let Some((sum, count)) = radii.get_mut(ring) {
                    (*sum, *count) = (*sum + radius, *count + 1.0);
                    pixels.push((ring, row, column));
                }
            }
        }
        for (sum, count) in &mut radii {
            *sum /= *count;
        }
        Self { pixels, radii }
    }

    /// The mean of the map over each ring.
    fn means(&self, map: &Map) -> Vec<f64> {
        let mut sums = vec![0.0; self.radii.len()];
        for (ring, row, column) in &self.pixels {
            let value = map.at(*row, *column);
            if let Some(sum) = sums.get_mut(*ring)
                && value.is_finite()
            {
                *sum += value;
            }
        }
        let counts = self.radii.iter().map(|(_, count)| count);
        sums.iter().zip(counts).map(|(sum, n)| sum / n).collect()
    }

    fn points(&self, means: &[f64], scale: f64) -> Vec<(f64, f64)> {
        let radii = self.radii.iter().filter(|(_, count)| *count > 0.0);
        let means = self.radii.iter().zip(means);
        let means = means.filter(|((_, count), _)| *count > 0.0);
        radii
            .zip(means)
            .map(|((radius, _), (_, mean))| (*radius, mean * scale))
            .collect()
    }
}

/// The measured profile with its error band, the Gaussian's and the predicted one.
pub(super) fn radial(
    subject: &Subject<'_>,
    (bell, word): (Bell, &str),
    window: Region,
    size: (f64, f64),
) -> Chart {
    let rings = Rings::new(&bell, window);
    let scale = bell.amplitude().recip();
    let measured = rings.means(subject.map);
    let groups: Vec<Vec<f64>> = subject.groups.iter().map(|map| rings.means(map)).collect();
    let points = rings.points(&measured, scale);
    let halves: Vec<f64> = (0..measured.len())
        .map(|ring| {
            let values = groups.iter().filter_map(|group| group.get(ring).copied());
            half_interval(values).unwrap_or(f64::NAN)
        })
        .collect();
    let band: Vec<(f64, f64, f64)> = points
        .iter()
        .zip(rings.points(&halves, scale))
        .filter(|(_, (_, half))| half.is_finite())
        // A logarithmic axis has no zero.
        .map(|((r, y), (_, half))| (*r, (y - half).max(1e-12), y + half))
        .collect();
    let far = points.iter().map(|p| p.0).fold(1.0, f64::max);
    let bell_points: Vec<(f64, f64)> = (0..=200)
        .map(|i| far * f64::from(i) / 200.0)
        .map(|r| (r, (-r * r / 2.0).exp()))
        .collect();
    let gaussian = Curve {
        style: LineStyle::Dashed,
        color: Some(GAUSSIAN),
        ..Curve::new(&format!("{word}, exp(−r²/2)"), &bell_points)
    };
    let panel = Panel {
        y_scale: Scale::Log,
        y_range: Some(((-far * far / 2.0).exp() * 0.3, 3.0)),
        ..Panel::new("radial mean")
    };
    let mut panel = panel.curve(gaussian);
    if let Some((map, factor)) = subject.theory() {
        let line = rings.points(&rings.means(map), scale * factor);
        panel = panel.curve(Curve {
            style: LineStyle::Dotted,
            mark: Some(Mark::None),
            color: Some(THEORY),
            ..Curve::new("theory", &line)
        });
    }
    panel = panel.curve(Curve {
        band,
        color: Some(MEASURED),
        mark: Some(Mark::None),
        ..Curve::new("measured", &points)
    });
    Chart {
        panel_size: size,
        x_label: "Mahalanobis radius r, standard deviations".into(),
        ..Chart::new("")
    }
    .panel(panel)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gaussian::Gaussian2;

    #[test]
    fn the_profile_of_a_gaussian_is_the_gaussian() {
        let bell = Bell::new(&Gaussian2 {
            amplitude: 3.0,
            mean: [20.0, 20.0],
            covariance: [[16.0, 6.0], [6.0, 25.0]],
        })
        .unwrap();
        let map = Map::from_fn(Region::image(41, 41), |row, column| {
            bell.at(row as f64, column as f64)
        });
        let rings = Rings::new(&bell, map.region());
        let points = rings.points(&rings.means(&map), 1.0 / 3.0);
        assert!(points.len() > 20);
        for (r, y) in points {
            let expected = (-r * r / 2.0).exp();
            assert!((y / expected - 1.0).abs() < 0.05, "{r}: {y} {expected}");
        }
    }
}
