//! Any bytes as an image file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use receptive_data::{DecodeLimits, decode};

fuzz_target!(init: receptive_core::panic::silence_caught(), |bytes: &[u8]| {
    let _ = decode(bytes, "fuzzed".as_ref(), &DecodeLimits::default());
});
