//! The reason decoder: a pre-norm transformer over a plan's source words, with a pointer to whole words
//! (Vinyals et al., 2015; See et al., 2017).

use std::ops::Range;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use r2r_model::config::{REASON_POSITIONS, ReasonsConfig};
use r2r_model::plan::{MARKS, SEGMENTS};
use rand_chacha::ChaCha8Rng;

use crate::compute::Compute;
use crate::fused::Packing;
use crate::layers::{Linear, Norm, Pass, fresh_linear, normal};
use crate::plain::{pad, rows_of, unpad};

/// Deviation of fresh word, segment, mark and position embeddings.
const EMBEDDING_DEVIATION: f32 = 0.05;

/// The plans of several reasons and what is to be written, laid end to end.
#[derive(Clone, Debug)]
pub struct ReasonBatch {
    /// Rows of the joint pass whose mean is a source word's state, `[sources]`.
    pub spans: Vec<Range<usize>>,
    /// Segment of each source word, `[sources]`.
    pub segments: Vec<usize>,
    /// Marks of each source word, `[sources, MARKS]`.
    pub marks: Vec<f32>,
    /// The source words of each reason.
    pub sources: Packing,
    /// Inputs of the steps: a vocabulary id, or the vocabulary's size plus a row of all sources, `[steps]`.
    pub inputs: Vec<usize>,
    /// The source word that each step could go on with, counted within the step's reason, `[steps]`.
    pub continuations: Vec<Option<usize>>,
    /// The steps of each reason.
    pub steps: Packing,
}

/// Writes reasons.
#[derive(Module, Debug)]
pub struct ReasonDecoder {
    /// What it looks at.
    pub memory: Memory,
    /// Embeddings of the vocabulary, also its output weights, `[vocabulary, hidden]`.
    pub words: Param<Tensor<2>>,
    /// `[vocabulary]`.
    pub vocabulary_bias: Param<Tensor<1>>,
    /// `[REASON_POSITIONS, hidden]`.
    pub positions: Param<Tensor<2>>,
    /// Norm of the step inputs.
    pub embedding_norm: Norm,
    /// The layers, first to last.
    pub layers: Vec<DecoderLayer>,
    /// Behind the last layer.
    pub norm: Norm,
    /// Turns a state into the pointer's query, `[hidden, hidden]`.
    pub copy: Param<Tensor<2>>,
    /// Turns a state into what is added to the score of the step's continuation, `[hidden, 1]`: a pointer alone
    /// copies word by word and loses the thread, this lets whole phrases be copied.
    pub continuation: Linear,
}

/// Source words with what the plan says about them.
#[derive(Module, Debug)]
pub struct Memory {
    /// `[hidden, hidden]`.
    pub project: Linear,
    /// `[SEGMENTS, hidden]`.
    pub segment: Param<Tensor<2>>,
    /// `[MARKS, hidden]`.
    pub mark: Param<Tensor<2>>,
    /// Norm of the sum.
    pub norm: Norm,
}

/// One pre-norm layer.
#[derive(Module, Debug)]
pub struct DecoderLayer {
    /// Before the self-attention.
    pub norm1: Norm,
    /// Queries, keys and values of the self-attention side by side, `[hidden, 3 * hidden]`.
    pub self_qkv: Linear,
    /// `[hidden, hidden]`.
    pub self_output: Linear,
    /// Before the attention to the memory.
    pub norm2: Norm,
    /// `[hidden, hidden]`.
    pub cross_query: Linear,
    /// Keys and values of the memory side by side, `[hidden, 2 * hidden]`.
    pub cross_kv: Linear,
    /// `[hidden, hidden]`.
    pub cross_output: Linear,
    /// Before the feed-forward half.
    pub norm3: Norm,
    /// `[hidden, feed_forward]`.
    pub up: Linear,
    /// `[feed_forward, hidden]`.
    pub down: Linear,
    #[module(skip)]
    heads: usize,
}

/// Scores of all candidates of each step.
pub struct CandidateScores {
    /// `[steps, vocabulary]`.
    pub vocabulary: Tensor<2>,
    /// `[steps, longest]`: the source words of the step's reason, padded to the longest of the batch.
    pub sources: Tensor<2>,
}

impl ReasonDecoder {
    /// A fresh decoder for states of `hidden` entries; `epsilon` is that of the encoder's norms.
    pub fn fresh(
        config: &ReasonsConfig,
        hidden: usize,
        epsilon: f64,
        random: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        let mut embedding = |rows| Param::from_tensor(normal([rows, hidden], EMBEDDING_DEVIATION, random, device));
        let (words, positions) = (embedding(config.vocabulary), embedding(REASON_POSITIONS));
        let (segment, mark) = (embedding(SEGMENTS), embedding(MARKS));
        let norm = || Norm::identity(hidden, epsilon, device);
        let memory = Memory { project: fresh_linear(hidden, hidden, random, device), segment, mark, norm: norm() };
        let layers = (0..config.layers).map(|_| DecoderLayer::fresh(config, hidden, epsilon, random, device)).collect();
        let copy = normal([hidden, hidden], 1.0 / (hidden as f32).sqrt(), random, device);
        Self {
            memory,
            words,
            vocabulary_bias: Param::from_tensor(Tensor::zeros([config.vocabulary], device)),
            positions,
            embedding_norm: norm(),
            layers,
            norm: norm(),
            copy: Param::from_tensor(copy),
            // Starts at zero: a fresh decoder has no opinion on copying on.
            continuation: Linear::of(Tensor::zeros([hidden, 1], device), Tensor::zeros([1], device)),
        }
    }

