//! Any bytes as a safetensors file or a PyTorch checkpoint to import.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::io::Write;

fuzz_target!(init: receptive_core::panic::silence_caught(), |bytes: &[u8]| {
    let mut file = tempfile::NamedTempFile::new_in("/dev/shm").expect("a file");
    file.write_all(bytes).expect("written");
    let _ = receptive_interchange::read(file.path(), None);
});
