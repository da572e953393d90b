use crate::exit::Exit;
use receptive_data::DataError;
use receptive_erf::ErfError;
use receptive_interchange::InterchangeError;
use receptive_model::ModelError;
use receptive_plot::PlotError;
use receptive_train::TrainError;

/// What a command can end with instead of a result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Train(#[from] TrainError),
    #[error(transparent)]
    Interchange(InterchangeError),
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

impl From<InterchangeError> for CliError {
    fn from(error: InterchangeError) -> Self {
        match error {
            InterchangeError::Model(error) => error.into(),
            other => Self::Interchange(other),
        }
    }
}

impl From<ErfError> for CliError {
    fn from(error: ErfError) -> Self {
        Self::Train(error.into())
    }
}

impl From<PlotError> for CliError {
    fn from(error: PlotError) -> Self {
        Self::Train(error.into())
    }
}

impl From<DataError> for CliError {
    fn from(error: DataError) -> Self {
        Self::Train(error.into())
    }
}

/// Whether the command line or a config asks for what can't be had, whatever the files hold.
fn is_usage(error: &TrainError) -> bool {
    matches!(
        error,
        TrainError::Setting { .. }
            | TrainError::Config { .. }
            | TrainError::Backend { .. }
            | TrainError::NoData { .. }
            | TrainError::Data(DataError::Setting { .. } | DataError::UnknownSource { .. })
            | TrainError::Model(
                ModelError::Config { .. }
                    | ModelError::Layer { .. }
                    | ModelError::Model { .. }
                    | ModelError::UnknownPreset { .. }
                    | ModelError::UnknownLayer { .. }
            )
    ) || matches!(error, TrainError::Field(error) if error.is_usage())
}

impl CliError {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Train(error) if is_usage(error) => Exit::Usage,
            // The reader of a pipe went away: what it wanted, it has.
            Self::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Exit::Done,
            _ => Exit::Failed,
        }
    }
}
