//! A window's settings in the config: one number or two, and the padding.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A height and a width, written as one number (`3`) or as two (`[3, 5]`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "PairForm", into = "PairForm")]
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
enum PairForm {
    One(usize),
    Two([usize; 2]),
}

impl Pair {
    /// The same height and width.
    pub const fn square(side: usize) -> Self {
        Self {
            height: side,
            width: side,
        }
    }

    pub(crate) const fn one() -> Self {
        Self::square(1)
    }

    pub(crate) fn is_one(&self) -> bool {
        *self == Self::one()
    }

    /// `[height, width]`, burn's order.
    pub const fn array(self) -> [usize; 2] {
        [self.height, self.width]
    }
}

impl From<PairForm> for Pair {
    fn from(written: PairForm) -> Self {
        match written {
            PairForm::One(side) => Self::square(side),
            PairForm::Two([height, width]) => Self { height, width },
        }
    }
}

impl From<Pair> for PairForm {
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

/// The padding added to a map before a window slides over it.
///
/// Written as `"same"`, `"valid"`, a number of pixels for every side (`1`), a pair for top and
/// bottom, left and right (`[1, 2]`), or `[[top, bottom], [left, right]]` (`[[0, 1], [0, 1]]`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "PaddingForm", into = "PaddingForm")]
pub enum Padding {
    /// The padding with which the output has size `ceil(n / stride)`, whatever the dilation. If the
    /// total is odd, the extra pixel is added at the bottom or right.
    Same,
    /// None: the window stays inside the map.
    #[default]
    Valid,
    /// This many pixels at the top and the bottom, and at the left and the right.
    Pixels(Pair),
    /// A separate number of pixels for each side.
    Sides(Edges),
}

#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "padding is \"same\", \"valid\", a number of pixels, a pair [height, width], or \
                 [[top, bottom], [left, right]]"
)]
enum PaddingForm {
    Word(String),
    Pixels(Pair),
    /// `[[top, bottom], [left, right]]`.
    Sides([[usize; 2]; 2]),
}

impl TryFrom<PaddingForm> for Padding {
    type Error = String;

    fn try_from(written: PaddingForm) -> Result<Self, String> {
        match written {
            PaddingForm::Word(word) if word == "same" => Ok(Self::Same),
            PaddingForm::Word(word) if word == "valid" => Ok(Self::Valid),
            PaddingForm::Word(word) => Err(format!(
                "padding \"{word}\" is not known; it is \"same\", \"valid\", a number of pixels, a \
                 pair [height, width], or [[top, bottom], [left, right]]"
            )),
            PaddingForm::Pixels(pair) => Ok(Self::Pixels(pair)),
            PaddingForm::Sides([[top, bottom], [left, right]]) => Ok(Self::Sides(Edges {
                top,
                left,
                bottom,
                right,
            })),
        }
    }
}

impl From<Padding> for PaddingForm {
    fn from(padding: Padding) -> Self {
        match padding {
            Padding::Same => Self::Word("same".into()),
            Padding::Valid => Self::Word("valid".into()),
            Padding::Pixels(pair) => Self::Pixels(pair),
            Padding::Sides(sides) => Self::Sides(sides.pairs()),
        }
    }
}

impl Padding {
    /// The padding along one axis.
    pub(crate) fn along(self, vertical: bool) -> Margin {
        match (self, vertical) {
            (Self::Same, _) => Margin::Same,
            (Self::Valid, _) => Margin::Pixels([0, 0]),
            (Self::Pixels(pair), true) => Margin::Pixels([pair.height; 2]),
            (Self::Pixels(pair), false) => Margin::Pixels([pair.width; 2]),
            (Self::Sides(sides), true) => Margin::Pixels([sides.top, sides.bottom]),
            (Self::Sides(sides), false) => Margin::Pixels([sides.left, sides.right]),
        }
    }

    pub(crate) fn is_valid(&self) -> bool {
        *self == Self::Valid
    }
}

impl From<usize> for Padding {
    fn from(pixels: usize) -> Self {
        Self::Pixels(Pair::square(pixels))
    }
}

impl From<Edges> for Padding {
    fn from(edges: Edges) -> Self {
        if edges.top == edges.bottom && edges.left == edges.right {
            Self::Pixels([edges.top, edges.left].into())
        } else {
            Self::Sides(edges)
        }
    }
}

/// Padding along one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Margin {
    /// See [`Padding::Same`].
    Same,
    /// Pixels before the first and after the last.
    Pixels([usize; 2]),
}

/// Padding in pixels, as computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Edges {
    /// Rows above.
    pub top: usize,
    /// Columns to the left.
    pub left: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns to the right.
    pub right: usize,
}

impl Edges {
    /// `[top, left, bottom, right]`.
    pub fn array(self) -> [usize; 4] {
        [self.top, self.left, self.bottom, self.right]
    }

    /// `[[top, bottom], [left, right]]`.
    pub fn pairs(self) -> [[usize; 2]; 2] {
        [[self.top, self.bottom], [self.left, self.right]]
    }

    /// Whether all sides are 0.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}