    /// Scores of the candidates of every step, from the states `[rows, hidden]` of the joint pass.
    pub fn forward(&self, states: Tensor<2>, batch: &ReasonBatch, compute: Compute) -> CandidateScores {
        let memory = self.memory.forward(states, batch, compute);
        let inputs = rows_of(Tensor::cat(vec![self.words.val(), memory.clone()], 0), &batch.inputs);
        let positions: Vec<usize> = batch.steps.ranges().flat_map(|range| 0..range.len()).collect();
        let embedded = inputs + rows_of(self.positions.val(), &positions);
        let mut x = self.embedding_norm.forward(embedded, compute);
        for layer in &self.layers {
            x = layer.forward(x, memory.clone(), batch, compute);
        }
        let x = self.norm.forward(x, compute);
        let vocabulary = x.clone().matmul(self.words.val().transpose()) + self.vocabulary_bias.val().unsqueeze();
        CandidateScores { vocabulary, sources: self.copy_scores(x, memory, batch, compute) }
    }

    /// `(copy h) . m / sqrt(hidden)` within each reason, and `continuation h` on top where the step goes on.
    fn copy_scores(&self, x: Tensor<2>, memory: Tensor<2>, batch: &ReasonBatch, compute: Compute) -> Tensor<2> {
        let [_, hidden] = x.dims();
        let going_on = self.continuation.forward(x.clone(), compute);
        let pointers = x.matmul(self.copy.val()).div_scalar((hidden as f32).sqrt());
        let (reasons, steps, sources) = (batch.steps.count(), batch.steps.longest(), batch.sources.longest());
        let pointers = pad(pointers, &batch.steps).reshape([reasons, steps, hidden]);
        let memory = pad(memory, &batch.sources).reshape([reasons, sources, hidden]);
        let scores = pointers.matmul(memory.swap_dims(1, 2));
        let scores = unpad(scores.reshape([reasons * steps, sources]), &batch.steps);
        let mut places = vec![0.0_f32; batch.continuations.len() * sources];
        for (row, continuation) in places.chunks_exact_mut(sources).zip(&batch.continuations) {
            if let Some(source) = continuation {
                row[*source] = 1.0;
            }
        }
        let shape = [batch.continuations.len(), sources];
        scores + Tensor::from_data(TensorData::new(places, shape), &going_on.device()) * going_on
    }
}

impl Memory {
    fn forward(&self, states: Tensor<2>, batch: &ReasonBatch, compute: Compute) -> Tensor<2> {
        let words = compute.span_mean(states, &batch.spans);
        let marks = TensorData::new(batch.marks.clone(), [batch.spans.len(), MARKS]);
        let marks = Tensor::<2>::from_data(marks, &words.device());
        let sum = self.project.forward(words, compute)
            + rows_of(self.segment.val(), &batch.segments)
            + marks.matmul(self.mark.val());
        self.norm.forward(sum, compute)
    }
}

impl DecoderLayer {
    fn fresh(config: &ReasonsConfig, hidden: usize, epsilon: f64, random: &mut ChaCha8Rng, device: &Device) -> Self {
        let norm = || Norm::identity(hidden, epsilon, device);
        let mut linear = |inputs, outputs| fresh_linear(inputs, outputs, random, device);
        Self {
            norm1: norm(),
            self_qkv: linear(hidden, 3 * hidden),
            self_output: linear(hidden, hidden),
            norm2: norm(),
            cross_query: linear(hidden, hidden),
            cross_kv: linear(hidden, 2 * hidden),
            cross_output: linear(hidden, hidden),
            norm3: norm(),
            up: linear(hidden, config.feed_forward),
            down: linear(config.feed_forward, hidden),
            heads: config.heads,
        }
    }

    fn forward(&self, x: Tensor<2>, memory: Tensor<2>, batch: &ReasonBatch, compute: Compute) -> Tensor<2> {
        let qkv = self.self_qkv.product(self.norm1.forward(x.clone(), compute), Pass::Adapted, compute);
        let attended = compute.self_attention(qkv, self.self_qkv.bias.val(), &batch.steps, self.heads, true);
        let x = x + self.self_output.forward(attended, compute);
        let q = self.cross_query.forward(self.norm2.forward(x.clone(), compute), compute);
        let kv = self.cross_kv.forward(memory, compute);
        let attended = compute.cross_attention(q, kv, (&batch.steps, &batch.sources), self.heads);
        let x = x + self.cross_output.forward(attended, compute);
        let inner = self.up.product(self.norm3.forward(x.clone(), compute), Pass::Adapted, compute);
        let inner = compute.bias_gelu(inner, self.up.bias.val());
        x + self.down.forward(inner, compute)
    }
}
