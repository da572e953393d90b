//! Batch normalisation of training, and the ReLU that follows it, in one pass over the values each
//! way.

mod backward;
mod forward;

pub(crate) use backward::gradients;
pub(crate) use forward::{forward, moments};

/// The values of a batch, channel by channel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NormSizes {
    pub(crate) images: usize,
    pub(crate) channels: usize,
    pub(crate) plane: usize,
}

impl NormSizes {
    pub(crate) fn new([images, channels, height, width]: [usize; 4]) -> Self {
        Self {
            images,
            channels,
            plane: height * width,
        }
    }

    /// Values of one channel.
    fn count(&self) -> f32 {
        (self.images * self.plane) as f32
    }

    /// The planes of one channel, image by image.
    fn planes<'a>(
        &self,
        values: &'a [f32],
        channel: usize,
    ) -> impl Iterator<Item = &'a [f32]> + Clone + use<'a> {
        let plane = self.plane.max(1);
        values
            .chunks_exact(plane)
            .skip(channel)
            .step_by(self.channels.max(1))
    }

    /// The same, to be written: for each channel the planes of all images.
    fn planes_mut<'a>(&self, values: &'a mut [f32]) -> Vec<Vec<&'a mut [f32]>> {
        let mut channels: Vec<_> = (0..self.channels)
            .map(|_| Vec::with_capacity(self.images))
            .collect();
        for (i, plane) in values.chunks_exact_mut(self.plane.max(1)).enumerate() {
            channels[i % self.channels].push(plane);
        }
        channels
    }
}

/// What a channel is normalised by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moments<'a> {
    /// Of each channel.
    pub(crate) mean: &'a [f32],
    /// Of each channel, with the number of values as divisor.
    pub(crate) variance: &'a [f32],
    pub(crate) epsilon: f32,
}

impl Moments<'_> {
    /// The mean and the factor `1 / sqrt(variance + epsilon)`.
    fn of(&self, channel: usize) -> (f32, f32) {
        let deviation = (self.variance[channel] + self.epsilon).sqrt();
        (self.mean[channel], 1.0 / deviation)
    }
}
