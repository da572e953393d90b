//! Whether there is a terminal that wants a view.

use crate::args::TuiName;
use crate::error::CliError;
use std::ffi::OsString;
use std::io::IsTerminal;

/// Whether the live view is shown.
///
/// # Errors
/// When it is asked for where there is no terminal.
pub(crate) fn wanted(tui: TuiName) -> Result<bool, CliError> {
    let is_terminal = std::io::stderr().is_terminal();
    match tui {
        TuiName::Off => Ok(false),
        TuiName::On if !is_terminal => Err(CliError::Usage(
            "--tui on: standard error is no terminal; use --tui off, or leave it out".into(),
        )),
        TuiName::On => Ok(true),
        TuiName::Auto => Ok(is_terminal && !refused(|name| std::env::var_os(name))),
    }
}

/// Whether the environment speaks against a screen of our own.
fn refused(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
    let is_dumb = variable("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    is_set("NO_COLOR") || is_set("CI") || (is_dumb && cfg!(unix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_colour_a_build_machine_and_a_dumb_terminal_speak_against_it() {
        let with = |set: &[(&str, &str)]| {
            refused(|name| {
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
