//! Matrix products on slices.
#![allow(unsafe_code)] // the only file that calls `gemm`, whose arguments are pointers

/// A matrix in a slice: element `(row, column)` is at `row * row_stride + column * column_stride`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// `rows` rows of `columns` contiguous values each.
    pub(crate) fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        Self::strided(values, rows, columns, columns)
    }

    /// Rows that start `row_stride` values apart.
    pub(crate) fn strided(
        values: &'a [f32],
        rows: usize,
        columns: usize,
        row_stride: usize,
    ) -> Self {
        Self {
            values,
            rows,
            columns,
            row_stride,
            column_stride: 1,
        }
    }

    pub(crate) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// `target += left * right`, where the rows of `target` start `row_stride` values apart. Runs on the
/// calling thread only, so that the order of additions is always the same.
///
/// # Panics
/// If the shapes do not match or a slice is too short, which would be a bug in this crate.
pub(crate) fn add_product(
    target: &mut [f32],
    row_stride: usize,
    left: Matrix<'_>,
    right: Matrix<'_>,
) {
    let (rows, columns) = (left.rows, right.columns);
    assert_eq!(left.columns, right.rows, "inner sizes of a product");
    if rows == 0 || columns == 0 {
        return;
    }
    let target_fits = columns <= row_stride && reach(rows, columns, row_stride, 1) < target.len();
    assert!(target_fits, "a product's target is too short");
    for matrix in [left, right] {
        assert!(
            matrix.rows == 0
                || matrix.columns == 0
                || reach(
                    matrix.rows,
                    matrix.columns,
                    matrix.row_stride,
                    matrix.column_stride
                ) < matrix.values.len(),
            "a product's factor is too short"
        );
    }
    // SAFETY: `gemm` reads `left` and `right`, and reads and writes `target`, at the elements that
    // the shapes and strides describe. The largest offset of each was just checked to be inside its
    // slice, and no offset is negative. `target` is borrowed mutably, so it overlaps neither
    // factor; its own elements are distinct because `columns <= row_stride`. Every bit pattern is a
    // valid `f32`.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            left.columns,
            target.as_mut_ptr(),
            1,
            row_stride as isize,
            true,
            left.values.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.values.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// The offset of a matrix's last element; `rows` and `columns` must be at least 1.
fn reach(rows: usize, columns: usize, row_stride: usize, column_stride: usize) -> usize {
    (rows - 1) * row_stride + (columns - 1) * column_stride
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_plain_and_transposed_matrices() {
        let a = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]; // 2 x 3
        let b = [1.0, 0.0, -1.0, 2.0, 0.5, 1.0]; // 3 x 2
        let mut sum = [1.0; 4];
        let left = Matrix::new(&a, 2, 3);
        add_product(&mut sum, 2, left, Matrix::new(&b, 3, 2));
        assert_eq!(sum, [1.5, 8.0, 3.0, 17.0]);
        let mut square = [0.0; 9];
        add_product(&mut square, 3, left.transposed(), left);
        assert_eq!(
            square,
            [17.0, 22.0, 27.0, 22.0, 29.0, 36.0, 27.0, 36.0, 45.0]
        );
    }

    #[test]
    fn an_empty_inner_side_adds_nothing() {
        let mut sum = [7.0; 4];
        let none = Matrix::new(&[], 2, 0);
        add_product(&mut sum, 2, none, none.transposed());
        assert_eq!(sum, [7.0; 4]);
    }

    #[test]
    #[should_panic(expected = "target is too short")]
    fn a_short_target_is_not_written() {
        let one = Matrix::new(&[1.0], 1, 1);
        add_product(&mut [], 1, one, one);
    }
}
