//! Memory for a picture's pixels that a thread keeps between files: fresh memory of this size is asked of
//! the system, which clears it page by page, each time.

use std::cell::Cell;

/// More is given back to the system.
const MOST_BYTES: usize = 16 << 20;

thread_local! {
    static KEPT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// `length` bytes of any content.
pub(crate) fn take(length: usize) -> Vec<u8> {
    let mut bytes = KEPT.take();
    bytes.resize(length, 0);
    bytes
}

/// Keeps the memory for the thread's next picture.
pub(crate) fn give(bytes: Vec<u8>) {
    if bytes.capacity() <= MOST_BYTES {
        KEPT.set(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_was_given_is_taken_at_any_length() {
        give(vec![7; 10]);
        for length in [4, 12, 0] {
            let bytes = take(length);
            assert_eq!(bytes.len(), length);
            give(bytes);
        }
        give(vec![0; MOST_BYTES + 1]);
        assert!(take(0).capacity() <= MOST_BYTES);
    }
}
