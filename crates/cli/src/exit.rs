use std::process::ExitCode;

/// How the program ends. Documented in `receptive --help` and the README.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All was done.
    Done,
    /// Something went wrong; a sentence on standard error says what.
    Failed,
    /// The command line can't be understood (clap's own number).
    Usage,
    /// Stopped by this signal after saving: 130 for Ctrl-C, 143 for SIGTERM, as shells expect.
    Signal(usize),
}

impl Exit {
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
}
