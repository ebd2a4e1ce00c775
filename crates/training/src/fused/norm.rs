//! Layer normalization (Ba et al., 2016), alone or behind a bias and a residual connection.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, Flex, TensorMetadata};
use burn::tensor::Tensor;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::fused::buffers::{
    ROWS_A_TASK, add_into, column_sums, dense, in_order, is_differentiable, slice, tensor_of, tracked_values, values,
};

/// `norm(x)` over the features of `x` `[rows, features]`, scaled by `gamma` and shifted by `beta`.
pub(crate) fn layer_norm(x: Tensor<2>, gamma: Tensor<1>, beta: Tensor<1>, epsilon: f32) -> Tensor<2> {
    if !is_differentiable(&x) {
        let (out, _) = forward(values(x), None, &values(gamma), &values(beta), epsilon);
        return Tensor::from_primitive::<Flex>(out);
    }
    let (x, x_node) = tracked_values(x);
    let (gamma, gamma_node) = tracked_values(gamma);
    let (beta, beta_node) = tracked_values(beta);
    let (out, normalized) = forward(x, None, &gamma, &beta, epsilon);
    let nodes = [x_node, gamma_node, beta_node];
    let out = match LayerNorm.prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish((normalized, gamma), out),
        OpsKind::UnTracked(prep) => prep.finish(out),
    };
    Tensor::from_primitive::<Autodiff<Flex>>(out)
}

/// `norm(x + bias + residual)`: the end of both halves of a post-norm layer. Shapes as in [`layer_norm`].
pub(crate) fn residual_norm(
    x: Tensor<2>,
    bias: Tensor<1>,
    residual: Tensor<2>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f32,
) -> Tensor<2> {
    if !is_differentiable(&x) {
        let added = (values(bias), values(residual));
        let (out, _) = forward(values(x), Some(&added), &values(gamma), &values(beta), epsilon);
        return Tensor::from_primitive::<Flex>(out);
    }
    let (x, x_node) = tracked_values(x);
    let (bias, bias_node) = tracked_values(bias);
    let (residual, residual_node) = tracked_values(residual);
    let (gamma, gamma_node) = tracked_values(gamma);
    let (beta, beta_node) = tracked_values(beta);
    let (out, normalized) = forward(x, Some(&(bias, residual)), &gamma, &beta, epsilon);
    let nodes = [x_node, bias_node, residual_node, gamma_node, beta_node];
    let out = match ResidualNorm.prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish((normalized, gamma), out),
        OpsKind::UnTracked(prep) => prep.finish(out),
    };
    Tensor::from_primitive::<Autodiff<Flex>>(out)
}

/// What the derivative needs: rows of mean 0 and variance 1, and by what each row was divided.
#[derive(Clone, Debug)]
struct Normalized {
    rows: FlexTensor,
    inverse_deviations: Arc<[f32]>,
}

/// Normalizes in the input's own memory where nobody else holds it.
fn forward(
    x: FlexTensor,
    added: Option<&(FlexTensor, FlexTensor)>,
    gamma: &FlexTensor,
    beta: &FlexTensor,
    epsilon: f32,
) -> (FlexTensor, Normalized) {
    let shape = x.shape().to_vec();
    let (gamma, beta) = (slice(gamma), slice(beta));
    let run = gamma.len() * ROWS_A_TASK;
    let mut rows = x;
    let mut out = vec![0.0_f32; slice(&rows).len()];
    let mut inverse_deviations = vec![0.0_f32; out.len() / gamma.len()];
    let arch = Arch::new();
    rows.storage_mut::<f32>()
        .par_chunks_mut(run)
        .zip(out.par_chunks_mut(run))
        .zip(inverse_deviations.par_chunks_mut(ROWS_A_TASK))
        .enumerate()
        .for_each(|(task, ((rows, out), inverse_deviations))| {
            let added = added.map(|(bias, residual)| (slice(bias), &slice(residual)[task * run..][..rows.len()]));
            arch.dispatch(NormRows { rows, added, out, inverse_deviations, gamma, beta, epsilon });
        });
    (tensor_of(out, &shape), Normalized { rows, inverse_deviations: inverse_deviations.into() })
}

/// Some rows of the forward pass.
struct NormRows<'a> {
    /// The input; normalized in place.
    rows: &'a mut [f32],
    /// Bias and residual.
    added: Option<(&'a [f32], &'a [f32])>,
    out: &'a mut [f32],
    inverse_deviations: &'a mut [f32],
    gamma: &'a [f32],
    beta: &'a [f32],
    epsilon: f32,
}

impl WithSimd for NormRows<'_> {
    type Output = ();

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled for the vector unit of its caller")]
    fn with_simd<S: Simd>(self, _: S) {
        let width = self.gamma.len();
        if let Some((bias, residual)) = self.added {
            for (row, residual) in self.rows.chunks_exact_mut(width).zip(residual.chunks_exact(width)) {
                for ((value, residual), bias) in row.iter_mut().zip(residual).zip(bias) {
                    *value += residual + bias;
                }
            }
        }
        let rows = self.rows.chunks_exact_mut(width).zip(self.out.chunks_exact_mut(width));
        for ((row, out), inverse) in rows.zip(self.inverse_deviations) {
            let mean = lane_sum(row, row, |value, _| value) / width as f32;
            for value in &mut *row {
                *value -= mean;
            }
            let variance = lane_sum(row, row, |value, _| value * value) / width as f32;
            *inverse = 1.0 / (variance + self.epsilon).sqrt();
            for (((value, out), gamma), beta) in row.iter_mut().zip(out).zip(self.gamma).zip(self.beta) {
                *value *= *inverse;
                *out = *value * gamma + beta;
            }
        }
    }
}

