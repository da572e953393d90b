use super::Pair;
use serde::{Deserialize, Serialize};

/// How the border of a map is filled before a window slides over it.
///
/// Written `"same"`, `"valid"`, a number of pixels for every side (`1`), or a pair for top and
/// bottom, left and right (`[1, 2]`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum Padding {
    /// As many pixels as make the output `ceil(n / stride)` long, whatever the dilation. Where
    /// that number is odd, the last side (bottom, right) gets the extra pixel.
    Same,
    /// None: the window stays inside the map.
    #[default]
    Valid,
    /// This many pixels at the top and the bottom, and at the left and the right.
    Pixels(Pair),
}

#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "padding is \"same\", \"valid\", a number of pixels, or a pair [height, width]"
)]
enum Written {
    Word(String),
    Pixels(Pair),
}

impl TryFrom<Written> for Padding {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Word(word) if word == "same" => Ok(Self::Same),
            Written::Word(word) if word == "valid" => Ok(Self::Valid),
            Written::Word(word) => Err(format!(
                "padding \"{word}\" is not known; it is \"same\", \"valid\", a number of pixels, or \
                 a pair [height, width]"
            )),
            Written::Pixels(pair) => Ok(Self::Pixels(pair)),
        }
    }
}

impl From<Padding> for Written {
    fn from(padding: Padding) -> Self {
        match padding {
            Padding::Same => Self::Word("same".into()),
            Padding::Valid => Self::Word("valid".into()),
            Padding::Pixels(pair) => Self::Pixels(pair),
        }
    }
}

impl From<usize> for Padding {
    fn from(pixels: usize) -> Self {
        Self::Pixels(Pair::square(pixels))
    }
}
