//! The reason decoder: a small pre-layer-norm transformer that attends to source words and either speaks from its
//! vocabulary or copies from them (pointer-generator; See et al., 2017).
//!
//! Legend: R reasons that run together, W source words of one, D hidden size, V vocabulary.

use std::sync::Arc;

use r2r_model::config::{REASON_POSITIONS, ReasonsConfig};
use r2r_model::plan::{MARKS, MemoryWord, SEGMENTS, Step, StepInput};
use r2r_model::weights::WeightsError;

use crate::kernels::rows::{self, LayerNorm};
use crate::kernels::{Epilogue, Instructions, Kernel, Operand, PackedMatrix, Parts, RowsOf};
use crate::loading::{Loader, packed};

/// The decoder, ready to run.
pub(crate) struct ReasonDecoder {
    memory: MemoryMaps,
    /// Word embeddings, `[V, D]`.
    words: Vec<f32>,
    /// The same as the output map, with the vocabulary's bias.
    words_out: PackedMatrix,
    /// `[64, D]`.
    positions: Vec<f32>,
    embedding_norm: LayerNorm,
    layers: Vec<Layer>,
    norm: LayerNorm,
    /// Scaled by 1/sqrt(D).
    copy: PackedMatrix,
    /// From a state to what is added to the score of the source word that goes on, `[1, D]`.
    continuation: Vec<f32>,
    continuation_bias: f32,
    hidden: usize,
    heads: usize,
    instructions: Instructions,
    /// Most words of a reason.
    pub(crate) max_words: usize,
}

/// From word states to memory rows.
struct MemoryMaps {
    project: PackedMatrix,
    segments: Vec<f32>,
    marks: Vec<f32>,
    norm: LayerNorm,
}

struct Layer {
    norm1: LayerNorm,
    /// Queries (scaled), keys and values, D to 3D.
    self_in: PackedMatrix,
    self_out: PackedMatrix,
    norm2: LayerNorm,
    /// Scaled.
    cross_query: PackedMatrix,
    /// Keys and values, D to 2D.
    cross_in: PackedMatrix,
    cross_out: PackedMatrix,
    norm3: LayerNorm,
    up: PackedMatrix,
    down: PackedMatrix,
}

/// The source words of one reason.
struct Sources {
    /// `[W, D]`.
    memory: Vec<f32>,
    /// Their keys and values for each layer, `[W, 2D]`.
    cross: Vec<Vec<f32>>,
}

/// What one reason carries from word to word. A clone goes on independently.
#[derive(Clone)]
pub(crate) struct Running {
    sources: Arc<Sources>,
    /// Keys and values of the words so far for each layer, `[t, 2D]`.
    own: Vec<Vec<f32>>,
    /// Words so far: t.
    position: usize,
}

impl ReasonDecoder {
    /// Takes the decoder out of a student's weights.
    pub(crate) fn load(loader: &Loader, config: &ReasonsConfig, d: usize) -> Result<Self, WeightsError> {
        let (instructions, precision) = (loader.instructions, loader.precision);
        let kernel = Kernel::of(instructions, precision);
        let words = loader.tensor("reason.words.weight", &[config.vocabulary, d])?;
        let vocabulary_bias = loader.tensor("reason.vocabulary_bias", &[config.vocabulary])?;
        let copy = loader.linear("reason.copy", d, d)?.scaled((d as f32).sqrt().recip());
        let (continuation, continuation_bias) = if loader.weights.has_prefix("reason.continuation.") {
            (loader.tensor("reason.continuation.weight", &[1, d])?, loader.bias("reason.continuation", 1)?[0])
        } else {
            (vec![0.0; d], 0.0)
        };
        let mut layers = Vec::with_capacity(config.layers);
        for index in 0..config.layers {
            layers.push(Layer::load(loader, config, d, index)?);
        }
        Ok(Self {
            memory: MemoryMaps {
                project: loader.packed("reason.memory.project", d, d, precision)?,
                segments: loader.tensor("reason.memory.segment.weight", &[SEGMENTS, d])?,
                marks: loader.tensor("reason.memory.mark.weight", &[MARKS, d])?,
                norm: loader.norm("reason.memory.norm", d)?,
            },
            words_out: PackedMatrix::of_linear(instructions, kernel, &words, &vocabulary_bias, d),
            words,
            positions: loader.tensor("reason.positions.weight", &[REASON_POSITIONS, d])?,
            embedding_norm: loader.norm("reason.embedding_norm", d)?,
            layers,
            norm: loader.norm("reason.norm", d)?,
            copy: packed(instructions, kernel, &[&copy], None, &Parts::new()),
            continuation,
            continuation_bias,
            hidden: d,
            heads: config.heads,
            instructions,
            max_words: config.max_words,
        })
    }

