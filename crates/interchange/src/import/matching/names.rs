//! How names are understood, what is matched, and what comes of it.

use crate::InterchangeError;
use std::collections::BTreeMap;

/// How a file's names are understood.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Names {
    /// As they are, where the file has the network's own; else by shape and by the order of the file's
    /// layers, where they leave one way.
    #[default]
    Auto,
    /// The network's layer (`conv2d_1`) to the file's (`features.0`), all of them.
    Given(BTreeMap<String, String>),
    /// Those of a known scheme.
    Known(KnownNames),
}

impl Names {
    /// The same without the network's last layer.
    pub(in crate::import) fn without_last(&self) -> Self {
        let mut names = self.clone();
        if let Self::Known(known) = &mut names {
            known.layers.pop();
        }
        names
    }
}

/// What files of a scheme call the layers of a network.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KnownNames {
    /// The scheme, for messages: `timm`.
    pub scheme: String,
    /// The file's name of each layer with weights, in the order of the plan's rows.
    pub layers: Vec<String>,
    /// What names begin with that are left out, such as `AuxLogits.`.
    pub auxiliary: Vec<String>,
}

/// A tensor of the network and the one of the file that fills it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The network's name.
    pub name: String,
    /// The file's.
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
    /// Whether they stand in the order in which their program defined them.
    pub(in crate::import) is_ordered: bool,
}

/// What becomes of a file's tensors.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::import) struct Matches {
    pub(in crate::import) matches: Vec<Match>,
    /// The tensors that are not used: auxiliary heads, a second copy of the weights.
    pub(in crate::import) left_out: Vec<String>,
}

/// What to do about weights of another network.
pub(super) const OTHER_NETWORK: &str = "use the config of the network of these weights";

pub(super) fn mismatch(problem: String, remedy: String) -> InterchangeError {
    InterchangeError::Mismatch { problem, remedy }
}
