//! Training images as the network sees them: resized and augmented.

use crate::error::InspectError;
use crate::input::tile;
use receptive_data::{
    Augment, Batch, BatchAugment, Loader, LoaderOptions, Sample, Samples, SoftTargets, order,
};
use receptive_plot::{Grid, Tile};
use std::sync::Arc;

/// A run's training images and their augmentation.
#[derive(Clone, Copy, Debug)]
pub struct TrainingView<'a> {
    /// The images, at the size of the network's input.
    pub samples: &'a Arc<Samples>,
    /// The names of the classes.
    pub classes: &'a [String],
    /// Their augmentation.
    pub augment: &'a Augment,
    /// Mean of each channel, from 0 to 1; erased areas are filled with it.
    pub mean: &'a [f32],
    /// Standard deviation of each channel.
    pub std: &'a [f32],
    /// The run's seed.
    pub seed: u64,
}

/// Epochs are counted from 1.
const FIRST_EPOCH: u64 = 1;
/// The last epoch searched for visibly mixed images.
const MIXED_EPOCHS: u64 = 50;
/// The minimum fraction of an image that is visible in a mix.
const SEEN_SHARE: f32 = 0.25;

impl TrainingView<'_> {
    /// The first `count` images of the first epoch's first batch, which has `batch_size` images: in
    /// the run's order, resized, augmented and mixed.
    ///
    /// # Errors
    /// If an image cannot be read, or a setting of `augment` is out of range.
    pub fn batch(&self, count: usize, batch_size: usize) -> Result<Grid, InspectError> {
        // Only with mixing does an image depend on the others of its batch.
        let len = match self.augment.mix() {
            Some(_) => batch_size.max(1),
            None => count,
        };
        self.batch_of(FIRST_EPOCH, count, len)
    }

    /// Like [`batch`](Self::batch), for an epoch whose images are visibly mixed: the first in which
    /// both images contribute at least a quarter, otherwise the one closest to that. The caption
    /// states the epoch and the fractions; `None` if no images are mixed.
    ///
    /// # Errors
    /// As [`batch`](Self::batch).
    pub fn mixed(
        &self,
        count: usize,
        batch_size: usize,
    ) -> Result<Option<(Grid, String)>, InspectError> {
        let Some(mix) = self.augment.mix() else {
            return Ok(None);
        };
        let size = self.samples.size();
        let own_share = |epoch: u64| {
            // The same key as in the loader: the first image of the batch.
            let first = order(self.samples.len(), self.seed, epoch).first().copied();
            let key = (self.seed, epoch, first.unwrap_or_default() as u64);
            let shape = [2, 1, size.height, size.width];
            let mut targets = SoftTargets::from_labels(&[0, 1], 2);
            mix.apply(
                &mut vec![0.0; 2 * size.height * size.width],
                shape,
                &mut targets,
                key,
            );
            targets.values[0]
        };
        let evenness = |share: f32| 0.5 - (share - 0.5).abs();
        let mut best = (FIRST_EPOCH, own_share(FIRST_EPOCH));
        for epoch in FIRST_EPOCH + 1..=MIXED_EPOCHS {
            if evenness(best.1) >= SEEN_SHARE {
                break;
            }
            let share = own_share(epoch);
            if evenness(share) > evenness(best.1) {
                best = (epoch, share);
            }
        }
        let (epoch, share) = best;
        let words = format!(
            "The first batch of epoch {epoch}: {:.0} % of each image, {:.0} % of the one before it",
            100.0 * share,
            100.0 * (1.0 - share)
        );
        let grid = self.batch_of(epoch, count, batch_size.max(1))?;
        Ok(Some((grid, words)))
    }

    /// The first `count` images of an epoch's first batch, which has `len` images.
    fn batch_of(&self, epoch: u64, count: usize, len: usize) -> Result<Grid, InspectError> {
        let mut indices = order(self.samples.len(), self.seed, epoch);
        indices.truncate(len.max(count));
        let mut tiles = Vec::with_capacity(count);
        if let Some(batch) = self.load(indices, epoch, self.augment, len)? {
            for at in 0..batch.labels.len().min(count) {
                tiles.push(self.caption(self.tile(&batch, at), &batch, at));
            }
        }
        Ok(Grid {
            fitted: true,
            tiles,
            ..Grid::new("")
        })
    }

    /// Images in the run's order, one row per image: the original, and its augmented versions in
    /// the first epochs, before mixing.
    ///
    /// # Errors
    /// As [`batch`](Self::batch).
    pub fn epochs(&self, images: usize, epochs: u64) -> Result<Grid, InspectError> {
        let indices = self.first(images);
        let single = Augment {
            mixup: 0.0,
            cutmix: 0.0,
            ..self.augment.clone()
        };
        let off = Augment::default();
        let mut columns = Vec::new();
        for epoch in 0..FIRST_EPOCH + epochs {
            let augment = if epoch < FIRST_EPOCH { &off } else { &single };
            let len = indices.len();
            columns.extend(self.load(indices.clone(), epoch, augment, len)?);
        }
        let rows = columns.first().map_or(0, |batch| batch.labels.len());
        let mut grid = Grid {
            fitted: true,
            columns: columns.len(),
            column_names: vec!["original".into()],
            ..Grid::new("")
        };
        let names = (FIRST_EPOCH..FIRST_EPOCH + epochs).map(|epoch| format!("epoch {epoch}"));
        grid.column_names.extend(names);
        for row in 0..rows {
            let label = columns[0].labels[row];
            grid.row_names.push(String::new());
            grid.row_classes.push((self.class(label).into(), label));
            let tiles = columns.iter().map(|batch| self.tile(batch, row));
            grid.tiles.extend(tiles);
        }
        Ok(grid)
    }

    /// The indices of the first epoch's first images.
    fn first(&self, count: usize) -> Vec<usize> {
        let mut indices = order(self.samples.len(), self.seed, FIRST_EPOCH);
        indices.truncate(count);
        indices
    }

    /// The first batch of these images, from the training loader; `None` if there are none.
    fn load(
        &self,
        indices: Vec<usize>,
        epoch: u64,
        augment: &Augment,
        batch_size: usize,
    ) -> Result<Option<Batch>, InspectError> {
        let options = LoaderOptions {
            batch_size: batch_size.max(1),
            workers: 0,
            augment: augment.clone(),
            classes: self.classes.to_vec(),
            mean: self.mean.to_vec(),
            std: self.std.to_vec(),
            seed: self.seed,
            epoch,
            ..LoaderOptions::default()
        };
        let mut loader = Loader::new(Arc::clone(self.samples), indices, options);
        Ok(loader.next().transpose()?)
    }

    /// An image of a batch, with the normalisation undone.
    fn tile(&self, batch: &Batch, at: usize) -> Tile {
        let [_, channels, height, width] = batch.shape;
        let plane = height * width;
        let values = &batch.images[at * channels * plane..][..channels * plane];
        let mut pixels = vec![0; values.len()];
        for (at, pixel) in pixels.iter_mut().enumerate() {
            let (place, channel) = (at / channels, at % channels);
            let value = values[channel * plane + place];
            *pixel = (255.0 * (value * self.std[channel] + self.mean[channel])).round() as u8;
        }
        tile(&pixels, [height, width, channels])
    }

    /// Captions the tile with the image's class, or with the fractions of the classes mixed in it.
    fn caption(&self, tile: Tile, batch: &Batch, at: usize) -> Tile {
        let own = batch.labels[at];
        let Some(soft) = &batch.soft_targets else {
            return tile.caption(self.class(own));
        };
        let row = &soft.values[at * soft.classes..][..soft.classes];
        let mut shares: Vec<(usize, f32)> = row.iter().copied().enumerate().collect();
        shares.sort_by(|a, b| b.1.total_cmp(&a.1));
        shares.truncate(2);
        shares.retain(|(_, share)| *share >= 0.005);
        let text = |(class, share): &(usize, f32)| match *share >= 0.995 {
            true => self.class(*class).to_string(),
            false => format!("{:.0} % {}", 100.0 * share, self.class(*class)),
        };
        let texts: Vec<String> = shares.iter().map(text).collect();
        tile.caption(&texts.join(", "))
    }

    fn class(&self, label: usize) -> &str {
        self.classes.get(label).map_or("", String::as_str)
    }
}

