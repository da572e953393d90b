//! Batches in a given order, prepared ahead of time by worker threads.

use crate::augment::batch::BatchAugment;
use crate::augment::normalize::Normalize;
use crate::batch::images::{BufferPool, Images};
use crate::batch::options::{BatchRows, LoaderOptions};
use crate::batch::samples::Samples;
use crate::batch::{Batch, Mixing, Pipeline};
use crate::error::DataError;
use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// An iterator over the [`Batch`]es of one epoch.
///
/// The batches and their order do not depend on the number of workers: batch `b` is the images `b * batch_size
/// ..` of the given order, and every augmentation is a pure function of `(seed, epoch, index)`. An error takes
/// the place of its batch; the following batches are still delivered, so an epoch is never silently shorter.
/// Dropping the loader stops and joins its threads.
pub struct Loader {
    job: Arc<Job>,
    workers: Vec<JoinHandle<()>>,
    /// The next batch to deliver.
    next: usize,
    /// An error in the options, delivered in place of the first batch.
    rejected: Option<DataError>,
    waited: Duration,
    scratch: Vec<u8>,
}

impl std::fmt::Debug for Loader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Loader(batch {} of {}, {} workers)",
            self.next,
            self.job.batches,
            self.workers.len()
        )
    }
}

/// The state shared by the consumer and the workers.
struct Job {
    samples: Arc<Samples>,
    indices: Vec<usize>,
    repeats: Vec<u64>,
    batch_size: usize,
    batches: usize,
    pipeline: Pipeline,
    ahead: usize,
    buffers: Arc<BufferPool>,
    rows: Option<BatchRows>,
    state: Mutex<State>,
    /// A batch is ready.
    ready: Condvar,
    /// A batch was taken, or the consumer was dropped.
    room: Condvar,
}

#[derive(Default)]
struct State {
    /// The next batch for a worker to begin.
    begun: usize,
    /// How many batches the consumer has taken.
    taken: usize,
    done: HashMap<usize, Result<Batch, DataError>>,
    stop: bool,
}

impl Job {
    /// Nothing panics while the lock is held, so a poisoned state is still valid.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn make(&self, batch: usize, scratch: &mut Vec<u8>) -> Result<Batch, DataError> {
        let start = batch * self.batch_size;
        let end = (start + self.batch_size).min(self.indices.len());
        let indices = &self.indices[start..end];
        let (count, size) = (indices.len(), self.samples.size());
        let images = if self.pipeline.bytes {
            Images::of_bytes(count, size, Arc::clone(&self.pipeline.normalize))
        } else {
            self.buffers.take(count * size.len())
        };
        let repeats = self.repeats.get(start..end).unwrap_or_default();
        let rows = match &self.rows {
            Some(rows) => rows.of(batch, indices.len()),
            None => 0..indices.len(),
        };
        self.pipeline
            .batch(&self.samples, indices, repeats, &rows, scratch, images)
    }

    fn work(&self) {
        let mut scratch = Vec::new();
        let mut state = self.lock();
        loop {
            while !state.stop
                && state.begun < self.batches
                && state.begun >= state.taken + self.ahead
            {
                state = self
                    .room
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            if state.stop || state.begun >= self.batches {
                return;
            }
            let batch = state.begun;
            state.begun += 1;
            drop(state);
            let made = self.make(batch, &mut scratch);
            state = self.lock();
            state.done.insert(batch, made);
            self.ready.notify_one();
        }
    }
}

impl Loader {
    /// Starts loading batches of `samples` in the order `indices`, which may be part of an epoch: a resumed
    /// epoch begins where the last step ended.
    ///
    /// Invalid options (a batch size of 0, an index out of range, wrong means) are delivered as an error
    /// instead of the first batch, and nothing follows.
    pub fn new(samples: Arc<Samples>, indices: Vec<usize>, options: LoaderOptions) -> Self {
        let batch_size = options.batch_size.max(1);
        let fill = Normalize::neutral(&options.mean);
        let checked = options.check(&samples, &indices).and_then(|()| {
            let class_augments = options.augment.by_class(&options.classes)?;
            let normalize = Normalize::new(&options.mean, &options.std)?;
            Ok((normalize, class_augments))
        });
        let ((normalize, class_augments), rejected) = match checked {
            Ok(checked) => (checked, None),
            Err(error) => ((Normalize::identity(), Vec::new()), Some(error)),
        };
        let own = || {
            options
                .augment
                .mix()
                .map(|mix| Arc::new(mix) as Arc<dyn BatchAugment>)
        };
        let batch_augment = options.batch_augment.clone().or_else(own);
        let mixing = match (&options.batch_augment, &batch_augment) {
            (Some(_), _) => Mixing::Any,
            (None, Some(_)) => Mixing::Before,
            (None, None) => Mixing::None,
        };
        let batches = match (&rejected, options.drop_last) {
            (Some(_), _) => 0,
            (None, true) => indices.len() / batch_size,
            (None, false) => indices.len().div_ceil(batch_size),
        };
        let ahead = options.prefetch.max(1);
        let job = Arc::new(Job {
            samples,
            indices,
            repeats: options.repeats,
            batch_size,
            batches,
            pipeline: Pipeline {
                normalize: Arc::new(normalize),
                // Images are mixed as values.
                bytes: options.bytes && mixing == Mixing::None,
                augment: options.augment,
                class_augments,
                batch_augment,
                mixing,
                fill,
                seed: options.seed,
                epoch: options.epoch,
            },
            ahead,
            buffers: BufferPool::new(ahead + 1),
            rows: options.rows,
            state: Mutex::default(),
            ready: Condvar::new(),
            room: Condvar::new(),
        });
        let mut workers = Vec::new();
        for number in 0..options.workers.min(batches) {
            let job = job.clone();
            let thread = thread::Builder::new().name(format!("loader {number}"));
            // The batches are the same with fewer threads than requested, or none.
            match thread.spawn(move || job.work()) {
                Ok(worker) => workers.push(worker),
                Err(_) => break,
            }
        }
        Self {
            job,
            workers,
            next: 0,
            rejected,
            waited: Duration::ZERO,
            scratch: Vec::new(),
        }
    }

