//! The metric that selects the best epoch.

use serde::{Deserialize, Serialize};

/// The metric that selects the best epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Monitor {
    /// A lower loss on the validation split. The default: the loss uses the probabilities, so it is less noisy
    /// than accuracy.
    #[default]
    ValLoss,
    /// A higher top-1 accuracy on the validation split.
    ValTop1,
    /// A higher mean recall on the validation split (balanced accuracy): all classes are weighted
    /// equally.
    ValMeanRecall,
    /// None: the last epoch is kept. For small validation splits, whose metrics are noisy.
    Last,
}

impl Monitor {
    /// Its name in settings and columns.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ValLoss => "val_loss",
            Self::ValTop1 => "val_top1",
            Self::ValMeanRecall => "val_mean_recall",
            Self::Last => "last",
        }
    }

    /// Whether `value` is better than `best`; NaN never is.
    pub(crate) fn is_better(self, value: f64, best: f64) -> bool {
        match self {
            Self::ValLoss => value < best,
            Self::ValTop1 | Self::ValMeanRecall => value > best,
            Self::Last => !value.is_nan(),
        }
    }
}
