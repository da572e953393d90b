//! How a batch is divided among several GPUs.

use super::{Auto, MicroBatch, RunConfig};
use crate::error::TrainError;

impl RunConfig {
    /// A GPU takes a batch as one shard; several take one each, unless the config sets the size of
    /// shards. A run keeps its shards, whatever devices it is resumed on. Returns a note on what
    /// was set.
    ///
    /// # Errors
    /// When a name is not a device.
    pub(crate) fn divide_batches(&mut self) -> Result<Option<String>, TrainError> {
        let devices = self.machine.devices()?;
        let is_auto = self.train.micro_batch == MicroBatch::Auto(Auto::Auto);
        if devices.are_cpus() || devices.count() < 2 || !is_auto {
            return Ok(None);
        }
        let size = self.train.batch_size.div_ceil(devices.count());
        self.train.micro_batch = MicroBatch::Images(size);
        Ok(Some(format!(
            "each batch is divided among {} devices: train.micro_batch is {size}",
            devices.count()
        )))
    }
}
