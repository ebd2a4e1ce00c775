//! The BERT encoder (Devlin et al., 2019) with post-layer-norm, as transformers runs it, without padding.
//!
//! Legend: S sequences, N all their pieces laid end to end, L pieces of one, D hidden size, F feed-forward width.

use std::ops::Range;
use std::sync::Arc;

use r2r_model::config::EncoderConfig;
use r2r_model::weight_file::RowTable;
use r2r_model::weights::WeightsError;

use crate::base_encoder::LowRank;
use crate::kernels::attention::{Attention, Heads};
use crate::kernels::first_piece::{FirstPieceAttention, FirstPieceBuffers};
use crate::kernels::rows::{self, LayerNorm};
use crate::kernels::{Epilogue, Instructions, Kernel, Operand, PackedMatrix, Parts, Precision, RowsOf};
use crate::loading::{Loader, StoredLinear, packed};

/// Rows that go from attention to the end of a layer together: their widest states stay in the second cache.
const ROWS_TOGETHER: usize = 96;

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
#[derive(Clone, Copy, Debug)]
pub(crate) enum Keep<'a> {
    /// Every piece's, `[N, D]`.
    All,
    /// Those of the first piece of each sequence, `[S, D]`, with the attention of the last layer for them: that layer
    /// is not computed for the others.
    First(&'a FirstPieceAttention),
}

/// Some of an encoder's layers, and what they read.
#[derive(Clone, Debug)]
pub(crate) struct Stretch<'a> {
    /// Which layers run.
    pub(crate) layers: Range<usize>,
    /// States of each sequence in front of them, `[L, D]`; `None` where they read the embeddings.
    pub(crate) before: Option<&'a [Vec<f32>]>,
}

/// The encoder, ready to run.
#[derive(Debug)]
pub(crate) struct Encoder {
    embeddings: Arc<Embeddings>,
    layers: Vec<Layer>,
    shape: Shape,
    instructions: Instructions,
    precision: Precision,
}

/// Word, position and type embeddings.
#[derive(Debug)]
pub(crate) struct Embeddings {
    words: RowTable,
    positions: RowTable,
    types: RowTable,
    norm: LayerNorm,
}

/// Sizes that the forward pass needs.
#[derive(Clone, Copy, Debug)]
struct Shape {
    heads: Heads,
    wide: usize,
}

#[derive(Debug)]
pub(crate) struct Layer {
    /// Queries (scaled by 1/sqrt of the head size), keys and values in one product, D to 3D.
    attention_in: PackedMatrix,
    attention_out: PackedMatrix,
    attention_norm: LayerNorm,
    up: PackedMatrix,
    down: PackedMatrix,
    output_norm: LayerNorm,
}

/// The parts of a layer as they are stored: maps in the order of [`LAYER_MAPS`], queries scaled by 1/sqrt of the head
/// size, and the two norms.
pub(crate) struct StoredLayer {
    maps: [StoredLinear; 6],
    attention_norm: LayerNorm,
    output_norm: LayerNorm,
}

/// Buffers that one thread reuses.
pub(crate) struct Scratch {
    /// States, `[N, D]`.
    states: Vec<f32>,
    /// Queries, keys and values, `[N, 3D]`.
    inner: Vec<f32>,
    context: Vec<f32>,
    wide: Vec<f32>,
    attention: Attention,
    first_piece: FirstPieceBuffers,
    operand: Operand,
    /// Sums of the fourth powers of what linear maps read of the states, `[D]`, where they are measured.
    fourth_powers: Option<Vec<f64>>,
}

impl Scratch {
    /// Buffers for encoders of a precision.
    pub(crate) fn new(instructions: Instructions, precision: Precision, heads: Heads) -> Self {
        Self {
            states: Vec::new(),
            inner: Vec::new(),
            context: Vec::new(),
            wide: Vec::new(),
            attention: Attention::new(instructions, precision, heads),
            first_piece: FirstPieceBuffers::default(),
            operand: Operand::default(),
            fourth_powers: None,
        }
    }
}

