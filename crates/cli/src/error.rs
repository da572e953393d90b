//! Errors of the program, and its exit codes.

mod arguments;

#[cfg(test)]
pub(crate) use arguments::ARGUMENTS;
pub(crate) use arguments::note_with_arguments;

use arguments::{has_argument, set_by, was_set};
use receptive_core::text::Printable;
use receptive_data::DataError;
use receptive_erf::ErfError;
use receptive_inspect::InspectError;
use receptive_interchange::InterchangeError;
use receptive_model::ModelError;
use receptive_plot::PlotError;
use receptive_train::TrainError;
use std::path::Path;
use std::process::ExitCode;

/// An error that ends a command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error("{0}{hint}", hint = hint(.0))]
    Train(#[from] TrainError),
    #[error(transparent)]
    Interchange(InterchangeError),
    #[error("{0}")]
    Usage(String),
    #[error("could not write to standard output: {0}")]
    Output(#[from] std::io::Error),
    #[error("could not write the result as JSON: {0}")]
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
            InterchangeError::Setting { setting, problem } => {
                Self::argument(&format!("--{setting}"), problem)
            }
            other => Self::Interchange(other),
        }
    }
}

impl From<ErfError> for CliError {
    fn from(error: ErfError) -> Self {
        Self::Train(error.into())
    }
}

impl From<InspectError> for CliError {
    fn from(error: InspectError) -> Self {
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

/// The setting named in the error of an image that is too large.
const MAX_PIXELS: &str = "data.max_pixels";

/// The argument to change, in parentheses, if the error is about a setting that has one.
fn hint(error: &TrainError) -> String {
    let setting = match error {
        // The missing setting is to be set, not this one to be changed.
        TrainError::Needs { needs, .. } => return set_by(needs),
        TrainError::Setting { setting, .. } => Some(setting.as_str()),
        // With a remedy, the message ends with the command to use.
        TrainError::NotFound {
            setting, remedy, ..
        } if remedy.is_empty() => Some(*setting),
        TrainError::Model(ModelError::UnknownPreset { .. }) => {
            return " (`receptive networks` lists all)".into();
        }
        TrainError::Data(DataError::Setting { setting, .. })
        | TrainError::Field(ErfError::Setting { setting, .. }) => Some(*setting),
        TrainError::Inspect(error) => match &**error {
            InspectError::Setting { setting, .. } => Some(*setting),
            _ => None,
        },
        TrainError::Memory { .. } => {
            return " (set by --image-size, --batch-size and --threads)".into();
        }
        TrainError::Data(
            error @ (DataError::BadImages { .. } | DataError::MissingImages { .. }),
        ) => {
            let larger = match error.advises(MAX_PIXELS) {
                true => ", or --set data.max_pixels=N to read larger ones",
                false => "",
            };
            return format!("\nuse --bad-images skip to leave them out{larger}");
        }
        TrainError::Data(error @ DataError::Image { .. }) if error.advises(MAX_PIXELS) => {
            return " (set by --max-pixels)".into();
        }
        error if is_disk_full(error) => {
            let is_training = std::env::args_os()
                .nth(1)
                .is_some_and(|command| command == "train");
            return match is_training {
                true => {
                    "\nfree disk space; resume a run that has a checkpoint with `receptive train \
                     --resume RUN`"
                }
                false => "\nfree disk space",
            }
            .into();
        }
        TrainError::NoEpoch { path } => {
            return format!("\nuse `receptive train --resume {}`", path.shell_word());
        }
        TrainError::Resume { path, .. } | TrainError::NoCheckpoint { path } => {
            return format!("\nuse `receptive train DATA --from {}`", path.shell_word());
        }
        TrainError::Lost { config, .. } => {
            let config = config.shell_word();
            return format!("\nstart a new run with `receptive train --config {config}`");
        }
        TrainError::Data(error @ DataError::Layout { .. }) if error.advises("data.labels") => {
            Some("data.labels")
        }
        TrainError::Data(error @ DataError::Layout { .. }) if error.advises("data.bad_images") => {
            return " (set by --bad-images skip)".into();
        }
        _ => None,
    };
    if setting.is_some_and(was_set) {
        return " (set by --set)".into();
    }
    setting
        .filter(|setting| has_argument(setting))
        .map_or(String::new(), set_by)
}

/// Whether an error was caused by a full disk.
fn is_disk_full(error: &TrainError) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|io| io.kind() == std::io::ErrorKind::StorageFull) {
            return true;
        }
        cause = error.source();
    }
    false
}

