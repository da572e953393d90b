//! How a batch is divided among several GPUs.

use super::{Auto, MicroBatch, RunConfig};
use crate::error::TrainError;

impl RunConfig {
    /// By default a GPU processes a batch as one shard; several GPUs get one shard each, unless the config sets
    /// the shard size. A run keeps its shards, whatever devices it is resumed on. Returns a note on the chosen
    /// size.
    ///
    /// # Errors
    /// A name is not a device.
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