impl Embeddings {
    /// Takes the embeddings out of a student's weights.
    pub(crate) fn load(loader: &Loader, config: &EncoderConfig) -> Result<Self, WeightsError> {
        let d = config.hidden_size;
        let name = |part: &str| format!("bert.embeddings.{part}.weight");
        Ok(Self {
            words: loader.table(&name("word_embeddings"), [config.vocab_size, d])?,
            positions: loader.table(&name("position_embeddings"), [config.max_position_embeddings, d])?,
            types: loader.table(&name("token_type_embeddings"), [config.type_vocab_size, d])?,
            norm: loader.norm("bert.embeddings.LayerNorm", d)?,
        })
    }
}

impl StoredLayer {
    /// Takes layer `index` out of a student's weights.
    pub(crate) fn load(loader: &Loader, config: &EncoderConfig, index: usize) -> Result<Self, WeightsError> {
        let map = |which: usize| stored_map(loader, config, index, which);
        let prefix = layer_prefix(index);
        Ok(Self {
            maps: [map(0)?, map(1)?, map(2)?, map(3)?, map(4)?, map(5)?],
            attention_norm: loader.norm(&format!("{prefix}.attention.output.LayerNorm"), config.hidden_size)?,
            output_norm: loader.norm(&format!("{prefix}.output.LayerNorm"), config.hidden_size)?,
        })
    }

    /// The layer, ready for products, less low-rank terms where there are such. The states that it reads have a few
    /// entries that are much larger than the others: 8-bit integers of these are split into `parts`. Where nobody has
    /// measured which, queries, keys and values are made in floats instead.
    pub(crate) fn packed(
        &self,
        instructions: Instructions,
        precision: Precision,
        less: Option<&[LowRank]>,
        parts: &Parts,
    ) -> Layer {
        let kernel = Kernel::of(instructions, precision);
        let of_attention = match precision {
            Precision::Int8 if parts.is_empty() => Kernel::of(instructions, Kernel::fastest_floats(instructions)),
            _ => kernel,
        };
        let [query, key, value, attention_out, up, down] = &self.maps;
        let one = |map: &StoredLinear, which: usize, parts: &Parts| {
            packed(instructions, kernel, &[map], less.map(|less| std::slice::from_ref(&less[which])), parts)
        };
        Layer {
            attention_in: packed(instructions, of_attention, &[query, key, value], less, parts),
            attention_out: one(attention_out, 3, &Parts::new()),
            attention_norm: self.attention_norm.clone(),
            up: one(up, 4, parts),
            down: one(down, 5, &Parts::new()),
            output_norm: self.output_norm.clone(),
        }
    }
}

/// Takes the last layer's attention for the first piece of each sequence out of a student's weights.
pub(crate) fn load_first_piece(loader: &Loader, config: &EncoderConfig) -> Result<FirstPieceAttention, WeightsError> {
    let map = |which: usize| Ok(stored_map(loader, config, config.num_hidden_layers - 1, which)?.floats());
    Ok(FirstPieceAttention::new(loader.instructions, heads(config), [map(0)?, map(1)?, map(2)?]))
}

/// A map of layer `index` by its place in [`LAYER_MAPS`]; queries are scaled by 1/sqrt of the head size.
fn stored_map(
    loader: &Loader,
    config: &EncoderConfig,
    index: usize,
    which: usize,
) -> Result<StoredLinear, WeightsError> {
    let (n_inputs, n_outputs) = map_shape(config, which);
    let map = loader.linear(&format!("{}.{}", layer_prefix(index), LAYER_MAPS[which]), n_inputs, n_outputs)?;
    Ok(if which == 0 { map.scaled((config.head_size() as f32).sqrt().recip()) } else { map })
}

pub(crate) fn layer_prefix(index: usize) -> String {
    format!("bert.encoder.layer.{index}")
}

