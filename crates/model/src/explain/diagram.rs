//! Which pixels each unit reads, drawn with letters.

use super::SlidingAxis;

impl SlidingAxis {
    /// A line of pixels (`.` is padding) and a line for each unit below it with an `x` at every pixel
    /// it reads; `None` where that is wider than `columns` or higher than `lines`.
    pub fn diagram(&self, columns: usize, lines: usize) -> Option<Vec<String>> {
        let (before, after) = (self.before as i64, self.after as i64);
        let width = (self.input.max(self.output) - 1).to_string().len();
        let cell = width + 1;
        let label = "output ".len() + width;
        let pixels = self.before + self.input + self.after;
        if label + pixels * cell > columns || self.output + 1 > lines {
            return None;
        }
        let places = || -before..self.input as i64 + after;
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
        for unit in 0..self.output {
            let reads: Vec<i64> = self.reads(unit).collect();
            let mut line = format!("output {unit:>width$}");
            for place in places() {
                let mark = if reads.contains(&place) { "x" } else { "" };
                line += &format!("{mark:>cell$}");
            }
            drawn.push(line.trim_end().into());
        }
        Some(drawn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Padding;

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
}
