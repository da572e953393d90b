//! Maps as NumPy files.

use crate::{ErfError, Map};
use npyz::WriterBuilder;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Writes a map as an array of 64-bit floats, `[rows, columns]`, for `numpy.load`.
///
/// # Errors
/// When the file can't be written.
pub fn write_npy(path: &Path, map: &Map) -> Result<(), ErfError> {
    let region = map.region();
    let write = || -> std::io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        let mut array = npyz::WriteOptions::new()
            .default_dtype()
            .shape(&[region.height as u64, region.width as u64])
            .writer(&mut file)
            .begin_nd()?;
        array.extend(map.values())?;
        array.finish()?;
        file.flush()
    };
    write().map_err(|source| ErfError::Write {
        path: path.into(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Region;

    #[test]
    fn numpy_gets_the_same_rows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.npy");
        let map = Map::from_fn(Region::image(2, 3), |row, column| {
            (10 * row + column) as f64
        });
        write_npy(&path, &map).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let array = npyz::NpyFile::new(&bytes[..]).unwrap();
        assert_eq!(array.shape(), [2, 3]);
        assert_eq!(array.into_vec::<f64>().unwrap(), map.values());
        let error = write_npy(&folder.path().join("no/map.npy"), &map).unwrap_err();
        assert!(error.to_string().contains("map.npy"), "{error}");
    }
}
