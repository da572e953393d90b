//! The devices of a run.

use crate::compute::backend::{Backend, Hardware, feeding_threads};
use crate::error::TrainError;
use receptive_core::text::counted;
use receptive_model::InferenceDevice;
use std::fmt;
use std::str::FromStr;

/// In place of an index: all devices of a backend.
const ALL: &str = "all";
/// The setting that names them.
const SETTING: &str = "machine.devices";

/// Devices to train on together: `cuda:0,cuda:1`, `cuda:all`, `flex,flex`. At least one. A CPU listed several
/// times shares its threads among the entries; a GPU can be listed only once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Devices {
    all: Vec<Backend>,
    /// Whether `machine.devices` named them, instead of `machine.backend`.
    listed: bool,
}

impl From<Backend> for Devices {
    fn from(backend: Backend) -> Self {
        Self {
            all: vec![backend],
            listed: false,
        }
    }
}

impl Devices {
    /// The devices with these names: `NAME`, `NAME:INDEX` or `NAME:all`.
    ///
    /// # Errors
    /// The list is empty, a name is not a device of this program or machine, or a GPU is listed twice.
    pub(crate) fn from_names<S: AsRef<str>>(names: &[S]) -> Result<Self, TrainError> {
        let mut devices = Vec::new();
        let names: Vec<&str> = names.iter().map(|name| name.as_ref().trim()).collect();
        let none = names.iter().all(|name| name.is_empty());
        for name in names.into_iter().filter(|_| !none) {
            match name.split_once(':') {
                Some((kind, ALL)) => devices.extend(all(kind)?),
                _ => devices.push(name.parse().map_err(of_devices)?),
            }
        }
        if devices.is_empty() {
            return Err(TrainError::setting(
                SETTING,
                "it lists no devices; list some, such as cuda:0,cuda:1, or leave it out",
            ));
        }
        let mut gpus: Vec<Backend> = Vec::new();
        for gpu in devices.iter().filter(|device| !device.is_cpu()) {
            let index = Some(gpu.index.unwrap_or(0));
            let gpu = Backend { index, ..*gpu };
            if gpus.contains(&gpu) {
                return Err(TrainError::setting(
                    SETTING,
                    format!(
                        "it lists `{gpu}` twice; a GPU computes one part of a step, so list each \
                         once"
                    ),
                ));
            }
            gpus.push(gpu);
        }
        Ok(Self {
            all: devices,
            listed: true,
        })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// Whether all of them are CPUs.
    pub(crate) fn are_cpus(&self) -> bool {
        self.hardware() == Hardware::Cpu
    }

    /// [`Hardware::Cpu`] if all of them are CPUs.
    pub(crate) fn hardware(&self) -> Hardware {
        Hardware::of_all(self.all.iter().map(|device| device.hardware()))
    }

    /// The number of threads for each device: the CPUs share `wanted` threads, at least one each; each GPU has
    /// one.
    pub(crate) fn threads_of_each(&self, wanted: usize) -> Vec<usize> {
        let cpus = self.all.iter().filter(|device| device.is_cpu()).count();
        let mut cpu = 0;
        let threads = self.all.iter().map(|device| {
            if !device.is_cpu() {
                return feeding_threads(Hardware::Gpu, wanted);
            }
            let own = wanted / cpus + usize::from(cpu < wanted % cpus);
            cpu += 1;
            feeding_threads(Hardware::Cpu, own)
        });
        threads.collect()
    }

    /// The total number of threads.
    pub fn threads(&self, wanted: usize) -> usize {
        self.threads_of_each(wanted).into_iter().sum()
    }

    /// Opens the devices.
    ///
    /// # Errors
    /// A backend is not compiled in, or has no such device on this machine.
    pub fn open(&self) -> Result<Vec<InferenceDevice>, TrainError> {
        let of_setting = |error| match self.listed {
            true => of_devices(error),
            false => error,
        };
        let devices = self.all.iter().map(|device| device.device());
        devices.collect::<Result<_, _>>().map_err(of_setting)
    }

    /// For one of several processes on a machine, its `at`-th GPU only; all devices if they are CPUs or there
    /// is a single process.
    pub(crate) fn of_process(&self, at: usize, processes: usize) -> Result<Self, TrainError> {
        if self.are_cpus() || processes < 2 {
            return Ok(self.clone());
        }
        let missing = || {
            TrainError::setting(
                SETTING,
                format!(
                    "it lists {}, but {processes} ranks run on this machine and each takes one: \
                     list as many (such as cuda:all), or start fewer ranks",
                    counted(self.all.len(), "device")
                ),
            )
        };
        let own = self.all.get(at).copied().ok_or_else(missing)?;
        Ok(Self {
            all: vec![own],
            listed: self.listed,
        })
    }
}

/// All devices of a backend on this machine.
fn all(kind: &str) -> Result<Vec<Backend>, TrainError> {
    let backend: Backend = kind.parse().map_err(of_devices)?;
    // Fails if it is not compiled in or has no device.
    backend.device().map_err(of_devices)?;
    let count = backend.kind.devices().len();
    let nth = |index| Backend {
        index: Some(index),
        ..backend
    };
    Ok((0..count).map(nth).collect())
}

/// Turns an error about a backend's name into one about `machine.devices`.
fn of_devices(error: TrainError) -> TrainError {
    match error {
        TrainError::Setting { problem, .. } => TrainError::setting(SETTING, problem),
        other => other,
    }
}

impl FromStr for Devices {
    type Err = TrainError;

