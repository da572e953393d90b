//! The command and the settings that repeat the run.

use crate::text::Part;
use maud::{Markup, html};
use receptive_core::text::{Printable, counted};
use receptive_model::store::read_text;
use receptive_train::{RunDirectory, RunLog, SettingChange, TrainError};

#[derive(Debug)]
pub(crate) struct Settings {
    command: String,
    config: String,
    /// What was changed when the run was resumed, one sentence each.
    changes: Vec<String>,
}

/// Maximum size of a config that is shown, in bytes.
const MAX_CONFIG_BYTES: u64 = 4 << 20;

impl Settings {
    pub(crate) fn new(run: &RunDirectory, log: &Part<RunLog>) -> Result<Self, TrainError> {
        let path = run.path().join("config.toml");
        Ok(Self {
            command: format!("receptive train --config {}", path.shell_word()),
            config: read_text(&path, MAX_CONFIG_BYTES)?,
            changes: log.as_ref().map_or_else(|_| Vec::new(), changes),
        })
    }

    pub(crate) fn html(&self) -> Markup {
        html! {
            p {
                "The same data, build and kind of processor give the same weights, bit for bit, unless the \
                 run was resumed with other settings:"
            }
            pre tabindex="0" { code { (self.command) } }
            @if !self.changes.is_empty() {
                p { "Changed when the run was resumed:" }
                ul { @for change in &self.changes { li { (change) } } }
            }
            details {
                summary { "All settings (config.toml)" }
                pre tabindex="0" { code { (self.config) } }
            }
        }
    }
}

/// What was changed, and after how many epochs.
fn changes(log: &RunLog) -> Vec<String> {
    let sentence = |(epochs, change): (usize, &SettingChange)| {
        format!("after {}: {change}", counted(epochs, "epoch"))
    };
    let all = log.changes.iter();
    all.flat_map(|(epochs, changes)| changes.iter().map(|change| (*epochs, change)))
        .map(sentence)
        .collect()
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
        let settings = {
            let change = SettingChange {
                setting: "train.epochs".into(),
                old: Some("5".into()),
                new: Some("9".into()),
            };
            let log = RunLog {
                changes: vec![(5, vec![change])],
                ..RunLog::default()
            };
            Settings::new(&RunDirectory::open(&path).unwrap(), &Ok(log)).unwrap()
        };
        let page = settings.html().into_string();
        assert!(
            page.contains("after 5 epochs: train.epochs: 5 -&gt; 9"),
            "{page}"
        );
        assert!(
            settings.command.ends_with("my run/config.toml'"),
            "{}",
            settings.command
        );
        assert!(!settings.html().into_string().contains("<script"));
    }
}