    /// How long the consumer has waited for batches so far (with 0 workers, for loading them).
    pub fn waited(&self) -> Duration {
        self.waited
    }

    fn wait_for(&mut self, batch: usize) -> Result<Batch, DataError> {
        let mut state = self.job.lock();
        loop {
            if let Some(made) = state.done.remove(&batch) {
                state.taken = batch + 1;
                drop(state);
                self.job.room.notify_all();
                return made;
            }
            state = self
                .job
                .ready
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Iterator for Loader {
    type Item = Result<Batch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.rejected.take() {
            return Some(Err(error));
        }
        if self.next >= self.job.batches {
            return None;
        }
        let began = Instant::now();
        let batch = self.next;
        self.next += 1;
        let made = if self.workers.is_empty() {
            let mut scratch = std::mem::take(&mut self.scratch);
            let made = self.job.make(batch, &mut scratch);
            self.scratch = scratch;
            made
        } else {
            self.wait_for(batch)
        };
        self.waited += began.elapsed();
        Some(made)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.job.batches - self.next + usize::from(self.rejected.is_some());
        (left, Some(left))
    }
}

impl ExactSizeIterator for Loader {}

impl Drop for Loader {
    fn drop(&mut self) {
        self.job.lock().stop = true;
        self.job.room.notify_all();
        for worker in self.workers.drain(..) {
            // Workers catch panics themselves, so the result contains nothing new.
            let _ = worker.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::store::{Item, Memory, Store};
    use crate::split::Split;
    use receptive_core::{ImageSize, Resize};

    fn samples(n: usize) -> Samples {
        let size = ImageSize::new(1, 2, 2);
        let pixels = (0..n * 4).map(|i| i as u8).collect();
        let memory = Memory {
            size,
            pixels,
            files: vec![(0, "made".into())],
        };
        let items = (0..n as u32)
            .map(|image| Item {
                image,
                label: image % 3,
            })
            .collect();
        let split = Split::new("train", Arc::new(Store::Memory(memory)), items, 3);
        let size = ImageSize::new(1, 2, 2);
        Samples::new(split, size, Resize::Stretch, 0)
    }

    fn options(workers: usize) -> LoaderOptions {
        LoaderOptions {
            batch_size: 4,
            workers,
            prefetch: 2,
            ..LoaderOptions::default()
        }
    }

    #[test]
    fn a_panic_names_its_image_and_nothing_else_is_lost() {
        for workers in [0, 1, 2, 4] {
            let mut samples = samples(19);
            samples.panics_at = Some(9);
            let loader = Loader::new(samples.into(), (0..19).collect(), options(workers));
            let batches: Vec<_> = loader.collect();
            assert_eq!(batches.len(), 5);
            for (number, batch) in batches.into_iter().enumerate() {
                match batch {
                    Ok(batch) => assert_eq!(batch.indices[0], number * 4),
                    Err(error) => {
                        assert_eq!(number, 2);
                        let text = error.to_string();
                        assert!(
                            text.contains("made[9]") && text.contains("by a test"),
                            "{text}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn impossible_options_are_one_error_and_then_the_end() {
        let wrong: [fn(&mut LoaderOptions); 6] = [
            |o| o.batch_size = 0,
            |o| o.mean = vec![0.1, 0.2],
            |o| o.std = vec![],
            |o| o.std = vec![0.0],
            |o| o.augment.erase = 2.0,
            |o| o.augment.exclude = [("flip".into(), vec!["cat".into()])].into(),
        ];
        for change in wrong {
            let mut options = options(2);
            change(&mut options);
            let mut loader = Loader::new(samples(5).into(), (0..5).collect(), options);
            assert!(matches!(loader.next(), Some(Err(_))));
            assert!(loader.next().is_none());
        }
        let mut loader = Loader::new(samples(5).into(), vec![0, 5], options(0));
        assert!(matches!(
            loader.next(),
            Some(Err(DataError::Index { index: 5, len: 5 }))
        ));
    }

    #[test]
    fn a_short_last_batch_is_kept_or_dropped() {
        let lengths = |drop_last| {
            let options = LoaderOptions {
                drop_last,
                ..options(2)
            };
            let loader = Loader::new(samples(10).into(), (0..10).collect(), options);
            loader
                .map(|batch| batch.expect("valid").labels.len())
                .collect::<Vec<_>>()
        };
        assert_eq!(lengths(false), [4, 4, 2]);
        assert_eq!(lengths(true), [4, 4]);
    }

    #[test]
    fn dropping_early_ends_the_threads() {
        let samples = Arc::new(samples(1000));
        for taken in [0, 1, 3] {
            let mut loader = Loader::new(samples.clone(), (0..1000).collect(), options(3));
            for _ in 0..taken {
                loader.next();
            }
            drop(loader);
            // Threads hold `samples`: once all are joined, this test has the only reference.
            assert_eq!(Arc::strong_count(&samples), 1);
        }
    }

    #[test]
    fn workers_stay_within_the_prefetch() {
        let mut loader = Loader::new(samples(100).into(), (0..100).collect(), options(4));
        loader.next();
        thread::sleep(Duration::from_millis(50));
        let state = loader.job.lock();
        assert!(state.begun <= 1 + 2, "{}", state.begun);
    }
}
