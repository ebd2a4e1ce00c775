//! The BERT encoder (Devlin et al., 2019) with post-layer-norm, as transformers runs it, without padding.
//!
//! Legend: S sequences, N all their pieces laid end to end, L pieces of one, D hidden size, F feed-forward width.

use std::ops::Range;
use std::sync::Arc;

use r2r_model::config::EncoderConfig;
use r2r_model::weights::WeightsError;

use crate::kernels::rows::{self, LayerNorm};
use crate::kernels::{Instructions, PackedMatrix, RowsOf};
use crate::loading::{Loader, StoredLinear};

/// The linear maps of a layer, by their names in weight files: query, key, value, attention output, feed-forward
/// up and down.
pub(crate) const LAYER_MAPS: [&str; 6] = [
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
];

/// One input of the encoder.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sequence<'a> {
    /// Vocabulary ids, `[L]`.
    pub(crate) ids: &'a [u32],
    /// Token types, `[L]`.
    pub(crate) type_ids: &'a [u32],
}

/// Which states of the last layer are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Every piece's, `[N, D]`.
    All,
    /// Those of the first piece of each sequence, `[S, D]`: the last layer is not computed for the others.
    First,
}

/// The encoder, ready to run.
#[derive(Debug)]
pub(crate) struct Encoder {
    embeddings: Arc<Embeddings>,
    layers: Vec<Layer>,
    shape: Shape,
    instructions: Instructions,
}

/// Word, position and type embeddings.
#[derive(Debug)]
pub(crate) struct Embeddings {
    words: Vec<f32>,
    positions: Vec<f32>,
    types: Vec<f32>,
    norm: LayerNorm,
}

/// Sizes that the forward pass needs.
#[derive(Clone, Copy, Debug)]
struct Shape {
    hidden: usize,
    heads: usize,
    wide: usize,
}

#[derive(Debug)]
struct Layer {
    /// Queries (scaled by 1/sqrt of the head size), keys and values in one product, D to 3D.
    attention_in: PackedMatrix,
    attention_out: PackedMatrix,
    attention_norm: LayerNorm,
    up: PackedMatrix,
    down: PackedMatrix,
    output_norm: LayerNorm,
}

/// The parts of a layer as they are stored: maps in the order of [`LAYER_MAPS`], and the two norms.
pub(crate) struct StoredLayer {
    pub(crate) maps: [StoredLinear; 6],
    pub(crate) attention_norm: LayerNorm,
    pub(crate) output_norm: LayerNorm,
}

/// Buffers that one thread reuses.
#[derive(Default)]
pub(crate) struct Scratch {
    attention_in: Vec<f32>,
    context: Vec<f32>,
    projected: Vec<f32>,
    wide: Vec<f32>,
    scores: Vec<f32>,
    keys: Option<PackedMatrix>,
    values: Option<PackedMatrix>,
}

impl Embeddings {
    /// Takes the embeddings out of a student's weights.
    pub(crate) fn load(loader: &mut Loader, config: &EncoderConfig) -> Result<Self, WeightsError> {
        let d = config.hidden_size;
        let name = |part: &str| format!("bert.embeddings.{part}.weight");
        Ok(Self {
            words: loader.tensor(&name("word_embeddings"), &[config.vocab_size, d])?,
            positions: loader.tensor(&name("position_embeddings"), &[config.max_position_embeddings, d])?,
            types: loader.tensor(&name("token_type_embeddings"), &[config.type_vocab_size, d])?,
            norm: loader.norm("bert.embeddings.LayerNorm", d)?,
        })
    }
}

impl StoredLayer {
    /// Takes layer `index` out of a student's weights.
    pub(crate) fn load(loader: &mut Loader, config: &EncoderConfig, index: usize) -> Result<Self, WeightsError> {
        let prefix = format!("bert.encoder.layer.{index}");
        let mut map = |which: usize| {
            let (n_inputs, n_outputs) = map_shape(config, which);
            loader.linear(&format!("{prefix}.{}", LAYER_MAPS[which]), n_inputs, n_outputs)
        };
        let maps = [map(0)?, map(1)?, map(2)?, map(3)?, map(4)?, map(5)?];
        Ok(Self {
            maps,
            attention_norm: loader.norm(&format!("{prefix}.attention.output.LayerNorm"), config.hidden_size)?,
            output_norm: loader.norm(&format!("{prefix}.output.LayerNorm"), config.hidden_size)?,
        })
    }

    fn packed(self, config: &EncoderConfig, instructions: Instructions) -> Layer {
        let [query, key, value, attention_out, up, down] = self.maps;
        let query = query.scaled((config.head_size() as f32).sqrt().recip());
        Layer {
            attention_in: StoredLinear::stacked(vec![query, key, value]).packed(instructions),
            attention_out: attention_out.packed(instructions),
            attention_norm: self.attention_norm,
            up: up.packed(instructions),
            down: down.packed(instructions),
            output_norm: self.output_norm,
        }
    }
}

/// Inputs and outputs of a layer's map, by its place in [`LAYER_MAPS`].
pub(crate) fn map_shape(config: &EncoderConfig, which: usize) -> (usize, usize) {
    let (hidden, wide) = (config.hidden_size, config.intermediate_size);
    match LAYER_MAPS[which] {
        "intermediate.dense" => (hidden, wide),
        "output.dense" => (wide, hidden),
        _ => (hidden, hidden),
    }
}

