//! Multi-head attention (Vaswani et al., 2017) of one sequence, a few query rows at a time.
//!
//! The scores of a tile of query rows stay in the first cache between their two products.

use r2r_model::precision::Precision;

use crate::kernels::instructions::Instructions;
use crate::kernels::kernel::Kernel;
use crate::kernels::operand::{Operand, RowsOf};
use crate::kernels::packed::{Epilogue, PackedMatrix};
use crate::kernels::rows::{self, LANES};
use crate::kernels::split_inputs::SplitInputs;
use crate::kernels::tile::MAX_ROWS;

/// Buffers of attention that one thread reuses.
#[derive(Debug)]
pub(crate) struct Attention {
    instructions: Instructions,
    heads: Heads,
    keys: PackedMatrix,
    values: PackedMatrix,
    scores: Vec<f32>,
    /// Queries and keys in the layout of the products.
    queries_and_keys: Operand,
    weights: Operand,
}

/// Heads of one size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heads {
    /// How many.
    pub(crate) n: usize,
    /// Values of each.
    pub(crate) size: usize,
}

impl Attention {
    /// Attention whose products have a precision; 8-bit integers are too coarse for probabilities and become bf16
    /// where the processor has instructions for that.
    pub(crate) fn new(instructions: Instructions, precision: Precision, heads: Heads) -> Self {
        let floats = match precision {
            // A pair must not reach into the next head.
            _ if !heads.size.is_multiple_of(2) => Precision::F32,
            Precision::F32 => Precision::F32,
            Precision::Bf16 => Precision::Bf16,
            Precision::Int8 => Kernel::fastest_floats(instructions),
        };
        let kernel = Kernel::of(instructions, floats);
        Self {
            instructions,
            heads,
            keys: PackedMatrix::empty(instructions, kernel),
            values: PackedMatrix::empty(instructions, kernel),
            scores: Vec::new(),
            queries_and_keys: Operand::default(),
            weights: Operand::default(),
        }
    }

    /// All rows attend to all rows. A row of `inner` holds scaled queries, keys and values of all heads, `[L, 3D]`;
    /// `context` gets as many rows of D values.
    pub(crate) fn attend(&mut self, inner: RowsOf<'_>, context: &mut [f32]) {
        let Heads { n: n_heads, size } = self.heads;
        let (length, d) = (inner.n, n_heads * size);
        let kernel = self.values.kernel();
        let (layout, n_tile) = (kernel.layout(), kernel.rows(kernel.shape(size)));
        let (group, depth) = (layout.group(), size / layout.group());
        // Rows are padded to whole vectors, with scores that have no weight.
        let padded = length.next_multiple_of(LANES);
        if self.scores.len() < n_tile * padded {
            self.scores.resize(n_tile * padded, 0.0);
        }
        let mut sums = [0f32; MAX_ROWS];
        let words = self.queries_and_keys.words(self.instructions, layout, inner, 2 * d, &SplitInputs::default());
        for head in 0..n_heads {
            self.keys.fill_column_words(words.from((d + head * size) / group), length, depth);
            let values = RowsOf { values: &inner.values[2 * d + head * size..], ..inner };
            self.values.fill_rows(values, size);
            for begin in (0..length).step_by(n_tile) {
                let n = n_tile.min(length - begin);
                let scores = &mut self.scores[..n * padded];
                let queries = words.from(begin * words.stride + head * depth);
                self.keys.multiply_words(queries, n, scores, padded, Epilogue::Store);
                for (row, sum) in scores.chunks_exact_mut(padded).zip(&mut sums) {
                    row[length..].fill(f32::NEG_INFINITY);
                    *sum = rows::exponentials(self.instructions, row);
                }
                let out = &mut context[begin * d + head * size..];
                self.values.multiply(RowsOf::dense(scores, padded), out, d, Epilogue::Store, &mut self.weights);
                for (row, sum) in out.chunks_mut(d).zip(&sums[..n]) {
                    rows::scale(self.instructions, &mut row[..size], 1.0 / sum);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn attention_is_that_of_its_definition(length in 1usize..80, n_heads in 1usize..4, size in 1usize..40, seed in 0usize..99) {
            let d = n_heads * size;
            let inner: Vec<f32> =
                (0..length * 3 * d).map(|i| (((i + seed) * 7919 % 2003) as f32 - 1001.0) / 700.0).collect();
            let value = |row: usize, part: usize, i: usize| f64::from(inner[row * 3 * d + part * d + i]);
            for instructions in Instructions::available() {
                for (precision, bound) in [(Precision::F32, 2e-5), (Precision::Bf16, 0.3), (Precision::Int8, 0.3)] {
                    let mut attention = Attention::new(instructions, precision, Heads { n: n_heads, size });
                    // A longer sequence before it leaves something in the buffers.
                    let mut context = vec![f32::NAN; length * d];
                    let rows = RowsOf { values: &inner, stride: 3 * d, n: length };
                    attention.attend(rows, &mut context);
                    let n = length.div_ceil(2);
                    let rows = RowsOf { n, ..rows };
                    attention.attend(rows, &mut context);
                    for (at, found) in context[..n * d].iter().enumerate() {
                        let (row, head) = (at / d, at % d / size);
                        let score = |other: usize| -> f64 {
                            (head * size..(head + 1) * size).map(|i| value(row, 0, i) * value(other, 1, i)).sum()
                        };
                        let highest = (0..n).map(score).fold(f64::MIN, f64::max);
                        let weights: Vec<f64> = (0..n).map(|other| (score(other) - highest).exp()).collect();
                        let total: f64 = weights.iter().sum();
                        let expected: f64 =
                            weights.iter().enumerate().map(|(other, weight)| weight * value(other, 2, at % d)).sum::<f64>() / total;
                        prop_assert!((f64::from(*found) - expected).abs() < bound, "{instructions:?} {precision:?}: {found} for {expected}");
                    }
                }
            }
        }
    }
}