/// Sum of `term(a, b)` over two rows, in 16 running sums so that it can be vectorized.
#[inline(always)]
#[expect(clippy::inline_always, reason = "compiled for the vector unit of its caller")]
fn lane_sum(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut sums = [0.0_f32; 16];
    let (a_lanes, a_rest) = a.as_chunks::<16>();
    let (b_lanes, b_rest) = b.as_chunks::<16>();
    for (a, b) in a_lanes.iter().zip(b_lanes) {
        for lane in 0..16 {
            sums[lane] += term(a[lane], b[lane]);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| term(*a, *b)).sum();
    sums.iter().sum::<f32>() + rest
}

/// Gradients of the normalized input, of gamma and of beta.
fn backward(grad: FlexTensor, normalized: &Normalized, gamma: &FlexTensor) -> (FlexTensor, Vec<f32>, Vec<f32>) {
    let mut grad = dense(grad);
    let gamma = slice(gamma);
    let run = gamma.len() * ROWS_A_TASK;
    let arch = Arch::new();
    let partial: Vec<(Vec<f32>, Vec<f32>)> = grad
        .storage_mut::<f32>()
        .par_chunks_mut(run)
        .zip(slice(&normalized.rows).par_chunks(run))
        .zip(normalized.inverse_deviations.par_chunks(ROWS_A_TASK))
        .map(|((grad, rows), inverse_deviations)| arch.dispatch(NormGradient { grad, rows, inverse_deviations, gamma }))
        .collect();
    let (gamma_partial, beta_partial): (Vec<_>, Vec<_>) = partial.into_iter().unzip();
    (grad, in_order(&gamma_partial, gamma.len()), in_order(&beta_partial, gamma.len()))
}

/// Some rows of the backward pass; gives their share of the gradients of gamma and beta.
struct NormGradient<'a> {
    /// The output's gradient; becomes the input's.
    grad: &'a mut [f32],
    rows: &'a [f32],
    inverse_deviations: &'a [f32],
    gamma: &'a [f32],
}

impl WithSimd for NormGradient<'_> {
    type Output = (Vec<f32>, Vec<f32>);

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled for the vector unit of its caller")]
    fn with_simd<S: Simd>(self, _: S) -> Self::Output {
        let width = self.gamma.len();
        let mut gamma_grad = vec![0.0_f32; width];
        let mut beta_grad = vec![0.0_f32; width];
        let rows = self.grad.chunks_exact_mut(width).zip(self.rows.chunks_exact(width));
        for ((grad, row), inverse) in rows.zip(self.inverse_deviations) {
            add_into(&mut beta_grad, grad);
            for ((sum, grad), value) in gamma_grad.iter_mut().zip(&*grad).zip(row) {
                *sum += grad * value;
            }
            for (grad, gamma) in grad.iter_mut().zip(self.gamma) {
                *grad *= gamma;
            }
            let mean = lane_sum(grad, grad, |grad, _| grad) / width as f32;
            let along = lane_sum(grad, row, |grad, value| grad * value) / width as f32;
            for (grad, value) in grad.iter_mut().zip(row) {
                *grad = (*grad - mean - along * value) * inverse;
            }
        }
        (gamma_grad, beta_grad)
    }
}

#[derive(Debug)]
struct LayerNorm;

impl Backward<Flex, 3> for LayerNorm {
    type State = (Normalized, FlexTensor);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (normalized, gamma) = &ops.state;
        let (grad, gamma_grad, beta_grad) = backward(grads.consume::<Flex>(&ops.node), normalized, gamma);
        let [x, gamma, beta] = ops.parents;
        if let Some(node) = gamma {
            let width = gamma_grad.len();
            grads.register::<Flex>(node.id, tensor_of(gamma_grad, &[width]));
        }
        if let Some(node) = beta {
            let width = beta_grad.len();
            grads.register::<Flex>(node.id, tensor_of(beta_grad, &[width]));
        }
        if let Some(node) = x {
            grads.register::<Flex>(node.id, grad);
        }
    }
}

#[derive(Debug)]
struct ResidualNorm;

impl Backward<Flex, 5> for ResidualNorm {
    type State = (Normalized, FlexTensor);

    fn backward(self, ops: Ops<Self::State, 5>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (normalized, gamma) = &ops.state;
        let (grad, gamma_grad, beta_grad) = backward(grads.consume::<Flex>(&ops.node), normalized, gamma);
        let width = gamma_grad.len();
        let [x, bias, residual, gamma, beta] = ops.parents;
        if let Some(node) = gamma {
            grads.register::<Flex>(node.id, tensor_of(gamma_grad, &[width]));
        }
        if let Some(node) = beta {
            grads.register::<Flex>(node.id, tensor_of(beta_grad, &[width]));
        }
        if let Some(node) = bias {
            grads.register::<Flex>(node.id, tensor_of(column_sums(slice(&grad), width), &[width]));
        }
        if let Some(node) = residual {
            grads.register::<Flex>(node.id, grad.clone());
        }
        if let Some(node) = x {
            grads.register::<Flex>(node.id, grad);
        }
    }
}
