//! Messages to standard error.

use std::io::{IsTerminal, Write};

/// Columns of a message on a terminal.
const COLUMNS: usize = 80;

/// Writes a message to standard error. That nobody can read it is no reason to end a run.
pub(crate) fn say(message: impl AsRef<str>) {
    let _ = writeln!(std::io::stderr().lock(), "{}", message.as_ref());
}

/// The same for an error, in lines that fit a terminal; elsewhere it stays on the lines it has.
pub(crate) fn say_error(error: &impl std::fmt::Display) {
    let message = format!("error: {error}");
    if std::io::stderr().is_terminal() {
        // A path must stay whole, to be copied.
        let options = textwrap::Options::new(COLUMNS)
            .break_words(false)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        say(textwrap::fill(&message, options));
    } else {
        say(message);
    }
}
