use crate::TrainError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// When a run's state is written. It has no influence on the numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointConfig {
    /// How often, beside the end of the run and a stop.
    pub every: Every,
    /// How many of the newest are kept. The best epoch's model is kept apart, in `model/`.
    pub keep: usize,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        Self {
            every: Every::Epochs(1),
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
                    "it is {}; keep 2 or more, so that one is left should the newest be damaged",
                    self.keep
                ),
            ));
        }
        Ok(())
    }
}

/// A distance between two checkpoints: `50steps`, `2epochs`, `60s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Every {
    /// Steps.
    Steps(u64),
    /// Whole epochs.
    Epochs(u64),
    /// Seconds since the last one, looked at after each step.
    Seconds(u64),
}

impl FromStr for Every {
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
                format!("`{text}` is no such distance; write 50steps, 2epochs or 60s"),
            )),
        }
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steps(steps) => write!(f, "{steps}steps"),
            Self::Epochs(epochs) => write!(f, "{epochs}epochs"),
            Self::Seconds(seconds) => write!(f, "{seconds}s"),
        }
    }
}

impl TryFrom<String> for Every {
    type Error = TrainError;

    fn try_from(text: String) -> Result<Self, TrainError> {
        text.parse()
    }
}

impl From<Every> for String {
    fn from(every: Every) -> Self {
        every.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_read_and_written() {
        for (text, every) in [
            ("50steps", Every::Steps(50)),
            ("1epochs", Every::Epochs(1)),
            ("60s", Every::Seconds(60)),
        ] {
            assert_eq!(text.parse::<Every>().unwrap(), every);
            assert_eq!(every.to_string(), text);
        }
        assert_eq!("2 epochs".parse::<Every>().unwrap(), Every::Epochs(2));
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
            let error = text.parse::<Every>().unwrap_err().to_string();
            assert!(error.contains("50steps"), "{text}: {error}");
        }
    }
}
