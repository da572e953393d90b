//! Tensors whose values are stored in the file: weights, and the integers from which shapes are
//! computed.

use crate::proto::TensorProto;
use burn::tensor::{DType, TensorData};
use prost::bytes::Bytes;
use std::sync::Arc;

/// The largest number of values in a tensor: 2 GiB of 32-bit floats.
pub(super) const MAX_VALUES: usize = 1 << 29;

/// ONNX's numeric element types, as in `TensorProto.DataType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    F32,
    U8,
    I8,
    U16,
    I16,
    I32,
    I64,
    Bool,
    F16,
    F64,
    U32,
    U64,
    Bf16,
}

impl Element {
    /// The element type with this number.
    pub(super) fn from_number(number: i64) -> Result<Self, String> {
        Ok(match number {
            1 => Self::F32,
            2 => Self::U8,
            3 => Self::I8,
            4 => Self::U16,
            5 => Self::I16,
            6 => Self::I32,
            7 => Self::I64,
            9 => Self::Bool,
            10 => Self::F16,
            11 => Self::F64,
            12 => Self::U32,
            13 => Self::U64,
            16 => Self::Bf16,
            other => {
                return Err(format!(
                    "its element type is ONNX's number {other}, but only floats of 16, 32 or 64 \
                     bits and integers are supported"
                ));
            }
        })
    }

    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 | Self::Bool => 1,
            Self::U16 | Self::I16 | Self::F16 | Self::Bf16 => 2,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }

    /// burn's type, if it is a float.
    const fn float(self) -> Option<DType> {
        match self {
            Self::F32 => Some(DType::F32),
            Self::F64 => Some(DType::F64),
            Self::F16 => Some(DType::F16),
            Self::Bf16 => Some(DType::BF16),
            _ => None,
        }
    }

    pub(super) const fn is_float(self) -> bool {
        self.float().is_some()
    }
}

/// A tensor with known values.
#[derive(Debug, Clone)]
pub(super) struct Constant {
    /// The length of each axis; empty for a scalar.
    pub(super) dims: Vec<usize>,
    values: Values,
}

#[derive(Debug, Clone)]
enum Values {
    /// Little-endian bytes, as in the file.
    Raw(Element, Bytes),
    Floats(Arc<[f32]>),
    Integers(Arc<[i64]>),
    /// The same value everywhere, which takes no memory until it is needed.
    Same(f64, Element),
}

/// The number of values in a tensor with these dimensions.
pub(super) fn count(dims: &[usize]) -> Result<usize, String> {
    dims.iter()
        .try_fold(1usize, |product, side| product.checked_mul(*side))
        .filter(|product| *product <= MAX_VALUES)
        .ok_or_else(|| {
            format!("it has the dimensions {dims:?}, more than the maximum of {MAX_VALUES} values")
        })
}

impl Constant {
    /// A tensor from the file; `external` reads the bytes if its values are in another file.
    pub(super) fn from_proto(
        tensor: TensorProto,
        external: impl FnOnce(&TensorProto, usize) -> Result<Bytes, String>,
    ) -> Result<Self, String> {
        let element = Element::from_number(i64::from(tensor.data_type))?;
        let dims: Vec<usize> = tensor
            .dims
            .iter()
            .map(|side| usize::try_from(*side).map_err(|_| format!("it has a side of {side}")))
            .collect::<Result<_, _>>()?;
        let count = count(&dims)?;
        let bytes = count * element.bytes();
        let values = if tensor.data_location == 1 {
            Values::Raw(element, external(&tensor, bytes)?)
        } else if !tensor.raw_data.is_empty() {
            Values::Raw(element, tensor.raw_data)
        } else {
            typed(element, tensor)?
        };
        let found = match &values {
            Values::Raw(_, raw) if raw.len() != bytes => {
                return Err(format!(
                    "its dimensions {dims:?} make {bytes} bytes, but it has {}",
                    raw.len()
                ));
            }
            Values::Raw(..) | Values::Same(..) => count,
            Values::Floats(floats) => floats.len(),
            Values::Integers(integers) => integers.len(),
        };
        if found != count {
            return Err(format!(
                "its dimensions {dims:?} make {count} values, but it has {found}"
            ));
        }
        Ok(Self { dims, values })
    }

