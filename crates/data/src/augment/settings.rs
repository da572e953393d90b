//! The settings of random changes.

use crate::error::DataError;

/// Random changes of training images. The default changes nothing.
///
/// Pixels that a shift or a rotation moves in from outside repeat the nearest edge: a photo goes
/// on, a black background stays black, and no new edge appears that a network could learn from.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augment {
    /// Cut out a random window of this share of the area to all of it, 0 to 1, of proportions 3:4 to
    /// 4:3 of the image's, and resize it to the image's size (random resized crop; Szegedy et al.
    /// 2015); 0 switches it off. torchvision calls it the lower bound of `scale`, by default 0.08.
    #[serde(skip_serializing_if = "is_zero")]
    pub crop: f32,
    /// Mirror left and right, for every other image on average.
    pub flip: bool,
    /// Move by up to this many pixels in each direction (also known as pad and crop).
    pub shift: usize,
    /// Turn by up to this many degrees either way, 0 to 180.
    pub rotation: f32,
    /// Multiply all values by `1 - brightness` to `1 + brightness`; 0 to 1.
    pub brightness: f32,
    /// Multiply the distance from the image's mean by `1 - contrast` to `1 + contrast`; 0 to 1.
    pub contrast: f32,
    /// Multiply the distance of every colour from its grey by `1 - saturation` to `1 + saturation`; 0
    /// to 1. Of a grey image nothing changes.
    #[serde(skip_serializing_if = "is_zero")]
    pub saturation: f32,
    /// Turn all hues by up to this share of the colour circle either way; 0 to 0.5. Of a grey image
    /// nothing changes.
    #[serde(skip_serializing_if = "is_zero")]
    pub hue: f32,
    /// The probability, 0 to 1, that a rectangle of 2 to 33 % of the area is filled with the mean
    /// of the data set (random erasing).
    pub erase: f32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(value: &f32) -> bool {
    *value == 0.0
}

impl Augment {
    /// Whether nothing is ever changed.
    pub fn is_off(&self) -> bool {
        *self == Augment::default()
    }

    /// Checks that every number lies in its documented range.
    pub fn check(&self) -> Result<(), DataError> {
        for (setting, value, max) in [
            ("train.augment.crop", self.crop, 1.0),
            ("train.augment.rotation", self.rotation, 180.0),
            ("train.augment.brightness", self.brightness, 1.0),
            ("train.augment.contrast", self.contrast, 1.0),
            ("train.augment.saturation", self.saturation, 1.0),
            ("train.augment.hue", self.hue, 0.5),
            ("train.augment.erase", self.erase, 1.0),
        ] {
            if !(0.0..=max).contains(&value) {
                return Err(DataError::setting(
                    setting,
                    format!("it is {value}; use 0 to {max}"),
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_out_of_range_are_refused() {
        let default = Augment::default;
        assert!(default().check().is_ok());
        for wrong in [
            Augment {
                crop: 1.5,
                ..default()
            },
            Augment {
                rotation: 181.0,
                ..default()
            },
            Augment {
                brightness: -0.1,
                ..default()
            },
            Augment {
                contrast: f32::NAN,
                ..default()
            },
            Augment {
                saturation: 1.1,
                ..default()
            },
            Augment {
                hue: 0.6,
                ..default()
            },
            Augment {
                erase: 1.1,
                ..default()
            },
        ] {
            // By the name with which it is set.
            let text = wrong.check().expect_err("must be refused").to_string();
            assert!(text.starts_with("train.augment."), "{text}");
        }
    }
}
