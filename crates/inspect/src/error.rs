use receptive_data::DataError;
use receptive_model::ModelError;
use receptive_plot::PlotError;

/// Why a network cannot be inspected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// An error concerning the model's plan or artifact.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// An error concerning the image.
    #[error(transparent)]
    Data(#[from] DataError),
    /// An error concerning the figure.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// An invalid setting.
    #[error("`{setting}`: {problem}")]
    Setting {
        /// The name of the options' field or the function's argument.
        setting: &'static str,
        /// What was expected, what was found and what to use instead.
        problem: String,
    },
}

impl InspectError {
    /// Whether a setting or the network's config is invalid, rather than a file.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Setting { .. } => true,
            Self::Model(error) => error.is_usage(),
            Self::Data(error) => error.is_usage(),
            Self::Plot(error) => error.is_usage(),
        }
    }

    pub(crate) fn setting(setting: &'static str, problem: impl Into<String>) -> Self {
        Self::Setting {
            setting,
            problem: problem.into(),
        }
    }
}
