//! The files that a measurement writes.

use super::super::{write_like, write_picture};
use super::json;
use super::subject::Subject;
use crate::error::CliError;
use receptive_erf::picture::{self, ComparisonField, GrowthPoint};
use receptive_erf::{Aggregate, Study, write_npy};
use receptive_plot::Draw;
use std::path::{Path, PathBuf};

/// The output directory.
pub(super) struct Files {
    directory: PathBuf,
}

impl Files {
    pub(super) fn new(directory: &Path) -> Result<Self, CliError> {
        crate::commands::create_directory(directory)?;
        Ok(Self {
            directory: directory.into(),
        })
    }

    /// Writes all results for these layers of one network; returns the files.
    pub(super) fn write(
        &self,
        subject: &Subject,
        studies: &[Study],
        aggregate: Aggregate,
    ) -> Result<Vec<String>, CliError> {
        let mut written = Vec::new();
        for study in studies {
            let stem = format!("{}-{}", stem(&subject.name), stem(&study.layer.number));
            let title = format!(
                "{}: layer {} {}",
                subject.name, study.layer.number, study.layer.name
            );
            let shown_to = format!("{}, {} weights", subject.input, subject.weights.name());
            let picture = study.picture(&title, &shown_to)?;
            self.draw(&picture, &stem, &mut written)?;
            for aggregate in Aggregate::ALL {
                let path = self
                    .directory
                    .join(format!("{stem}-{}.npy", aggregate.name()));
                write_npy(&path, study.measurement.map(aggregate))?;
            }
            let path = self.directory.join(format!("{stem}.json"));
            let json = serde_json::to_vec_pretty(&json(subject, study, &[]))?;
            // Compared up to the name of the first key.
            write_like(&path, &json, 8)?;
            written.push(path.to_string_lossy().into_owned());
        }
        if studies.len() > 1 {
            let title = format!("{}: the field from layer to layer", subject.name);
            let subtitle = format!("{}, {}", aggregate.formula(), conditions(subject));
            let layers: Vec<GrowthPoint> = studies.iter().map(GrowthPoint::from_study).collect();
            let growth = picture::growth(&title, &subtitle, &layers);
            written.clear();
            self.draw(
                &growth,
                &format!("{}-growth", stem(&subject.name)),
                &mut written,
            )?;
            written.push(format!(
                "figures and values of {} layers next to it",
                studies.len()
            ));
        }
        Ok(written)
    }

    /// Draws one figure that compares several networks.
    pub(super) fn comparison(
        &self,
        all: &[(Subject, Study)],
        aggregate: Aggregate,
    ) -> Result<Vec<String>, CliError> {
        let networks: Vec<ComparisonField<'_>> = all
            .iter()
            .map(|(subject, study)| ComparisonField::from_study(&subject.name, study))
            .collect();
        let title = "Effective receptive fields";
        let picture = picture::comparison(title, aggregate.formula(), &networks)?;
        let mut written = Vec::new();
        self.draw(&picture, "comparison", &mut written)?;
        Ok(written)
    }

    pub(super) fn draw(
        &self,
        picture: &dyn Draw,
        stem: &str,
        written: &mut Vec<String>,
    ) -> Result<(), CliError> {
        for extension in ["png", "svg"] {
            let path = self.directory.join(format!("{stem}.{extension}"));
            write_picture(picture, &path)?;
            written.push(path.to_string_lossy().into_owned());
        }
        Ok(())
    }
}

/// A description of weights and inputs.
pub(super) fn conditions(subject: &Subject) -> String {
    format!("{} weights, {}", subject.weights.name(), subject.input)
}

/// A name that is valid on any file system: `runs-001` for `runs/001`.
pub(super) fn stem(name: &str) -> String {
    let kept: String = name
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || c == '.' {
                c
            } else {
                '-'
            }
        })
        .collect();
    kept.trim_matches(['-', '.']).to_string()
}
