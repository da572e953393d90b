//! Collecting the outputs for batches that are distributed among the ranks.

use super::{Kind, Ranks};
use crate::error::TrainError;

impl Ranks {
    /// The outputs of all `batches`, each a list of image indices. This rank computed every `size`-th batch,
    /// beginning with the one of its own number.
    ///
    /// # Errors
    /// The error of this rank or of another.
    pub(crate) fn deal_back(
        &self,
        batches: &[&[usize]],
        own: Result<Vec<Vec<f32>>, TrainError>,
    ) -> Result<Vec<Vec<f32>>, TrainError> {
        let bytes = own.map(|outputs| {
            let values = outputs.iter().flatten();
            values.flat_map(|value| value.to_le_bytes()).collect()
        });
        let all = self.gather(Kind::Answers, bytes)?;
        let mut outputs = vec![Vec::new(); batches.len()];
        for (rank, bytes) in all.iter().enumerate() {
            let own = || batches.iter().enumerate().skip(rank).step_by(self.size());
            let images: usize = own().map(|(_, batch)| batch.len()).sum();
            let (numbers, _) = bytes.as_chunks::<4>();
            let width = numbers.len() / images.max(1);
            let mut numbers = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes));
            for (number, batch) in own() {
                outputs[number] = numbers.by_ref().take(width * batch.len()).collect();
            }
        }
        Ok(outputs)
    }
}
