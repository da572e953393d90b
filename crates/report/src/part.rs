//! What may be missing.

use maud::{Markup, html};
use std::fmt::Display;

/// A part of a report, or a sentence that says why it is not there.
pub(crate) type Part<T> = Result<T, String>;

/// An error as the sentence that stands in a part's place.
pub(crate) fn sentence(error: impl Display) -> String {
    let mut text = error.to_string();
    if !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    text
}

/// The sentence where the part would be.
pub(crate) fn missing(sentence: &str) -> Markup {
    html! { p.missing { (sentence) } }
}