    /// The tensor in an attribute; its values must be in the file itself.
    pub(super) fn embedded(tensor: TensorProto) -> Result<Self, String> {
        Self::from_proto(tensor, |_, _| {
            Err("an attribute's values are in another file, which is not supported".into())
        })
    }

    pub(super) fn from_integers(dims: Vec<usize>, values: Vec<i64>) -> Self {
        Self {
            dims,
            values: Values::Integers(values.into()),
        }
    }

    pub(super) fn from_floats(dims: Vec<usize>, values: Vec<f32>) -> Self {
        Self {
            dims,
            values: Values::Floats(values.into()),
        }
    }

    /// A tensor filled with the single value of another.
    pub(super) fn filled(dims: Vec<usize>, value: &Self) -> Result<Self, String> {
        count(&dims)?;
        let values = if value.is_float() {
            Values::Same(f64::from(value.float()?), Element::F32)
        } else {
            Values::Same(value.integer()? as f64, Element::I64)
        };
        Ok(Self { dims, values })
    }

    /// The same values with other dimensions.
    pub(super) fn reshaped(&self, dims: Vec<usize>) -> Result<Self, String> {
        let (before, after) = (self.count(), count(&dims)?);
        if before != after {
            return Err(format!("{before} values do not fit the shape {dims:?}"));
        }
        Ok(Self {
            dims,
            values: self.values.clone(),
        })
    }

    pub(super) fn count(&self) -> usize {
        self.dims.iter().product()
    }

    pub(super) fn is_float(&self) -> bool {
        match &self.values {
            Values::Raw(element, _) | Values::Same(_, element) => element.is_float(),
            Values::Floats(_) => true,
            Values::Integers(_) => false,
        }
    }

    /// The values as 32-bit floats, row-major.
    pub(super) fn floats(&self) -> Result<Vec<f32>, String> {
        match &self.values {
            Values::Floats(floats) => Ok(floats.to_vec()),
            Values::Integers(integers) => Ok(integers.iter().map(|value| *value as f32).collect()),
            Values::Same(value, _) => Ok(vec![*value as f32; self.count()]),
            Values::Raw(Element::F32, bytes) => Ok(bytes
                .as_chunks()
                .0
                .iter()
                .map(|bytes| f32::from_le_bytes(*bytes))
                .collect()),
            Values::Raw(element, bytes) => match element.float() {
                Some(kind) => {
                    let data = TensorData::from_bytes_vec(bytes.to_vec(), vec![self.count()], kind);
                    data.convert::<f32>()
                        .try_into_vec()
                        .map_err(|error| format!("could not read its values: {error:?}"))
                }
                None => Ok(self.integers()?.into_iter().map(|v| v as f32).collect()),
            },
        }
    }

    /// The values as integers, row-major. Floats are truncated, as by `Cast`.
    pub(super) fn integers(&self) -> Result<Vec<i64>, String> {
        fn all<const N: usize>(bytes: &Bytes, one: impl Fn([u8; N]) -> i64) -> Vec<i64> {
            bytes
                .as_chunks()
                .0
                .iter()
                .map(|bytes| one(*bytes))
                .collect()
        }
        Ok(match &self.values {
            Values::Integers(integers) => integers.to_vec(),
            Values::Floats(floats) => floats.iter().map(|value| *value as i64).collect(),
            Values::Same(value, _) => vec![*value as i64; self.count()],
            Values::Raw(element, bytes) => match element {
                Element::U8 | Element::Bool => all(bytes, |[byte]| i64::from(byte)),
                Element::I8 => all(bytes, |b| i64::from(i8::from_le_bytes(b))),
                Element::U16 => all(bytes, |b| i64::from(u16::from_le_bytes(b))),
                Element::I16 => all(bytes, |b| i64::from(i16::from_le_bytes(b))),
                Element::I32 => all(bytes, |b| i64::from(i32::from_le_bytes(b))),
                Element::U32 => all(bytes, |b| i64::from(u32::from_le_bytes(b))),
                Element::I64 => all(bytes, i64::from_le_bytes),
                Element::U64 => all(bytes, |b| u64::from_le_bytes(b) as i64),
                Element::F32 | Element::F64 | Element::F16 | Element::Bf16 => self
                    .floats()?
                    .into_iter()
                    .map(|value| value as i64)
                    .collect(),
            },
        })
    }

    /// The value of a tensor that has exactly one.
    pub(super) fn float(&self) -> Result<f32, String> {
        match self.single()?.floats()?.first() {
            Some(value) => Ok(*value),
            None => Err("it has no values".into()),
        }
    }

