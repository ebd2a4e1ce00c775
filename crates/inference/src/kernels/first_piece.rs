//! Attention of each sequence's first piece alone, without keys and values of the others.
//!
//! With x the states of a sequence's pieces, q the first piece's scaled query and a its weights, in one head, whose rows
//! of the maps are K and V with biases k and v:
//!
//! ```text
//! score of a piece:  q · (K x + k)     = (Kᵀ q) · x + q · k
//! context:           Σ a (V x + v)     = V (Σ a x) + v        as the weights sum to 1
//! ```
//!
//! `q · k` is the same for all pieces, and softmax does not see it: the bias of the keys is not needed. So the maps meet
//! one row of each sequence instead of L: with H heads, 3 D² + 2 H L D multiplications and additions instead of
//! 3 L D² + 2 L D. That is so little that it stays in 32-bit floats whatever the precision of the products.

use std::ops::Range;

use crate::kernels::attention::Heads;
use crate::kernels::instructions::Instructions;
use crate::kernels::rows::{self, LANES};

/// The maps of such an attention.
#[derive(Debug)]
pub(crate) struct FirstPieceAttention {
    instructions: Instructions,
    heads: Heads,
    query: RowMap,
    /// Its bias is not read: see above.
    key: RowMap,
    value: RowMap,
}

/// A linear map in 32-bit floats, row by row.
#[derive(Debug)]
pub(crate) struct RowMap {
    /// `[outputs, inputs]`.
    pub(crate) weight: Vec<f32>,
    /// `[outputs]`.
    pub(crate) bias: Vec<f32>,
}

/// Its buffers, which one thread reuses.
#[derive(Debug, Default)]
pub(crate) struct FirstPieceBuffers {
    /// Of one head, `[head size]`.
    query: Vec<f32>,
    /// `Kᵀ q` of each head, and later the weighted sums of the states: `[S, heads, D]`.
    of_heads: Vec<f32>,
    /// `[heads, L]`, rows padded to whole vectors.
    scores: Vec<f32>,
}

impl FirstPieceAttention {
    /// Attention with maps from D to D; the query's is scaled by 1/sqrt of the head size already.
    pub(crate) fn new(instructions: Instructions, heads: Heads, [query, key, value]: [RowMap; 3]) -> Self {
        Self { instructions, heads, query, key, value }
    }

    /// Puts what the first piece of each sequence attends to into `context`, `[S, D]`. A sequence is its states, `[L, D]`.
    pub(crate) fn attend<'a>(
        &self,
        sequences: impl Iterator<Item = &'a [f32]> + Clone,
        context: &mut [f32],
        buffers: &mut FirstPieceBuffers,
    ) {
        let Heads { n: n_heads, size } = self.heads;
        let d = n_heads * size;
        let FirstPieceBuffers { query, of_heads, scores } = buffers;
        refill(query, size, 0.0);
        refill(of_heads, context.len() * n_heads, 0.0);
        // A head's rows of a map meet all sequences while they are in the cache.
        for head in 0..n_heads {
            let (rows, here) = (head * size..(head + 1) * size, head * d..(head + 1) * d);
            let key_weight = &self.key.weight[rows.start * d..rows.end * d];
            for (of_heads, states) in of_heads.chunks_exact_mut(n_heads * d).zip(sequences.clone()) {
                self.query.apply(self.instructions, rows.clone(), &states[..d], query);
                rows::add_all_scaled(self.instructions, &mut of_heads[here.clone()], query, key_weight);
            }
        }
        for (of_heads, states) in of_heads.chunks_exact_mut(n_heads * d).zip(sequences) {
            self.sum_states(states, of_heads, scores);
        }
        for head in 0..n_heads {
            let (rows, here) = (head * size..(head + 1) * size, head * d..(head + 1) * d);
            for (context, of_heads) in context.chunks_exact_mut(d).zip(of_heads.chunks_exact(n_heads * d)) {
                self.value.apply(self.instructions, rows.clone(), &of_heads[here.clone()], &mut context[rows.clone()]);
            }
        }
    }

    /// Replaces `Kᵀ q` of each head by the sum of a sequence's states, weighted by the softmax of their scores.
    fn sum_states(&self, states: &[f32], of_heads: &mut [f32], scores: &mut Vec<f32>) {
        let d = of_heads.len() / self.heads.n;
        let length = states.len() / d;
        // What pads a row has no weight.
        let padded = length.next_multiple_of(LANES);
        refill(scores, self.heads.n * padded, f32::NEG_INFINITY);
        for (j, state) in states.chunks_exact(d).enumerate() {
            for (scores, of_head) in scores.chunks_exact_mut(padded).zip(of_heads.chunks_exact(d)) {
                scores[j] = rows::dot(self.instructions, of_head, state);
            }
        }
        for scores in scores.chunks_exact_mut(padded) {
            rows::softmax(self.instructions, scores);
        }
        of_heads.fill(0.0);
        for (scores, sum) in scores.chunks_exact(padded).zip(of_heads.chunks_exact_mut(d)) {
            rows::add_all_scaled(self.instructions, sum, &scores[..length], states);
        }
    }
}

