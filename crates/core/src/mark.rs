//! The mark on figures and pages written by this program, so that they are never treated as data.
//!
//! ```
//! use receptive_core::mark;
//!
//! let figure = format!("<svg width=\"10\">{}</svg>", mark::COMMENT);
//! assert!(mark::is_on(figure.as_bytes()));
//! assert!(!mark::is_on(b"<svg width=\"10\"></svg>"));
//! ```

use memchr::memmem;

/// The value of `Software` in PNG files and of `generator` in HTML pages.
pub const SOFTWARE: &str = "receptive";

/// The comment near the beginning of an SVG file.
pub const COMMENT: &str = "<!-- Software: receptive -->";

/// The mark is within this many bytes from the start of a file.
pub const HEAD_BYTES: usize = 1024;

/// Whether a file that begins with these bytes was written by this program: a PNG with the text chunk
/// `Software`, an SVG with the [`COMMENT`], or an HTML page with the generator.
pub fn is_on(head: &[u8]) -> bool {
    let head = &head[..head.len().min(HEAD_BYTES)];
    if let Some(chunks) = head.strip_prefix(b"\x89PNG\r\n\x1a\n") {
        return has_text_chunk(chunks);
    }
    let has = |text: &str| memmem::find(head, text.as_bytes()).is_some();
    match head.trim_ascii_start() {
        text if text.starts_with(b"<svg") => has(COMMENT),
        text if text.starts_with(b"<!DOCTYPE html>") => {
            has(&format!("name=\"generator\" content=\"{SOFTWARE} "))
        }
        _ => false,
    }
}

/// Whether a text chunk before a PNG's pixels names this program as the software.
fn has_text_chunk(mut chunks: &[u8]) -> bool {
    while let Some((length, rest)) = chunks.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let text = rest
            .strip_prefix(b"tEXtSoftware\0")
            .and_then(|text| text.get(..length.saturating_sub(9)));
        if text == Some(SOFTWARE.as_bytes()) {
            return true;
        }
        // The chunk type before the data and the checksum after it take four bytes each.
        match rest.get(length.saturating_add(8)..) {
            Some(next) if !rest.starts_with(b"IDAT") => chunks = next,
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u32).to_be_bytes();
        [&length[..], kind, body, &[0; 4]].concat()
    }

    fn png(chunks: &[Vec<u8>]) -> Vec<u8> {
        [&b"\x89PNG\r\n\x1a\n"[..], &chunks.concat()].concat()
    }

    #[test]
    fn a_png_is_told_by_its_text_before_the_pixels_alone() {
        let size = chunk(b"IHDR", &[0; 13]);
        let mark = chunk(b"tEXt", b"Software\0receptive");
        let other = chunk(b"tEXt", b"Software\0receptive fields by hand");
        let pixels = chunk(b"IDAT", &[7; 40]);
        let whole = png(&[size.clone(), other.clone(), mark.clone(), pixels.clone()]);
        assert!(is_on(&whole));
        assert!(!is_on(&png(&[size.clone(), other, pixels.clone()])));
        assert!(!is_on(&png(&[size, pixels, mark])));
        for length in 0..whole.len() {
            is_on(&whole[..length]); // a truncated file must not cause a panic
        }
        assert!(!is_on(&png(&[vec![0xff; 8]])));
    }

    #[test]
    fn a_page_is_told_by_its_generator() {
        let page = |name| format!("<!DOCTYPE html><meta name=\"generator\" content=\"{name} 1\">");
        assert!(is_on(page(SOFTWARE).as_bytes()));
        assert!(!is_on(page("other").as_bytes()));
    }
}