    /// Begins a reason over source words, given with their states, `[W, D]`.
    pub(crate) fn begin(&self, words: &[MemoryWord], states: &[f32]) -> Running {
        let d = self.hidden;
        let mut memory = vec![0f32; states.len()];
        self.memory.project.multiply(
            RowsOf::dense(states, d),
            &mut memory,
            d,
            Epilogue::Store,
            &mut Operand::default(),
        );
        for (row, word) in memory.chunks_exact_mut(d).zip(words) {
            let segment = word.segment as usize;
            rows::add_scaled(self.instructions, row, 1.0, &self.memory.segments[segment * d..(segment + 1) * d]);
            for (mark, weights) in word.marks.multi_hot().into_iter().zip(self.memory.marks.chunks_exact(d)) {
                if mark > 0.0 {
                    rows::add_scaled(self.instructions, row, mark, weights);
                }
            }
            rows::layer_norm(self.instructions, row, &self.memory.norm);
        }
        let cross_of = |layer: &Layer| {
            let mut cross = vec![0f32; memory.len() * 2];
            layer.cross_in.multiply(
                RowsOf::dense(&memory, d),
                &mut cross,
                2 * d,
                Epilogue::Store,
                &mut Operand::default(),
            );
            cross
        };
        let cross = self.layers.iter().map(cross_of).collect();
        Running { sources: Arc::new(Sources { memory, cross }), own: vec![Vec::new(); self.layers.len()], position: 0 }
    }

    /// Reads one more word in each of R reasons and returns the logits of what may follow: for each reason the V
    /// entries of the vocabulary, then its W source words.
    pub(crate) fn step(&self, reasons: &mut [&mut Running], steps: &[Step]) -> Vec<Vec<f32>> {
        let d = self.hidden;
        let mut x = Vec::with_capacity(reasons.len() * d);
        for (reason, step) in reasons.iter().zip(steps) {
            x.extend(self.embed(reason, step.input));
        }
        for (index, layer) in self.layers.iter().enumerate() {
            self.run_layer(layer, index, reasons, &mut x);
        }
        for reason in reasons.iter_mut() {
            reason.position += 1;
        }
        self.normalize(&mut x, &self.norm);
        let spoken = product(&self.words_out, &x, d);
        let copied = product(&self.copy, &x, d);
        let n_words = self.words_out.n();
        let mut logits = Vec::with_capacity(reasons.len());
        for (index, (reason, step)) in reasons.iter().zip(steps).enumerate() {
            let copied = &copied[index * d..(index + 1) * d];
            let mut of_reason = spoken[index * n_words..(index + 1) * n_words].to_vec();
            of_reason
                .extend(reason.sources.memory.chunks_exact(d).map(|row| rows::dot(self.instructions, copied, row)));
            if let Some(source) = step.continuation {
                let state = &x[index * d..(index + 1) * d];
                let dot = rows::dot(self.instructions, state, &self.continuation);
                of_reason[n_words + source] += dot + self.continuation_bias;
            }
            logits.push(of_reason);
        }
        logits
    }

    fn embed(&self, reason: &Running, input: StepInput) -> Vec<f32> {
        let d = self.hidden;
        let word = match input {
            StepInput::Vocabulary(id) => &self.words[id as usize * d..(id as usize + 1) * d],
            StepInput::Source(index) => &reason.sources.memory[index * d..(index + 1) * d],
        };
        let position = &self.positions[reason.position * d..(reason.position + 1) * d];
        let mut row: Vec<f32> = word.iter().zip(position).map(|(word, position)| word + position).collect();
        rows::layer_norm(self.instructions, &mut row, &self.embedding_norm);
        row
    }

