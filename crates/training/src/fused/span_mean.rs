//! Means of runs of rows: a word from its pieces, a sentence from its pieces, `[CLS]` as a run of one.

use std::ops::Range;
use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, Flex, TensorMetadata};
use burn::tensor::Tensor;

use crate::fused::buffers::{add_into, dense, is_differentiable, slice, tensor_of, tracked_values, values};

/// `[spans, features]`: row `i` is the mean of the rows `spans[i]` of `x` `[rows, features]`; spans are not empty and
/// may overlap.
pub(crate) fn span_mean(x: Tensor<2>, spans: &[Range<usize>]) -> Tensor<2> {
    if !is_differentiable(&x) {
        return Tensor::from_primitive::<Flex>(forward(&values(x), spans));
    }
    let (x, node) = tracked_values(x);
    let out = forward(&x, spans);
    let out = match SpanMean.prepare::<NoCheckpointing>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish((spans.into(), x.shape()[0]), out),
        OpsKind::UnTracked(prep) => prep.finish(out),
    };
    Tensor::from_primitive::<Autodiff<Flex>>(out)
}

fn forward(x: &FlexTensor, spans: &[Range<usize>]) -> FlexTensor {
    let width = x.shape()[1];
    let mut out = vec![0.0_f32; spans.len() * width];
    for (out, span) in out.chunks_exact_mut(width).zip(spans) {
        for row in slice(x)[span.start * width..span.end * width].chunks_exact(width) {
            add_into(out, row);
        }
        let share = 1.0 / span.len() as f32;
        for value in out {
            *value *= share;
        }
    }
    tensor_of(out, &[spans.len(), width])
}

#[derive(Debug)]
struct SpanMean;

impl Backward<Flex, 1> for SpanMean {
    /// The spans and the number of rows of the input.
    type State = (Arc<[Range<usize>]>, usize);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (spans, rows) = &ops.state;
        let grad = dense(grads.consume::<Flex>(&ops.node));
        let width = grad.shape()[1];
        let mut out = vec![0.0_f32; rows * width];
        for (grad, span) in slice(&grad).chunks_exact(width).zip(spans.iter()) {
            let share = 1.0 / span.len() as f32;
            for row in out[span.start * width..span.end * width].chunks_exact_mut(width) {
                row.iter_mut().zip(grad).for_each(|(sum, grad)| *sum += grad * share);
            }
        }
        let [node] = ops.parents;
        if let Some(node) = node {
            grads.register::<Flex>(node.id, tensor_of(out, &[*rows, width]));
        }
    }
}
