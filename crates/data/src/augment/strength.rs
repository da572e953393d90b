//! Weaker and stronger augmentation, for a search.

use super::changes::{GaussianBlur, Posterize, RandAugment, RandomAffine, Sharpness, Solarize};
use super::settings::{Augment, MAX_ALPHA};

/// A stronger random resized crop keeps at least this fraction of the area, the default of torchvision, unless it
/// was smaller before.
const MIN_CROP: f32 = 0.08;
/// A stronger affine transform shrinks to at least this factor, unless it was smaller before.
const MIN_SCALE: f32 = 0.1;

impl Augment {
    /// All amounts multiplied by `strength`, 0 or more, within their ranges: that of a change, or its probability
    /// if its amount is fixed or random. Flips stay as they are: whether a flipped image has the same class is not a
    /// matter of strength. TrivialAugment, whose magnitudes cover a fixed range, is only disabled by 0.
    #[must_use]
    pub fn strengthened(&self, strength: f32) -> Self {
        if strength == 1.0 {
            // Without rounding errors.
            return self.clone();
        }
        let strength = strength.max(0.0); // also if it is NaN
        let is_on = strength > 0.0;
        let probability = |p: f32| (p * strength).min(1.0);
        Self {
            crop: match self.crop > 0.0 && is_on {
                true => {
                    let fraction = 1.0 - strength * (1.0 - self.crop);
                    fraction.max(self.crop.min(MIN_CROP))
                }
                false => 0.0,
            },
            shift: (self.shift as f32 * strength).round() as usize,
            rotation: (self.rotation * strength).min(180.0),
            brightness: (self.brightness * strength).min(1.0),
            contrast: (self.contrast * strength).min(1.0),
            saturation: (self.saturation * strength).min(1.0),
            hue: (self.hue * strength).min(0.5),
            affine: self.affine.filter(|_| is_on).map(|affine| RandomAffine {
                degrees: (affine.degrees * strength).min(180.0),
                translate: affine.translate.map(|share| (share * strength).min(1.0)),
                scale: affine.scale.map(|scale| {
                    let factor = 1.0 + (scale - 1.0) * strength;
                    factor.clamp(scale.min(MIN_SCALE), RandomAffine::MAX_SCALE)
                }),
                shear: (affine.shear * strength).min(RandomAffine::MAX_SHEAR),
            }),
            randaugment: self.randaugment.filter(|_| is_on).map(|policy| {
                let magnitude = (policy.magnitude as f32 * strength).round() as usize;
                RandAugment {
                    magnitude: magnitude.min(policy.num_magnitude_bins.saturating_sub(1)),
                    ..policy
                }
            }),
            // Its magnitudes are random over the whole range.
            trivialaugment: self.trivialaugment.filter(|_| is_on),
            autocontrast: probability(self.autocontrast),
            equalize: probability(self.equalize),
            invert: probability(self.invert),
            posterize: self.posterize.filter(|_| is_on).map(|change| Posterize {
                p: probability(change.p),
                ..change
            }),
            solarize: self.solarize.filter(|_| is_on).map(|change| Solarize {
                p: probability(change.p),
                ..change
            }),
            grayscale: probability(self.grayscale),
            sharpness: self.sharpness.filter(|_| is_on).map(|change| Sharpness {
                p: probability(change.p),
                ..change
            }),
            blur: self.blur.filter(|_| is_on).map(|change| GaussianBlur {
                p: probability(change.p),
                ..change
            }),
            erase: probability(self.erase),
            mixup: (self.mixup * strength).min(MAX_ALPHA),
            cutmix: (self.cutmix * strength).min(MAX_ALPHA),
            flip: self.flip,
            vertical_flip: self.vertical_flip,
            fill: self.fill,
            exclude: self.exclude.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_amount_is_scaled_within_its_range() {
        let many = Augment {
            affine: Some(RandomAffine {
                degrees: 100.0,
                translate: [0.2, 0.8],
                scale: [0.4, 1.5],
                shear: 50.0,
            }),
            randaugment: Some(RandAugment::default()),
            posterize: Some(Posterize::default()),
            blur: Some(GaussianBlur::default()),
            invert: 0.6,
            mixup: 0.2,
            ..Augment::default()
        };
        let strong = many.strengthened(2.0);
        strong.check().unwrap();
        assert_eq!(strong.affine.unwrap().scale, [0.1, 2.0]);
        assert_eq!(strong.randaugment.unwrap().magnitude, 18);
        assert_eq!((strong.invert, strong.mixup), (1.0, 0.4));
        assert_eq!(many.strengthened(0.5).blur.unwrap().p, 0.25);
        assert!(many.strengthened(0.0).is_off());
        let all = super::super::settings::tests::all();
        let without_policy = Augment {
            trivialaugment: None,
            ..all.clone()
        };
        without_policy.strengthened(3.0).check().unwrap();
        let flips = Augment {
            flip: true,
            vertical_flip: true,
            fill: all.fill,
            exclude: all.exclude.clone(),
            ..Augment::default()
        };
        assert_eq!(all.strengthened(0.0), flips);
        assert_eq!(all.strengthened(1.0), all);
        // Extremes stay valid, and never become weaker.
        let extreme = Augment {
            crop: 0.05,
            affine: Some(RandomAffine {
                scale: [0.02, 60.0],
                shear: 85.0,
                ..RandomAffine::default()
            }),
            mixup: 900.0,
            ..Augment::default()
        };
        for strength in [0.5, 1.0, 1.5, 2.0] {
            let stronger = extreme.strengthened(strength);
            stronger.check().unwrap();
            if strength >= 1.0 {
                let affine = stronger.affine.unwrap();
                assert!(stronger.crop <= 0.05 && affine.shear >= 85.0, "{affine:?}");
                assert!(
                    affine.scale[0] <= 0.02 && affine.scale[1] >= 60.0,
                    "{affine:?}"
                );
            }
        }
        assert_eq!(all.strengthened(f32::NAN), flips);
    }
}
