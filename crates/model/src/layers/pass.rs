//! The state of one pass through the layers: dropout's randomness and the requested output.

use super::features::Features;
use super::precision::Precision;
use super::random::DropoutKey;
use burn::tensor::Tensor;

/// The statistics of one batch norm on one shard.
#[derive(Debug, Clone)]
pub struct BatchStatistics {
    /// The mean of each channel: `[channels]`.
    pub mean: Tensor<1>,
    /// The (population) variance of each channel: `[channels]`.
    pub variance: Tensor<1>,
}

/// A batch norm's statistics over some shards, weighted by their shares of the batch, so that they
/// can be added.
#[derive(Debug, Clone)]
pub struct BatchMoments {
    /// The weighted mean of each channel: `[channels]`.
    pub mean: Tensor<1>,
    /// The weighted mean square of each channel: `[channels]`.
    pub square: Tensor<1>,
}

/// The state of a forward pass.
#[derive(Default)]
pub(crate) struct Pass<'a> {
    keyed: Option<Randomness>,
    /// The precision of convolutions and dense layers.
    precision: Precision,
    /// Stops after the layer with this number.
    until: Option<&'a str>,
    output: Option<Features>,
    /// Adds an offset of zeros to the maps of the layer with this number.
    watch: Option<&'a str>,
    watched: Option<WatchedMaps>,
}

/// A layer's maps, and the zeros added to them to obtain their gradient.
pub(crate) struct WatchedMaps {
    pub(crate) maps: Tensor<4>,
    pub(crate) offset: Tensor<4>,
}

struct Randomness {
    key: DropoutKey,
    dropouts: u64,
    statistics: Vec<BatchStatistics>,
}

impl<'a> Pass<'a> {
    /// burn's own behaviour: the process-wide random generator, running statistics updated in
    /// place.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn until(number: &'a str) -> Self {
        Self {
            until: Some(number),
            ..Self::default()
        }
    }

    pub(crate) fn watching(number: &'a str) -> Self {
        Self {
            watch: Some(number),
            ..Self::default()
        }
    }

    pub(crate) fn keyed(key: DropoutKey, precision: Precision) -> Self {
        Self {
            keyed: Some(Randomness {
                key,
                dropouts: 0,
                statistics: Vec::new(),
            }),
            precision,
            ..Self::default()
        }
    }

    /// Whether the requested layer's output has been computed.
    pub(super) fn is_done(&self) -> bool {
        self.output.is_some()
    }

    /// Whether one layer's output was requested, so that layers must not be fused.
    #[cfg(feature = "flex")]
    pub(super) fn is_searching(&self) -> bool {
        self.until.is_some() || self.watch.is_some()
    }

    /// The precision of convolutions and dense layers.
    pub(super) fn precision(&self) -> Precision {
        self.precision
    }

    /// Where the batch norms of a training step store their statistics.
    pub(super) fn statistics(&mut self) -> Option<&mut Vec<BatchStatistics>> {
        self.keyed.as_mut().map(|keyed| &mut keyed.statistics)
    }

    /// The key and the index of the next dropout, in a training step.
    pub(super) fn next_mask(&mut self) -> Option<(DropoutKey, u64)> {
        let keyed = self.keyed.as_mut()?;
        keyed.dropouts += 1;
        Some((keyed.key, keyed.dropouts - 1))
    }

    /// A layer's output as passed to the next layer; stored if it was requested.
    pub(super) fn after(&mut self, number: &str, output: Features) -> Features {
        if self.until == Some(number) {
            self.output = Some(output.clone());
        }
        match output {
            Features::Map(maps) if self.watch == Some(number) => {
                let offset = Tensor::zeros(maps.dims(), &maps.device());
                let offset = if maps.device().is_autodiff() {
                    offset.require_grad()
                } else {
                    offset
                };
                let sum = maps.clone() + offset.clone();
                self.watched = Some(WatchedMaps { maps, offset });
                Features::Map(sum)
            }
            other => other,
        }
    }

    pub(crate) fn into_output(self) -> Option<Features> {
        self.output
    }

    pub(crate) fn into_watched(self) -> Option<WatchedMaps> {
        self.watched
    }

    pub(crate) fn into_statistics(self) -> Vec<BatchStatistics> {
        self.keyed.map(|keyed| keyed.statistics).unwrap_or_default()
    }
}
