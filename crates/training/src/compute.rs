//! Which implementation computes what stands between the matrix products: fused loops or plain tensor operations.

use std::ops::Range;

use burn::tensor::{Device, Tensor};

use crate::fused::{self, LowRankFactors, Packing};
use crate::plain;

/// The implementation of the operations between matrix products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compute {
    /// Hand-written loops and derivatives over packed sequences: CPU only.
    Fused,
    /// The tensor stack's own operations: every device, and the oracle of the tests.
    Plain,
}

/// Where a model is trained.
#[derive(Clone, Debug)]
pub struct Place {
    /// The device, with gradients enabled.
    pub device: Device,
    /// The implementation that suits it.
    pub compute: Compute,
}

impl Place {
    /// The CPU with the fused operations.
    pub fn cpu() -> Self {
        Self { device: Device::flex().autodiff(), compute: Compute::Fused }
    }

    /// The device of that name: `cpu`, and `cuda` or `wgpu` where the crate was built with that feature.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "cpu" => Some(Self::cpu()),
            #[cfg(feature = "cuda")]
            "cuda" => Some(Self { device: Device::cuda(0).autodiff(), compute: Compute::Plain }),
            #[cfg(feature = "wgpu")]
            "wgpu" => Some(Self { device: Device::wgpu(Default::default()).autodiff(), compute: Compute::Plain }),
            _ => None,
        }
    }

    /// The same place without gradients: for what is only looked at.
    #[must_use]
    pub fn without_gradients(&self) -> Self {
        Self { device: self.device.clone().without_autodiff(), compute: self.compute }
    }
}

impl Compute {
    /// `gelu(x + bias)`, `x` `[rows, features]`.
    pub(crate) fn bias_gelu(self, x: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
        match self {
            Self::Fused => fused::bias_gelu(x, bias),
            Self::Plain => plain::bias_gelu(x, bias),
        }
    }

    /// Layer norm over the features of `x` `[rows, features]`.
    pub(crate) fn layer_norm(self, x: Tensor<2>, gamma: Tensor<1>, beta: Tensor<1>, epsilon: f64) -> Tensor<2> {
        match self {
            Self::Fused => fused::layer_norm(x, gamma, beta, epsilon as f32),
            Self::Plain => plain::layer_norm(x, gamma, beta, epsilon),
        }
    }

    /// Layer norm of `x + bias + residual`.
    pub(crate) fn residual_norm(
        self,
        x: Tensor<2>,
        bias: Tensor<1>,
        residual: Tensor<2>,
        (gamma, beta): (Tensor<1>, Tensor<1>),
        epsilon: f64,
    ) -> Tensor<2> {
        match self {
            Self::Fused => fused::residual_norm(x, bias, residual, gamma, beta, epsilon as f32),
            Self::Plain => plain::layer_norm(x + bias.unsqueeze() + residual, gamma, beta, epsilon),
        }
    }

    /// Attention of each packed sequence with itself; see [`fused::self_attention`].
    pub(crate) fn self_attention(
        self,
        qkv: Tensor<2>,
        bias: Tensor<1>,
        packing: &Packing,
        heads: usize,
        causal: bool,
    ) -> Tensor<2> {
        match self {
            Self::Fused => fused::self_attention(qkv, bias, packing, heads, causal),
            Self::Plain => plain::self_attention(qkv, bias, packing, heads, causal),
        }
    }

    /// Attention between packed sequences; see [`fused::cross_attention`].
    pub(crate) fn cross_attention(
        self,
        q: Tensor<2>,
        kv: Tensor<2>,
        (queries, keys): (&Packing, &Packing),
        heads: usize,
    ) -> Tensor<2> {
        match self {
            Self::Fused => fused::cross_attention(q, kv, queries, keys, heads),
            Self::Plain => plain::cross_attention(q, kv, queries, keys, heads),
        }
    }

    /// Means of runs of rows, `[spans, features]`.
    pub(crate) fn span_mean(self, x: Tensor<2>, spans: &[Range<usize>]) -> Tensor<2> {
        match self {
            Self::Fused => fused::span_mean(x, spans),
            Self::Plain => plain::span_mean(x, spans),
        }
    }

    /// A frozen product with a trained low-rank term.
    pub(crate) fn adapted_product(self, x: Tensor<2>, weight: Tensor<2>, factors: LowRankFactors) -> Tensor<2> {
        match self {
            Self::Fused => fused::adapted_product(x, weight, factors),
            Self::Plain => plain::adapted_product(x, weight, factors),
        }
    }
}
