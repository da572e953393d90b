//! TFRecord, the framing of each event
//! (<https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details>):
//!
//! ```text
//! u64 length | u32 masked crc32c of it | bytes | u32 masked crc32c of them
//! ```

/// The length and its checksum.
const HEAD: usize = 12;
const TAIL: usize = 4;

/// The bytes in a TFRecord frame.
pub(super) fn framed(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(HEAD + bytes.len() + TAIL);
    record.extend(length);
    record.extend(masked(&length).to_le_bytes());
    record.extend(bytes);
    record.extend(masked(bytes).to_le_bytes());
    record
}

/// The records of a file, up to its end or the first incomplete one: a killed process leaves half a record.
pub(super) fn records(mut file: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (bytes, rest) = first(file)?;
        file = rest;
        Some(bytes)
    })
}

fn first(file: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = file.split_at_checked(8)?;
    let (checksum, rest) = rest.split_at_checked(4)?;
    if masked(length).to_le_bytes() != checksum {
        return None;
    }
    let length = u64::from_le_bytes(length.try_into().ok()?);
    let (bytes, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    let (checksum, rest) = rest.split_at_checked(TAIL)?;
    (masked(bytes).to_le_bytes() == checksum).then_some((bytes, rest))
}

/// CRC-32C, rotated and offset, because checksums of data that contain checksums are problematic.
fn masked(bytes: &[u8]) -> u32 {
    const SHIFT: u32 = 0xa282_ead8;
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(SHIFT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_what_tensorflow_writes() {
        // tensorboard 2.21: RecordWriter(file).write(b"receptive")
        let found: String = framed(b"receptive")
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        assert_eq!(found, EXPECTED);
    }

    const EXPECTED: &str = "090000000000000037f971397265636570746976658a605dff";

    #[test]
    fn what_is_cut_or_changed_ends_the_file() {
        let mut file = framed(b"one");
        file.extend(framed(b"two"));
        let whole: Vec<&[u8]> = records(&file).collect();
        assert_eq!(whole, [b"one", b"two"]);
        let one = framed(b"one").len();
        for cut in one..file.len() {
            assert_eq!(records(&file[..cut]).count(), 1, "cut at {cut}");
        }
        for at in 0..file.len() {
            let mut changed = file.clone();
            changed[at] ^= 1;
            assert_eq!(
                records(&changed).count(),
                usize::from(at >= one),
                "byte {at}"
            );
        }
    }
}