fn heads(config: &EncoderConfig) -> Heads {
    Heads { n: config.num_attention_heads, size: config.head_size() }
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
        layers: Vec<Layer>,
        config: &EncoderConfig,
        instructions: Instructions,
        precision: Precision,
    ) -> Self {
        Self {
            embeddings,
            layers,
            shape: Shape { heads: heads(config), wide: config.intermediate_size },
            instructions,
            precision,
        }
    }

    /// Buffers for this encoder.
    pub(crate) fn scratch(&self) -> Scratch {
        Scratch::new(self.instructions, self.precision, self.shape.heads)
    }

    /// How many layers.
    pub(crate) fn n_layers(&self) -> usize {
        self.layers.len()
    }

    /// States behind a stretch of layers, sequences one after the other; they lie in the scratch space.
    pub(crate) fn states<'a>(
        &self,
        sequences: &[Sequence<'_>],
        stretch: &Stretch<'_>,
        keep: Keep<'_>,
        scratch: &'a mut Scratch,
    ) -> &'a [f32] {
        let mut n = match stretch.before {
            None => self.embed(sequences, &mut scratch.states),
            Some(before) => self.restore(before, &mut scratch.states),
        };
        for index in stretch.layers.clone() {
            let keep_here = if index + 1 == stretch.layers.end { keep } else { Keep::All };
            n = self.run_layer(&self.layers[index], sequences, keep_here, n, scratch);
        }
        &scratch.states[..n * self.shape.hidden()]
    }

    /// For each entry of the states, the sum of the fourth powers of what linear maps read of it while a sequence goes
    /// through, `[D]`: large where few values are much larger than the others.
    pub(crate) fn fourth_powers(&self, sequence: Sequence<'_>) -> Vec<f64> {
        let mut scratch = self.scratch();
        scratch.fourth_powers = Some(vec![0.0; self.shape.hidden()]);
        let stretch = Stretch { layers: 0..self.n_layers(), before: None };
        self.states(&[sequence], &stretch, Keep::All, &mut scratch);
        scratch.fourth_powers.unwrap_or_default()
    }

    /// Puts states that were kept into the first rows of `states` and says how many they are.
    fn restore(&self, kept: &[Vec<f32>], states: &mut Vec<f32>) -> usize {
        let n = kept.iter().map(Vec::len).sum();
        grow(states, n);
        let mut rest = &mut states[..];
        for kept in kept {
            let (own, behind) = rest.split_at_mut(kept.len());
            own.copy_from_slice(kept);
            rest = behind;
        }
        n / self.shape.hidden()
    }

    /// Puts the embeddings of all pieces into the first rows of `states` and says how many they are.
    fn embed(&self, sequences: &[Sequence<'_>], states: &mut Vec<f32>) -> usize {
        let d = self.shape.hidden();
        let table = &*self.embeddings;
        let n = sequences.iter().map(|sequence| sequence.ids.len()).sum();
        grow(states, n * d);
        let mut rows = states.chunks_exact_mut(d);
        for sequence in sequences {
            for ((position, (id, type_id)), row) in
                sequence.ids.iter().zip(sequence.type_ids).enumerate().zip(rows.by_ref())
            {
                row.fill(0.0);
                table.words.add_row(*id as usize, row);
                table.positions.add_row(position, row);
                table.types.add_row(*type_id as usize, row);
                rows::layer_norm(self.instructions, row, &table.norm);
            }
        }
        n
    }

    /// Runs a layer over the first `n` states and says how many it leaves.
    fn run_layer(
        &self,
        layer: &Layer,
        sequences: &[Sequence<'_>],
        keep: Keep<'_>,
        n: usize,
        scratch: &mut Scratch,
    ) -> usize {
        let n = match keep {
            Keep::All => self.attend(layer, sequences, n, scratch),
            Keep::First(attention) => self.attend_first(attention, sequences, n, scratch),
        };
        let d = self.shape.hidden();
        let Scratch { states, context, wide, operand, fourth_powers, .. } = scratch;
        grow(wide, ROWS_TOGETHER.min(n) * self.shape.wide);
        let together = ROWS_TOGETHER * d;
        for (x, context) in states[..n * d].chunks_mut(together).zip(context.chunks(together)) {
            self.attend_rows(layer, x, &context[..x.len()], operand);
            add_fourth_powers(fourth_powers, x);
            self.feed_rows_forward(layer, x, wide, operand);
        }
        n
    }

    /// Puts what each of the first `n` states attends to into the rows of `context`, and says how many they are.
    fn attend(&self, layer: &Layer, sequences: &[Sequence<'_>], n: usize, scratch: &mut Scratch) -> usize {
        let d = self.shape.hidden();
        let Scratch { states, inner, context, attention, operand, fourth_powers, .. } = scratch;
        add_fourth_powers(fourth_powers, &states[..n * d]);
        grow(inner, n * 3 * d);
        layer.attention_in.multiply(RowsOf::dense(&states[..n * d], d), inner, 3 * d, Epilogue::Store, operand);
        grow(context, n * d);
        let mut first = 0;
        for sequence in sequences {
            let length = sequence.ids.len();
            let of_sequence = RowsOf { values: &inner[first * 3 * d..], stride: 3 * d, n: length };
            attention.attend(of_sequence, &mut context[first * d..]);
            first += length;
        }
        n
    }

    /// The same for the first state of each sequence; these states move to the front.
    fn attend_first(
        &self,
        attention: &FirstPieceAttention,
        sequences: &[Sequence<'_>],
        n: usize,
        scratch: &mut Scratch,
    ) -> usize {
        let d = self.shape.hidden();
        let Scratch { states, context, first_piece, .. } = scratch;
        let lengths = sequences.iter().map(|sequence| sequence.ids.len());
        let of_each = lengths.clone().scan(&states[..n * d], |rest, length| {
            let (own, behind) = rest.split_at(length * d);
            *rest = behind;
            Some(own)
        });
        grow(context, sequences.len() * d);
        attention.attend(of_each, &mut context[..sequences.len() * d], first_piece);
        let mut first = 0;
        for (row, length) in lengths.enumerate() {
            states.copy_within(first * d..(first + 1) * d, row * d);
            first += length;
        }
        sequences.len()
    }

    /// Adds what rows attended to.
    fn attend_rows(&self, layer: &Layer, x: &mut [f32], context: &[f32], operand: &mut Operand) {
        let d = self.shape.hidden();
        layer.attention_out.multiply(RowsOf::dense(context, d), x, d, Epilogue::Add, operand);
        self.normalize(x, &layer.attention_norm);
    }

    /// The feed-forward part of a layer.
    fn feed_rows_forward(&self, layer: &Layer, x: &mut [f32], wide: &mut [f32], operand: &mut Operand) {
        let (d, n_wide) = (self.shape.hidden(), self.shape.wide);
        let wide = &mut wide[..x.len() / d * n_wide];
        layer.up.multiply(RowsOf::dense(x, d), wide, n_wide, Epilogue::Gelu, operand);
        layer.down.multiply(RowsOf::dense(wide, n_wide), x, d, Epilogue::Add, operand);
        self.normalize(x, &layer.output_norm);
    }

    fn normalize(&self, x: &mut [f32], norm: &LayerNorm) {
        for row in x.chunks_exact_mut(self.shape.hidden()) {
            rows::layer_norm(self.instructions, row, norm);
        }
    }
}

impl Shape {
    fn hidden(self) -> usize {
        self.heads.n * self.heads.size
    }
}

/// Adds the fourth powers of rows of states, where they are measured.
fn add_fourth_powers(sums: &mut Option<Vec<f64>>, rows: &[f32]) {
    let Some(sums) = sums else { return };
    for row in rows.chunks_exact(sums.len()) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += f64::from(*value).powi(4);
        }
    }
}

/// Makes room for `n` values; what is there stays as it is.
fn grow(buffer: &mut Vec<f32>, n: usize) {
    if buffer.len() < n {
        buffer.resize(n, 0.0);
    }
}
