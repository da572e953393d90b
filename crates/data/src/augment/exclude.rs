//! Classes excluded from some augmentations.

use super::changes::Fill;
use super::settings::Augment;
use crate::error::DataError;
use crate::names::{enumerate, near, same_name};
use receptive_core::text::Printable;

/// The per-image augmentations, by the names of their settings.
const NAMES: [&str; 21] = [
    "crop",
    "flip",
    "vertical_flip",
    "shift",
    "rotation",
    "affine",
    "randaugment",
    "trivialaugment",
    "brightness",
    "contrast",
    "saturation",
    "hue",
    "autocontrast",
    "equalize",
    "invert",
    "posterize",
    "solarize",
    "grayscale",
    "sharpness",
    "blur",
    "erase",
];
const SETTING: &str = "train.augment.exclude";

impl Augment {
    /// Disables an augmentation; false if none has this name.
    fn switch_off(&mut self, name: &str) -> bool {
        match name {
            "crop" => self.crop = 0.0,
            "flip" => self.flip = false,
            "vertical_flip" => self.vertical_flip = false,
            "shift" => self.shift = 0,
            "rotation" => self.rotation = 0.0,
            "affine" => self.affine = None,
            "randaugment" => self.randaugment = None,
            "trivialaugment" => self.trivialaugment = None,
            "brightness" => self.brightness = 0.0,
            "contrast" => self.contrast = 0.0,
            "saturation" => self.saturation = 0.0,
            "hue" => self.hue = 0.0,
            "autocontrast" => self.autocontrast = 0.0,
            "equalize" => self.equalize = 0.0,
            "invert" => self.invert = 0.0,
            "posterize" => self.posterize = None,
            "solarize" => self.solarize = None,
            "grayscale" => self.grayscale = 0.0,
            "sharpness" => self.sharpness = None,
            "blur" => self.blur = None,
            "erase" => self.erase = 0.0,
            _ => return false,
        }
        true
    }

    /// Checks that `exclude` names existing augmentations.
    pub(super) fn check_exclude(&self) -> Result<(), DataError> {
        for name in self.exclude.keys() {
            if !Self::default().switch_off(name) {
                let problem = format!(
                    "`{}` is not a per-image augmentation; those are {}{}",
                    name.printable(),
                    NAMES.join(", "),
                    near(name, NAMES.into_iter())
                );
                return Err(DataError::setting(SETTING, problem));
            }
        }
        Ok(())
    }

    /// The augmentations in `exclude` that are disabled for all classes.
    pub fn idle_exclusions(&self) -> Vec<&str> {
        let is_idle = |name: &str| {
            let mut without = self.clone();
            without.switch_off(name) && without == *self
        };
        let excluded = self
            .exclude
            .iter()
            .filter(|(_, classes)| !classes.is_empty());
        excluded
            .map(|(name, _)| name.as_str())
            .filter(|name| is_idle(name))
            .collect()
    }

    /// Whether `fill` is set but no augmentation fills pixels.
    pub fn has_idle_fill(&self) -> bool {
        let moves = self.shift > 0
            || self.rotation > 0.0
            || self.affine.is_some()
            || self.randaugment.is_some()
            || self.trivialaugment.is_some();
        self.fill != Fill::default() && !moves
    }

    /// One augmentation per class, in the order of the classes; empty if `exclude` is, since all classes then
    /// have the same.
    ///
    /// # Errors
    /// `exclude` names a class that is not in `classes`.
    pub fn by_class(&self, classes: &[String]) -> Result<Vec<Augment>, DataError> {
        if self.exclude.values().all(Vec::is_empty) {
            return Ok(Vec::new());
        }
        let mut changes = vec![self.clone(); classes.len()];
        for (name, excluded) in &self.exclude {
            for class in excluded {
                let at = classes.iter().position(|known| same_name(known, class));
                let Some(change) = at.and_then(|at| changes.get_mut(at)) else {
                    let known = classes.iter().map(String::as_str);
                    let problem = format!(
                        "the data has no class `{}` to exclude from `{name}`; the classes are {}{}",
                        class.printable(),
                        enumerate(classes),
                        near(class, known)
                    );
                    return Err(DataError::setting(SETTING, problem));
                };
                change.switch_off(name);
            }
        }
        Ok(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excluding(name: &str, classes: &[&str]) -> Augment {
        let classes = classes.iter().map(|class| (*class).to_string()).collect();
        Augment {
            flip: true,
            shift: 2,
            exclude: [(name.to_string(), classes)].into(),
            ..Augment::default()
        }
    }

    #[test]
    fn a_class_is_left_out_of_one_change_alone() {
        let classes = ["a", "b", "d"].map(String::from);
        let changes = excluding("flip", &["b", "d"]).by_class(&classes).unwrap();
        assert_eq!(changes.len(), 3);
        assert_eq!([0, 1, 2].map(|at| changes[at].flip), [true, false, false]);
        assert!(changes.iter().all(|change| change.shift == 2));
        let without = excluding("flip", &[]).by_class(&classes).unwrap();
        assert!(without.is_empty(), "all have the same");
    }

    #[test]
    fn unknown_names_are_told_with_those_that_there_are() {
        let classes = ["cat", "dog"].map(String::from);
        let error = excluding("flip", &["dogs"])
            .by_class(&classes)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("no class `dogs`") && error.contains("`cat`, `dog`"),
            "{error}"
        );
        assert!(error.ends_with("did you mean `dog`?"), "{error}");
        let error = excluding("flips", &["dog"])
            .check()
            .unwrap_err()
            .to_string();
        assert!(error.contains("did you mean `flip`?"), "{error}");
    }

    #[test]
    fn every_change_of_single_images_can_be_excluded() {
        for name in NAMES {
            assert!(Augment::default().switch_off(name), "{name}");
        }
        // All settings that are not augmentations of single images.
        let other = ["fill", "mixup", "cutmix", "exclude"];
        let all = serde_json::to_value(super::super::settings::tests::all()).unwrap();
        for name in all.as_object().unwrap().keys() {
            let is_named = NAMES.contains(&name.as_str()) || other.contains(&name.as_str());
            assert!(is_named, "{name}");
        }
    }
}
