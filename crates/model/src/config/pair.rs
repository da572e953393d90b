use serde::{Deserialize, Serialize};
use std::fmt;

/// A height and a width: written as one number (`3`) or as two (`[3, 5]`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Pair {
    /// Along the image's rows, in pixels.
    pub height: usize,
    /// Along the image's columns, in pixels.
    pub width: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a whole number such as 3, or a pair [height, width]"
)]
enum Written {
    One(usize),
    Two([usize; 2]),
}

impl Pair {
    /// The same in both directions.
    pub const fn square(side: usize) -> Self {
        Self {
            height: side,
            width: side,
        }
    }

    /// `[height, width]`, burn's order.
    pub const fn array(self) -> [usize; 2] {
        [self.height, self.width]
    }
}

impl From<Written> for Pair {
    fn from(written: Written) -> Self {
        match written {
            Written::One(side) => Self::square(side),
            Written::Two([height, width]) => Self { height, width },
        }
    }
}

impl From<Pair> for Written {
    fn from(pair: Pair) -> Self {
        if pair.height == pair.width {
            Self::One(pair.height)
        } else {
            Self::Two(pair.array())
        }
    }
}

impl From<usize> for Pair {
    fn from(side: usize) -> Self {
        Self::square(side)
    }
}

impl From<[usize; 2]> for Pair {
    fn from([height, width]: [usize; 2]) -> Self {
        Self { height, width }
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.height, self.width)
    }
}