impl CliError {
    /// The error for an invalid value of an argument.
    pub(crate) fn argument(argument: &str, problem: impl std::fmt::Display) -> Self {
        Self::Usage(format!("{argument}: {problem}"))
    }

    /// An I/O error, worded as in the libraries.
    pub(crate) fn io(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| {
            Self::Train(TrainError::Io {
                path,
                action,
                source,
            })
        }
    }

    /// The JSON line printed last with `--json`, in place of the result or, if a GPU turns out to have failed, after
    /// it.
    pub(crate) fn json(&self) -> ErrorJson {
        ErrorJson::new(self.to_string(), self.exit())
    }

    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Train(error) if error.is_usage() => Exit::Usage,
            Self::Interchange(error) if error.is_usage() => Exit::Usage,
            // A closed pipe is not an error: its reader has all that it needs.
            Self::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Exit::Done,
            Self::Train(_) | Self::Interchange(_) | Self::Output(_) | Self::Json(_) => Exit::Failed,
        }
    }
}

/// The JSON output of a failed command. Documented in the README.
#[derive(Debug, serde::Serialize)]
pub(crate) struct ErrorJson {
    error: String,
    kind: &'static str,
}

impl ErrorJson {
    pub(crate) fn new(error: String, exit: Exit) -> Self {
        Self {
            error,
            kind: match exit {
                Exit::Usage => "usage",
                _ => "failure",
            },
        }
    }

    /// Whether this program was started with `--json`.
    pub(crate) fn is_wanted() -> bool {
        let mut options = std::env::args_os().take_while(|argument| argument != "--");
        options.any(|argument| argument == "--json")
    }
}

/// Exit codes. Documented in `receptive --help` and the README.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Success.
    Done,
    /// An error, described by a message on standard error.
    Failed,
    /// Wrong usage or an invalid setting (clap's own exit code).
    Usage,
    /// Stopped by this signal after saving: 130 for Ctrl-C, 143 for SIGTERM, as shells expect.
    Signal(usize),
}

impl Exit {
    /// The end of several runs, stopped by this signal or not, of which some or none have a result.
    pub(crate) fn of_runs(signal: Option<usize>, has_result: bool) -> Self {
        match signal {
            Some(signal) => Self::Signal(signal),
            None if has_result => Self::Done,
            None => Self::Failed,
        }
    }

    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Signal(signal) => u8::try_from(128 + signal).unwrap_or(255),
        }
    }

    pub(crate) fn code(self) -> ExitCode {
        ExitCode::from(self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_end_as_shells_expect() {
        assert_eq!(Exit::Signal(2).number(), 130);
        assert_eq!(Exit::Signal(15).number(), 143);
        assert_eq!(Exit::Usage.number(), 2);
    }

    #[test]
    fn a_full_disk_names_how_a_run_continues() {
        let io = |kind: std::io::ErrorKind| TrainError::Io {
            action: "write",
            path: "runs/001/last".into(),
            source: kind.into(),
        };
        assert!(hint(&io(std::io::ErrorKind::StorageFull)).contains("free disk space"));
        assert_eq!(hint(&io(std::io::ErrorKind::PermissionDenied)), "");
    }

    #[test]
    fn what_is_missing_names_its_argument() {
        let error = CliError::Train(TrainError::Needs {
            setting: "start.body_rate".into(),
            needs: "start.from".into(),
        });
        let expected = "`start.body_rate`: it needs `start.from`, which is not set (set by --from)";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn an_error_about_a_setting_names_its_argument() {
        let error = |setting: &str| {
            CliError::Train(TrainError::Setting {
                setting: setting.into(),
                problem: "expected 1 or more, found 0".into(),
            })
        };
        let message = error("train.epochs").to_string();
        assert!(message.ends_with("found 0 (set by --epochs)"), "{message}");
        let message = error("train.clip_norm").to_string();
        assert!(message.ends_with("found 0"), "{message}");
    }
}
