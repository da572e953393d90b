//! The random number generator of this crate.
//!
//! SplitMix64, as in [`receptive_core::hash`]: the order of an epoch and every augmentation
//! must be the same in every later version. Not cryptographic.

use receptive_core::hash::{SPLITMIX_STEP, splitmix};

/// A stream of random numbers that is a pure function of its key.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

/// What a stream is for: streams for different purposes never coincide.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub(crate) enum Purpose {
    Order = 1,
    Augment = 2,
    Split = 3,
    Limit = 4,
    Balance = 5,
    Crop = 6,
    Saturation = 7,
    Hue = 8,
    VerticalFlip = 9,
    Affine = 10,
    Policy = 11,
    Autocontrast = 12,
    Equalize = 13,
    Invert = 14,
    Posterize = 15,
    Solarize = 16,
    Grayscale = 17,
    Sharpness = 18,
    Blur = 19,
    Mix = 20,
    Fold = 64,
}

impl Random {
    /// The stream of `(seed, a, b)` for one purpose, e.g. `(seed, epoch, index)`.
    pub(crate) fn new(purpose: Purpose, seed: u64, a: u64, b: u64) -> Self {
        // Each part passes through `splitmix` before the next is added, so that (1, 2) and (2, 1),
        // or seeds that differ by one, give unrelated streams.
        let mut state = splitmix((purpose as u64).wrapping_mul(SPLITMIX_STEP));
        for part in [seed, a, b] {
            state = splitmix(
                state.wrapping_add(SPLITMIX_STEP) ^ splitmix(part.wrapping_add(SPLITMIX_STEP)),
            );
        }
        Self { state }
    }

    /// 64 random bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(SPLITMIX_STEP);
        splitmix(self.state)
    }

    /// A whole number in `0..n`; 0 when `n` is 0. Unbiased to 2^-64 (multiply and shift).
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }

    /// A number in `0.0..1.0`, a multiple of 2^-24.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// A number in `-1.0..1.0`.
    pub(crate) fn signed(&mut self) -> f32 {
        self.unit() * 2.0 - 1.0
    }

    /// Fisher-Yates shuffle, from the last element to the first.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

/// The order in which an epoch visits its samples: a permutation of `0..len`, a pure function of the arguments,
/// so that a run can resume at any step without stored state.
///
/// It is guaranteed not to change between versions of this crate.
///
/// ```
/// let order = receptive_data::order(5, 42, 0);
/// assert_eq!(order, receptive_data::order(5, 42, 0));
/// assert_ne!(order, receptive_data::order(5, 42, 1));
/// ```
pub fn order(len: usize, seed: u64, epoch: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    Random::new(Purpose::Order, seed, epoch, 0).shuffle(&mut order);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_splitmix64() {
        // The first outputs for state 1234567, as published with the reference implementation.
        let mut random = Random { state: 1_234_567 };
        let expected = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        assert_eq!(expected.map(|_| random.next()), expected);
    }

    #[test]
    fn an_order_visits_every_sample_once() {
        for len in [0, 1, 2, 1000] {
            let mut order = order(len, 7, 3);
            order.sort_unstable();
            assert_eq!(order, (0..len).collect::<Vec<_>>());
        }
    }

    #[test]
    fn streams_of_different_keys_differ() {
        let first = |u, s, a, b| Random::new(u, s, a, b).next();
        let keys = [
            first(Purpose::Order, 1, 2, 0),
            first(Purpose::Order, 2, 1, 0),
            first(Purpose::Order, 1, 0, 2),
            first(Purpose::Augment, 1, 2, 0),
            first(Purpose::Split, 1, 2, 0),
            first(Purpose::Limit, 1, 2, 0),
            first(Purpose::Order, 0, 0, 0),
        ];
        let distinct: std::collections::HashSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
    }

    #[test]
    fn every_first_place_is_equally_likely() {
        let mut counts = [0u32; 10];
        for seed in 0..10_000 {
            counts[order(10, seed, 0)[0]] += 1;
        }
        // 1000 expected, with a standard deviation of 30.
        assert!(counts.iter().all(|c| (850..1150).contains(c)), "{counts:?}");
    }
}
