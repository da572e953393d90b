//! Formatting names for messages.

use receptive_core::text::Printable;
use receptive_core::{did_you_mean, nearest};
use unicode_normalization::UnicodeNormalization;

/// `"; did you mean `x`?"` if `name` is similar to a known name, else empty: [`nearest`].
pub fn near<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    did_you_mean(&nearest(name, known)).map_or_else(String::new, |names| format!("; {names}"))
}

/// The normal form of a name, with accented letters composed as on Linux and Windows (macOS decomposes them).
pub(crate) fn key(name: &str) -> String {
    name.nfc().collect()
}

/// Whether two names are equal, regardless of how accents are encoded.
pub fn same_name(one: &str, other: &str) -> bool {
    one == other || key(one) == key(other)
}

/// A name without its invisible parts: surrounding spaces, and characters without width or ink, such as Hangul
/// fillers and the empty Braille pattern.
pub(crate) fn visible(name: &str) -> String {
    let seen = |c: &char| {
        !matches!(c, '\u{ad}' | '\u{115f}' | '\u{1160}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}')
    };
    let seen: String = name.nfkc().filter(seen).collect();
    seen.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The names, comma separated: the first ten, then how many more.
pub fn enumerate(names: &[String]) -> String {
    const SHOWN: usize = 10;
    let shown: Vec<String> = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("`{}`", name.printable()))
        .collect();
    let more = names.len().saturating_sub(SHOWN);
    let tail = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("{}{tail}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_have_one_key() {
        assert_eq!(key("cafe\u{301}"), key("caf\u{e9}"));
        assert_ne!(key("cafe"), key("caf\u{e9}"));
        assert_eq!(visible("\u{feff}cat \u{200b}"), "cat");
        assert_eq!(visible("\u{3164}\u{115f}\u{ffa0}\u{2800}"), "");
        assert_eq!(visible("sea\u{a0}lion"), visible("sea lion"));
        assert_ne!(visible("cat"), visible("cats"));
    }

    #[test]
    fn a_suggestion_continues_a_sentence() {
        let known = ["cifar10", "mnist"];
        assert_eq!(near("minst", known.into_iter()), "; did you mean `mnist`?");
        assert_eq!(near("imagenet", known.into_iter()), "");
    }
}
