//! Results on standard output, messages on standard error.
//!
//! Everything except [`print_raw`] escapes control characters, because file names and class names may contain
//! terminal escape sequences.

use crate::error::{CliError, ErrorJson, Exit};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use receptive_core::text::{Printable, is_unprintable, printable_lines};
use serde::Serialize;
use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Line width on a terminal.
const COLUMNS: usize = 80;
/// Width of a label, including the space after it.
const LABEL: usize = 9;
/// Width of the longer labels of `train` and `lr-find`.
const WIDE_LABEL: usize = 11;

/// Set in a process whose output is printed by another process.
static SILENT: AtomicBool = AtomicBool::new(false);

/// Suppresses all further output.
pub(crate) fn silence() {
    SILENT.store(true, Ordering::Relaxed);
}

pub(crate) fn is_silent() -> bool {
    SILENT.load(Ordering::Relaxed)
}

/// Writes one or several lines to standard output.
pub(crate) fn print(text: impl AsRef<str>) -> Result<(), CliError> {
    print_raw(printable_lines(text.as_ref()))
}

/// Writes text without escaping: a script, or text with escape sequences of our own, but without untrusted
/// names.
pub(crate) fn print_raw(text: impl AsRef<str>) -> Result<(), CliError> {
    if is_silent() {
        return Ok(());
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", text.as_ref().trim_end())?;
    Ok(out.flush()?)
}

/// Writes one line of JSON to standard output.
pub(crate) fn print_json<T: Serialize>(value: &T) -> Result<(), CliError> {
    print_raw(ascii_controls(serde_json::to_string(value)?))
}

/// Escapes the control characters that JSON does not have to escape (those outside ASCII), without changing the
/// value.
fn ascii_controls(json: String) -> String {
    if !json.contains(is_unprintable) {
        return json;
    }
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if is_unprintable(c) {
            safe += &format!("\\u{:04x}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Ends the program after a usage error, or prints the requested help text.
pub(crate) fn exit_usage(error: clap::Error) -> ! {
    let given: Vec<String> = std::env::args_os()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let error = with_moved_data(with_path(only_given(error, &given), &given), &given);
    if error.use_stderr() && ErrorJson::is_wanted() {
        let text = error.render().to_string();
        let text = text.split("\n\nUsage:").next().unwrap_or_default();
        let text = text.trim().trim_start_matches("error: ");
        let line = |part: &str| part.split_whitespace().collect::<Vec<_>>().join(" ");
        let parts: Vec<String> = text.split("\n\n").map(line).collect();
        let _ = print_json(&ErrorJson::new(parts.join("; "), Exit::Usage));
    }
    let is_plain =
        |argument: std::ffi::OsString| !argument.to_string_lossy().contains(is_unprintable);
    if std::env::args_os().all(is_plain) {
        error.exit();
    }
    // The parser quotes arguments unescaped.
    say(error.to_string().trim_end());
    std::process::exit(error.exit_code());
}

/// Adds how to give a path that begins with a dash, if the unknown argument is one.
fn with_path(mut error: clap::Error, given: &[String]) -> clap::Error {
    let is_path = |given: &&String| given.starts_with('-') && Path::new(given).exists();
    if error.kind() == ErrorKind::UnknownArgument
        && let Some(path) = given.iter().skip(1).find(is_path)
    {
        let tip = format!("for the file or folder of this name, write './{path}'");
        let tips = ContextValue::StyledStrs(vec![tip.into()]);
        error.insert(ContextKind::Suggested, tips);
    }
    error
}

/// Adds how to give the new path of a resumed run's data, if it was given like that of a new run.
fn with_moved_data(mut error: clap::Error, given: &[String]) -> clap::Error {
    let is_data =
        |kind| matches!(error.get(kind), Some(ContextValue::String(name)) if name == "[DATA]");
    if error.kind() == ErrorKind::ArgumentConflict
        && (is_data(ContextKind::PriorArg) || is_data(ContextKind::InvalidArg))
        && given.iter().any(|given| given.starts_with("--resume"))
    {
        let tip = "if the run's data were moved, give their new path with '--data PATH'";
        error.insert(
            ContextKind::Suggested,
            ContextValue::StyledStrs(vec![tip.into()]),
        );
        // It would show the arguments that conflict.
        error.insert(ContextKind::Usage, ContextValue::None);
    }
    error
}

/// Keeps only the arguments actually given in an error about conflicting arguments: the parser names the whole
/// group.
fn only_given(mut error: clap::Error, given: &[String]) -> clap::Error {
    let Some(ContextValue::Strings(named)) = error.get(ContextKind::PriorArg) else {
        return error;
    };
    let is_given = |name: &&String| {
        let flag = name.split([' ', '=', '[']).next().unwrap_or_default();
        let is_flag = |given: &String| given.split('=').next() == Some(flag);
        flag.starts_with('-') && given.iter().any(is_flag)
    };
    let mut left: Vec<String> = named.iter().filter(is_given).cloned().collect();
    if left.is_empty() {
        let without_flag = named.iter().filter(|name| !name.starts_with('-'));
        left = without_flag.cloned().collect();
    }
    let value = match &left[..] {
        [] => return error,
        [one] => ContextValue::String(one.clone()),
        _ => ContextValue::Strings(left),
    };
    error.insert(ContextKind::PriorArg, value);
    error
}

/// Writes a labelled line to standard output.
pub(crate) fn line(label: &str, text: impl Display) -> Result<(), CliError> {
    print(format!("{label:<LABEL$}{text}"))
}

/// Like [`line()`], with the text wrapped to the right of its label.
pub(crate) fn paragraph(label: &str, text: impl Display) -> Result<(), CliError> {
    print(wrapped(label, LABEL, &text.to_string()))
}

/// Writes a labelled line with a wide label.
pub(crate) fn wide_line(label: &str, text: impl Display) -> Result<(), CliError> {
    print(format!("{label:<WIDE_LABEL$}{text}"))
}

/// Like [`wide_line`], with the text wrapped to the right of its label.
pub(crate) fn wide_paragraph(label: &str, text: impl Display) -> Result<(), CliError> {
    print(wrapped(label, WIDE_LABEL, &text.to_string()))
}

/// Writes a message to standard error. If that is closed, the run must continue.
pub(crate) fn say(message: impl AsRef<str>) {
    if is_silent() {
        return;
    }
    let message = printable_lines(message.as_ref());
    let _ = writeln!(std::io::stderr().lock(), "{message}");
}

/// Writes a labelled line to standard error; always a single line, whatever names it contains.
pub(crate) fn say_line(label: &str, text: impl Display) {
    let text = text.to_string();
    say(format!("{label:<LABEL$}{}", text.printable()));
}

/// Like [`say_line`], with the text wrapped to the right of its label.
pub(crate) fn say_paragraph(label: &str, text: impl Display) {
    say(wrapped(label, LABEL, &text.to_string()));
}

/// Writes an error to standard error: wrapped on a terminal, and elsewhere on one line, for logs and for
/// programs that search them.
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

/// Paths are not split, so that they can be copied; paths with spaces are in quotes.
fn options<'a>() -> textwrap::Options<'a> {
    textwrap::Options::new(COLUMNS)
        .break_words(false)
        .word_separator(textwrap::WordSeparator::Custom(words))
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
}

/// Splits at spaces, except inside quotes.
fn words(line: &str) -> Box<dyn Iterator<Item = textwrap::core::Word<'_>> + '_> {
    let (mut ends, mut quote, mut last) = (Vec::new(), None, ' ');
    for (at, c) in line.char_indices() {
        if last == ' ' && c != ' ' && at > 0 && quote.is_none() {
            ends.push(at);
        }
        // An apostrophe is inside or at the end of a word.
        let opens = matches!(c, '\'' | '"') && matches!(last, ' ' | '`' | '\'');
        quote = match quote {
            Some(open) if c == open => None,
            None if opens && line[at + 1..].contains(c) => Some(c),
            other => other,
        };
        last = c;
    }
    ends.push(line.len());
    let starts = std::iter::once(0).chain(ends.clone());
    let words = starts.zip(ends).map(|(start, end)| &line[start..end]);
    Box::new(
        words
            .map(textwrap::core::Word::from)
            .collect::<Vec<_>>()
            .into_iter(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Arg, ArgGroup, Command};

    #[test]
    fn a_conflict_with_a_group_names_what_was_given() {
        let message = |given: &[&str]| {
            let command = Command::new("train")
                .group(ArgGroup::new("new").multiple(true))
                .arg(Arg::new("data").group("new"))
                .arg(Arg::new("preset").long("preset").group("new"))
                .arg(Arg::new("from").long("from").group("new"))
                .arg(Arg::new("resume").long("resume").conflicts_with("new"));
            let error = command.try_get_matches_from(given).unwrap_err();
            let given: Vec<String> = given.iter().map(ToString::to_string).collect();
            let text = only_given(error, &given).to_string();
            text.split("Usage").next().unwrap().to_string()
        };
        let text = message(&["train", "--resume", "r", "--preset=a"]);
        assert!(text.contains("with '--preset <preset>'"), "{text}");
        let text = message(&["train", "photos", "--resume", "r"]);
        assert!(text.contains("with '[data]'"), "{text}");
        let text = message(&["train", "--resume", "r", "--preset", "a", "--from", "b"]);
        assert!(
            text.contains("--from <from>") && !text.contains("data"),
            "{text}"
        );
    }

    #[test]
    fn a_quoted_path_is_never_wrapped() {
        for (line, expected) in [
            (
                "the run's images' place  is",
                vec!["the ", "run's ", "images' ", "place  ", "is"],
            ),
            (
                "`receptive evaluate 'my old run' DATA` again",
                vec![
                    "`receptive ",
                    "evaluate ",
                    "'my old run' ",
                    "DATA` ",
                    "again",
                ],
            ),
            (r"x 'it'\''s a run' y", vec!["x ", r"'it'\''s a run' ", "y"]),
            (
                r#"a "$(printf 'x y')" b"#,
                vec!["a ", r#""$(printf 'x y')" "#, "b"],
            ),
            ("not 'closed here", vec!["not ", "'closed ", "here"]),
            ("", vec![""]),
        ] {
            let found: Vec<String> = words(line)
                .map(|word| format!("{}{}", word.word, word.whitespace))
                .collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn escaped_json_is_the_same_value() {
        let value = "a\u{1b}[0m\u{9b}\u{7f}\u{202e}\nb";
        let json = ascii_controls(serde_json::to_string(value).unwrap());
        assert!(!json.contains(is_unprintable), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), value);
    }
}
