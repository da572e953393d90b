//! Windows icons that contain PNG files.

/// The icon's largest image, if it is a PNG. The ICO decoder reads only PNGs with alpha; decoded as a file of
/// its own, any PNG can be read.
pub(super) fn inner_png(bytes: &[u8]) -> Option<&[u8]> {
    let count = u16::from_le_bytes(bytes.get(4..6)?.try_into().ok()?);
    let entries = bytes.get(6..)?.chunks_exact(16).take(usize::from(count));
    // A side of 256 is written as 0.
    let side = |byte: u8| if byte == 0 { 256u32 } else { u32::from(byte) };
    let rank = |entry: &&[u8]| {
        let bits = u16::from_le_bytes([entry[6], entry[7]]);
        (side(entry[0]) * side(entry[1]), bits)
    };
    // As in the decoder: of equal entries, the last.
    let best = entries.max_by_key(rank)?;
    let number = |at: usize| -> Option<usize> {
        let bytes = best.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    };
    let (length, start) = (number(8)?, number(12)?);
    let image = bytes.get(start..start.checked_add(length)?)?;
    image.starts_with(b"\x89PNG\r\n\x1a\n").then_some(image)
}
