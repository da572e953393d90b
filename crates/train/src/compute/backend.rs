//! burn's backends, chosen at run time among those compiled in.

use crate::error::TrainError;
use burn::tensor::Device;
use receptive_core::panic::catch;
use receptive_model::InferenceDevice;
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};

/// A backend and, if it has several devices, the index of one: `flex`, `wgpu`, `cuda:1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backend {
    /// The backend.
    pub kind: BackendKind,
    /// The device's index; the backend's own choice by default.
    pub index: Option<usize>,
}

/// What computes: how a batch is divided, and how many threads feed a device, depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hardware {
    /// Processor cores: many small shards, one thread each.
    Cpu,
    /// A graphics processor: one large shard.
    Gpu,
}

impl Hardware {
    /// That of several devices together: [`Hardware::Cpu`] if all of them are CPUs.
    pub(crate) fn of_all(devices: impl IntoIterator<Item = Self>) -> Self {
        let mut devices = devices.into_iter();
        match devices.all(|hardware| hardware == Self::Cpu) {
            true => Self::Cpu,
            false => Self::Gpu,
        }
    }
}

/// All backends, compiled in or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BackendKind {
    /// burn's own CPU backend: the default, and the fastest on a CPU.
    Flex,
    /// The CPU backend on the `ndarray` crate, which burn has deprecated in favour of flex.
    NdArray,
    /// Any GPU through WebGPU shaders.
    Wgpu,
    /// NVIDIA GPUs.
    Cuda,
    /// GPUs through Vulkan's SPIR-V shaders.
    Vulkan,
    /// Apple GPUs.
    Metal,
    /// AMD GPUs.
    Rocm,
}

impl BackendKind {
    /// All backends, those for the CPU first.
    pub const ALL: [Self; 7] = [
        Self::Flex,
        Self::NdArray,
        Self::Wgpu,
        Self::Cuda,
        Self::Vulkan,
        Self::Metal,
        Self::Rocm,
    ];

    /// The name in `machine.backend`, which is also the Cargo feature that compiles it in.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::NdArray => "ndarray",
            Self::Wgpu => "wgpu",
            Self::Cuda => "cuda",
            Self::Vulkan => "vulkan",
            Self::Metal => "metal",
            Self::Rocm => "rocm",
        }
    }

    /// What it computes on.
    pub const fn hardware(self) -> Hardware {
        match self {
            Self::Flex | Self::NdArray => Hardware::Cpu,
            Self::Wgpu | Self::Cuda | Self::Vulkan | Self::Metal | Self::Rocm => Hardware::Gpu,
        }
    }

    /// Whether it computes on the CPU, with one thread per shard.
    pub const fn is_cpu(self) -> bool {
        matches!(self.hardware(), Hardware::Cpu)
    }

    /// Whether it is compiled into this program.
    pub const fn is_compiled(self) -> bool {
        match self {
            Self::Flex => cfg!(feature = "flex"),
            Self::NdArray => cfg!(feature = "ndarray"),
            Self::Wgpu => cfg!(feature = "wgpu"),
            Self::Cuda => cfg!(feature = "cuda"),
            Self::Vulkan => cfg!(feature = "vulkan"),
            Self::Metal => cfg!(feature = "metal"),
            Self::Rocm => cfg!(feature = "rocm"),
        }
    }

    /// Its devices on this machine; none if it is not compiled in or has no driver.
    pub fn devices(self) -> Vec<Device> {
        // If the driver is missing, some GPU libraries panic; here that means that there is no device.
        catch(|| self.enumerate()).unwrap_or_default()
    }

    /// The names of its devices, such as `NVIDIA H100 PCIe`, or of the backend if a device has none.
    pub fn device_names(self) -> Vec<String> {
        let devices = self.devices().into_iter();
        devices
            .map(|device| device_name(&device).unwrap_or_else(|| self.name().into()))
            .collect()
    }

    fn enumerate(self) -> Vec<Device> {
        #[allow(unused_imports)]
        use burn::tensor::DeviceType;
        match self {
            #[cfg(feature = "flex")]
            Self::Flex => vec![Device::flex()],
            #[cfg(feature = "ndarray")]
            // Deprecated by burn in favour of flex; supported as long as burn has it.
            #[allow(deprecated)]
            Self::NdArray => vec![Device::ndarray()],
            #[cfg(feature = "wgpu")]
            Self::Wgpu => Device::enumerate(DeviceType::Wgpu).into_vec(),
            #[cfg(feature = "cuda")]
            Self::Cuda => Device::enumerate(DeviceType::Cuda).into_vec(),
            #[cfg(feature = "vulkan")]
            Self::Vulkan => Device::enumerate(DeviceType::Vulkan).into_vec(),
            #[cfg(feature = "metal")]
            Self::Metal => Device::enumerate(DeviceType::Metal).into_vec(),
            #[cfg(feature = "rocm")]
            Self::Rocm => Device::enumerate(DeviceType::Rocm).into_vec(),
            #[allow(unreachable_patterns)] // unreachable if all backends are compiled in
            _ => Vec::new(),
        }
    }

    /// The names of the compiled-in backends, comma-separated.
    fn names() -> String {
        let compiled = Self::ALL.into_iter().filter(|kind| kind.is_compiled());
        compiled.map(Self::name).collect::<Vec<_>>().join(", ")
    }

    /// The command that compiles this backend in.
    pub fn build_command(self) -> String {
        format!("cargo run --features {} -- ...", self.name())
    }
}