    fn from_str(text: &str) -> Result<Self, TrainError> {
        Self::from_names(&text.split(',').collect::<Vec<_>>())
    }
}

impl fmt::Display for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, device) in self.all.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            write!(f, "{comma}{device}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compute::backend::BackendKind;

    #[test]
    fn names_are_read_and_written() {
        for text in ["flex", "flex,flex", "cuda:0,cuda:1", "flex,wgpu"] {
            assert_eq!(text.parse::<Devices>().unwrap().to_string(), text);
        }
        assert_eq!("flex, flex".parse::<Devices>().unwrap().count(), 2);
    }

    #[test]
    fn what_cannot_be_used_is_a_sentence_about_the_setting() {
        let problem = |text: &str| {
            let opened = text.parse::<Devices>().and_then(|devices| devices.open());
            let error = opened.unwrap_err();
            assert!(error.is_usage(), "{error}");
            error.to_string()
        };
        let mut cases = vec![
            ("", "lists no devices"),
            (",", "lists no devices"),
            ("flex,", "is unknown"),
            ("flex,flux", "this build has"),
            ("cuda:0,cuda:0", "lists `cuda:0` twice"),
            ("wgpu,wgpu:0", "lists `wgpu:0` twice"),
            ("flex:x,flex", "device index `x`"),
        ];
        if cfg!(feature = "flex") {
            cases.push(("flex,flex:3", "no device 3"));
        }
        if !BackendKind::Rocm.is_compiled() {
            cases.push(("flex,rocm", "--features rocm"));
            cases.push(("rocm:all", "--features rocm"));
        }
        for (text, wanted) in cases {
            let error = problem(text);
            assert!(
                error.contains(wanted) && error.contains("machine.devices"),
                "{text}: {error}"
            );
        }
        let none = Devices::from_names::<String>(&[]).unwrap_err().to_string();
        assert!(none.contains("lists no devices"), "{none}");
    }

    #[test]
    fn threads_are_divided_among_the_cpus() {
        let threads = |text: &str, wanted| text.parse::<Devices>().unwrap().threads_of_each(wanted);
        assert_eq!(threads("flex", 5), [5]);
        assert_eq!(threads("flex,flex", 5), [3, 2]);
        assert_eq!(threads("flex,flex,flex", 2), [1, 1, 1]);
        assert_eq!(threads("cuda:0,flex,cuda:1", 4), [1, 4, 1]);
        assert_eq!(threads("flex", 0), [1]);
    }

    #[test]
    fn each_process_of_a_machine_takes_a_gpu() {
        let devices: Devices = "cuda:0,cuda:1".parse().unwrap();
        let of = |at, all| devices.of_process(at, all).map(|one| one.to_string());
        assert_eq!(of(1, 2).unwrap(), "cuda:1");
        assert_eq!(of(0, 1).unwrap(), "cuda:0,cuda:1");
        let error = of(2, 3).unwrap_err().to_string();
        assert!(
            error.contains("2 devices") && error.contains("3 ranks"),
            "{error}"
        );
        let cpus: Devices = "flex,flex".parse().unwrap();
        assert_eq!(cpus.of_process(3, 4).unwrap(), cpus);
    }
}
