//! The command and the settings that repeat the run.

use maud::{Markup, html};
use receptive_core::text::Printable;
use receptive_model::store::read_text;
use receptive_train::{RunDirectory, TrainError};

#[derive(Debug)]
pub(crate) struct Settings {
    command: String,
    config: String,
}

/// The largest config that is shown, in bytes.
const MAX_CONFIG_BYTES: u64 = 4 << 20;

impl Settings {
    pub(crate) fn new(run: &RunDirectory) -> Result<Self, TrainError> {
        let path = run.path().join("config.toml");
        Ok(Self {
            command: format!("receptive train --config {}", path.shell_word()),
            config: read_text(&path, MAX_CONFIG_BYTES)?,
        })
    }

    pub(crate) fn html(&self) -> Markup {
        html! {
            p {
                "The same data, build and kind of processor give the same weights, bit for bit, unless the \
                 run was resumed with other settings (log.jsonl names them):"
            }
            pre tabindex="0" { code { (self.command) } }
            details {
                summary { "All settings (config.toml)" }
                pre tabindex="0" { code { (self.config) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_survives_spaces_and_the_config_is_escaped() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("my run");
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("config.toml"), "# </code><script>alert(1)").unwrap();
        let settings = Settings::new(&RunDirectory::open(&path).unwrap()).unwrap();
        assert!(
            settings.command.ends_with("my run/config.toml'"),
            "{}",
            settings.command
        );
        assert!(!settings.html().into_string().contains("<script"));
    }
}
