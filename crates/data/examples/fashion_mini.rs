//! Makes `assets/*.gz`, the built-in `fashion-mini`, from the full Fashion-MNIST:
//! `cargo run -p receptive-data --example fashion_mini -- FOLDER_OF_IDX_GZ OUT_FOLDER`.
//!
//! The rule: the first 1,000 images of each class of the training file and the first 200 of each
//! class of the test file, in the order of the files.

use flate2::read::GzDecoder;
use std::error::Error;
use std::fs;
use std::io::Read;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [from, to] = arguments.as_slice() else {
        return Err("give the folder of the full set and the folder to write to".into());
    };
    let (from, to) = (Path::new(from), Path::new(to));
    for (split, each) in [("train", 1000), ("t10k", 200)] {
        let images = read(&from.join(format!("{split}-images-idx3-ubyte.gz")))?;
        let labels = read(&from.join(format!("{split}-labels-idx1-ubyte.gz")))?;
        let (images, labels) = subset(&images, &labels, each)?;
        write(&to.join(format!("{split}-images-idx3-ubyte.gz")), &images)?;
        write(&to.join(format!("{split}-labels-idx1-ubyte.gz")), &labels)?;
    }
    Ok(())
}

/// The first `each` images of each of ten classes, as IDX files of images and labels.
fn subset(images: &[u8], labels: &[u8], each: usize) -> Result<(Vec<u8>, Vec<u8>), String> {
    let (Some(pixels), Some(labels)) = (images.get(16..), labels.get(8..)) else {
        return Err("the files are too short to be IDX".into());
    };
    let mut left = [each; 10];
    let total = (each * 10) as u32;
    let size = 28u32.to_be_bytes();
    let mut out_images = [[0, 0, 8, 3], total.to_be_bytes(), size, size].concat();
    let mut out_labels = [[0, 0, 8, 1], total.to_be_bytes()].concat();
    for (image, &label) in pixels.chunks_exact(784).zip(labels) {
        let left = left
            .get_mut(usize::from(label))
            .ok_or("a label is above 9")?;
        if *left > 0 {
            *left -= 1;
            out_images.extend_from_slice(image);
            out_labels.push(label);
        }
    }
    if left != [0; 10] {
        return Err(format!("some class has fewer than {each} images"));
    }
    Ok((out_images, out_labels))
}

fn read(path: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut bytes = Vec::new();
    GzDecoder::new(fs::File::open(path)?).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    let options = zopfli::Options::default();
    let mut file = Vec::new();
    zopfli::compress(options, zopfli::Format::Gzip, bytes, &mut file)?;
    fs::write(path, &file)?;
    println!("{}: {} bytes", path.display(), file.len());
    Ok(())
}