impl Encoder {
    /// Puts an encoder together.
    pub(crate) fn new(
        embeddings: Arc<Embeddings>,
        layers: Vec<StoredLayer>,
        config: &EncoderConfig,
        instructions: Instructions,
    ) -> Self {
        Self {
            embeddings,
            layers: layers.into_iter().map(|layer| layer.packed(config, instructions)).collect(),
            shape: Shape {
                hidden: config.hidden_size,
                heads: config.num_attention_heads,
                wide: config.intermediate_size,
            },
            instructions,
        }
    }

    /// States of the last layer, sequences one after the other.
    pub(crate) fn states(&self, sequences: &[Sequence<'_>], keep: Keep, scratch: &mut Scratch) -> Vec<f32> {
        let mut x = self.embed(sequences);
        let lengths: Vec<usize> = sequences.iter().map(|sequence| sequence.ids.len()).collect();
        for (index, layer) in self.layers.iter().enumerate() {
            let keep_here = if index + 1 == self.layers.len() { keep } else { Keep::All };
            self.run_layer(layer, &lengths, keep_here, &mut x, scratch);
        }
        x
    }

    fn embed(&self, sequences: &[Sequence<'_>]) -> Vec<f32> {
        let d = self.shape.hidden;
        let table = &*self.embeddings;
        let mut x = Vec::with_capacity(sequences.iter().map(|sequence| sequence.ids.len()).sum::<usize>() * d);
        for sequence in sequences {
            for (position, (id, type_id)) in sequence.ids.iter().zip(sequence.type_ids).enumerate() {
                let word = row_of(&table.words, *id as usize, d);
                let place = row_of(&table.positions, position, d);
                let kind = row_of(&table.types, *type_id as usize, d);
                x.extend(word.iter().zip(place).zip(kind).map(|((word, place), kind)| word + place + kind));
            }
        }
        for row in x.chunks_exact_mut(d) {
            rows::layer_norm(self.instructions, row, &table.norm);
        }
        x
    }

    fn run_layer(&self, layer: &Layer, lengths: &[usize], keep: Keep, x: &mut Vec<f32>, scratch: &mut Scratch) {
        let Shape { hidden: d, wide, .. } = self.shape;
        grow(&mut scratch.attention_in, x.len() * 3);
        layer.attention_in.multiply(RowsOf::dense(x, d), &mut scratch.attention_in, 3 * d);
        grow(&mut scratch.context, x.len());
        let (mut first, mut row) = (0, 0);
        for &length in lengths {
            let n_queries = match keep {
                Keep::All => length,
                Keep::First => 1,
            };
            if n_queries < length {
                x.copy_within(first * d..(first + 1) * d, row * d);
            }
            self.attend(first..first + length, row..row + n_queries, scratch);
            first += length;
            row += n_queries;
        }
        x.truncate(row * d);

        grow(&mut scratch.projected, x.len());
        layer.attention_out.multiply(RowsOf::dense(&scratch.context[..x.len()], d), &mut scratch.projected, d);
        self.add_and_norm(x, &scratch.projected, &layer.attention_norm);

        grow(&mut scratch.wide, row * wide);
        layer.up.multiply(RowsOf::dense(x, d), &mut scratch.wide, wide);
        rows::gelu(self.instructions, &mut scratch.wide[..row * wide]);
        layer.down.multiply(RowsOf::dense(&scratch.wide[..row * wide], wide), &mut scratch.projected, d);
        self.add_and_norm(x, &scratch.projected, &layer.output_norm);
    }

    /// Multi-head attention of one sequence: its first rows as queries over all its rows `keys`, into the rows
    /// `out` of the context.
    fn attend(&self, keys: Range<usize>, out: Range<usize>, scratch: &mut Scratch) {
        let Shape { hidden: d, heads, .. } = self.shape;
        let (size, length, n_queries) = (d / heads, keys.len(), out.len());
        let packed_keys = scratch.keys.get_or_insert_with(PackedMatrix::empty);
        let packed_values = scratch.values.get_or_insert_with(PackedMatrix::empty);
        let rows = &scratch.attention_in[keys.start * 3 * d..keys.end * 3 * d];
        grow(&mut scratch.scores, n_queries * length);
        for head in 0..heads {
            let [query, key, value] = [0, d, 2 * d].map(|part| part + head * size);
            packed_keys.refill(self.instructions, size, length, |k, n| rows[n * 3 * d + key + k]);
            packed_values.refill(self.instructions, length, size, |k, n| rows[k * 3 * d + value + n]);
            let queries = RowsOf { values: &rows[query..], stride: 3 * d, n: n_queries };
            packed_keys.multiply(queries, &mut scratch.scores, length);
            for scores in scratch.scores[..n_queries * length].chunks_exact_mut(length) {
                rows::softmax(self.instructions, scores);
            }
            let weights = RowsOf::dense(&scratch.scores[..n_queries * length], length);
            packed_values.multiply(weights, &mut scratch.context[out.start * d + head * size..], d);
        }
    }

    fn add_and_norm(&self, x: &mut [f32], added: &[f32], norm: &LayerNorm) {
        let d = self.shape.hidden;
        for (row, added) in x.chunks_exact_mut(d).zip(added.chunks_exact(d)) {
            rows::add_scaled(self.instructions, row, 1.0, added);
            rows::layer_norm(self.instructions, row, norm);
        }
    }
}

/// Row `index` of a table of rows of `d` values.
fn row_of(table: &[f32], index: usize, d: usize) -> &[f32] {
    &table[index * d..(index + 1) * d]
}

/// Makes room for `n` values; what is there stays as it is.
fn grow(buffer: &mut Vec<f32>, n: usize) {
    if buffer.len() < n {
        buffer.resize(n, 0.0);
    }
}
