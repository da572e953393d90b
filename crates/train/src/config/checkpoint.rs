//! When checkpoints are written.

use crate::error::TrainError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// When checkpoints are written. Does not affect the results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointConfig {
    /// The interval. A checkpoint is also written at the end of the run and when it is stopped.
    pub every: Interval,
    /// Number of latest checkpoints to keep. The best epoch's model is kept separately, in
    /// `model/`.
    pub keep: usize,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        Self {
            every: Interval::Epochs(1),
            keep: 2,
        }
    }
}

impl CheckpointConfig {
    pub(crate) fn check(&self) -> Result<(), TrainError> {
        if self.keep < 2 {
            return Err(TrainError::setting(
                "checkpoint.keep",
                format!(
                    "it is {}; keep 2 or more, in case the latest is damaged",
                    self.keep
                ),
            ));
        }
        Ok(())
    }
}

/// The interval between two checkpoints: `50steps`, `2epochs`, `60s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Interval {
    /// Steps.
    Steps(u64),
    /// Whole epochs.
    Epochs(u64),
    /// Seconds since the last one, checked after each step.
    Seconds(u64),
}

impl Interval {
    /// Whether a checkpoint is due within an epoch, given the steps and time since the last one.
    pub(crate) fn is_due(self, steps: u64, elapsed: Duration) -> bool {
        match self {
            Self::Steps(interval) => steps >= interval,
            Self::Seconds(seconds) => elapsed.as_secs() >= seconds,
            Self::Epochs(_) => false,
        }
    }

    /// Whether a checkpoint is due at the end of this epoch.
    pub(crate) fn ends_with(self, epoch: usize) -> bool {
        matches!(self, Self::Epochs(epochs) if (epoch as u64).is_multiple_of(epochs))
    }
}

impl FromStr for Interval {
    type Err = TrainError;

    fn from_str(text: &str) -> Result<Self, TrainError> {
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = text.split_at(digits);
        let number = number.parse().ok().filter(|number| *number > 0);
        match (number, unit.trim()) {
            (Some(number), "step" | "steps") => Ok(Self::Steps(number)),
            (Some(number), "epoch" | "epochs") => Ok(Self::Epochs(number)),
            (Some(number), "s" | "second" | "seconds") => Ok(Self::Seconds(number)),
            _ => Err(TrainError::setting(
                "checkpoint.every",
                format!("invalid interval `{text}`: expected 50steps, 2epochs or 60s"),
            )),
        }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steps(steps) => write!(f, "{steps}steps"),
            Self::Epochs(epochs) => write!(f, "{epochs}epochs"),
            Self::Seconds(seconds) => write!(f, "{seconds}s"),
        }
    }
}

impl TryFrom<String> for Interval {
    type Error = TrainError;

    fn try_from(text: String) -> Result<Self, TrainError> {
        text.parse()
    }
}

impl From<Interval> for String {
    fn from(interval: Interval) -> Self {
        interval.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_read_and_written() {
        for (text, interval) in [
            ("50steps", Interval::Steps(50)),
            ("1epochs", Interval::Epochs(1)),
            ("60s", Interval::Seconds(60)),
        ] {
            assert_eq!(text.parse::<Interval>().unwrap(), interval);
            assert_eq!(interval.to_string(), text);
        }
        assert_eq!("2 epochs".parse::<Interval>().unwrap(), Interval::Epochs(2));
        for text in [
            "",
            "0steps",
            "5",
            "steps",
            "1.5s",
            "-1s",
            "99999999999999999999s",
            "5 min",
        ] {
            let error = text.parse::<Interval>().unwrap_err().to_string();
            assert!(error.contains("50steps"), "{text}: {error}");
        }
    }
}