    /// The value of a tensor that has exactly one.
    pub(super) fn integer(&self) -> Result<i64, String> {
        match self.single()?.integers()?.first() {
            Some(value) => Ok(*value),
            None => Err("it has no values".into()),
        }
    }

    fn single(&self) -> Result<&Self, String> {
        match self.count() {
            1 => Ok(self),
            count => Err(format!("expected one value, found {count}")),
        }
    }

    /// The values as sizes: non-negative integers.
    pub(super) fn sizes(&self) -> Result<Vec<usize>, String> {
        self.integers()?
            .into_iter()
            .map(|side| usize::try_from(side).map_err(|_| format!("{side} is not a size")))
            .collect()
    }
}

/// The values in the field for this element type.
fn typed(element: Element, tensor: TensorProto) -> Result<Values, String> {
    Ok(match element {
        Element::F32 => Values::Floats(tensor.float_data.into()),
        Element::F64 => Values::Floats(tensor.double_data.iter().map(|v| *v as f32).collect()),
        // Each integer contains the bits of one value.
        Element::F16 | Element::Bf16 => {
            let bits = tensor.int32_data.iter().map(|value| *value as u16);
            Values::Raw(element, bits.flat_map(u16::to_le_bytes).collect())
        }
        Element::I64 => Values::Integers(tensor.int64_data.into()),
        Element::U32 | Element::U64 => {
            return Err("its values are unsigned and not raw data, which is not supported".into());
        }
        Element::U8 | Element::I8 | Element::U16 | Element::I16 | Element::I32 | Element::Bool => {
            Values::Integers(tensor.int32_data.iter().map(|v| i64::from(*v)).collect())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tensor: TensorProto) -> Result<Constant, String> {
        Constant::from_proto(tensor, |_, _| Err("no other file".into()))
    }

    fn proto(data_type: i32, dims: &[i64]) -> TensorProto {
        TensorProto {
            dims: dims.to_vec(),
            data_type,
            ..TensorProto::default()
        }
    }

    #[test]
    fn every_way_of_storing_numbers_gives_them() {
        let typed = TensorProto {
            float_data: vec![1.5, -2.0],
            ..proto(1, &[2])
        };
        assert_eq!(read(typed).unwrap().floats().unwrap(), [1.5, -2.0]);
        let double = TensorProto {
            double_data: vec![1.5, -2.0],
            ..proto(11, &[2])
        };
        assert_eq!(read(double).unwrap().floats().unwrap(), [1.5, -2.0]);
        // 1.5 and -2 as half (0x3e00, 0xc000) and as bfloat16 (0x3fc0, 0xc000).
        for (kind, bits) in [(10, [0x3e00, 0xc000]), (16, [0x3fc0, 0xc000])] {
            let typed = TensorProto {
                int32_data: bits.map(i32::from).to_vec(),
                ..proto(kind, &[2])
            };
            assert_eq!(read(typed).unwrap().floats().unwrap(), [1.5, -2.0]);
            let raw = TensorProto {
                raw_data: bits.iter().flat_map(|b: &u16| b.to_le_bytes()).collect(),
                ..proto(kind, &[2])
            };
            assert_eq!(read(raw).unwrap().floats().unwrap(), [1.5, -2.0]);
        }
        let raw = TensorProto {
            raw_data: [7i64, -1].iter().flat_map(|v| v.to_le_bytes()).collect(),
            ..proto(7, &[2])
        };
        assert_eq!(read(raw).unwrap().integers().unwrap(), [7, -1]);
        let small = TensorProto {
            int32_data: vec![7, -1],
            ..proto(3, &[2])
        };
        assert_eq!(read(small).unwrap().integers().unwrap(), [7, -1]);
    }

    #[test]
    fn wrong_sizes_and_types_are_named() {
        for (tensor, expected) in [
            (proto(1, &[2]), "make 2 values, but it has 0"),
            (proto(1, &[-2]), "a side of -2"),
            (proto(1, &[1 << 40, 1 << 40]), "more than the"),
            (proto(8, &[1]), "number 8"),
            (
                TensorProto {
                    raw_data: Bytes::from_static(&[0; 7]),
                    ..proto(1, &[2])
                },
                "make 8 bytes, but it has 7",
            ),
        ] {
            let error = read(tensor).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
