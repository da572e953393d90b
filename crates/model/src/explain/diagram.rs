//! Which pixels each unit reads, drawn with letters.

use super::SlidingAxis;

/// The end of a truncated diagram.
const MORE: &str = " ...";

impl SlidingAxis {
    /// One line of pixels (`.` is padding) and below it one line per unit, with an `x` at every
    /// pixel it reads. If that is wider than `columns` or higher than `lines`, only the first units
    /// are drawn, followed by dots; `None` if not even the first one fits.
    pub fn diagram(&self, columns: usize, lines: usize) -> Option<Vec<String>> {
        let (before, after) = (self.before as i64, self.after as i64);
        let width = (self.input.max(self.output) - 1).to_string().len();
        let cell = width + 1;
        let label = "output ".len() + width;
        let all = self.before + self.input + self.after;
        let is_whole = label + all * cell <= columns && self.output < lines;
        let (pixels, units) = if is_whole {
            (all, self.output)
        } else {
            let room = columns.saturating_sub(label + MORE.len()) / cell;
            let pixels = room.min(all);
            // A unit's last pixel is `span - 1` after its first.
            let fit = pixels.checked_sub(self.span())? / self.stride + 1;
            (pixels, fit.min(self.output).min(lines.checked_sub(2)?))
        };
        if units == 0 {
            return None;
        }
        let places = || (-before..self.input as i64 + after).take(pixels);
        let is_pixel = |place: i64| (0..self.input as i64).contains(&place);
        let mut drawn = vec![format!("{:<label$}", "input")];
        for place in places() {
            let mark = if is_pixel(place) {
                place.to_string()
            } else {
                ".".into()
            };
            drawn[0] += &format!("{mark:>cell$}");
        }
        if pixels < all {
            drawn[0] += MORE;
        }
        for unit in 0..units {
            let reads: Vec<i64> = self.reads(unit).collect();
            let mut line = format!("output {unit:>width$}");
            for place in places() {
                let mark = if reads.contains(&place) { "x" } else { "" };
                line += &format!("{mark:>cell$}");
            }
            drawn.push(line.trim_end().into());
        }
        if units < self.output {
            drawn.push(format!("{:>label$}", "..."));
        }
        Some(drawn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Padding;

    #[test]
    fn each_unit_s_pixels_are_marked() {
        let axis = SlidingAxis::new(5, 3, 2, 1, Padding::from(1)).unwrap();
        let drawn = axis.diagram(80, 20).unwrap();
        assert_eq!(
            drawn,
            [
                "input    . 0 1 2 3 4 .",
                "output 0 x x x",
                "output 1     x x x",
                "output 2         x x x",
            ]
        );
        assert_eq!(axis.diagram(10, 20), None);
        assert_eq!(axis.diagram(80, 2), None);
    }

    #[test]
    fn of_a_wide_axis_the_beginning_is_drawn() {
        let axis = SlidingAxis::new(640, 3, 2, 1, Padding::Same).unwrap();
        let drawn = axis.diagram(40, 5).unwrap();
        assert_eq!(
            drawn,
            [
                "input        0   1   2   3   4   5 ...",
                "output   0   x   x   x",
                "output   1           x   x   x",
                "       ...",
            ]
        );
        let all = axis.diagram(78, 34).unwrap();
        assert!(all.iter().all(|line| line.len() <= 78), "{all:?}");
        assert_eq!(axis.diagram(20, 5), None);
    }
}
