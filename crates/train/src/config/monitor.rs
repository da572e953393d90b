//! What epochs are compared by.

use serde::{Deserialize, Serialize};

/// What makes one epoch better than another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Monitor {
    /// A lower loss on the validation split: the default, since it uses every image's probability
    /// and so varies less than a count of right answers.
    #[default]
    ValLoss,
    /// A higher share of right answers on the validation split.
    ValTop1,
    /// A higher mean over the classes of the share of their images that are recognised (balanced
    /// accuracy): every class counts the same, however many images it has.
    ValMeanRecall,
    /// None: the last epoch is kept, whatever the validation says. Of few images it says little.
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

    /// Whether `value` beats `best`; a value that is NaN never does.
    pub fn is_better(self, value: f64, best: f64) -> bool {
        match self {
            Self::ValLoss => value < best,
            Self::ValTop1 | Self::ValMeanRecall => value > best,
            Self::Last => !value.is_nan(),
        }
    }
}
