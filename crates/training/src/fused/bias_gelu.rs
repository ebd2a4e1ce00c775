//! `gelu(x + bias)` with the exact normal distribution (Hendrycks & Gimpel, 2016).

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
    ROWS_A_TASK, column_sums, dense, is_differentiable, slice, tensor_of, tracked_values, values,
};
use crate::fused::exponential::normal;

/// `gelu(x + bias)` for `x` `[rows, features]` and `bias` `[features]`.
pub(crate) fn bias_gelu(x: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
    if !is_differentiable(&x) {
        return Tensor::from_primitive::<Flex>(forward(&values(x), &values(bias)));
    }
    let (x, x_node) = tracked_values(x);
    let (bias, bias_node) = tracked_values(bias);
    let out = forward(&x, &bias);
    let out = match BiasGelu.prepare::<NoCheckpointing>([x_node, bias_node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish((x, bias), out),
        OpsKind::UnTracked(prep) => prep.finish(out),
    };
    Tensor::from_primitive::<Autodiff<Flex>>(out)
}

fn forward(x: &FlexTensor, bias: &FlexTensor) -> FlexTensor {
    let bias = slice(bias);
    let run = bias.len() * ROWS_A_TASK;
    let mut out = vec![0.0_f32; slice(x).len()];
    let arch = Arch::new();
    out.par_chunks_mut(run).zip(slice(x).par_chunks(run)).for_each(|(out, x)| arch.dispatch(GeluRows { out, x, bias }));
    tensor_of(out, &x.shape().to_vec())
}

/// `out = gelu(x + bias)` for some rows.
struct GeluRows<'a> {
    out: &'a mut [f32],
    x: &'a [f32],
    bias: &'a [f32],
}

impl WithSimd for GeluRows<'_> {
    type Output = ();

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled for the vector unit of its caller")]
    fn with_simd<S: Simd>(self, _: S) {
        let width = self.bias.len();
        for (out, x) in self.out.chunks_exact_mut(width).zip(self.x.chunks_exact(width)) {
            for ((out, x), bias) in out.iter_mut().zip(x).zip(self.bias) {
                let x = x + bias;
                *out = x * normal(x).0;
            }
        }
    }
}

/// `grad *= gelu'(x + bias)` for some rows.
struct GeluGradient<'a> {
    grad: &'a mut [f32],
    x: &'a [f32],
    bias: &'a [f32],
}

impl WithSimd for GeluGradient<'_> {
    type Output = ();

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled for the vector unit of its caller")]
    fn with_simd<S: Simd>(self, _: S) {
        let width = self.bias.len();
        for (grad, x) in self.grad.chunks_exact_mut(width).zip(self.x.chunks_exact(width)) {
            for ((grad, x), bias) in grad.iter_mut().zip(x).zip(self.bias) {
                let x = x + bias;
                let (distribution, density) = normal(x);
                *grad *= distribution + x * density;
            }
        }
    }
}

#[derive(Debug)]
struct BiasGelu;

impl Backward<Flex, 2> for BiasGelu {
    /// The input and the bias: the derivative is cheaper to compute than to keep.
    type State = (FlexTensor, FlexTensor);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (x, bias) = &ops.state;
        let mut grad = dense(grads.consume::<Flex>(&ops.node));
        let bias = slice(bias);
        let (width, run) = (bias.len(), bias.len() * ROWS_A_TASK);
        let arch = Arch::new();
        grad.storage_mut::<f32>()
            .par_chunks_mut(run)
            .zip(slice(x).par_chunks(run))
            .for_each(|(grad, x)| arch.dispatch(GeluGradient { grad, x, bias }));
        let [x_node, bias_node] = ops.parents;
        if let Some(node) = bias_node {
            grads.register::<Flex>(node.id, tensor_of(column_sums(slice(&grad), width), &[width]));
        }
        if let Some(node) = x_node {
            grads.register::<Flex>(node.id, grad);
        }
    }
}
