//! A split at one image size: decoded once, cached in memory up to a limit.

use crate::error::DataError;
use crate::image::Picture;
use crate::image::resize::{fit, is_unchanged};
use crate::sources::store::StoredImage;
use crate::split::Split;
use receptive_core::{Fit, ImageSize};
use std::sync::{Arc, OnceLock};

/// A [`Split`] whose images are resized to one size.
///
/// Pixels are kept as bytes: the first `cache_bytes / size` images of the split stay in memory once read, the
/// others are decoded at each access. The cache never changes the result. If the source is in memory and the
/// images already have the size, nothing is copied.
pub struct Samples {
    split: Split,
    size: ImageSize,
    fit: Fit,
    cache: Vec<OnceLock<Arc<[u8]>>>,
    #[cfg(test)]
    pub(crate) panics_at: Option<usize>,
}

/// One resized image with its label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// `[height, width, channels]`, 0 to 255.
    pub pixels: Arc<[u8]>,
    /// The index of its class in the class list.
    pub label: usize,
}

impl std::fmt::Debug for Samples {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Samples({:?}, {:?}, {:?})",
            self.split, self.size, self.fit
        )
    }
}

impl Samples {
    /// The default of `cache_bytes`: 2 GiB.
    pub const CACHE_BYTES: u64 = 2 << 30;

    /// The images of `split` at `size`, keeping at most `cache_bytes` of pixels in memory.
    ///
    /// Nothing is read yet. An invalid size ([`check_size`](crate::check_size)) is an error of the
    /// first read.
    pub fn new(split: Split, size: ImageSize, fit: impl Into<Fit>, cache_bytes: u64) -> Self {
        let fit = fit.into();
        let each = (size.len() as u64).max(1);
        let kept = usize::try_from(cache_bytes / each)
            .unwrap_or(usize::MAX)
            .min(split.len());
        // Pixels that are in memory at the right size need no second copy.
        let direct = matches!(split.stored(0), Ok(StoredImage::Pixels(from, _))
            if is_direct(from, size, fit));
        let mut cache = Vec::new();
        cache.resize_with(if direct { 0 } else { kept }, OnceLock::new);
        Self {
            split,
            size,
            fit,
            cache,
            #[cfg(test)]
            panics_at: None,
        }
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.split.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.split.is_empty()
    }

    /// The size of every image.
    pub fn size(&self) -> ImageSize {
        self.size
    }

    /// The split that contains these images.
    pub fn split(&self) -> &Split {
        &self.split
    }

    /// The label of image `i`; see [`Split::label`], also for its panic.
    pub fn label(&self, i: usize) -> usize {
        self.split.label(i)
    }

    /// The origin of image `i`; see [`Split::path`].
    pub fn path(&self, i: usize) -> String {
        self.split.path(i)
    }

    /// The size of the cache in bytes once filled; 0 if the images are in memory at this size anyway.
    pub fn cache_bytes(&self) -> u64 {
        self.cache.len() as u64 * self.size.len() as u64
    }

    /// Image `i`, decoded and resized.
    ///
    /// # Errors
    /// `i` is out of range, or the file cannot be read (any more).
    pub fn get(&self, i: usize) -> Result<Sample, DataError> {
        let pixels = match self.cached(i)? {
            Some(cached) => cached.clone(),
            None => self.with_pixels(i, |pixels| Arc::from(pixels))?,
        };
        Ok(Sample {
            pixels,
            label: self.split.label(i),
        })
    }

    /// Replaces the content of `pixels` with the pixels of image `i`.
    pub(crate) fn read_into(&self, i: usize, pixels: &mut Vec<u8>) -> Result<(), DataError> {
        pixels.clear();
        match self.cached(i)? {
            Some(cached) => pixels.extend_from_slice(cached),
            None => self.with_pixels(i, |found| pixels.extend_from_slice(found))?,
        }
        Ok(())
    }

    /// The image in the cache, decoded now if necessary; `None` if it is not among the cached ones.
    fn cached(&self, i: usize) -> Result<Option<&Arc<[u8]>>, DataError> {
        let Some(slot) = self.cache.get(i) else {
            return Ok(None);
        };
        if slot.get().is_none() {
            let pixels = self.with_pixels(i, |pixels| Arc::from(pixels))?;
            // Another thread may have stored the same pixels meanwhile.
            let _ = slot.set(pixels);
        }
        Ok(slot.get())
    }

    fn with_pixels<T>(&self, i: usize, take: impl FnOnce(&[u8]) -> T) -> Result<T, DataError> {
        #[cfg(test)]
        if self.panics_at == Some(i) {
            panic!("made to panic by a test");
        }
        let picture = match self.split.stored(i)? {
            StoredImage::Pixels(from, pixels) => {
                if is_direct(from, self.size, self.fit) {
                    return Ok(take(pixels));
                }
                Picture {
                    width: from.width,
                    height: from.height,
                    channels: from.channels,
                    pixels: pixels.to_vec(),
                }
            }
            StoredImage::File(entry, files) => files.read_checked(entry)?,
        };
        let taken = take(&fit(&picture, &self.size, self.fit)?);
        picture.recycle();
        Ok(taken)
    }
}

/// Whether pixels in memory need no resizing.
fn is_direct(from: ImageSize, size: ImageSize, fit: Fit) -> bool {
    let sides = |size: ImageSize| (size.width, size.height);
    from.channels == size.channels && is_unchanged(sides(from), sides(size), fit)
}