#[cfg(any(
    feature = "wgpu",
    feature = "cuda",
    feature = "vulkan",
    feature = "metal",
    feature = "rocm"
))]
fn device_name(device: &Device) -> Option<String> {
    catch(|| device.identity().map(|identity| identity.name))
        .ok()
        .flatten()
}

#[cfg(not(any(
    feature = "wgpu",
    feature = "cuda",
    feature = "vulkan",
    feature = "metal",
    feature = "rocm"
)))]
fn device_name(_: &Device) -> Option<String> {
    None
}

/// Whether this process has opened a GPU.
static HAS_GPU: AtomicBool = AtomicBool::new(false);

/// Whether this process has opened a GPU with [`Backend::device`].
pub(crate) fn has_opened_gpu() -> bool {
    HAS_GPU.load(Ordering::Relaxed)
}

/// The environment variable of burn's default device.
const VARIABLE: &str = "BURN_DEVICE";

impl Backend {
    /// The default backend: the one in the environment variable `BURN_DEVICE`, as in any burn program, else
    /// flex.
    ///
    /// # Errors
    /// The variable does not name a backend; burn itself would panic.
    pub fn from_env() -> Result<Self, TrainError> {
        match std::env::var_os(VARIABLE) {
            None => Ok(Self {
                kind: BackendKind::Flex,
                index: None,
            }),
            Some(name) => Self::from_variable(&name.to_string_lossy()),
        }
    }

    fn from_variable(value: &str) -> Result<Self, TrainError> {
        value.to_lowercase().parse().map_err(|_| {
            TrainError::setting(
                VARIABLE,
                format!(
                    "the environment variable is `{value}`, which is not a backend of this build; \
                     set it to one of {}, unset it, or set `machine.backend`",
                    BackendKind::names()
                ),
            )
        })
    }

    /// The backend given by `--backend NAME` in a program's arguments, else [`from_env`](Self::from_env).
    ///
    /// # Errors
    /// No backend has that name.
    pub fn from_args(arguments: impl IntoIterator<Item = String>) -> Result<Self, TrainError> {
        let mut arguments = arguments.into_iter();
        match arguments.find(|argument| argument == "--backend") {
            Some(_) => arguments.next().unwrap_or_default().parse(),
            None => Self::from_env(),
        }
    }

    /// What it computes on.
    pub const fn hardware(self) -> Hardware {
        self.kind.hardware()
    }

    /// Whether it computes on the CPU.
    pub const fn is_cpu(self) -> bool {
        self.kind.is_cpu()
    }

    /// The number of threads for its device, of which a CPU gets `wanted`.
    pub const fn threads(self, wanted: usize) -> usize {
        feeding_threads(self.kind.hardware(), wanted)
    }

    /// The backend's device.
    ///
    /// # Errors
    /// The backend is not compiled in (the error has the command for it), or it has no such device on this
    /// machine.
    pub fn device(self) -> Result<InferenceDevice, TrainError> {
        let fail = |problem: String| rejection(&self.to_string(), &problem);
        if !self.kind.is_compiled() {
            return Err(fail(format!(
                "is not compiled into this program; build it with `{}`",
                self.kind.build_command()
            )));
        }
        let mut devices = self.kind.devices();
        let index = self.index.unwrap_or(0);
        if devices.is_empty() {
            return Err(fail(
                "has no device or driver on this machine; use `flex` for the CPU".into(),
            ));
        }
        if index >= devices.len() {
            return Err(fail(format!(
                "has no device {index}; this machine has {}, counted from 0",
                devices.len()
            )));
        }
        if !self.is_cpu() {
            HAS_GPU.store(true, Ordering::Relaxed);
        }
        Ok(devices.swap_remove(index).into())
    }
}

