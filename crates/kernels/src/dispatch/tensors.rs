//! flex's tensors as slices of 32-bit floats, and back.

use burn::backend::TensorMetadata;
use burn::tensor::{Bytes, DType, Shape};
use burn_flex::{FlexTensor, Layout};
use std::ops::Range;

/// # Panics
/// If the tensor does not have four axes, which its type rules out.
pub(super) fn dims(tensor: &FlexTensor) -> [usize; 4] {
    tensor.shape().dims()
}

/// The tensor made contiguous. Drops the original, so that its memory is not shared.
pub(crate) fn owned(tensor: FlexTensor) -> FlexTensor {
    let contiguous = tensor.to_contiguous();
    drop(tensor);
    contiguous
}

/// # Panics
/// If the values are not 32-bit floats.
pub(crate) fn values(tensor: &FlexTensor) -> &[f32] {
    let range = range(tensor);
    &tensor.storage::<f32>()[range]
}

/// The values for writing; shared memory is copied first.
///
/// # Panics
/// As [`values`].
pub(crate) fn values_mut(tensor: &mut FlexTensor) -> &mut [f32] {
    let range = range(tensor);
    &mut tensor.storage_mut::<f32>()[range]
}

/// The range of a contiguous tensor's values within its storage.
fn range(tensor: &FlexTensor) -> Range<usize> {
    let offsets = tensor.layout().contiguous_offsets();
    let (start, end) = offsets.unwrap_or((0, tensor.storage::<f32>().len()));
    start..end
}

pub(crate) fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> FlexTensor {
    FlexTensor::new(
        Bytes::from_elems(values),
        Layout::contiguous(shape.into()),
        DType::F32,
    )
}
