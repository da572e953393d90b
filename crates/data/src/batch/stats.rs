//! Exact mean and standard deviation of the training images.

use crate::batch::samples::Samples;
use crate::error::DataError;
use crate::image::resize::check_size;
use crate::progress::{Progress, ProgressGuard};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Sums over the pixels of one channel.
#[derive(Clone, Copy, Default)]
struct Sums {
    values: u64,
    squares: u64,
}

/// Number of images that a thread takes at a time.
const BLOCK: usize = 64;

impl Samples {
    /// Mean and standard deviation of every channel over all images and pixels, in units of the
    /// full range (0 to 1).
    ///
    /// Sums are integers, so the result does not depend on `threads` (0 counts as 1). The deviation is the
    /// population's, and at least 1/255, so that it can be divided by.
    ///
    /// # Errors
    /// The first image (in order) that cannot be read, or no images at all.
    pub fn mean_std(
        &self,
        progress: &dyn Progress,
        threads: usize,
    ) -> Result<(Vec<f32>, Vec<f32>), DataError> {
        check_size(&self.size())?;
        if self.is_empty() {
            return Err(DataError::setting(
                "mean and std",
                "there are no images to compute them from",
            ));
        }
        let running =
            ProgressGuard::start(progress, "measuring mean and std", Some(self.len() as u64));
        let channels = self.size().channels;
        let next = AtomicUsize::new(0);
        let total = Mutex::new((vec![Sums::default(); channels], None::<(usize, DataError)>));
        let work = || {
            let mut sums = vec![Sums::default(); channels];
            let mut pixels = Vec::new();
            let mut failure = None;
            loop {
                let start = next.fetch_add(BLOCK, Ordering::Relaxed);
                let end = (start + BLOCK).min(self.len());
                if start >= end {
                    break;
                }
                for i in start..end {
                    match self.read_into(i, &mut pixels) {
                        Ok(()) => add(&mut sums, &pixels),
                        Err(error) => {
                            failure = Some((i, error));
                            // Stops the other threads from beginning another block.
                            next.store(self.len(), Ordering::Relaxed);
                            break;
                        }
                    }
                }
                running.advance((end - start) as u64);
                if failure.is_some() {
                    break;
                }
            }
            // Nothing panics while the lock is held.
            let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
            for (total, sums) in total.0.iter_mut().zip(sums) {
                total.values += sums.values;
                total.squares += sums.squares;
            }
            if let Some(failure) = failure
                && total.1.as_ref().is_none_or(|(i, _)| failure.0 < *i)
            {
                total.1 = Some(failure);
            }
        };
        thread::scope(|scope| {
            for _ in 1..threads.min(self.len().div_ceil(BLOCK)) {
                // If a thread cannot be started, this one does the work alone.
                let _ = thread::Builder::new().spawn_scoped(scope, work);
            }
            work();
        });
        let (sums, failure) = total.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, error)) = failure {
            return Err(error);
        }
        let n = self.len() as u128 * (self.size().len() / channels) as u128;
        Ok(sums.iter().map(|sums| moments(sums, n)).unzip())
    }
}

fn add(sums: &mut [Sums], pixels: &[u8]) {
    let channels = sums.len();
    for (channel, sums) in sums.iter_mut().enumerate() {
        for &value in pixels.iter().skip(channel).step_by(channels) {
            sums.values += u64::from(value);
            sums.squares += u64::from(value) * u64::from(value);
        }
    }
}

/// Mean and deviation of `n` values, divided by 255.
fn moments(sums: &Sums, n: u128) -> (f32, f32) {
    let (values, squares) = (u128::from(sums.values), u128::from(sums.squares));
    let mean = values as f64 / n as f64 / 255.0;
    // n * squares >= values^2 by Cauchy-Schwarz, and integers are exact.
    let variance = (n * squares - values * values) as f64 / (n as f64 * n as f64);
    (
        mean as f32,
        (variance.sqrt() / 255.0).max(1.0 / 255.0) as f32,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_the_population_s() {
        let mut sums = [Sums::default(); 3];
        add(&mut sums, &[0, 10, 7, 255, 20, 7]);
        let (mean, std) = moments(&sums[0], 2);
        assert_eq!((mean, std), (0.5, 0.5));
        let (mean, std) = moments(&sums[1], 2);
        assert!((mean - 15.0 / 255.0).abs() < 1e-7 && (std - 5.0 / 255.0).abs() < 1e-7);
        // A constant channel must not lead to a division by zero.
        assert_eq!(moments(&sums[2], 2).1, 1.0 / 255.0);
    }
}
