//! Tensor values that an ONNX file stores in a separate file next to it.

use crate::proto::TensorProto;
use prost::bytes::Bytes;
use receptive_core::text::Printable;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

/// Reads the bytes of a tensor, which must have the length `expected`.
///
/// # Errors
/// If the other file is outside the directory of `model`, missing or too short, or if the tensor
/// has another number of bytes there.
pub(super) fn read(model: &Path, tensor: &TensorProto, expected: usize) -> Result<Bytes, String> {
    let entry = |key: &str| {
        let entry = tensor.external_data.iter().find(|entry| entry.key == key);
        entry.map(|entry| entry.value.as_str())
    };
    let number = |key: &str, default: u64| match entry(key) {
        None => Ok(default),
        Some(text) => text
            .parse::<u64>()
            .map_err(|_| format!("its `{key}` is `{}`, not a number", text.printable())),
    };
    let location =
        entry("location").ok_or("its values are in another file, whose name is missing")?;
    let offset = number("offset", 0)?;
    let length = number("length", expected as u64)?;
    if length != expected as u64 {
        return Err(format!(
            "its dimensions make {expected} bytes, but {length} of them are in `{}`",
            location.printable()
        ));
    }
    let path = within(model, location)?;
    let fail = |error: std::io::Error| format!("could not read {}: {error}", path.printable());
    let found = std::fs::metadata(&path).map_err(fail)?;
    let end = offset.checked_add(length);
    if !found.is_file() || end.is_none_or(|end| end > found.len()) {
        return Err(format!(
            "it needs {length} bytes from byte {offset} of {}, which has {}; download the whole \
             file",
            path.printable(),
            found.len()
        ));
    }
    let mut file = File::open(&path).map_err(fail)?;
    file.seek(SeekFrom::Start(offset)).map_err(fail)?;
    let mut bytes = vec![0; expected];
    file.read_exact(&mut bytes).map_err(fail)?;
    Ok(bytes.into())
}

/// The path of this file, which no `..` and no link may lead out of the model's directory.
fn within(model: &Path, location: &str) -> Result<PathBuf, String> {
    let name = Path::new(location);
    let outside = || {
        format!(
            "its values are in `{}`, which is not in the directory of the ONNX file; only files \
             there are supported",
            location.printable()
        )
    };
    let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if !name.components().all(is_plain) {
        return Err(outside());
    }
    let directory = match model.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let path = directory.join(name);
    let real = |path: &Path| {
        path.canonicalize()
            .map_err(|error| format!("could not read {}: {error}", path.printable()))
    };
    if real(&path)?.starts_with(real(directory)?) {
        Ok(path)
    } else {
        Err(outside())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::StringStringEntryProto;

    fn tensor(entries: &[(&str, &str)]) -> TensorProto {
        TensorProto {
            external_data: entries
                .iter()
                .map(|(key, value)| StringStringEntryProto {
                    key: (*key).into(),
                    value: (*value).into(),
                })
                .collect(),
            ..TensorProto::default()
        }
    }

    #[test]
    fn values_are_read_from_the_files_directory_only() {
        let root = tempfile::tempdir().unwrap();
        let inside = root.path().join("model");
        std::fs::create_dir(&inside).unwrap();
        std::fs::write(inside.join("weights.bin"), [1, 2, 3, 4, 5, 6]).unwrap();
        std::fs::write(root.path().join("secret"), [9; 8]).unwrap();
        let model = inside.join("model.onnx");
        let good = tensor(&[
            ("location", "weights.bin"),
            ("offset", "2"),
            ("length", "4"),
        ]);
        assert_eq!(read(&model, &good, 4).unwrap(), &[3, 4, 5, 6][..]);
        for (entries, expected) in [
            (vec![("location", "../secret")], "not in the directory"),
            (vec![("location", "/etc/passwd")], "not in the directory"),
            (
                vec![("location", "weights.bin"), ("offset", "3")],
                "download the whole file",
            ),
            (
                vec![
                    ("location", "weights.bin"),
                    ("offset", "18446744073709551615"),
                ],
                "download the whole file",
            ),
            (
                vec![("location", "weights.bin"), ("length", "5")],
                "make 4 bytes, but 5",
            ),
            (
                vec![("location", "weights.bin"), ("offset", "-1")],
                "not a number",
            ),
            (vec![("location", "none.bin")], "could not read"),
            (vec![("location", ".")], "download the whole file"),
            (vec![], "whose name is missing"),
        ] {
            let error = read(&model, &tensor(&entries), 4).unwrap_err();
            assert!(error.contains(expected), "{entries:?}: {error}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(root.path().join("secret"), inside.join("link")).unwrap();
            let error = read(&model, &tensor(&[("location", "link")]), 4).unwrap_err();
            assert!(error.contains("not in the directory"), "{error}");
        }
    }
}
