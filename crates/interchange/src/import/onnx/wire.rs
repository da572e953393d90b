//! Bounds the size of an ONNX file in memory without decoding it: a message of two bytes can become
//! a structure of hundreds.

/// The largest number of messages and names in a file: two hundred times that of a large network.
const MAX_MESSAGES: usize = 1 << 20;
/// The largest number of bytes of variable-length integers, which take one to ten bytes each and
/// eight in memory.
const MAX_PACKED: usize = 1 << 26;

/// The kinds of decoded messages, as far as their size matters.
#[derive(Debug, Clone, Copy)]
enum MessageKind {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    Value,
    Type,
    TensorType,
    Shape,
    /// A name, or a message that contains neither messages nor many numbers.
    Leaf,
}

impl MessageKind {
    /// The kind of the field with this number; `None` for numbers, bytes and fields that are not
    /// decoded.
    fn child(self, tag: u64) -> Option<Self> {
        Some(match (self, tag) {
            (Self::Model, 7) => Self::Graph,
            (Self::Graph, 1) => Self::Node,
            (Self::Graph, 5) | (Self::Attribute, 5) => Self::Tensor,
            (Self::Graph, 11 | 12) => Self::Value,
            (Self::Node, 5) => Self::Attribute,
            (Self::Value, 2) => Self::Type,
            (Self::Type, 1) => Self::TensorType,
            (Self::TensorType, 2) => Self::Shape,
            (Self::Model, 8 | 14) | (Self::Node, 1 | 2) | (Self::Shape, 1) | (Self::Tensor, 13) => {
                Self::Leaf
            }
            _ => return None,
        })
    }

    /// Whether the field with this number contains variable-length integers.
    fn is_packed(self, tag: u64) -> bool {
        matches!(
            (self, tag),
            (Self::Tensor, 1 | 5 | 7) | (Self::Attribute, 8)
        )
    }
}

/// Checks that decoding the file takes a bounded amount of memory.
///
/// # Errors
/// What is wrong with the file, as the end of a sentence.
pub(super) fn check_size(bytes: &[u8]) -> Result<(), String> {
    let mut counts = Counts::default();
    counts.message(bytes, MessageKind::Model)
}

#[derive(Default)]
struct Counts {
    messages: usize,
    packed: usize,
}

impl Counts {
    /// Recurses as deep as [`MessageKind::child`] allows: seven levels.
    fn message(&mut self, mut bytes: &[u8], kind: MessageKind) -> Result<(), String> {
        while !bytes.is_empty() {
            let key = number(&mut bytes)?;
            let tag = key >> 3;
            let fixed = match key & 7 {
                0 => {
                    number(&mut bytes)?;
                    if kind.is_packed(tag) {
                        self.packed(1)?;
                    }
                    continue;
                }
                1 => 8,
                2 => {
                    let length = number(&mut bytes)?;
                    let field = take(&mut bytes, length)?;
                    if kind.is_packed(tag) {
                        self.packed(field.len())?;
                    }
                    if let Some(child) = kind.child(tag) {
                        self.messages += 1;
                        if self.messages > MAX_MESSAGES {
                            return Err(format!(
                                "it has more than {MAX_MESSAGES} nodes, tensors and names"
                            ));
                        }
                        if !matches!(child, MessageKind::Leaf) {
                            self.message(field, child)?;
                        }
                    }
                    continue;
                }
                5 => 4,
                other => return Err(format!("it is not ONNX: a field of type {other}")),
            };
            take(&mut bytes, fixed)?;
        }
        Ok(())
    }

    fn packed(&mut self, bytes: usize) -> Result<(), String> {
        self.packed = self.packed.saturating_add(bytes);
        if self.packed > MAX_PACKED {
            return Err(format!(
                "it has more than {} MiB of integers that are not raw data",
                MAX_PACKED >> 20
            ));
        }
        Ok(())
    }
}

const CUT: &str = "it is not ONNX, or is truncated";

fn take<'a>(bytes: &mut &'a [u8], length: u64) -> Result<&'a [u8], String> {
    let length = usize::try_from(length).map_err(|_| CUT.to_string())?;
    let (field, rest) = bytes.split_at_checked(length).ok_or(CUT)?;
    *bytes = rest;
    Ok(field)
}

/// A variable-length integer of one to ten bytes, with seven bits in each.
fn number(bytes: &mut &[u8]) -> Result<u64, String> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or(CUT)?;
        *bytes = rest;
        value |= u64::from(byte & 127) << shift;
        if byte & 128 == 0 {
            return Ok(value);
        }
    }
    Err(CUT.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_empty_nodes_are_rejected_before_they_are_decoded() {
        // Each message takes two bytes: the field's number and a length of 0.
        let nodes = [0x0a, 0x00].repeat(MAX_MESSAGES + 1);
        let mut file = vec![0x3a];
        let mut length = nodes.len();
        while length > 127 {
            file.push((length & 127) as u8 | 128);
            length >>= 7;
        }
        file.push(length as u8);
        file.extend(&nodes);
        let error = check_size(&file).unwrap_err();
        assert!(error.contains("more than 1048576 nodes"), "{error}");
        assert!(check_size(&file[..file.len() / 2]).is_err());
        assert!(check_size(&[]).is_ok());
    }

    #[test]
    fn text_and_cut_files_are_not_onnx() {
        for bytes in [&b"hello, world"[..], &[0x3a, 0x05, 0x0a], &[0xff; 12]] {
            assert!(check_size(bytes).is_err(), "{bytes:?}");
        }
    }
}
