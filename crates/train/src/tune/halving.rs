//! Successive halving (Jamieson and Talwalkar 2016): many trials of few epochs, then the best third of them
//! with three times as many epochs, and so on.

use serde::{Deserialize, Serialize};

/// From round to round, the number of trials is divided by this, and that of epochs multiplied.
const ETA: usize = 3;

/// A round of trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rung {
    /// Maximum number of trials.
    pub trials: usize,
    /// Epochs per trial, each trained from the beginning.
    pub epochs: usize,
}

/// The rounds for `trials` trials; those of the last round are trained for `epochs` epochs.
pub(super) fn rungs(trials: usize, epochs: usize) -> Vec<Rung> {
    let halvings = trials.max(1).ilog(ETA).min(epochs.max(1).ilog(ETA));
    (0..=halvings)
        .map(|rung| {
            let share = ETA.pow(halvings - rung);
            Rung {
                trials: trials / ETA.pow(rung),
                epochs: ((epochs as f64 / share as f64).round() as usize).max(1),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_has_a_third_of_the_trials_and_three_times_the_epochs() {
        let of = |trials, epochs| -> Vec<(usize, usize)> {
            let rungs = rungs(trials, epochs);
            rungs
                .iter()
                .map(|rung| (rung.trials, rung.epochs))
                .collect()
        };
        assert_eq!(of(20, 24), [(20, 3), (6, 8), (2, 24)]);
        assert_eq!(of(27, 27), [(27, 1), (9, 3), (3, 9), (1, 27)]);
        // Too few epochs or trials to divide.
        assert_eq!(of(20, 2), [(20, 2)]);
        assert_eq!(of(2, 24), [(2, 24)]);
        assert_eq!(of(1, 1), [(1, 1)]);
        assert_eq!(of(9, 4), [(9, 1), (3, 4)]);
    }
}
