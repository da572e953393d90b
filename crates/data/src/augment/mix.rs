//! mixup and CutMix: each image of a batch is mixed with the one before it, and so are the targets.

use super::batch::{BatchAugment, SoftTargets};
use crate::random::{Purpose, Random};

/// mixup (Zhang et al. 2018) and CutMix (Yun et al. 2019), as torchvision's `MixUp` and `CutMix`: each image is
/// mixed with the preceding one in the batch (the first with the last), all in one proportion drawn from
/// Beta(alpha, alpha). With both enabled, one of the two is chosen at random for each batch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mix {
    /// mixup's alpha: 1 makes all proportions equally likely, smaller values favour one image; 0
    /// disables it.
    pub mixup: f32,
    /// CutMix's alpha, with the same meaning.
    pub cutmix: f32,
}

impl BatchAugment for Mix {
    fn apply(
        &self,
        images: &mut [f32],
        shape: [usize; 4],
        targets: &mut SoftTargets,
        (seed, epoch, index): (u64, u64, u64),
    ) {
        let mut random = Random::new(Purpose::Mix, seed, epoch, index);
        let cut = random.next() >> 63 == 1;
        let (cut, alpha) = match (self.mixup > 0.0, self.cutmix > 0.0) {
            (false, false) => return,
            (true, true) if cut => (true, self.cutmix),
            (mixes, _) => (!mixes, if mixes { self.mixup } else { self.cutmix }),
        };
        let own = beta(alpha, &mut random);
        let own = if cut {
            let area = Rectangle::random(own, shape, &mut random);
            paste(images, shape, &area);
            let [_, _, height, width] = shape;
            1.0 - area.len() as f64 / (height * width).max(1) as f64
        } else {
            blend(images, shape[0], own as f32);
            own
        };
        blend(&mut targets.values, shape[0], own as f32);
    }
}

/// Mixes each row with the preceding one: `own` of the row itself, the rest of the other.
pub(super) fn blend(values: &mut [f32], rows: usize, own: f32) {
    let len = values.len() / rows.max(1);
    after(values, len, |row, before| {
        for (value, before) in row.iter_mut().zip(before) {
            *value = *value * own + before * (1.0 - own);
        }
    });
}

/// Pastes a rectangle of the preceding image into each image.
pub(super) fn paste(
    images: &mut [f32],
    [_, channels, height, width]: [usize; 4],
    area: &Rectangle,
) {
    after(images, channels * height * width, |image, before| {
        let planes = image.chunks_exact_mut(height * width);
        for (plane, before) in planes.zip(before.chunks_exact(height * width)) {
            for row in area.rows.clone() {
                let line = row * width + area.columns.start..row * width + area.columns.end;
                plane[line.clone()].copy_from_slice(&before[line]);
            }
        }
    });
}

/// Applies `change` to each row of `len` values and the original preceding row (for the first, the last).
fn after(values: &mut [f32], len: usize, change: impl Fn(&mut [f32], &[f32])) {
    if len == 0 || values.len() < len {
        return;
    }
    let last = values[values.len() - len..].to_vec();
    for start in (len..values.len()).step_by(len).rev() {
        let (before, rest) = values.split_at_mut(start);
        change(&mut rest[..len], &before[start - len..]);
    }
    change(&mut values[..len], &last);
}

/// A rectangle of an image, in pixels.
#[derive(Debug)]
pub(super) struct Rectangle {
    pub(super) rows: std::ops::Range<usize>,
    pub(super) columns: std::ops::Range<usize>,
}

impl Rectangle {
    /// A rectangle of the fraction `1 - own` of the area around a uniformly drawn pixel, clipped to the image.
    fn random(own: f64, [.., height, width]: [usize; 4], random: &mut Random) -> Self {
        let half = 0.5 * (1.0 - own).sqrt();
        let mut side = |len: usize| {
            let centre = random.below(len as u64) as usize;
            let half = (half * len as f64) as usize;
            centre.saturating_sub(half)..(centre + half).min(len)
        };
        let columns = side(width);
        Self {
            columns,
            rows: side(height),
        }
    }

    fn len(&self) -> usize {
        self.rows.len() * self.columns.len()
    }
}

/// A draw from Beta(alpha, alpha), the ratio of one gamma variate to the sum of two.
fn beta(alpha: f32, random: &mut Random) -> f64 {
    let (one, other) = (log_gamma(alpha, random), log_gamma(alpha, random));
    1.0 / (1.0 + (other - one).exp())
}

