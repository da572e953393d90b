//! The output size of a sliding window, for convolutions and pools.

/// The output's height and width, each
/// `floor((n + padding - dilation * (kernel - 1) - 1) / stride) + 1`.
/// `padding` is `[top, left, bottom, right]`.
///
/// # Panics
/// If the window is larger than the padded input, as in burn's own operations.
pub(crate) fn output_size(
    input: [usize; 2],
    kernel: [usize; 2],
    strides: [usize; 2],
    padding: [usize; 4],
    dilation: [usize; 2],
) -> [usize; 2] {
    [0, 1].map(|axis| {
        let padded = input[axis] + padding[axis] + padding[axis + 2];
        let span = dilation[axis] * (kernel[axis] - 1) + 1;
        assert!(
            span <= padded,
            "a window that spans {span} is larger than its padded input of {padded}"
        );
        (padded - span) / strides[axis] + 1
    })
}
