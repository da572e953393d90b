//! Any text as a run's or a model's config, planned where it can be read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use receptive_model::ModelConfig;
use receptive_train::RunConfig;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(config) = toml::from_str::<RunConfig>(text) {
        let _ = config.check();
        let _ = config.model.plan();
    }
    if let Ok(config) = toml::from_str::<ModelConfig>(text) {
        let _ = config.plan();
    }
});