impl RowMap {
    /// Puts some of the outputs for `x`, `[inputs]`, into `out`.
    fn apply(&self, instructions: Instructions, outputs: Range<usize>, x: &[f32], out: &mut [f32]) {
        for (index, out) in outputs.zip(out) {
            *out = rows::dot(instructions, &self.weight[index * x.len()..(index + 1) * x.len()], x) + self.bias[index];
        }
    }
}

/// Makes a buffer `n` times a value, in the memory that it has.
fn refill(buffer: &mut Vec<f32>, n: usize, value: f32) {
    buffer.clear();
    buffer.resize(n, value);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use r2r_model::precision::Precision;

    use super::*;
    use crate::kernels::attention::Attention;
    use crate::kernels::operand::RowsOf;

    fn numbers(n: usize, seed: usize) -> Vec<f32> {
        (0..n).map(|i| (((i + seed) * 7919 % 2003) as f32 - 1001.0) / 1000.0).collect()
    }

    /// A map from `d` to `d` whose outputs are about as large as its inputs, times a factor.
    fn map(d: usize, factor: f32, seed: usize) -> RowMap {
        let times = |factor: f32, numbers: Vec<f32>| numbers.into_iter().map(|number| number * factor).collect();
        let weight = times(factor / (d as f32).sqrt(), numbers(d * d, seed));
        RowMap { weight, bias: times(factor, numbers(d, seed + 1)) }
    }

    /// What the first row attends to by way of the queries, keys and values of all rows.
    fn by_keys_and_values(attention: &FirstPieceAttention, states: &[f32]) -> Vec<f32> {
        let FirstPieceAttention { instructions, heads, query, key, value } = attention;
        let d = heads.n * heads.size;
        let mut inner = Vec::new();
        for state in states.chunks_exact(d) {
            for map in [query, key, value] {
                let begin = inner.len();
                inner.resize(begin + d, f32::NAN);
                map.apply(*instructions, 0..d, state, &mut inner[begin..]);
            }
        }
        let mut context = vec![f32::NAN; states.len()];
        Attention::new(*instructions, Precision::F32, *heads).attend(RowsOf::dense(&inner, 3 * d), &mut context);
        context.truncate(d);
        context
    }

    proptest! {
        #[test]
        fn the_first_piece_attends_as_among_all_and_not_otherwise_in_company(
            lengths in prop::collection::vec(1usize..50, 1..5), n_heads in 1usize..5, size in 1usize..40, seed in 0usize..99,
        ) {
            let d = n_heads * size;
            let heads = Heads { n: n_heads, size };
            let sequences: Vec<Vec<f32>> =
                lengths.iter().enumerate().map(|(i, length)| numbers(length * d, seed + 31 * i)).collect();
            for instructions in Instructions::available() {
                let scale = (size as f32).sqrt().recip();
                let maps = [map(d, scale, seed + 3), map(d, 1.0, seed + 5), map(d, 1.0, seed + 7)];
                let attention = FirstPieceAttention::new(instructions, heads, maps);
                // The same buffers again and again, as in use.
                let mut buffers = FirstPieceBuffers::default();
                let mut together = vec![f32::NAN; sequences.len() * d];
                attention.attend(sequences.iter().map(Vec::as_slice), &mut together, &mut buffers);
                for (states, together) in sequences.iter().zip(together.chunks_exact(d)) {
                    let mut alone = vec![f32::NAN; d];
                    attention.attend(std::iter::once(states.as_slice()), &mut alone, &mut buffers);
                    prop_assert_eq!(&alone[..], together, "{:?}", instructions);
                    for (found, expected) in together.iter().zip(by_keys_and_values(&attention, states)) {
                        prop_assert!((found - expected).abs() < 2e-5, "{instructions:?}: {found} for {expected}");
                    }
                }
            }
        }
    }
}
