//! Training images as the network sees them: resized and augmented.

use crate::error::InspectError;
use crate::input::tile;
use receptive_data::{Augment, Sample, Samples, augmented, order};
use receptive_plot::{Grid, Tile};

/// The first `count` images of a run's first epoch as training with this seed sees them: in its
/// order, resized and randomly changed. `mean` fills what is erased.
///
/// # Errors
/// When an image cannot be read, or a setting of `augment` is out of range.
pub fn training_batch(
    samples: &Samples,
    classes: &[String],
    augment: &Augment,
    mean: &[f32],
    seed: u64,
    count: usize,
) -> Result<Grid, InspectError> {
    const FIRST_EPOCH: u64 = 1;
    let mut indices = order(samples.len(), seed, FIRST_EPOCH);
    indices.truncate(count);
    let images = augmented(samples, &indices, augment, mean, (seed, FIRST_EPOCH))?;
    let tiles = images.iter().map(|sample| {
        let class = classes.get(sample.label).map_or("", String::as_str);
        sample_tile(samples, sample).caption(class)
    });
    Ok(Grid {
        fitted: true,
        tiles: tiles.collect(),
        ..Grid::new("")
    })
}

/// An image of these samples, to be drawn.
pub fn sample_tile(samples: &Samples, sample: &Sample) -> Tile {
    let size = samples.size();
    tile(&sample.pixels, [size.height, size.width, size.channels])
}

/// The augmentations that are on, in words.
pub fn augmentation_summary(augment: &Augment) -> String {
    let percent = |share: f32| format!("{:.0} %", 100.0 * share);
    let all = [
        (
            augment.crop > 0.0,
            format!(
                "a random window of at least {} of the area resized to the whole",
                percent(augment.crop)
            ),
        ),
        (augment.flip, "mirrored left and right at random".into()),
        (
            augment.shift > 0,
            format!("moved by up to {} pixels", augment.shift),
        ),
        (
            augment.rotation > 0.0,
            format!("turned by up to {} degrees", augment.rotation),
        ),
        (
            augment.brightness > 0.0,
            format!(
                "brightness changed by up to {}",
                percent(augment.brightness)
            ),
        ),
        (
            augment.contrast > 0.0,
            format!("contrast changed by up to {}", percent(augment.contrast)),
        ),
        (
            augment.saturation > 0.0,
            format!(
                "saturation changed by up to {}",
                percent(augment.saturation)
            ),
        ),
        (
            augment.hue > 0.0,
            format!(
                "hues turned by up to {} of the colour circle",
                percent(augment.hue)
            ),
        ),
        (
            augment.erase > 0.0,
            format!("a rectangle erased in {} of them", percent(augment.erase)),
        ),
    ];
    let said: Vec<String> = all
        .into_iter()
        .filter_map(|(is_on, words)| is_on.then_some(words))
        .collect();
    if said.is_empty() {
        return "not changed at random".into();
    }
    said.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_that_are_made_are_named() {
        let augment = Augment {
            flip: true,
            erase: 0.25,
            ..Augment::default()
        };
        assert_eq!(
            augmentation_summary(&augment),
            "mirrored left and right at random, a rectangle erased in 25 % of them"
        );
        assert_eq!(
            augmentation_summary(&Augment::default()),
            "not changed at random"
        );
    }
}
