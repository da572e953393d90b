//! Whether an existing run's data and label list are still where its config says, and their new paths.

use super::DataConfig;
use crate::error::TrainError;
use receptive_core::text::Printable;
use receptive_data::KNOWN_NAMES;
use std::path::{Path, PathBuf};

/// Commands that set new paths, for error messages.
#[derive(Debug, Clone, Default)]
pub struct Remedies {
    /// For the data.
    pub data: String,
    /// For the label list.
    pub labels: String,
    /// For both.
    pub both: String,
    /// For any images, if the model is not part of a run.
    pub other: String,
}

impl DataConfig {
    /// Whether the source may exist: a known name, or an existing path.
    pub fn is_there(&self) -> bool {
        KNOWN_NAMES.contains(&self.source.as_str()) || Path::new(&self.source).exists()
    }

    /// Sets a new path of the same data. A label list within the data is moved too.
    pub fn move_to(&mut self, source: &str) {
        let below = |labels: &PathBuf| {
            let below = labels.strip_prefix(&self.source).ok()?;
            Some(Path::new(source).join(below))
        };
        if let Some(moved) = self.labels.as_ref().and_then(below) {
            self.labels = Some(moved);
        }
        self.source = source.into();
    }

    /// Sets the new paths of a run's data and label list, if given, and checks that both exist. The commands
    /// set those that are missing.
    ///
    /// # Errors
    /// The data or the label list do not exist. A given list is checked when it is opened.
    pub fn find(
        &mut self,
        moved: Option<&str>,
        labels: Option<&Path>,
        remedies: &Remedies,
    ) -> Result<(), TrainError> {
        if let Some(place) = moved {
            self.move_to(place);
        }
        if let Some(labels) = labels {
            self.labels = Some(labels.into());
        }
        let list = self.lost_list().filter(|_| labels.is_none());
        let source = self.source.printable();
        let (setting, problem, remedy) = match (self.is_there(), moved, list) {
            (true, _, None) => return Ok(()),
            (true, _, Some(_)) => return self.check_labels(&remedies.labels),
            (false, Some(_), _) => {
                let problem = format!(
                    "there is nothing at {source}, which was given as the new path of the run's data; give its \
                     current path"
                );
                ("data.source", problem, &remedies.data)
            }
            (false, None, None) => {
                let problem = format!("the run's data {source} no longer exists; set its new path");
                ("data.source", problem, &remedies.data)
            }
            (false, None, Some(list)) => {
                let problem = format!(
                    "neither the run's data {source} nor its label list {} exists any longer; set their new paths",
                    list.printable()
                );
                ("data.source", problem, &remedies.both)
            }
        };
        Err(TrainError::NotFound {
            setting,
            problem,
            remedy: remedy.clone(),
        })
    }

    /// Checks that the label list still exists. `remedy` is the command that sets its new path.
    ///
    /// # Errors
    /// It does not exist.
    pub(crate) fn check_labels(&self, remedy: &str) -> Result<(), TrainError> {
        match self.lost_list() {
            None => Ok(()),
            Some(list) => Err(TrainError::NotFound {
                setting: "data.labels",
                problem: format!(
                    "the label list {} of the run no longer exists; set its new path",
                    list.printable()
                ),
                remedy: remedy.into(),
            }),
        }
    }

    /// The label list, if it does not exist. One within the data moves with it if that is missing, and is
    /// checked when an archive is opened.
    fn lost_list(&self) -> Option<&Path> {
        let list = self.labels.as_deref()?;
        let source = Path::new(&self.source);
        let is_found_with_data = list.starts_with(source) && !source.is_dir();
        (!is_found_with_data && !list.exists()).then_some(list)
    }
}
