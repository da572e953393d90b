//! Whether the live view is shown.

use crate::error::CliError;
use clap::ValueEnum;
use std::ffi::OsString;
use std::io::IsTerminal;

/// When the live view is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tui {
    /// On a terminal
    Auto,
    /// Always, if standard error is a terminal
    On,
    /// Never; plain lines
    Off,
}

/// Whether the live view is shown.
///
/// # Errors
/// It is required, but standard error is not a terminal.
pub(crate) fn is_wanted(tui: Tui) -> Result<bool, CliError> {
    let is_terminal = std::io::stderr().is_terminal();
    match tui {
        Tui::Off => Ok(false),
        Tui::On if !is_terminal => Err(CliError::argument(
            "--tui on",
            "standard error is not a terminal; use --tui off, or leave it out",
        )),
        Tui::On => Ok(true),
        Tui::Auto => Ok(is_terminal && !is_disabled(|name| std::env::var_os(name))),
    }
}

/// Whether the environment requests plain output.
fn is_disabled(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
    let is_dumb = variable("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    is_set("NO_COLOR") || is_set("CI") || (is_dumb && cfg!(unix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_colour_a_build_machine_and_a_dumb_terminal_get_plain_lines() {
        let with = |set: &[(&str, &str)]| {
            is_disabled(|name| {
                let found = set.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).into())
            })
        };
        let term = ("TERM", "xterm-256color");
        assert!(!with(&[term]));
        assert!(!with(&[term, ("NO_COLOR", ""), ("CI", "")]));
        assert!(with(&[term, ("NO_COLOR", "1")]));
        assert!(with(&[term, ("CI", "true")]));
        assert_eq!(with(&[("TERM", "dumb")]), cfg!(unix));
        assert_eq!(with(&[]), cfg!(unix));
    }
}
