//! What ranks must have in common, so that together they give the result of one process.

use super::{Kind, Ranks};
use crate::error::TrainError;
use receptive_core::hash::sha256;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The program of a rank, and how its processor sums.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Build {
    version: String,
    /// The hash of the executable: two builds may sum in different orders.
    program: String,
    /// The vector instructions in use, which determine the order of sums.
    vectors: String,
}

impl Build {
    /// # Errors
    /// The executable cannot be read.
    pub(crate) fn own() -> Result<Self, TrainError> {
        let program = std::env::current_exe().and_then(std::fs::read);
        let program = program.map_err(TrainError::io("the executable", "read"))?;
        Ok(Self {
            version: env!("CARGO_PKG_VERSION").into(),
            program: sha256(&program),
            vectors: vectors(),
        })
    }

    /// The first difference, as a sentence.
    pub(crate) fn difference(&self, other: &Self) -> Option<String> {
        if self.version != other.version {
            return Some(format!(
                "its program is version {}, not {}; install the same program on each machine",
                other.version, self.version
            ));
        }
        if self.program != other.program {
            return Some(
                "its program is a different build; copy the same program to each machine".into(),
            );
        }
        (self.vectors != other.vectors).then(|| {
            format!(
                "its processor has different vector instructions ({}, not {}), which sum in a \
                 different order; use machines of one kind",
                other.vectors, self.vectors
            )
        })
    }
}

/// The vector instructions that kernels choose from on this machine.
fn vectors() -> String {
    #[cfg(target_arch = "x86_64")]
    {
        let known = [
            ("avx512f", std::is_x86_feature_detected!("avx512f")),
            ("avx2", std::is_x86_feature_detected!("avx2")),
            ("fma", std::is_x86_feature_detected!("fma")),
        ];
        let names = known.iter().filter(|(_, is_there)| *is_there);
        let names: Vec<&str> = names.map(|(name, _)| *name).collect();
        format!("x86_64 {}", names.join(" "))
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        std::env::consts::ARCH.into()
    }
}

/// What a rank computes, as names and descriptions or hashes.
#[derive(Debug, Serialize, Deserialize)]
struct Task {
    build: Build,
    parts: Vec<(String, String)>,
}

impl Task {
    fn difference(&self, other: &Self) -> Option<String> {
        let of_build = self.build.difference(&other.build);
        of_build.or_else(|| {
            let both = self.parts.iter().zip(&other.parts);
            let differing = both.into_iter().find(|(own, others)| own != others);
            let (name, _) = differing.map(|(own, _)| own)?;
            Some(format!(
                "its {name} differ; start all ranks with the same arguments, on the same files"
            ))
        })
    }
}

impl Ranks {
    /// Rejects ranks that would compute something different from the first. `parts` is what the result depends
    /// on: plural names, each with a description or a hash.
    ///
    /// # Errors
    /// [`TrainError::Ranks`], on all ranks, naming the difference.
    pub fn check_task(&self, parts: &[(&str, String)]) -> Result<(), TrainError> {
        let parts = parts.iter().map(|(name, of)| ((*name).into(), of.clone()));
        let parts = parts.collect();
        let all = self.compared(Build::own().map(|build| Task { build, parts }))?;
        self.check_equal(&all, "results", Task::difference)
    }

    /// The descriptions of all ranks.
    ///
    /// # Errors
    /// The error of this rank or of another.
    pub(crate) fn compared<T: Serialize + DeserializeOwned>(
        &self,
        own: Result<T, TrainError>,
    ) -> Result<Vec<T>, TrainError> {
        let own = own.and_then(|own| {
            let text = serde_json::to_vec(&own);
            text.map_err(|error| TrainError::Ranks(error.to_string()))
        });
        let read = |text: &Vec<u8>| {
            serde_json::from_slice(text).map_err(|error| {
                TrainError::Ranks(format!(
                    "another rank's settings are not valid JSON: {error}"
                ))
            })
        };
        self.gather(Kind::Alike, own)?.iter().map(read).collect()
    }

    /// Rejects ranks that differ from the first, because their `results` would.
    ///
    /// # Errors
    /// [`TrainError::Ranks`], on all ranks, with the first difference.
    pub(crate) fn check_equal<T>(
        &self,
        all: &[T],
        results: &str,
        difference: impl Fn(&T, &T) -> Option<String>,
    ) -> Result<(), TrainError> {
        for (rank, other) in all.iter().enumerate().skip(1) {
            if let Some(difference) = difference(&all[0], other) {
                return self.close(TrainError::Ranks(format!(
                    "{} differs from {}, so their {results} would differ: {difference}",
                    self.name(rank),
                    self.name(0)
                )));
            }
        }
        Ok(())
    }
}