/// The logarithm of a draw from Gamma(alpha, 1), since the draw itself may underflow for a small alpha
/// (Marsaglia and Tsang 2000).
fn log_gamma(alpha: f32, random: &mut Random) -> f64 {
    // Never 0, so that its logarithm is finite.
    fn unit(random: &mut Random) -> f64 {
        1.0 - f64::from(random.unit())
    }
    let alpha = f64::from(alpha);
    // For alpha < 1, a draw for alpha + 1 is multiplied by a uniform number to the power of 1 / alpha.
    let (shape, log_power) = match alpha < 1.0 {
        true => (alpha + 1.0, unit(random).ln() / alpha),
        false => (alpha, 0.0),
    };
    let d = shape - 1.0 / 3.0;
    loop {
        // A normal variate (Box and Muller 1958).
        let (radius, turn) = ((-2.0 * unit(random).ln()).sqrt(), unit(random));
        let normal = radius * (std::f64::consts::TAU * turn).cos();
        let root = 1.0 + normal / (9.0 * d).sqrt();
        if root <= 0.0 {
            continue;
        }
        let cube = root * root * root;
        if unit(random).ln() < 0.5 * normal * normal + d * (1.0 - cube + cube.ln()) {
            return (d * cube).ln() + log_power;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: [usize; 4] = [3, 1, 4, 5];

    /// Three images; all pixels of each have its label as their value.
    fn batch() -> (Vec<f32>, SoftTargets) {
        let images = (0..60).map(|at| (at / 20) as f32).collect();
        (images, SoftTargets::from_labels(&[0, 1, 2], 3))
    }

    fn mixed(mix: Mix, index: u64) -> (Vec<f32>, SoftTargets) {
        let (mut images, mut targets) = batch();
        mix.apply(&mut images, SHAPE, &mut targets, (5, 1, index));
        (images, targets)
    }

    #[test]
    fn a_target_is_the_share_of_each_image() {
        for mix in [(0.8, 0.0), (0.0, 1.0), (0.2, 1.0)] {
            let mix = Mix {
                mixup: mix.0,
                cutmix: mix.1,
            };
            for index in 0..50 {
                let (images, targets) = mixed(mix, index);
                let rows = targets.values.chunks(3).zip(images.chunks(20));
                for (label, (row, image)) in rows.enumerate() {
                    assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
                    // The values are labels, so their mean is the target's.
                    let mean = image.iter().sum::<f32>() / 20.0;
                    let expected = row[1] + 2.0 * row[2];
                    assert!((mean - expected).abs() < 1e-5, "{mean} {expected}");
                    assert_eq!(row[(label + 1) % 3], 0.0, "of the one before alone");
                }
            }
        }
    }

    #[test]
    fn cutmix_pastes_and_mixup_blends() {
        let is_whole = |values: &[f32]| values.iter().all(|value| value.fract() == 0.0);
        let one = |mixup, cutmix| {
            (0..40)
                .filter(move |at| is_whole(&mixed(Mix { mixup, cutmix }, *at).0))
                .count()
        };
        assert_eq!(one(0.0, 1.0), 40);
        assert_eq!(one(1.0, 0.0), 0);
        let both = one(1.0, 1.0);
        assert!((10..=30).contains(&both), "{both}");
    }

    #[test]
    fn off_and_a_batch_of_one_change_nothing() {
        assert_eq!(mixed(Mix::default(), 1), batch());
        let mix = Mix {
            mixup: 1.0,
            cutmix: 1.0,
        };
        for index in 0..20 {
            let (mut images, mut targets) = (vec![0.25; 6], SoftTargets::from_labels(&[1], 2));
            mix.apply(&mut images, [1, 1, 2, 3], &mut targets, (0, 0, index));
            assert!(images.iter().all(|value| (value - 0.25).abs() < 1e-6));
            assert!((targets.values[1] - 1.0).abs() < 1e-6);
        }
    }

    /// Mean and variance of Beta(alpha, alpha) are 1/2 and 1/(4 (2 alpha + 1)).
    #[test]
    fn proportions_follow_their_distribution() {
        let mut random = Random::new(Purpose::Mix, 1, 2, 3);
        for alpha in [0.05, 0.2, 0.8, 1.0, 5.0] {
            let draws: Vec<f64> = (0..20_000).map(|_| beta(alpha, &mut random)).collect();
            assert!(draws.iter().all(|draw| (0.0..=1.0).contains(draw)));
            let mean = draws.iter().sum::<f64>() / 20_000.0;
            let variance = draws.iter().map(|draw| (draw - 0.5).powi(2)).sum::<f64>() / 20_000.0;
            let expected = 0.25 / (2.0 * f64::from(alpha) + 1.0);
            assert!((mean - 0.5).abs() < 0.015, "{alpha}: {mean}");
            assert!(
                (variance / expected - 1.0).abs() < 0.03,
                "{alpha}: {variance}"
            );
        }
        let mut tiny = (0..4000).map(|_| beta(1e-4, &mut random));
        assert!(tiny.all(|draw| (0.0..=1.0).contains(&draw)), "no NaN");
    }
}
