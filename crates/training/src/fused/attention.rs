//! Multi-head attention (Vaswani et al., 2017) over packed sequences.
//!
//! A task takes one sequence and walks through its heads (`heads`); scores never leave the cache but for the
//! probabilities that the derivative needs.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, Flex};
use burn::tensor::Tensor;
use pulp::Arch;
use rayon::prelude::*;

use crate::fused::buffers::{column_sums, dense, is_differentiable, slice, tensor_of, tracked_values, values};
use crate::fused::heads::{AttentionLayout, BackwardSequence, GradRows, Inputs, forward};
use crate::fused::packing::Packing;

/// Attention of every sequence with itself.
///
/// `qkv` `[rows, 3 * width]` holds queries, keys and values side by side, `bias` `[3 * width]` is added to them;
/// the result is `[rows, width]`. `causal` hides the rows that follow.
pub(crate) fn self_attention(
    qkv: Tensor<2>,
    bias: Tensor<1>,
    packing: &Packing,
    heads: usize,
    causal: bool,
) -> Tensor<2> {
    let width = qkv.dims()[1] / 3;
    let layout = AttentionLayout { queries: packing.clone(), keys: packing.clone(), heads, width, causal };
    if !is_differentiable(&qkv) {
        let (qkv, bias) = (values(qkv), values(bias));
        let (out, _) = forward(&layout, Inputs::of_self(slice(&qkv), slice(&bias), width));
        return Tensor::from_primitive::<Flex>(tensor_of(out, &[packing.rows(), width]));
    }
    let (qkv, qkv_node) = tracked_values(qkv);
    let (bias, bias_node) = tracked_values(bias);
    let (out, probabilities) = forward(&layout, Inputs::of_self(slice(&qkv), slice(&bias), width));
    let out = tensor_of(out, &[packing.rows(), width]);
    let out = match SelfAttention.prepare::<NoCheckpointing>([qkv_node, bias_node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(SelfState { layout, qkv, bias, probabilities }, out),
        OpsKind::UnTracked(prep) => prep.finish(out),
    };
    Tensor::from_primitive::<Autodiff<Flex>>(out)
}

/// Attention of the rows of each sequence of `q` to the rows of the sequence of `kv` with the same number.
///
/// `q` `[query rows, width]` and `kv` `[key rows, 2 * width]` (keys and values side by side) have their biases added
/// already; the result is `[query rows, width]`.
pub(crate) fn cross_attention(
    q: Tensor<2>,
    kv: Tensor<2>,
    queries: &Packing,
    keys: &Packing,
    heads: usize,
) -> Tensor<2> {
    let width = q.dims()[1];
    let layout = AttentionLayout { queries: queries.clone(), keys: keys.clone(), heads, width, causal: false };
    if !is_differentiable(&q) {
        let (q, kv) = (values(q), values(kv));
        let (out, _) = forward(&layout, Inputs::of_cross(slice(&q), slice(&kv), width));
        return Tensor::from_primitive::<Flex>(tensor_of(out, &[queries.rows(), width]));
    }
    let (q, q_node) = tracked_values(q);
    let (kv, kv_node) = tracked_values(kv);
    let (out, probabilities) = forward(&layout, Inputs::of_cross(slice(&q), slice(&kv), width));
    let out = tensor_of(out, &[queries.rows(), width]);
    let out = match CrossAttention.prepare::<NoCheckpointing>([q_node, kv_node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(CrossState { layout, q, kv, probabilities }, out),
        OpsKind::UnTracked(prep) => prep.finish(out),
    };
    Tensor::from_primitive::<Autodiff<Flex>>(out)
}

#[derive(Clone, Debug)]
struct SelfState {
    layout: AttentionLayout,
    qkv: FlexTensor,
    bias: FlexTensor,
    probabilities: Arc<[f32]>,
}

#[derive(Debug)]
struct SelfAttention;

impl Backward<Flex, 2> for SelfAttention {
    type State = SelfState;

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let SelfState { layout, qkv, bias, probabilities } = ops.state;
        let grad = dense(grads.consume::<Flex>(&ops.node));
        let stride = 3 * layout.width;
        let inputs = Inputs::of_self(slice(&qkv), slice(&bias), layout.width);
        let mut out = vec![0.0_f32; layout.queries.rows() * stride];
        let parts = layout.split_probabilities(&probabilities);
        let tasks: Vec<_> = layout.queries.split_mut(&mut out, stride).into_iter().zip(parts).enumerate().collect();
        let arch = Arch::new();
        tasks.into_par_iter().for_each(|(sequence, (rows, probabilities))| {
            let (layout, out_grad) = (&layout, slice(&grad));
            let rows = GradRows { q: rows, q_stride: stride, kv: None };
            arch.dispatch(BackwardSequence { layout, inputs, sequence, probabilities, out_grad, rows });
        });
        let [qkv_node, bias_node] = ops.parents;
        if let Some(node) = bias_node {
            grads.register::<Flex>(node.id, tensor_of(column_sums(&out, stride), &[stride]));
        }
        if let Some(node) = qkv_node {
            grads.register::<Flex>(node.id, tensor_of(out, &[layout.queries.rows(), stride]));
        }
    }
}

#[derive(Clone, Debug)]
struct CrossState {
    layout: AttentionLayout,
    q: FlexTensor,
    kv: FlexTensor,
    probabilities: Arc<[f32]>,
}

#[derive(Debug)]
struct CrossAttention;

impl Backward<Flex, 2> for CrossAttention {
    type State = CrossState;

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let CrossState { layout, q, kv, probabilities } = ops.state;
        let grad = dense(grads.consume::<Flex>(&ops.node));
        let width = layout.width;
        let inputs = Inputs::of_cross(slice(&q), slice(&kv), width);
        let mut q_out = vec![0.0_f32; layout.queries.rows() * width];
        let mut kv_out = vec![0.0_f32; layout.keys.rows() * 2 * width];
        let parts = layout.split_probabilities(&probabilities);
        let q_parts = layout.queries.split_mut(&mut q_out, width);
        let kv_parts = layout.keys.split_mut(&mut kv_out, 2 * width);
        let tasks: Vec<_> = q_parts.into_iter().zip(kv_parts).zip(parts).enumerate().collect();
        let arch = Arch::new();
        tasks.into_par_iter().for_each(|(sequence, ((q, kv), probabilities))| {
            let (layout, out_grad) = (&layout, slice(&grad));
            let rows = GradRows { q, q_stride: width, kv: Some(kv) };
            arch.dispatch(BackwardSequence { layout, inputs, sequence, probabilities, out_grad, rows });
        });
        let [q_node, kv_node] = ops.parents;
        if let Some(node) = q_node {
            grads.register::<Flex>(node.id, tensor_of(q_out, &[layout.queries.rows(), width]));
        }
        if let Some(node) = kv_node {
            grads.register::<Flex>(node.id, tensor_of(kv_out, &[layout.keys.rows(), 2 * width]));
        }
    }
}
