//! Results to standard output, messages to standard error.

use crate::error::CliError;
use serde::Serialize;
use std::fmt::Display;
use std::io::{IsTerminal, Write};

/// Columns of text on a terminal.
const COLUMNS: usize = 80;
/// Columns of a label, the space behind it included.
const LABEL: usize = 9;
/// The same where labels are longer: `train` and `lr-find`.
const WIDE_LABEL: usize = 11;

/// Writes a line to standard output.
pub(crate) fn print(text: impl AsRef<str>) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", text.as_ref().trim_end())?;
    Ok(out.flush()?)
}

/// Writes one line of JSON to standard output.
pub(crate) fn print_json<T: Serialize>(value: &T) -> Result<(), CliError> {
    print(serde_json::to_string(value)?)
}

/// Writes a labelled line to standard output.
pub(crate) fn line(label: &str, text: impl Display) -> Result<(), CliError> {
    print(format!("{label:<LABEL$}{text}"))
}

/// The same, wrapped beside its label.
pub(crate) fn paragraph(label: &str, text: impl Display) -> Result<(), CliError> {
    print(wrapped(label, LABEL, &text.to_string()))
}

/// A labelled line with a wide label.
pub(crate) fn wide_line(label: &str, text: impl Display) -> Result<(), CliError> {
    print(format!("{label:<WIDE_LABEL$}{text}"))
}

/// The same, wrapped beside its label.
pub(crate) fn wide_paragraph(label: &str, text: impl Display) -> Result<(), CliError> {
    print(wrapped(label, WIDE_LABEL, &text.to_string()))
}

/// Writes a message to standard error. A closed standard error must not end a run.
pub(crate) fn say(message: impl AsRef<str>) {
    let _ = writeln!(std::io::stderr().lock(), "{}", message.as_ref());
}

/// Writes a labelled line to standard error.
pub(crate) fn say_line(label: &str, text: impl Display) {
    say(format!("{label:<LABEL$}{text}"));
}

/// The same, wrapped beside its label.
pub(crate) fn say_paragraph(label: &str, text: impl Display) {
    say(wrapped(label, LABEL, &text.to_string()));
}

/// Writes an error to standard error: wrapped on a terminal, elsewhere on the lines it has.
pub(crate) fn say_error(error: &impl Display) {
    let message = format!("error: {error}");
    if std::io::stderr().is_terminal() {
        say(textwrap::fill(&message, options()));
    } else {
        say(message);
    }
}

fn wrapped(label: &str, width: usize, text: &str) -> String {
    let heading = format!("{label:<width$}");
    let indent = " ".repeat(width);
    let options = options()
        .initial_indent(&heading)
        .subsequent_indent(&indent);
    textwrap::fill(text, options)
}

/// A path or a command must stay whole, to be copied.
fn options<'a>() -> textwrap::Options<'a> {
    textwrap::Options::new(COLUMNS)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
}
