//! The rank head: a pooled `[CLS]`, a classifier, and the weight of the base's similarity.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use r2r_model::config::EncoderConfig;
use r2r_model::weights::WeightsError;
use rand_chacha::ChaCha8Rng;

use crate::compute::Compute;
use crate::encoder::Loader;
use crate::fused::Packing;
use crate::layers::{Linear, fresh_linear};

/// What the similarity counts at the start of the training.
pub const FIRST_SIMILARITY_WEIGHT: f32 = 12.0;

/// From states and similarities to logits.
#[derive(Module, Debug)]
pub struct Head {
    /// `[hidden, hidden]`.
    pub pooler: Linear,
    /// `[hidden, 1]`; starts at zero, so that the student starts as its base. Its bias is not trained.
    pub classifier: Linear,
    /// `[1]`; absent where the base is a cross-encoder, whose similarity means nothing.
    pub similarity_weight: Option<Param<Tensor<1>>>,
}

impl Head {
    /// Takes pooler and classifier where the base has them.
    pub(crate) fn load(
        loader: &mut Loader<'_>,
        config: &EncoderConfig,
        with_similarity: bool,
        random: &mut ChaCha8Rng,
    ) -> Result<Self, WeightsError> {
        let hidden = config.hidden_size;
        let device = loader.device;
        let pooler = if loader.weights.has_prefix("bert.pooler.") {
            loader.linear("bert.pooler.dense", hidden, hidden)?
        } else {
            fresh_linear(hidden, hidden, random, device)
        };
        let mut classifier = if loader.weights.has_prefix("classifier.") {
            loader.linear("classifier", hidden, 1)?
        } else {
            Linear::of(Tensor::zeros([hidden, 1], device), Tensor::zeros([1], device))
        };
        // No loss on orders sees a shift of all logits; the calibration finds it afterwards.
        classifier.bias = classifier.bias.set_require_grad(false);
        Ok(Self { pooler, classifier, similarity_weight: with_similarity.then(|| first_similarity_weight(device)) })
    }

    /// Logits of all pairs, `[pairs]`; `states` `[rows, hidden]` are those of the joint pass, `similarities` `[pairs]`.
    pub fn forward(&self, states: Tensor<2>, packing: &Packing, similarities: &[f32], compute: Compute) -> Tensor<1> {
        let firsts: Vec<_> = packing.ranges().map(|range| range.start..range.start + 1).collect();
        let pooled = self.pooler.forward(compute.span_mean(states, &firsts), compute).tanh();
        let learned: Tensor<1> = self.classifier.forward(pooled, compute).squeeze_dim(1);
        match &self.similarity_weight {
            Some(weight) => {
                let similarities = Tensor::<1>::from_floats(similarities, &learned.device());
                learned + similarities * weight.val()
            }
            None => learned,
        }
    }
}

fn first_similarity_weight(device: &Device) -> Param<Tensor<1>> {
    Param::from_tensor(Tensor::from_floats([FIRST_SIMILARITY_WEIGHT], device))
}

/// Cosine of two vectors; zero where one of them is.
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
    let length = |v: &[f32]| v.iter().map(|x| x * x).sum::<f32>().sqrt();
    let lengths = length(a) * length(b);
    if lengths > 0.0 { dot / lengths } else { 0.0 }
}
