//! Human-readable numbers, and names that are safe to print and to paste.

use std::borrow::Cow;
use std::path::Path;

/// A fraction from 0 to 1 as a percentage with one decimal: `90.6 %`.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// Seconds in suitable units: `4.2 s`, `45 s`, `12 min 5 s`, `3 h 20 min`; `?` if negative, infinite or NaN.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "?".into();
    }
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, _) if seconds < 9.95 => format!("{seconds:.1} s"),
        (0, 0, s) => format!("{s} s"),
        (0, min, s) => format!("{min} min {s} s"),
        (h, min, _) => format!("{h} h {min} min"),
    }
}

/// A count with commas between thousands: `1,234,567`.
pub fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A noun in the number that its count requires: `image` for 1, `images` otherwise.
pub fn plural(count: usize, noun: &str) -> String {
    match (count, noun.ends_with('s')) {
        (1, _) => noun.into(),
        (_, false) => format!("{noun}s"),
        (_, true) => format!("{noun}es"),
    }
}

/// A count with its noun: `1 image`, `0 images`, `2 classes`.
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {}", plural(count, noun))
}

/// Untrusted names, such as paths and class names, which may contain anything, including terminal escape
/// sequences.
pub trait Printable {
    /// On one line, with control characters escaped: a line break as `\n`, an escape as `\u{1b}`.
    fn printable(&self) -> Cow<'_, str>;

    /// As one word of a POSIX shell command: in single quotes if needed, and after `./` if it would be parsed
    /// as an option.
    fn shell_word(&self) -> String;
}

impl Printable for str {
    fn printable(&self) -> Cow<'_, str> {
        escaped(self, is_unprintable)
    }

    fn shell_word(&self) -> String {
        let is_option = self.len() > 1 && self.starts_with('-');
        let word = if is_option {
            format!("./{self}")
        } else {
            self.to_owned()
        };
        let is_plain = |c: char| c.is_alphanumeric() || "/._-+,:@%".contains(c);
        if !word.is_empty() && word.chars().all(is_plain) {
            return word;
        }
        if !word.contains(is_unprintable) {
            return format!("'{}'", word.replace('\'', r"'\''"));
        }
        printf_word(word.as_bytes())
    }
}

/// Quotes cannot make a word with control characters or invalid UTF-8 safe; every `printf` supports octal
/// escapes.
fn printf_word(word: &[u8]) -> String {
    let mut format = String::new();
    if word.starts_with(b"-") {
        format += "./";
    }
    let octal =
        |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("\\{byte:03o}")).collect() };
    for chunk in word.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '%' => format += "%%",
                '\\' => format += r"\\",
                c if c == '\'' || is_unprintable(c) => format += &octal(c.to_string().as_bytes()),
                c => format.push(c),
            }
        }
        format += &octal(chunk.invalid());
    }
    format!("\"$(printf '{format}')\"")
}

impl Printable for Path {
    fn printable(&self) -> Cow<'_, str> {
        if let Some(text) = self.to_str() {
            return text.printable();
        }
        // Names that differ only in invalid UTF-8 must stay distinct.
        let mut safe = String::new();
        for chunk in self.as_os_str().as_encoded_bytes().utf8_chunks() {
            safe += &chunk.valid().printable();
            for byte in chunk.invalid() {
                safe += &format!("\\x{byte:02x}");
            }
        }
        Cow::Owned(safe)
    }

    fn shell_word(&self) -> String {
        match self.to_str() {
            Some(text) => text.shell_word(),
            None => printf_word(self.as_os_str().as_encoded_bytes()),
        }
    }
}

/// `text` with all control characters except line breaks escaped.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c != '\n' && is_unprintable(c))
}

/// Whether a character could control a terminal or change the order of displayed text: control characters, line
/// and paragraph separators, bidirectional overrides and isolates.
pub fn is_unprintable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_escaped(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_all_else_stays() {
        for (text, shown) in [
            ("cat.png", "cat.png"),
            ("a\u{1b}[31m\n.png", r"a\u{1b}[31m\n.png"),
            ("\u{7f}\u{9b}2J\t\r\0", r"\u{7f}\u{9b}2J\t\r\u{0}"),
            ("\u{202e}gnp\u{2066}", r"\u{202e}gnp\u{2066}"),
            ("고양이 قطة 👩‍👩‍👧 C:\\x", "고양이 قطة 👩‍👩‍👧 C:\\x"),
        ] {
            assert_eq!(text.printable(), shown);
            assert_eq!(Path::new(text).printable(), shown);
        }
        assert_eq!(printable_lines("a\nb\u{1b}"), "a\nb\\u{1b}");
    }

    #[test]
    #[cfg(unix)]
    fn a_shell_reads_the_word_that_was_meant() {
        let hostile = (1..=127).filter_map(char::from_u32);
        let hostile: String = hostile.chain("\u{9b}\u{202e}é고x".chars()).collect();
        for name in [
            "runs/001",
            "my photos",
            "it's",
            "$(touch x) `id` \"$HOME\"",
            "-rf",
            "--help",
            "~",
            "~root",
            "*?[a]",
            "#x",
            "a\\b",
            "%s 'x'\u{1b}[31m",
            "",
            "고양이 사진",
            &hostile,
        ] {
            let command = format!("printf '<%s>' {}", name.shell_word());
            assert_eq!(command, command.printable(), "{name:?}");
            let mut shell = std::process::Command::new("sh");
            let output = shell.args(["-c", &command]).output().unwrap();
            let word = String::from_utf8(output.stdout).unwrap();
            let dashed = name.starts_with('-').then(|| format!("./{name}"));
            assert_eq!(word, format!("<{}>", dashed.as_deref().unwrap_or(name)));
        }
        assert_eq!("runs/001".shell_word(), "runs/001");
        assert_eq!("고양이".shell_word(), "고양이");
    }

    #[test]
    #[cfg(unix)]
    fn names_that_are_no_utf8_stay_different_and_can_be_pasted() {
        use std::os::unix::ffi::OsStrExt;
        let path = |bytes: &[u8]| Path::new(std::ffi::OsStr::from_bytes(bytes)).to_path_buf();
        let [one, other] = [path(b"a\xff'%.png"), path(b"-\xfe\n")];
        assert_eq!(one.printable(), r"a\xff'%.png");
        assert_eq!(other.printable(), r"-\xfe\n");
        for (name, expected) in [(&one, &b"a\xff'%.png"[..]), (&other, b"./-\xfe")] {
            let command = format!("printf '%s' {}", name.shell_word());
            let mut shell = std::process::Command::new("sh");
            let output = shell.args(["-c", &command]).output().unwrap();
            assert_eq!(output.stdout, expected, "{command}");
        }
    }

    #[test]
    fn a_noun_agrees_with_its_count() {
        for (count, noun, text) in [
            (1, "image", "1 image"),
            (0, "image", "0 images"),
            (1, "class", "1 class"),
            (10, "class", "10 classes"),
            (2, "complete epoch", "2 complete epochs"),
        ] {
            assert_eq!(counted(count, noun), text);
        }
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(percent(0.9056), "90.6 %");
        for (seconds, text) in [
            (0.04, "0.0 s"),
            (4.21, "4.2 s"),
            (9.96, "10 s"),
            (59.7, "1 min 0 s"),
            (725.0, "12 min 5 s"),
            (12_000.0, "3 h 20 min"),
            (f64::NAN, "?"),
        ] {
            assert_eq!(duration(seconds), text);
        }
        for (count, text) in [
            (7, "7"),
            (1234, "1,234"),
            (503_914, "503,914"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(count), text);
        }
    }
}
