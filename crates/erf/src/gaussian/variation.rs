//! Total variation: half the sum of the absolute differences of two densities, from 0 to 1.

use super::field::Field;
use super::fitted::Gaussian2;
use super::lattice::Lattice;
use crate::Map;

/// The total variation between two maps, each scaled to a sum of 1, over all pixels of either.
/// 1, the most there is, where a map has no positive mass.
pub fn total_variation(a: &Map, b: &Map) -> f64 {
    let (total_a, total_b) = (a.total(), b.total());
    if !(total_a > 0.0 && total_b > 0.0 && (total_a + total_b).is_finite()) {
        return 1.0;
    }
    let all = a.region().hull(&b.region());
    let mut sum = 0.0;
    for row in all.top..all.bottom() {
        for column in all.left..all.right() {
            sum += (a.at(row, column) / total_a - b.at(row, column) / total_b).abs();
        }
    }
    sum / 2.0
}

/// The total variation between a field and the Gaussian of these moments, discretised and scaled to
/// a sum of 1 on the window.
pub(super) fn to_gaussian(field: &Field, gaussian: &Gaussian2) -> f64 {
    let one = [1.0];
    let groups = [field.values.as_slice()];
    let replicate = Replicate {
        weights: &one,
        gaussian: *gaussian,
        total: 1.0,
    };
    of_replicates(field, &groups, &[replicate])
        .first()
        .copied()
        .unwrap_or(1.0)
}

/// A weighted sum of maps, and the Gaussian to hold it against.
#[derive(Debug)]
pub(super) struct Replicate<'a> {
    /// A weight a map.
    pub(super) weights: &'a [f64],
    /// The Gaussian of the sum's moments.
    pub(super) gaussian: Gaussian2,
    /// The sum's mass.
    pub(super) total: f64,
}

/// The total variation of every replicate. Rows are the outer loop: a row of all maps stays in the
/// cache while the replicates, of which no map is ever built, pass over it.
pub(super) fn of_replicates(
    field: &Field,
    maps: &[&[f64]],
    replicates: &[Replicate<'_>],
) -> Vec<f64> {
    let width = field.data.width;
    let lattices: Vec<(Lattice, f64)> = replicates
        .iter()
        .map(|replicate| {
            let lattice = Lattice::new(&replicate.gaussian);
            (lattice, lattice.sum(&field.window))
        })
        .collect();
    let mut sums = vec![(0.0, 0.0); replicates.len()]; // differences, Gaussian mass on the data
    let (mut line, mut gaussian) = (vec![0.0; width], vec![0.0; width]);
    for (index, row) in (field.data.top..field.data.bottom()).enumerate() {
        let cells = index * width..(index + 1) * width;
        for ((replicate, (lattice, mass)), sums) in replicates.iter().zip(&lattices).zip(&mut sums)
        {
            line.fill(0.0);
            for (map, weight) in maps.iter().zip(replicate.weights) {
                if *weight != 0.0 {
                    for (sum, value) in line.iter_mut().zip(&map[cells.clone()]) {
                        *sum += weight * value;
                    }
                }
            }
            lattice.row(row, field.data.left, &mut gaussian);
            let (p, q) = (1.0 / replicate.total, 1.0 / mass);
            for (value, gaussian) in line.iter().zip(&gaussian) {
                sums.0 += (value * p - gaussian * q).abs();
                sums.1 += gaussian * q;
            }
        }
    }
    // Where there are no data, the difference is all of the Gaussian.
    sums.into_iter()
        .map(|(difference, mass)| ((difference + (1.0 - mass).max(0.0)) / 2.0).clamp(0.0, 1.0))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Region;

    #[test]
    fn maps_apart_differ_by_one_and_scaled_ones_not_at_all() {
        let a = Map::from_fn(Region::image(2, 2), |row, column| (1 + row + column) as f64);
        let far = Region {
            left: 9,
            ..Region::image(2, 2)
        };
        let b = Map::from_fn(far, |_, _| 1.0);
        assert!((total_variation(&a, &b) - 1.0).abs() < 1e-12);
        assert_eq!(total_variation(&a, &a.map(|value| 2.0 * value)), 0.0);
        let half = Map::from_fn(Region::image(1, 2), |_, _| 1.0);
        let one = Map::from_fn(Region::image(1, 1), |_, _| 5.0);
        assert_eq!(total_variation(&half, &one), 0.5);
        assert_eq!(total_variation(&one, &Map::zeros(far)), 1.0);
    }
}