/// A tile of an image of these samples.
pub fn sample_tile(samples: &Samples, sample: &Sample) -> Tile {
    let size = samples.size();
    tile(&sample.pixels, [size.height, size.width, size.channels])
}

/// A description of the enabled augmentations.
pub fn augmentation_summary(augment: &Augment) -> String {
    let percent = |share: f32| format!("{:.0} %", 100.0 * share);
    let mut said: Vec<String> = Vec::new();
    let mut say = |is_on: bool, words: String| said.extend(is_on.then_some(words));
    let of_them = |what: &str, p: f32| format!("{what} in {} of images", percent(p));
    let up_to = |what: &str, most: f32| format!("{what} changes of up to {}", percent(most));

    let window = percent(augment.crop);
    say(
        augment.crop > 0.0,
        format!("random resized crops of at least {window} of the area"),
    );
    say(augment.flip, "random horizontal flips".into());
    say(augment.vertical_flip, "random vertical flips".into());
    say(
        augment.shift > 0,
        format!("shifts of up to {} pixels", augment.shift),
    );
    say(
        augment.rotation > 0.0,
        format!("rotations of up to {} degrees", augment.rotation),
    );
    if let Some(affine) = &augment.affine {
        let [across, down] = affine.translate;
        let [low, high] = affine.scale;
        let parts = [
            (
                affine.degrees > 0.0,
                format!("rotations of up to {} degrees", affine.degrees),
            ),
            (
                across.max(down) > 0.0,
                format!(
                    "translations of up to {} of the size",
                    percent(across.max(down))
                ),
            ),
            (
                low != 1.0 || high != 1.0,
                format!("scales of {low} to {high}"),
            ),
            (
                affine.shear > 0.0,
                format!("shears of up to {} degrees", affine.shear),
            ),
        ];
        for (is_on, words) in parts {
            say(is_on, words);
        }
    }
    if let Some(policy) = &augment.randaugment {
        let (ops, magnitude) = (policy.num_ops, policy.magnitude);
        let bins = policy.num_magnitude_bins;
        say(
            true,
            format!("{ops} operations of RandAugment at magnitude {magnitude} of {bins}"),
        );
    }
    say(
        augment.trivialaugment.is_some(),
        "one operation of TrivialAugment".into(),
    );
    say(
        augment.brightness > 0.0,
        up_to("brightness", augment.brightness),
    );
    say(augment.contrast > 0.0, up_to("contrast", augment.contrast));
    say(
        augment.saturation > 0.0,
        up_to("saturation", augment.saturation),
    );
    let circle = percent(augment.hue);
    say(
        augment.hue > 0.0,
        format!("hue changes of up to {circle} of the colour circle"),
    );
    let posterize = augment.posterize.map_or(0.0, |change| change.p);
    let solarize = augment.solarize.map_or(0.0, |change| change.p);
    let sharpness = augment.sharpness.map_or(0.0, |change| change.p);
    let blur = augment.blur.map_or(0.0, |change| change.p);
    for (what, p) in [
        ("autocontrast", augment.autocontrast),
        ("histogram equalisation", augment.equalize),
        ("inversion", augment.invert),
        ("posterisation", posterize),
        ("solarisation", solarize),
        ("greyscale", augment.grayscale),
        ("sharpness changes", sharpness),
        ("blur", blur),
        ("random erasing", augment.erase),
    ] {
        say(p > 0.0, of_them(what, p));
    }
    let mixed = match (augment.mixup > 0.0, augment.cutmix > 0.0) {
        (true, true) => "mixup or CutMix",
        (true, false) => "mixup",
        _ => "CutMix",
    };
    say(augment.mix().is_some(), mixed.into());
    for (name, classes) in &augment.exclude {
        say(
            !classes.is_empty(),
            format!("no {name} for {}", classes.join(", ")),
        );
    }
    if said.is_empty() {
        return "no augmentation".into();
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
            "random horizontal flips, random erasing in 25 % of images"
        );
        assert_eq!(augmentation_summary(&Augment::default()), "no augmentation");
        let augment = Augment {
            randaugment: Some(receptive_data::RandAugment::default()),
            blur: Some(receptive_data::GaussianBlur::default()),
            cutmix: 1.0,
            exclude: [("flip".to_string(), vec!["b".to_string(), "d".to_string()])].into(),
            ..Augment::default()
        };
        assert_eq!(
            augmentation_summary(&augment),
            "2 operations of RandAugment at magnitude 9 of 31, blur in 50 % of images, CutMix, \
             no flip for b, d"
        );
    }
}