/// Whether the device is that of a CPU backend.
pub(crate) fn is_cpu(device: &Device) -> bool {
    hardware(device) == Hardware::Cpu
}

/// The hardware of a device.
pub(crate) fn hardware(device: &Device) -> Hardware {
    let mut cpus = BackendKind::ALL.into_iter().filter(|kind| kind.is_cpu());
    match cpus.any(|kind| kind.devices().contains(device)) {
        true => Hardware::Cpu,
        false => Hardware::Gpu,
    }
}

/// The number of threads for a device: `wanted` on a CPU, at least one; one for a GPU.
pub(crate) const fn feeding_threads(hardware: Hardware, wanted: usize) -> usize {
    match hardware {
        Hardware::Cpu if wanted > 1 => wanted,
        Hardware::Cpu | Hardware::Gpu => 1,
    }
}

/// The device of the first compiled-in backend, for reading files, where any backend will do.
///
/// # Errors
/// No backend is compiled in.
pub fn default_device() -> Result<InferenceDevice, TrainError> {
    let kind = BackendKind::ALL.into_iter().find(|kind| kind.is_compiled());
    Backend {
        kind: kind.unwrap_or(BackendKind::Flex),
        index: None,
    }
    .device()
}

/// The error for an unavailable backend.
fn rejection(backend: &str, problem: &str) -> TrainError {
    TrainError::setting("machine.backend", format!("backend `{backend}` {problem}"))
}

impl FromStr for Backend {
    type Err = TrainError;

    fn from_str(text: &str) -> Result<Self, TrainError> {
        let (name, index) = match text.split_once(':') {
            Some((name, index)) => (name, Some(index)),
            None => (text, None),
        };
        let kind = BackendKind::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| {
                let names = BackendKind::names();
                rejection(text, &format!("is unknown; this build has {names}"))
            })?;
        let index = index
            .map(|index| {
                index.parse().map_err(|_| {
                    let problem = format!(
                        "has the device index `{index}`; expected a number, as in {name}:0"
                    );
                    rejection(text, &problem)
                })
            })
            .transpose()?;
        Ok(Self { kind, index })
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        self.index.map_or(Ok(()), |index| write!(f, ":{index}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_indices_are_read_and_written() {
        for text in ["flex", "ndarray", "wgpu:1", "cuda:0"] {
            assert_eq!(text.parse::<Backend>().unwrap().to_string(), text);
        }
        let error = "flux".parse::<Backend>().unwrap_err().to_string();
        assert!(error.contains("this build has flex"), "{error}");
        assert_eq!(error.contains("metal"), cfg!(feature = "metal"), "{error}");
        let error = "cuda:first".parse::<Backend>().unwrap_err().to_string();
        assert!(error.contains("cuda:0"), "{error}");
    }

    #[test]
    fn a_variable_that_names_nothing_is_a_sentence() {
        assert_eq!(
            Backend::from_variable("NdArray").unwrap().to_string(),
            "ndarray"
        );
        let error = Backend::from_variable("toaster").unwrap_err().to_string();
        assert!(
            error.contains("BURN_DEVICE") && error.contains("unset it"),
            "{error}"
        );
    }

    #[test]
    fn an_argument_names_the_backend() {
        let from =
            |arguments: &[&str]| Backend::from_args(arguments.iter().map(ToString::to_string));
        assert_eq!(
            from(&["erf", "--backend", "wgpu:1"]).unwrap().to_string(),
            "wgpu:1"
        );
        assert!(from(&["erf", "--backend"]).is_err());
    }

    #[test]
    fn a_missing_device_is_a_sentence() {
        let error = "flex:3"
            .parse::<Backend>()
            .unwrap()
            .device()
            .unwrap_err()
            .to_string();
        assert!(error.contains("no device 3"), "{error}");
        if !BackendKind::Rocm.is_compiled() {
            let error = "rocm"
                .parse::<Backend>()
                .unwrap()
                .device()
                .unwrap_err()
                .to_string();
            assert!(error.contains("--features rocm"), "{error}");
        }
    }
}
