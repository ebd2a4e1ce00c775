//! A frozen product with a trained low-rank term (Hu et al., 2021).

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::ops::FloatTensorOps;
use burn::backend::{Autodiff, Flex, TensorMetadata};
use burn::tensor::Tensor;
use rayon::prelude::*;

use crate::fused::buffers::{dense, is_differentiable, slice, tensor_of, tracked_values, values};

/// The factors of the low-rank term of one or several maps that share their input.
pub(crate) struct LowRankFactors {
    /// `[blocks * rank, inputs]`: the first factors of the maps, one below the other.
    pub(crate) down: Tensor<2>,
    /// `[outputs, rank]`: the second factors, one below the other; each map has `outputs / blocks` rows.
    pub(crate) up: Tensor<2>,
    /// How many maps stand side by side in the weight.
    pub(crate) blocks: usize,
    /// What the term is multiplied with (alpha / rank).
    pub(crate) scale: f32,
}

/// `x (weight + scale (up down)^T)`, with `x` `[rows, inputs]` and `weight` `[inputs, outputs]`.
///
/// The term is merged into the weight before the product, so that the wide product runs once; its gradients come from
/// products as narrow as the rank, and the frozen weight gets none.
pub(crate) fn adapted_product(x: Tensor<2>, weight: Tensor<2>, factors: LowRankFactors) -> Tensor<2> {
    let LowRankFactors { down, up, blocks, scale } = factors;
    if !is_differentiable(&x) {
        let merged = merge(&values(weight), &values(down), &values(up), blocks, scale);
        return Tensor::from_primitive::<Flex>(Flex::float_matmul(values(x), merged));
    }
    let (x, x_node) = tracked_values(x);
    let (weight, _) = tracked_values(weight);
    let (down, down_node) = tracked_values(down);
    let (up, up_node) = tracked_values(up);
    let merged = merge(&weight, &down, &up, blocks, scale);
    let out = Flex::float_matmul(x.clone(), merged.clone());
    let out = match AdaptedProduct.prepare::<NoCheckpointing>([x_node, down_node, up_node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(State { x, merged, down, up, blocks, scale }, out),
        OpsKind::UnTracked(prep) => prep.finish(out),
    };
    Tensor::from_primitive::<Autodiff<Flex>>(out)
}

/// `weight + scale (up down)^T`, block by block.
fn merge(weight: &FlexTensor, down: &FlexTensor, up: &FlexTensor, blocks: usize, scale: f32) -> FlexTensor {
    let (inputs, outputs) = (weight.shape()[0], weight.shape()[1]);
    let rank = up.shape()[1];
    let block_outputs = outputs / blocks;
    let terms: Vec<FlexTensor> = (0..blocks)
        .map(|block| {
            let down = down.narrow(0, block * rank, rank).transpose(0, 1);
            let up = up.narrow(0, block * block_outputs, block_outputs).transpose(0, 1);
            Flex::float_matmul(down, up)
        })
        .collect();
    let mut merged = slice(weight).to_vec();
    merged.par_chunks_mut(outputs).enumerate().for_each(|(input, row)| {
        for (row, term) in row.chunks_exact_mut(block_outputs).zip(&terms) {
            let term = &slice(term)[input * block_outputs..][..block_outputs];
            row.iter_mut().zip(term).for_each(|(weight, term)| *weight += scale * term);
        }
    });
    tensor_of(merged, &[inputs, outputs])
}

#[derive(Clone, Debug)]
struct State {
    x: FlexTensor,
    merged: FlexTensor,
    down: FlexTensor,
    up: FlexTensor,
    blocks: usize,
    scale: f32,
}

#[derive(Debug)]
struct AdaptedProduct;

impl Backward<Flex, 3> for AdaptedProduct {
    type State = State;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let State { x, merged, down, up, blocks, scale } = ops.state;
        let grad = dense(grads.consume::<Flex>(&ops.node));
        let rank = up.shape()[1];
        let block_outputs = up.shape()[0] / blocks;
        let block_grads: Vec<FlexTensor> =
            (0..blocks).map(|block| grad.narrow(1, block * block_outputs, block_outputs)).collect();
        let [x_node, down_node, up_node] = ops.parents;
        if let Some(node) = up_node {
            let inner = Flex::float_matmul(x.clone(), down.transpose(0, 1));
            let parts = block_grads
                .iter()
                .enumerate()
                .map(|(block, grad)| Flex::float_matmul(grad.transpose(0, 1), inner.narrow(1, block * rank, rank)));
            grads.register::<Flex>(node.id, stacked(parts, scale, rank));
        }
        if let Some(node) = down_node {
            let parts = block_grads.iter().enumerate().map(|(block, grad)| {
                let up = up.narrow(0, block * block_outputs, block_outputs);
                let inner = Flex::float_matmul(grad.clone(), up);
                Flex::float_matmul(inner.transpose(0, 1), x.clone())
            });
            grads.register::<Flex>(node.id, stacked(parts, scale, x.shape()[1]));
        }
        if let Some(node) = x_node {
            grads.register::<Flex>(node.id, Flex::float_matmul(grad, merged.transpose(0, 1)));
        }
    }
}

/// The parts of `width` columns, one below the other, multiplied with `scale`.
fn stacked(parts: impl Iterator<Item = FlexTensor>, scale: f32, width: usize) -> FlexTensor {
    let mut stacked = Vec::new();
    for part in parts {
        stacked.extend(slice(&dense(part)).iter().map(|value| value * scale));
    }
    let rows = stacked.len() / width;
    tensor_of(stacked, &[rows, width])
}
