//! The building blocks of encoder and decoder: products with or without a low-rank term, norms, and their loading.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::compute::Compute;
use crate::fused::LowRankFactors;

/// Which tensors of the encoder are trained.
///
/// Written `"full"` or `{ rank = 16, alpha = 32.0 }`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "WrittenAdaptation", into = "WrittenAdaptation")]
pub enum Adaptation {
    /// All of them; the student then has no similarity term, because its base is gone.
    Full,
    /// None; low-rank terms beside the linear maps are trained instead (`LoRA`, Hu et al., 2021).
    LowRank(LowRank),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenAdaptation {
    Word(AdaptationWord),
    LowRank(LowRank),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum AdaptationWord {
    Full,
}

impl From<WrittenAdaptation> for Adaptation {
    fn from(written: WrittenAdaptation) -> Self {
        match written {
            WrittenAdaptation::Word(AdaptationWord::Full) => Self::Full,
            WrittenAdaptation::LowRank(low_rank) => Self::LowRank(low_rank),
        }
    }
}

impl From<Adaptation> for WrittenAdaptation {
    fn from(adaptation: Adaptation) -> Self {
        match adaptation {
            Adaptation::Full => Self::Word(AdaptationWord::Full),
            Adaptation::LowRank(low_rank) => Self::LowRank(low_rank),
        }
    }
}

/// The shape of the low-rank terms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LowRank {
    /// Width of the bottleneck.
    pub rank: usize,
    /// The term is multiplied with `alpha / rank`.
    pub alpha: f32,
}

impl Default for LowRank {
    fn default() -> Self {
        Self { rank: 16, alpha: 32.0 }
    }
}

impl Default for Adaptation {
    fn default() -> Self {
        Self::LowRank(LowRank::default())
    }
}

/// Whether low-rank terms take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// The student.
    Adapted,
    /// The base it started from.
    Base,
}

/// A linear map whose bias is added by the operation that follows, or several maps of one input side by side.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[inputs, outputs]`.
    pub weight: Param<Tensor<2>>,
    /// `[outputs]`.
    pub bias: Param<Tensor<1>>,
    /// The trained term beside a frozen weight.
    pub low_rank: Option<LowRankTerm>,
}

/// `scale * up down`, one for each of the maps side by side.
#[derive(Module, Debug)]
pub struct LowRankTerm {
    /// `[blocks * rank, inputs]`.
    pub down: Param<Tensor<2>>,
    /// `[outputs, rank]`.
    pub up: Param<Tensor<2>>,
    #[module(skip)]
    blocks: usize,
    #[module(skip)]
    scale: f32,
}

impl Linear {
    /// A trained map.
    pub fn of(weight: Tensor<2>, bias: Tensor<1>) -> Self {
        Self { weight: Param::from_tensor(weight), bias: Param::from_tensor(bias), low_rank: None }
    }

    /// The map under an adaptation: `blocks` maps side by side, each with a term of its own.
    #[must_use]
    pub fn adapted(self, adaptation: Adaptation, blocks: usize, random: &mut ChaCha8Rng) -> Self {
        let LowRank { rank, alpha } = match adaptation {
            Adaptation::Full => return self,
            Adaptation::LowRank(low_rank) => low_rank,
        };
        let [inputs, outputs] = self.weight.dims();
        let device = self.weight.device();
        let deviation = 1.0 / (inputs as f32).sqrt();
        let term = LowRankTerm {
            down: Param::from_tensor(normal([blocks * rank, inputs], deviation, random, &device)),
            up: Param::from_tensor(Tensor::zeros([outputs, rank], &device)),
            blocks,
            scale: alpha / rank as f32,
        };
        let frozen = self.no_grad();
        Self { low_rank: Some(term), ..frozen }
    }

    /// The product without the bias, `[rows, outputs]`.
    pub(crate) fn product(&self, x: Tensor<2>, pass: Pass, compute: Compute) -> Tensor<2> {
        match (&self.low_rank, pass) {
            (Some(term), Pass::Adapted) => {
                let factors =
                    LowRankFactors { down: term.down.val(), up: term.up.val(), blocks: term.blocks, scale: term.scale };
                compute.adapted_product(x, self.weight.val(), factors)
            }
            (None, _) | (Some(_), Pass::Base) => x.matmul(self.weight.val()),
        }
    }

    /// The product and the bias, `[rows, outputs]`.
    pub(crate) fn forward(&self, x: Tensor<2>, compute: Compute) -> Tensor<2> {
        self.product(x, Pass::Adapted, compute) + self.bias.val().unsqueeze()
    }
}

impl LowRankTerm {
    /// The factor of the term: alpha / rank.
    pub fn scale(&self) -> f32 {
        self.scale
    }
}

/// Scale and shift of a layer norm.
#[derive(Module, Debug)]
pub struct Norm {
    /// Scale, `[features]`.
    pub gamma: Param<Tensor<1>>,
    /// Shift, `[features]`.
    pub beta: Param<Tensor<1>>,
    #[module(skip)]
    epsilon: f64,
}

impl Norm {
    /// A trained norm.
    pub fn of(gamma: Tensor<1>, beta: Tensor<1>, epsilon: f64) -> Self {
        Self { gamma: Param::from_tensor(gamma), beta: Param::from_tensor(beta), epsilon }
    }

    /// The norm that neither scales nor shifts.
    pub fn identity(features: usize, epsilon: f64, device: &Device) -> Self {
        Self::of(Tensor::ones([features], device), Tensor::zeros([features], device), epsilon)
    }

    /// `x` `[rows, features]` normalized.
    pub(crate) fn forward(&self, x: Tensor<2>, compute: Compute) -> Tensor<2> {
        compute.layer_norm(x, self.gamma.val(), self.beta.val(), self.epsilon)
    }

    /// `x + bias + residual` normalized.
    pub(crate) fn forward_residual(
        &self,
        x: Tensor<2>,
        bias: Tensor<1>,
        residual: Tensor<2>,
        compute: Compute,
    ) -> Tensor<2> {
        compute.residual_norm(x, bias, residual, (self.gamma.val(), self.beta.val()), self.epsilon)
    }
}

/// Normal numbers with mean 0 (Box & Muller, 1958).
pub(crate) fn normal<const D: usize>(
    shape: [usize; D],
    deviation: f32,
    random: &mut ChaCha8Rng,
    device: &Device,
) -> Tensor<D> {
    let count: usize = shape.iter().product();
    let values: Vec<f32> = (0..count)
        .map(|_| {
            // 1 - u is never zero, so its logarithm is finite.
            let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
            let angle = std::f64::consts::TAU * random.random::<f64>();
            (radius * angle.cos()) as f32 * deviation
        })
        .collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// A trained map with normal weights of deviation `1 / sqrt(inputs)` and no bias.
pub(crate) fn fresh_linear(inputs: usize, outputs: usize, random: &mut ChaCha8Rng, device: &Device) -> Linear {
    let deviation = 1.0 / (inputs as f32).sqrt();
    Linear::of(normal([inputs, outputs], deviation, random, device), Tensor::zeros([outputs], device))
}
