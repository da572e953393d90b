//! Where a measurement is computed: a device, and other processes that share the samples.

use crate::error::ErfError;
use burn::tensor::Device;
use receptive_model::InferenceDevice;

/// Processes that measure the same field. Each computes a part of every round's samples and receives the
/// gradients of the others, so all get the same [`Measurement`](super::Measurement), with the bits of a single
/// process.
pub trait Peers: Sync {
    /// The number of this process, from 0.
    fn rank(&self) -> usize;

    /// Number of processes.
    fn size(&self) -> usize;

    /// The bytes of all processes, in order. All call this in the same order; an error of one must be returned to
    /// all.
    ///
    /// # Errors
    /// `own`, if it is an error, or that of another process as [`ErfError::Peer`].
    fn gather(&self, own: Result<Vec<u8>, ErfError>) -> Result<Vec<Vec<u8>>, ErfError>;
}

/// The device on which gradients are computed, and the processes that share the samples. A device alone converts
/// into it.
#[derive(Clone)]
pub struct Processors<'a> {
    pub(super) device: InferenceDevice,
    pub(super) peers: Option<&'a dyn Peers>,
}

impl<'a> Processors<'a> {
    /// This process only.
    pub fn new(device: impl Into<InferenceDevice>) -> Self {
        Self {
            device: device.into(),
            peers: None,
        }
    }

    /// Shares the samples with these processes, all of which must make the same call.
    #[must_use]
    pub fn with_peers(mut self, peers: Option<&'a dyn Peers>) -> Self {
        self.peers = peers;
        self
    }

    /// The device.
    pub fn device(&self) -> &InferenceDevice {
        &self.device
    }
}

impl std::fmt::Debug for Processors<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Processors")
            .field("device", &self.device)
            .field("processes", &self.peers.map_or(1, Peers::size))
            .finish()
    }
}

impl From<Device> for Processors<'_> {
    fn from(device: Device) -> Self {
        Self::new(device)
    }
}

impl From<&Device> for Processors<'_> {
    fn from(device: &Device) -> Self {
        Self::new(device)
    }
}

impl From<&InferenceDevice> for Processors<'_> {
    fn from(device: &InferenceDevice) -> Self {
        Self::new(device)
    }
}