    fn run_layer(&self, layer: &Layer, index: usize, reasons: &mut [&mut Running], x: &mut [f32]) {
        let d = self.hidden;
        let mut context = vec![0f32; x.len()];

        let inner = product(&layer.self_in, &self.normalized(x, &layer.norm1), d);
        for ((reason, inner), context) in
            reasons.iter_mut().zip(inner.chunks_exact(3 * d)).zip(context.chunks_exact_mut(d))
        {
            let (query, key_and_value) = inner.split_at(d);
            reason.own[index].extend_from_slice(key_and_value);
            self.attend(query, &reason.own[index], context);
        }
        self.add(x, &product(&layer.self_out, &context, d));

        let queries = product(&layer.cross_query, &self.normalized(x, &layer.norm2), d);
        for ((reason, query), context) in reasons.iter().zip(queries.chunks_exact(d)).zip(context.chunks_exact_mut(d)) {
            self.attend(query, &reason.sources.cross[index], context);
        }
        self.add(x, &product(&layer.cross_out, &context, d));

        let mut wide = product(&layer.up, &self.normalized(x, &layer.norm3), d);
        rows::gelu(self.instructions, &mut wide);
        self.add(x, &product(&layer.down, &wide, layer.up.n()));
    }

    /// Multi-head attention of one query over rows of keys and values, `[t, 2D]`; nothing to attend to gives zeros.
    fn attend(&self, query: &[f32], keys_and_values: &[f32], context: &mut [f32]) {
        let (d, size) = (self.hidden, self.hidden / self.heads);
        context.fill(0.0);
        for head in (0..d).step_by(size) {
            let query = &query[head..head + size];
            let rows_of = || keys_and_values.chunks_exact(2 * d);
            let mut weights: Vec<f32> =
                rows_of().map(|row| rows::dot(self.instructions, query, &row[head..head + size])).collect();
            rows::softmax(self.instructions, &mut weights);
            for (weight, row) in weights.into_iter().zip(rows_of()) {
                let value = &row[d + head..d + head + size];
                rows::add_scaled(self.instructions, &mut context[head..head + size], weight, value);
            }
        }
    }

    fn normalized(&self, x: &[f32], norm: &LayerNorm) -> Vec<f32> {
        let mut x = x.to_vec();
        self.normalize(&mut x, norm);
        x
    }

    fn normalize(&self, x: &mut [f32], norm: &LayerNorm) {
        for row in x.chunks_exact_mut(self.hidden) {
            rows::layer_norm(self.instructions, row, norm);
        }
    }

    fn add(&self, x: &mut [f32], added: &[f32]) {
        rows::add_scaled(self.instructions, x, 1.0, added);
    }
}

impl Layer {
    fn load(loader: &Loader, config: &ReasonsConfig, d: usize, index: usize) -> Result<Self, WeightsError> {
        let (instructions, precision) = (loader.instructions, loader.precision);
        let kernel = Kernel::of(instructions, precision);
        let prefix = format!("reason.layers.{index}");
        let scale = ((d / config.heads) as f32).sqrt().recip();
        let square = |part: &str| loader.linear(&format!("{prefix}.{part}"), d, d);
        let own = [square("self.query")?.scaled(scale), square("self.key")?, square("self.value")?];
        let cross = [square("cross.key")?, square("cross.value")?];
        let cross_query = square("cross.query")?.scaled(scale);
        let none = Parts::new();
        Ok(Self {
            self_in: packed(instructions, kernel, &own.each_ref(), None, &none),
            cross_in: packed(instructions, kernel, &cross.each_ref(), None, &none),
            cross_query: packed(instructions, kernel, &[&cross_query], None, &none),
            self_out: loader.packed(&format!("{prefix}.self.output"), d, d, precision)?,
            cross_out: loader.packed(&format!("{prefix}.cross.output"), d, d, precision)?,
            norm1: loader.norm(&format!("{prefix}.norm1"), d)?,
            norm2: loader.norm(&format!("{prefix}.norm2"), d)?,
            norm3: loader.norm(&format!("{prefix}.norm3"), d)?,
            up: loader.packed(&format!("{prefix}.feed_forward.up"), d, config.feed_forward, precision)?,
            down: loader.packed(&format!("{prefix}.feed_forward.down"), config.feed_forward, d, precision)?,
        })
    }
}

/// All rows of `x`, of length `k`, times a matrix.
fn product(matrix: &PackedMatrix, x: &[f32], k: usize) -> Vec<f32> {
    let rows = RowsOf::dense(x, k);
    let mut out = vec![0f32; rows.n * matrix.n()];
    matrix.multiply(rows, &mut out, matrix.n(), Epilogue::Store, &mut Operand::default());
    out
}
