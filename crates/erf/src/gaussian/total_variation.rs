//! Total variation: half the sum of the absolute differences of two densities, from 0 to 1; and the
//! part of it that is noise, estimated from the difference between two halves of the samples.

use super::field::NormalizedMap;
use super::gaussian2::{Gaussian2, Lattice};
use crate::map::Map;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Number of random half splits over which the noise is averaged; more change its third digit.
const HALF_SPLITS: usize = 24;
/// The smallest number of groups from which noise can be estimated.
pub(super) const MIN_GROUPS: usize = 2;

/// The total variation between two maps, each scaled to sum to 1, over all pixels of either. 1, the
/// maximum, if a map has no positive mass.
pub(crate) fn total_variation(a: &Map, b: &Map) -> f64 {
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

/// The total variation between a field and this Gaussian, discretised and scaled to sum to 1 on the
/// window.
pub(super) fn to_gaussian(field: &NormalizedMap, gaussian: &Gaussian2) -> f64 {
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

/// A weighted sum of maps, and the Gaussian with which it is compared.
#[derive(Debug)]
pub(super) struct Replicate<'a> {
    /// One weight per map.
    pub(super) weights: &'a [f64],
    /// The Gaussian with the sum's moments.
    pub(super) gaussian: Gaussian2,
    /// The sum's mass.
    pub(super) total: f64,
}

/// The total variation of every replicate. Rows are the outer loop: one row of all maps stays in
/// the cache while all replicates use it, and no replicate's map is ever built.
pub(super) fn of_replicates(
    field: &NormalizedMap,
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
    let mut sums = vec![(0.0, 0.0); replicates.len()]; // differences, and the Gaussian's mass on the data
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
    // Outside the data the difference is the Gaussian itself.
    sums.into_iter()
        .map(|(difference, mass)| ((difference + (1.0 - mass).max(0.0)) / 2.0).clamp(0.0, 1.0))
        .collect()
}

/// The noise that the mean of these groups adds, in quadrature, to its total variation from a
/// smooth map: half the total variation between two random halves of the groups, averaged over
/// splits. 1, the maximum, if it is unknown, which means fewer than two groups or one without mass.
///
/// If the noise of a pixel is proportional to its value with a relative variance of `v` per sample,
/// it is about `0.40 sqrt(v / samples)`; `v` is 2 for squared normal gradients and 0.57 for
/// absolute ones.
pub(crate) fn tv_noise(groups: &[Map]) -> f64 {
    let slices: Vec<&[f64]> = groups.iter().map(Map::values).collect();
    Halves::new(&slices).noise
}

/// The difference between the halves of a field's groups.
#[derive(Debug, Clone, Copy)]
pub(super) struct Halves {
    /// The noise in the total variation of the mean of all groups.
    pub(super) noise: f64,
    /// Sums over the pixels of the halves `a` and `b`: `a, b, a^2, b^2, a b`, averaged over splits;
    /// see [`Halves::ceiling`].
    sums: [f64; 5],
}

impl Halves {
    /// From groups with equal numbers of samples over the same region.
    pub(super) fn new(groups: &[&[f64]]) -> Self {
        let mut halves = Self {
            noise: 1.0,
            sums: [0.0; 5],
        };
        let pixels = groups.iter().map(|group| group.len()).min().unwrap_or(0);
        if groups.len() < MIN_GROUPS {
            return halves;
        }
        let (mut a, mut b) = (vec![0.0; pixels], vec![0.0; pixels]);
        let (mut noise, mut splits) = (0.0, 0);
        for [first, second] in half_splits(groups.len()) {
            sum_into(&mut a, groups, &first);
            sum_into(&mut b, groups, &second);
            let (total_a, total_b) = (a.iter().sum::<f64>(), b.iter().sum::<f64>());
            if !(total_a > 0.0 && total_b > 0.0 && (total_a + total_b).is_finite()) {
                return halves;
            }
            let mut sums = [0.0; 6];
            for (a, b) in a.iter().zip(&b) {
                let (a, b) = (a / total_a, b / total_b);
                sums[0] += (a - b).abs();
                for (sum, term) in sums[1..].iter_mut().zip([a, b, a * a, b * b, a * b]) {
                    *sum += term;
                }
            }
            noise += sums[0] / 4.0;
            splits += 1;
            for (all, sum) in halves.sums.iter_mut().zip(&sums[1..]) {
                *all += sum;
            }
        }
        // With an odd number of groups each split leaves one out, so the noise of all groups is a
        // little smaller.
        let used = (2 * (groups.len() / 2)) as f64 / groups.len() as f64;
        halves.noise = noise / f64::from(splits.max(1)) * used.sqrt();
        for sum in &mut halves.sums {
            *sum /= f64::from(splits.max(1));
        }
        halves
    }

    /// The largest R^2 that a noise-free model can reach against the mean of all groups on a window
    /// of this many pixels, zero outside the data: Spearman-Brown's `2 r / (1 + r)` for the
    /// correlation `r` of the halves.
    pub(super) fn ceiling(&self, pixels: usize) -> Option<f64> {
        let n = pixels as f64;
        let [a, b, aa, bb, ab] = self.sums;
        let (va, vb) = (aa - a * a / n, bb - b * b / n);
        let r = (ab - a * b / n) / (va * vb).sqrt();
        (r.is_finite() && r > 0.0).then(|| 2.0 * r / (1.0 + r))
    }
}

/// Random disjoint halves of this many groups, the same for every map.
pub(super) fn half_splits(groups: usize) -> Vec<[Vec<usize>; 2]> {
    // Two or three groups have no other splits.
    let splits = match groups {
        0..MIN_GROUPS => 0,
        2 => 1,
        3 => 3,
        _ => HALF_SPLITS,
    };
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut order: Vec<usize> = (0..groups).collect();
    let half = groups / 2;
    (0..splits)
        .map(|_| {
            if groups == 3 {
                order.rotate_left(1);
            } else {
                for last in (1..groups).rev() {
                    order.swap(last, (rng.next_u64() % (last as u64 + 1)) as usize);
                }
            }
            [order[..half].to_vec(), order[half..2 * half].to_vec()]
        })
        .collect()
}

/// The sum of the groups with these indices.
pub(super) fn sum_into(sum: &mut [f64], groups: &[&[f64]], indices: &[usize]) {
    sum.fill(0.0);
    for group in indices {
        for (sum, value) in sum.iter_mut().zip(groups[*group]) {
            *sum += value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::Region;
    use rand_distr::{Distribution, Gamma};

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

    /// 20 groups of a Gaussian map with chi-square noise, `samples` draws in total.
    fn groups(samples: f64, seed: u64) -> Vec<Map> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let each = samples / 20.0;
        let chi = Gamma::new(each / 2.0, 2.0 / each).unwrap();
        (0..20)
            .map(|_| {
                Map::from_fn(Region::image(41, 41), |row, column| {
                    let r = (row - 20).pow(2) + (column - 20).pow(2);
                    (-0.5 * r as f64 / 16.0).exp() * chi.sample(&mut rng)
                })
            })
            .collect()
    }

    #[test]
    fn noise_follows_its_law_and_is_not_itself_noisy() {
        for samples in [100.0, 1000.0] {
            let expected = 0.40 * (2.0f64 / samples).sqrt();
            for seed in 0..5 {
                let noise = tv_noise(&groups(samples, seed));
                assert!((noise / expected - 1.0).abs() < 0.1, "{noise} {expected}");
            }
        }
    }

    #[test]
    fn an_odd_group_does_not_change_the_noise() {
        let groups = groups(1000.0, 9);
        let even = tv_noise(&groups[..6]);
        let odd = tv_noise(&groups[..7]) * (7.0f64 / 6.0).sqrt();
        assert!((odd / even - 1.0).abs() < 0.1, "{odd} {even}");
    }

    #[test]
    fn unknown_noise_is_one() {
        assert_eq!(tv_noise(&[]), 1.0);
        let zeros = Map::zeros(Region::image(3, 3));
        assert_eq!(tv_noise(std::slice::from_ref(&zeros)), 1.0);
        assert_eq!(tv_noise(&[zeros.clone(), zeros]), 1.0);
        assert_eq!(tv_noise(&vec![Map::zeros(Region::image(0, 0)); 2]), 1.0);
    }
}
