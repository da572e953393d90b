//! The pixels of a batch, in memory that later batches reuse: otherwise the system would allocate and clear
//! this much memory, page by page, for every batch.

use crate::augment::normalize::Normalize;
use crate::error::DataError;
use receptive_core::ImageSize;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

/// The pixels of a batch, as a slice of normalised values.
///
/// With [`LoaderOptions::bytes`](crate::LoaderOptions::bytes) it holds [`bytes`](Images::bytes), for a device that
/// normalises them; the values are then computed when they are first read.
///
/// When dropped, the memory of values returns to the [`Loader`](crate::Loader) that created it, if that still exists.
/// [`into_vec`](Images::into_vec) keeps it instead.
#[derive(Debug, Default)]
pub struct Images {
    /// Empty if there are bytes.
    values: Vec<f32>,
    bytes: Option<Box<ByteImages>>,
    pool: Weak<BufferPool>,
}

/// Images as bytes, with what is needed to normalise them.
#[derive(Debug, Clone)]
pub struct ByteImages {
    bytes: Vec<u8>,
    size: ImageSize,
    normalize: Arc<Normalize>,
    values: OnceLock<Vec<f32>>,
}

impl ByteImages {
    /// `[n, height, width, channels]`
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Mean and standard deviation of each channel, in units of the full range (0 to 1).
    pub fn mean_and_std(&self) -> [&[f32]; 2] {
        self.normalize.mean_and_std()
    }

    /// `[n, channels, height, width]`, `(byte / 255 - mean) / std`.
    fn values(&self) -> &[f32] {
        self.values.get_or_init(|| {
            let mut values = Vec::with_capacity(self.bytes.len());
            for image in self.bytes.chunks_exact(self.size.len().max(1)) {
                self.normalize.append_unchecked(image, &mut values);
            }
            values
        })
    }
}

/// Buffers of dropped batches.
#[derive(Debug)]
pub(crate) struct BufferPool {
    idle: Mutex<Vec<Vec<f32>>>,
    /// Maximum number of buffers kept; more are freed.
    max: usize,
}

impl BufferPool {
    /// Keeps the memory of at most `max` batches.
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            idle: Mutex::default(),
            max,
        })
    }

    /// An empty buffer with capacity for `length` values.
    pub(crate) fn take(self: &Arc<Self>, length: usize) -> Images {
        let mut values = self.idle().pop().unwrap_or_default();
        values.clear();
        values.reserve_exact(length);
        Images {
            values,
            bytes: None,
            pool: Arc::downgrade(self),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Vec<f32>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give(&self, values: Vec<f32>) {
        let mut idle = self.idle();
        if idle.len() < self.max {
            idle.push(values);
        }
    }
}

impl Images {
    /// The values, whose memory does not return to the loader.
    pub fn into_vec(mut self) -> Vec<f32> {
        if self.bytes.is_some() {
            return self.to_vec();
        }
        self.pool = Weak::new();
        std::mem::take(&mut self.values)
    }

    /// The bytes, if it has any; mixed images have none.
    pub fn bytes(&self) -> Option<&ByteImages> {
        self.bytes.as_deref()
    }

    /// Images `[n, height, width, channels]` that stay bytes. `mean` and `std` have a value for each channel, in units of
    /// the full range (0 to 1).
    ///
    /// # Errors
    /// The number of bytes is not a multiple of an image's, or the means and deviations do not fit the channels.
    pub fn from_bytes(
        bytes: &[u8],
        size: ImageSize,
        mean: &[f32],
        std: &[f32],
    ) -> Result<Self, DataError> {
        let normalize = Arc::new(Normalize::new(mean, std)?);
        let each = size.len().max(1);
        let mut images = Self::of_bytes(bytes.len() / each, size, Arc::clone(&normalize));
        for image in bytes.chunks(each) {
            images.append(image, &size, &normalize)?;
        }
        Ok(images)
    }

    /// No images yet, of this size; those appended stay bytes.
    pub(crate) fn of_bytes(capacity: usize, size: ImageSize, normalize: Arc<Normalize>) -> Self {
        let bytes = ByteImages {
            bytes: Vec::with_capacity(capacity * size.len()),
            size,
            normalize,
            values: OnceLock::new(),
        };
        Self {
            values: Vec::new(),
            bytes: Some(Box::new(bytes)),
            pool: Weak::new(),
        }
    }

    /// Appends the image `[height, width, channels]`, as bytes if these images are bytes.
    ///
    /// # Errors
    /// As [`Normalize::append`].
    pub(crate) fn append(
        &mut self,
        pixels: &[u8],
        size: &ImageSize,
        normalize: &Normalize,
    ) -> Result<(), DataError> {
        let Some(images) = &mut self.bytes else {
            return normalize.append(pixels, size, &mut self.values);
        };
        normalize.check(pixels, size)?;
        images.bytes.extend_from_slice(pixels);
        Ok(())
    }

    /// Appends an image that nothing will read.
    pub(crate) fn append_blank(&mut self, size: &ImageSize) {
        match &mut self.bytes {
            Some(images) => images.bytes.resize(images.bytes.len() + size.len(), 0),
            None => self.values.resize(self.values.len() + size.len(), 0.0),
        }
    }

    pub(crate) fn values_mut(&mut self) -> &mut Vec<f32> {
        &mut self.values
    }
}

impl Deref for Images {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        self.bytes
            .as_deref()
            .map_or(&self.values, ByteImages::values)
    }
}

