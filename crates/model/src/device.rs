//! Device types with and without autodiff.

use burn::tensor::{Device, TensorCreationOptions};
use std::ops::Deref;

/// A device whose tensors record no graph: for inference, evaluation and reading files. Can be
/// passed as a `&Device` to burn. Functions that take `impl Into<InferenceDevice>` accept any
/// [`Device`], or a reference to one, and compute without a graph, or enable autodiff themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InferenceDevice(Device);

/// A device whose tensors record operations for a backward pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutodiffDevice(Device);

impl InferenceDevice {
    /// The same device, with autodiff.
    pub fn autodiff(&self) -> AutodiffDevice {
        AutodiffDevice(self.0.clone().autodiff())
    }
}

impl AutodiffDevice {
    /// The same device, without autodiff.
    pub fn inference(&self) -> InferenceDevice {
        InferenceDevice(self.0.clone().without_autodiff())
    }

    /// The same device, whose graphs keep few outputs (gradient checkpointing): the backward pass computes those of
    /// norms, activations and sums again from the outputs of convolutions, bit-identical.
    #[must_use]
    pub fn checkpointing(self) -> Self {
        Self(self.0.gradient_checkpointing())
    }
}

impl From<Device> for InferenceDevice {
    fn from(device: Device) -> Self {
        Self(device.without_autodiff())
    }
}

impl From<&Device> for InferenceDevice {
    fn from(device: &Device) -> Self {
        device.clone().into()
    }
}

impl From<&InferenceDevice> for InferenceDevice {
    fn from(device: &InferenceDevice) -> Self {
        device.clone()
    }
}

impl From<Device> for AutodiffDevice {
    fn from(device: Device) -> Self {
        Self(device.autodiff())
    }
}

impl Deref for InferenceDevice {
    type Target = Device;

    fn deref(&self) -> &Device {
        &self.0
    }
}

impl Deref for AutodiffDevice {
    type Target = Device;

    fn deref(&self) -> &Device {
        &self.0
    }
}

impl From<&InferenceDevice> for TensorCreationOptions {
    fn from(device: &InferenceDevice) -> Self {
        Self::from(&device.0)
    }
}

impl From<&AutodiffDevice> for TensorCreationOptions {
    fn from(device: &AutodiffDevice) -> Self {
        Self::from(&device.0)
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;

    #[test]
    fn a_type_says_whether_gradients_are_recorded() {
        let inference = InferenceDevice::from(Device::flex().autodiff());
        assert!(!inference.is_autodiff() && inference.autodiff().is_autodiff());
        assert_eq!(inference.autodiff().inference(), inference);
        assert!(AutodiffDevice::from(Device::flex()).is_autodiff());
    }
}
