//! The radial profile: means at equal Mahalanobis radius, which are `exp(-r^2/2)` for a Gaussian.

use super::bell::Bell;
use super::measurement::Subject;
use super::section::{GAUSSIAN, MEASURED, THEORY, theory};
use super::spread;
use crate::{Map, Region};
use receptive_plot::{Chart, LineStyle, Mark, Panel, Scale, Series};

/// The largest radius shown.
const FAR: f64 = 5.0;

/// Pixels grouped by their radius.
struct Rings {
    /// The ring of each pixel, with its row and column.
    pixels: Vec<(usize, i64, i64)>,
    /// The mean radius of each ring and how many pixels it has.
    radii: Vec<(f64, f64)>,
}

impl Rings {
    fn of(bell: &Bell, window: Region) -> Self {
        // Rings narrower than a pixel are ragged.
        let [down, right] = bell.spread();
        let step = (0.7 / down.min(right)).clamp(0.1, 1.0);
        let mut radii = vec![(0.0, 0.0); (FAR / step).ceil() as usize];
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

/// The measured profile with its error band, the Gaussian's and the theory's.
pub(super) fn chart(
    subject: &Subject<'_>,
    (bell, word): (Bell, &str),
    window: Region,
    size: (f64, f64),
) -> Chart {
    let rings = Rings::of(&bell, window);
    let scale = bell.amplitude().recip();
    let measured = rings.means(subject.map);
    let groups: Vec<Vec<f64>> = subject.groups.iter().map(|map| rings.means(map)).collect();
    let points = rings.points(&measured, scale);
    let halves: Vec<f64> = (0..measured.len())
        .map(|ring| {
            let values = groups.iter().filter_map(|group| group.get(ring).copied());
            spread::half(values).unwrap_or(f64::NAN)
        })
        .collect();
    let band: Vec<(f64, f64, f64)> = points
        .iter()
        .zip(rings.points(&halves, scale))
        .filter(|(_, (_, half))| half.is_finite())
        // The axis has no zero; far below it is as good.
        .map(|((r, y), (_, half))| (*r, (y - half).max(1e-12), y + half))
        .collect();
    let far = points.iter().map(|p| p.0).fold(1.0, f64::max);
    let bell_points: Vec<(f64, f64)> = (0..=200)
        .map(|i| far * f64::from(i) / 200.0)
        .map(|r| (r, (-r * r / 2.0).exp()))
        .collect();
    let mut panel = Panel::new("mean at equal radius")
        .y_scale(Scale::Log)
        .y_range((-far * far / 2.0).exp() * 0.3, 3.0)
        .series(
            Series::new(&format!("{word}, exp(−r²/2)"), &bell_points)
                .style(LineStyle::Dashed)
                .colour(GAUSSIAN),
        );
    if let Some((map, factor)) = theory(subject) {
        let line = rings.points(&rings.means(map), scale * factor);
        let line = Series::new("theory", &line).style(LineStyle::Dotted);
        panel = panel.series(line.mark(Mark::None).colour(THEORY));
    }
    panel = panel.series(
        Series::new("measured", &points)
            .band(&band)
            .colour(MEASURED)
            .mark(Mark::None),
    );
    Chart::new("")
        .panel_size(size.0, size.1)
        .x_label("Mahalanobis radius r, standard deviations")
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
        let rings = Rings::of(&bell, map.region());
        let points = rings.points(&rings.means(&map), 1.0 / 3.0);
        assert!(points.len() > 20);
        for (r, y) in points {
            let expected = (-r * r / 2.0).exp();
            assert!((y / expected - 1.0).abs() < 0.05, "{r}: {y} {expected}");
        }
    }
}