impl From<Vec<f32>> for Images {
    fn from(values: Vec<f32>) -> Self {
        Self {
            values,
            bytes: None,
            pool: Weak::new(),
        }
    }
}

impl FromIterator<f32> for Images {
    fn from_iter<I: IntoIterator<Item = f32>>(values: I) -> Self {
        Vec::from_iter(values).into()
    }
}

/// Copies into newly allocated memory.
impl Clone for Images {
    fn clone(&self) -> Self {
        Self {
            values: self.values.clone(),
            bytes: self.bytes.clone(),
            pool: Weak::new(),
        }
    }
}

impl PartialEq for Images {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Drop for Images {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.give(std::mem::take(&mut self.values));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(images: &Images) -> *const f32 {
        images.values.as_ptr()
    }

    #[test]
    fn memory_comes_back_when_a_batch_is_dropped() {
        let pool = BufferPool::new(1);
        let (mut first, second) = (pool.take(8), pool.take(8));
        first.values_mut().extend([1.0; 8]);
        let (kept, lost) = (place(&first), place(&second));
        assert_ne!(kept, lost);
        drop(first);
        drop(second);
        let again = pool.take(8);
        assert_eq!((place(&again), again.len()), (kept, 0));
    }

    #[test]
    fn bytes_have_the_values_of_the_normalised_images() {
        let size = ImageSize::new(3, 1, 2);
        let bytes: Vec<u8> = (0..12).collect();
        let [mean, std] = [[0.1, 0.2, 0.3], [0.5, 0.25, 1.0]];
        let images = Images::from_bytes(&bytes, size, &mean, &std).unwrap();
        let normalize = Normalize::new(&mean, &std).unwrap();
        let mut expected = Vec::new();
        for image in bytes.chunks(6) {
            normalize.append(image, &size, &mut expected).unwrap();
        }
        assert_eq!(*images, expected[..]);
        assert_eq!(images.bytes().unwrap().bytes(), bytes);
        // Half an image, and a mean too few.
        assert!(Images::from_bytes(&bytes[..9], size, &mean, &std).is_err());
        assert!(Images::from_bytes(&bytes, size, &mean[..2], &std[..2]).is_err());
    }

    #[test]
    fn what_is_kept_or_copied_does_not_come_back() {
        let pool = BufferPool::new(4);
        let images = pool.take(8);
        drop(images.clone());
        drop(images.into_vec());
        assert!(pool.idle.lock().expect("whole").is_empty());
    }

    #[test]
    fn a_batch_may_outlive_its_loader() {
        let mut images = BufferPool::new(1).take(1);
        images.values_mut().push(2.0);
        assert_eq!(*images, [2.0]);
    }
}
