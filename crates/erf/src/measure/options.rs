//! How long a measurement goes on, and by which way.

use crate::ErfError;
use serde::Serialize;

/// The most samples that are taken unless told otherwise.
pub const MOST_SAMPLES: u64 = 1_000;
/// The total variation that sampling noise alone may cause when a measurement stops early: small
/// beside the 0.10 up to which a map counts as Gaussian.
pub const SMALL_NOISE: f64 = 0.02;

/// Settings of a measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// The most samples that are taken.
    pub samples: u64,
    /// Stops before that once noise alone would cause no more than this total variation, in the
    /// mean absolute gradient and in the mean square; 0 never stops early.
    pub noise: f64,
    /// Seed of the random signs; the inputs have their own.
    pub seed: u64,
    /// How the gradients are computed.
    pub method: Method,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            samples: MOST_SAMPLES,
            noise: SMALL_NOISE,
            seed: 0,
            method: Method::default(),
        }
    }
}

/// How the gradients are computed. All give the same numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Method {
    /// The quickest that the network allows.
    #[default]
    Auto,
    /// The whole image forward and backward, one unit seeded.
    Plain,
    /// The whole image, with as many units seeded at once as have disjoint receptive fields.
    Tiles,
    /// Only what the unit depends on, layer by layer. For this project's classifiers.
    Cone,
}

impl Options {
    pub(super) fn check(&self) -> Result<(), ErfError> {
        if self.samples == 0 {
            return Err(ErfError::Option {
                option: "samples",
                problem: "0 samples measure nothing; take 1 or more".into(),
            });
        }
        if !(0.0..1.0).contains(&self.noise) {
            return Err(ErfError::Option {
                option: "noise",
                problem: format!(
                    "{} is no total variation; write a number from 0 to below 1, such as \
                     {SMALL_NOISE}",
                    self.noise
                ),
            });
        }
        Ok(())
    }
}
