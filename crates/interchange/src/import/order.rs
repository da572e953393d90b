//! The order in which a PyTorch program defined its layers. A pickle preserves it and a hash map
//! does not, so it is taken from the position at which each name first occurs in the file.

use memchr::memmem;

/// How much of a file is searched for names: pickles come before tensors.
const HEAD_BYTES: usize = 64 << 20;

/// The names in the order in which they occur in a pickle; `None` if one of them does not occur.
///
/// The name of a tensor in an entry of a checkpoint (`state_dict.conv1.weight`) occurs without that
/// of the entry (`conv1.weight`).
pub(super) fn definition_order(file: &[u8], names: &[String]) -> Option<Vec<String>> {
    let head = &file[..file.len().min(HEAD_BYTES)];
    let mut placed: Vec<(usize, &String)> = Vec::with_capacity(names.len());
    for name in names {
        placed.push((position(head, name)?, name));
    }
    placed.sort();
    Some(placed.into_iter().map(|(_, name)| name.clone()).collect())
}

/// The largest number of nested entries.
const MAX_ENTRIES: usize = 3;

fn position(file: &[u8], name: &str) -> Option<usize> {
    let entries = name.match_indices('.').take(MAX_ENTRIES);
    let within = entries.map(|(end, _)| &name[end + 1..]);
    [name].into_iter().chain(within).find_map(|key| {
        let length = u32::try_from(key.len()).ok()?;
        // BINUNICODE of protocols 1 to 3: a length of four bytes.
        let mut long = vec![b'X'];
        long.extend(length.to_le_bytes());
        long.extend(key.as_bytes());
        // SHORT_BINUNICODE from protocol 4 on: a length of one byte.
        let short = u8::try_from(length).ok().map(|length| {
            let mut short = vec![0x8c, length];
            short.extend(key.as_bytes());
            short
        });
        let first = |encoded: &[u8]| memmem::find(file, encoded);
        first(&long).or_else(|| first(&short?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_in_the_order_of_the_pickle() {
        let mut file = b"\x80\x02ccollections\nOrderedDict\n".to_vec();
        for name in ["features.10.bias", "features.9.bias", "a.bias"] {
            file.push(b'X');
            file.extend((name.len() as u32).to_le_bytes());
            file.extend(name.as_bytes());
        }
        let names = ["a.bias", "features.10.bias", "features.9.bias"].map(String::from);
        let order = definition_order(&file, &names).unwrap();
        assert_eq!(order, ["features.10.bias", "features.9.bias", "a.bias"]);
        let nested = names.map(|name| format!("state_dict.{name}"));
        let order = definition_order(&file, &nested).unwrap();
        assert_eq!(order[2], "state_dict.a.bias");
        assert_eq!(definition_order(&file, &["b.bias".into()]), None);
    }
}
