use crate::exit::Exit;
use receptive_data::DataError;
use receptive_model::ModelError;
use receptive_train::TrainError;

/// What a command can end with instead of a result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Train(#[from] TrainError),
    #[error("{0}")]
    Usage(String),
    #[error("writing to standard output failed: {0}")]
    Output(#[from] std::io::Error),
    #[error("the result can't be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl From<ModelError> for CliError {
    fn from(error: ModelError) -> Self {
        Self::Train(error.into())
    }
}

impl From<DataError> for CliError {
    fn from(error: DataError) -> Self {
        Self::Train(error.into())
    }
}

impl CliError {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::Train(TrainError::Setting { .. }) => Exit::Usage,
            // The reader of a pipe went away: what it wanted, it has.
            Self::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Exit::Done,
            _ => Exit::Failed,
        }
    }
}
