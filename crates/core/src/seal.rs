//! A last line in text files that shows whether somebody has edited them since this program wrote them.
//!
//! ```
//! use receptive_core::seal;
//!
//! let page = seal::sealed("<p>Figures</p>\n".into(), ["<!-- ", " -->"]);
//! assert!(seal::is_unedited(page.as_bytes()));
//! let edited = page.replace("Figures", "My figures");
//! assert!(seal::is_edited(edited.as_bytes()));
//! assert!(!seal::is_edited(b"<p>without a seal</p>"));
//! ```

use crate::hash::ContentHash;

/// The text of the line, before the hash of the lines above it.
const SEAL: &str = "Written by receptive; SHA-256 of the lines above: ";

/// `text` with the seal as its last line: a comment between these marks of the file's language.
pub fn sealed(mut text: String, [open, close]: [&str; 2]) -> String {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    let hash = ContentHash::of(text.as_bytes());
    text + &format!("{open}{SEAL}{hash}{close}\n")
}

/// Whether a file has a seal and is as it was sealed.
pub fn is_unedited(file: &[u8]) -> bool {
    is_intact(file) == Some(true)
}

/// Whether a file has a seal and was changed since.
pub fn is_edited(file: &[u8]) -> bool {
    is_intact(file) == Some(false)
}

/// `None` without a seal.
fn is_intact(file: &[u8]) -> Option<bool> {
    let text = std::str::from_utf8(file).ok()?;
    let seal = text.rfind(SEAL)?;
    let start = text[..seal].rfind('\n').map_or(0, |end| end + 1);
    let hash = ContentHash::of(&text.as_bytes()[..start]).to_string();
    let after = &text[seal + SEAL.len()..];
    let is_last = after.trim_end_matches('\n').lines().count() <= 1;
    Some(is_last && after.starts_with(&hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_is_noticed() {
        let text = sealed("import torch\n".into(), ["# ", ""]);
        assert!(is_unedited(text.as_bytes()) && !is_edited(text.as_bytes()));
        for edited in [
            text.replace("torch", "torch  # mine"),
            text.clone() + "print(1)\n",
            text.replace("above: ", "above: 0"),
        ] {
            assert!(is_edited(edited.as_bytes()), "{edited}");
        }
        for other in ["import torch\n", "", "\u{fffd}"] {
            assert!(!is_unedited(other.as_bytes()) && !is_edited(other.as_bytes()));
        }
    }
}
