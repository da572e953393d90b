//! How names are interpreted, what is matched, and the result.

use crate::InterchangeError;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How a file's names are interpreted.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Names {
    /// As they are if they are the network's own. Otherwise layers are matched by shape and by the
    /// order of the file's layers, if only one assignment fits.
    #[default]
    Auto,
    /// Maps every layer of the network (`conv2d_1`) to one of the file (`features.0`).
    Given(BTreeMap<String, String>),
    /// Those of a known scheme.
    Known(KnownNames),
}

impl Names {
    /// The same names without the network's last layer.
    pub(in crate::import) fn without_last(&self) -> Self {
        let mut names = self.clone();
        if let Self::Known(known) = &mut names {
            known.layers.pop();
        }
        names
    }
}

/// The names of a network's layers in the files of a scheme.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KnownNames {
    /// The scheme, for messages, such as `timm`.
    pub scheme: String,
    /// The file's name of each layer with weights, in the order of the plan's rows.
    pub layers: Vec<String>,
    /// Prefixes of tensors that are ignored, such as `AuxLogits.`.
    pub auxiliary: Vec<String>,
}

/// A tensor of the network and the file's tensor that fills it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The name in the network.
    pub name: String,
    /// The name in the file.
    pub from: String,
}

/// A name and a shape in PyTorch's layout.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::import) struct Shaped {
    pub(in crate::import) name: String,
    pub(in crate::import) shape: Vec<usize>,
}

/// A file's tensors.
#[derive(Debug, Clone)]
pub(in crate::import) struct Contents {
    pub(in crate::import) tensors: Vec<Shaped>,
    /// Whether they are in the order in which their program defined them.
    pub(in crate::import) is_ordered: bool,
}

/// The result of matching a file's tensors.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::import) struct Matches {
    pub(in crate::import) matches: Vec<Match>,
    /// The tensors that are not used: auxiliary heads, a second copy of the weights.
    pub(in crate::import) left_out: Vec<String>,
    /// Whether the names are unknown, so that shapes and the file's order determined the layers.
    pub(in crate::import) is_by_order: bool,
}

/// What to do if the weights are those of another network.
pub(super) const OTHER_NETWORK: &str = "use the config of the network of these weights";

/// A mismatch of a file that the caller names.
pub(super) fn mismatch(problem: String, remedy: String) -> InterchangeError {
    InterchangeError::Mismatch {
        path: PathBuf::new(),
        problem,
        remedy,
    }
}
