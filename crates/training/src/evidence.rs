//! The evidence head: which sentence of a passage carries the answer.

use std::ops::Range;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use rand_chacha::ChaCha8Rng;

use crate::compute::Compute;
use crate::layers::{Linear, fresh_linear, normal};

/// Scores of sentences.
#[derive(Module, Debug)]
pub struct EvidenceHead {
    /// `[hidden, hidden]`.
    pub dense: Linear,
    /// `[hidden, 1]`; no bias, because a softmax does not see one.
    pub score: Param<Tensor<2>>,
}

impl EvidenceHead {
    /// A fresh head.
    pub fn fresh(hidden: usize, random: &mut ChaCha8Rng, device: &Device) -> Self {
        let dense = fresh_linear(hidden, hidden, random, device);
        let score = normal([hidden, 1], 1.0 / (hidden as f32).sqrt(), random, device);
        Self { dense, score: Param::from_tensor(score) }
    }

    /// One score for each sentence, `[sentences]`; `sentences` are rows of `states` `[rows, hidden]`.
    pub fn forward(&self, states: Tensor<2>, sentences: &[Range<usize>], compute: Compute) -> Tensor<1> {
        let means = compute.span_mean(states, sentences);
        self.dense.forward(means, compute).tanh().matmul(self.score.val()).squeeze_dim(1)
    }
}
