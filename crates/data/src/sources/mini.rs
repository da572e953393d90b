//! `fashion-mini`, the data set inside the program.

use crate::error::DataError;
use crate::sources::known::{FASHION, MINI};
use crate::sources::store::{Item, Store};
use crate::sources::{Source, SourceSplit, idx};
use flate2::read::GzDecoder;
use std::io::Read;
use std::sync::Arc;

const TRAIN: (&[u8], &[u8]) = (
    include_bytes!("../../assets/train-images-idx3-ubyte.gz"),
    include_bytes!("../../assets/train-labels-idx1-ubyte.gz"),
);
const TEST: (&[u8], &[u8]) = (
    include_bytes!("../../assets/t10k-images-idx3-ubyte.gz"),
    include_bytes!("../../assets/t10k-labels-idx1-ubyte.gz"),
);

/// 10,000 training and 2,000 test images of Fashion-MNIST: the first 1,000 and the first 200 of
/// each class, in the order of the original files. See `assets/README.md`.
pub(crate) fn open() -> Result<Source, DataError> {
    let list: Vec<String> = FASHION.iter().map(|class| class.to_string()).collect();
    Ok(Source {
        name: MINI.into(),
        names: list.clone(),
        list,
        numbered: false,
        train: part(TRAIN, "fashion-mini/train")?,
        val: None,
        test: Some(part(TEST, "fashion-mini/t10k")?),
        cut_test: false,
        notes: Vec::new(),
    })
}

fn part((images, labels): (&[u8], &[u8]), name: &str) -> Result<SourceSplit, DataError> {
    let mut images: Box<dyn Read> = Box::new(GzDecoder::new(images));
    let memory = idx::read_images(&mut *images, name)?;
    let mut labels: Box<dyn Read> = Box::new(GzDecoder::new(labels));
    let labels = idx::read_labels(&mut *labels, name, memory.len())?;
    let items = labels.iter().zip(0..).map(|(label, image)| Item {
        image,
        label: u32::from(*label),
    });
    let items = items.collect();
    Ok(SourceSplit::new(Arc::new(Store::Memory(memory)), items))
}
