//! Buffers that are reused, and how maps lie in them.

use crate::geometry::Shape;
use receptive_kernels::inference::Layout;
use std::sync::{Mutex, PoisonError};

/// Buffers that are not in use.
#[derive(Debug)]
pub(crate) struct Buffers {
    unused: Vec<Vec<f32>>,
    /// The largest number that is kept; others are freed.
    most: usize,
}

/// The buffers that no call is using, for each of the calls at once.
#[derive(Debug)]
pub(crate) struct BufferPool {
    unused: Mutex<Vec<Buffers>>,
    /// The largest number of buffers that is kept for a call.
    most: usize,
}

impl BufferPool {
    /// Keeps up to this number of buffers for each call.
    pub(crate) fn keeping(most: usize) -> Self {
        Self {
            unused: Mutex::default(),
            most,
        }
    }

    /// Calls `work` with buffers of its own.
    pub(crate) fn lend<R>(&self, work: impl FnOnce(&mut Buffers) -> R) -> R {
        // A poisoned lock is harmless: each call takes its buffers out, so a panic leaves none
        // half-written.
        let all = || self.unused.lock().unwrap_or_else(PoisonError::into_inner);
        let own = all().pop();
        let mut buffers = own.unwrap_or_else(|| Buffers {
            unused: Vec::new(),
            most: self.most,
        });
        let result = work(&mut buffers);
        all().push(buffers);
        result
    }
}

impl Buffers {
    /// A buffer of at least this length, with unspecified contents.
    pub(super) fn take(&mut self, length: usize) -> Vec<f32> {
        // The smallest that is large enough, else the largest.
        let large = |buffer: &Vec<f32>| buffer.len() >= length;
        let fitting = (0..self.unused.len()).min_by_key(|i| {
            let buffer = &self.unused[*i];
            let length = buffer.len();
            (
                !large(buffer),
                if large(buffer) {
                    length
                } else {
                    usize::MAX - length
                },
            )
        });
        let mut buffer = fitting
            .map(|i| self.unused.swap_remove(i))
            .unwrap_or_default();
        // Never shortened: growing it again would fill the new part with zeros.
        if buffer.len() < length {
            buffer.resize(length, 0.0);
        }
        buffer
    }

    /// Keeps the buffer for reuse, or only the largest if there are too many.
    pub(super) fn give(&mut self, buffer: Vec<f32>) {
        if self.unused.len() < self.most {
            self.unused.push(buffer);
        } else if let Some(smallest) = self.unused.iter_mut().min_by_key(|buffer| buffer.len())
            && smallest.len() < buffer.len()
        {
            *smallest = buffer;
        }
    }
}

/// Number of values of one image.
pub(super) fn values(shape: Shape, layout: Layout) -> usize {
    layout.values(shape.channels(), plane(shape))
}

/// Number of values per channel of one image.
pub(super) fn plane(shape: Shape) -> usize {
    shape.map_size().iter().product()
}

/// Copies a part of each image to its place, `from` values after the first of the image's.
pub(super) fn place(all: &mut [f32], of_image: usize, from: usize, parts: &[f32], length: usize) {
    let each = parts.chunks_exact(length.max(1));
    for (to, part) in all.chunks_exact_mut(of_image.max(1)).zip(each) {
        to[from..from + length].copy_from_slice(part);
    }
}

/// The layout in which maps are concatenated: blocks only if each but the last fills its own.
pub(super) fn common(shapes: &[Shape], are_blocks: bool) -> Layout {
    let others = &shapes[..shapes.len().saturating_sub(1)];
    let are_whole = others.iter().all(|shape| {
        let channels = shape.channels();
        Layout::Blocks.values(channels, 1) == channels
    });
    if are_blocks && are_whole {
        Layout::Blocks
    } else {
        Layout::Planes
    }
}
