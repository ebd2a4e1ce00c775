//! The door between tensors and slices of `f32` on the CPU.

use burn::backend::autodiff::ops::NodeGuard;
use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::{Autodiff, Flex};
use burn::tensor::{Bytes, DType, Shape, Tensor};
use rayon::prelude::*;

/// Rows that one task works on: small enough to stay in the nearest cache, large enough to be worth a task.
pub(super) const ROWS_A_TASK: usize = 32;

/// Whether gradients may be asked of this tensor's descendants.
pub(super) fn is_differentiable<const D: usize>(tensor: &Tensor<D>) -> bool {
    tensor.device().is_autodiff()
}

/// The CPU tensor inside, without its gradient graph.
pub(super) fn values<const D: usize>(tensor: Tensor<D>) -> FlexTensor {
    let tensor = tensor.try_into_primitive::<Flex>().expect("the fused path is only chosen for CPU tensors");
    dense(tensor)
}

/// The CPU tensor inside, with the guard of its place in the gradient graph.
pub(super) fn tracked_values<const D: usize>(tensor: Tensor<D>) -> (FlexTensor, NodeGuard) {
    let tensor = tensor
        .try_into_primitive::<Autodiff<Flex>>()
        .expect("the fused path is only chosen for CPU tensors, and all of one operation share their device");
    let (tensor, node) = tensor.into_parts();
    (dense(tensor), node)
}

/// The same values in row-major order and nothing else in the storage.
pub(super) fn dense(tensor: FlexTensor) -> FlexTensor {
    let whole = tensor.as_slice::<f32>().map(<[f32]>::len) == Some(tensor.storage::<f32>().len());
    if whole { tensor } else { tensor.to_contiguous() }
}

/// The values of a dense tensor.
pub(super) fn slice(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("dense() was called at the door")
}

/// A tensor that owns `values`.
pub(super) fn tensor_of(values: Vec<f32>, shape: &[usize]) -> FlexTensor {
    let shape = Shape::from(shape.to_vec());
    FlexTensor::new(Bytes::from_elems(values), Layout::contiguous(shape), DType::F32)
}

/// Sums of each column of a row-major buffer, in an order that does not depend on the threads.
pub(super) fn column_sums(values: &[f32], width: usize) -> Vec<f32> {
    let partial: Vec<Vec<f32>> = values
        .par_chunks(width * ROWS_A_TASK)
        .map(|rows| {
            let mut sums = vec![0.0; width];
            for row in rows.chunks_exact(width) {
                add_into(&mut sums, row);
            }
            sums
        })
        .collect();
    in_order(&partial, width)
}

/// Adds partial sums of `width` columns in order.
pub(super) fn in_order(partial: &[Vec<f32>], width: usize) -> Vec<f32> {
    let mut sums = vec![0.0; width];
    for part in partial {
        add_into(&mut sums, part);
    }
    sums
}

/// `sums += row`.
#[inline(always)]
#[expect(clippy::inline_always, reason = "compiled for the vector unit of its caller")]
pub(super) fn add_into(sums: &mut [f32], row: &[f32]) {
    for (sum, value) in sums.iter_mut().zip(row) {
        *sum += value;
    }
}
