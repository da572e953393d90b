//! Any bytes as an ONNX file: read, planned, and built where it is small.
#![no_main]

use libfuzzer_sys::fuzz_target;
use receptive_interchange::{OnnxReadOptions, read_onnx};
use std::io::Write;

fuzz_target!(|bytes: &[u8]| {
    let mut file = tempfile::NamedTempFile::new_in("/dev/shm").expect("a file");
    file.write_all(bytes).expect("written");
    let options = OnnxReadOptions::default();
    if let Ok(network) = read_onnx(file.path(), options) {
        network
            .config
            .plan()
            .expect("a network that is read has a plan");
    }
});
