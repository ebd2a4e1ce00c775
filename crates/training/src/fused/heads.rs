//! The heads of one sequence: scores, probabilities and their derivatives, in buffers that stay in the nearest cache.
#![expect(clippy::inline_always, reason = "compiled for the vector unit of its caller")]

use std::sync::Arc;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::fused::exponential::exponential;
use crate::fused::packing::Packing;
use crate::fused::tiles::{Left, padded, product};

/// Who attends to whom.
#[derive(Clone, Debug)]
pub(super) struct AttentionLayout {
    /// The rows that attend.
    pub(super) queries: Packing,
    /// The rows that are attended to.
    pub(super) keys: Packing,
    /// Heads; they divide `width`.
    pub(super) heads: usize,
    /// Features of a query, of a key and of a value.
    pub(super) width: usize,
    /// Whether later rows are hidden.
    pub(super) causal: bool,
}

impl AttentionLayout {
    /// Floats that the probabilities of one sequence take: its heads' matrices, each row padded to whole lanes.
    fn probabilities_of(&self, sequence: usize) -> usize {
        self.heads * self.queries.range(sequence).len() * padded(self.keys.range(sequence).len())
    }

    /// One slice of a buffer of probabilities for each sequence.
    pub(super) fn split_probabilities<'a>(&self, probabilities: &'a [f32]) -> Vec<&'a [f32]> {
        let mut rest = probabilities;
        (0..self.queries.count())
            .map(|sequence| {
                let (part, tail) = rest.split_at(self.probabilities_of(sequence));
                rest = tail;
                part
            })
            .collect()
    }

    /// The factor of the scores.
    fn scale(&self) -> f32 {
        1.0 / ((self.width / self.heads) as f32).sqrt()
    }
}

/// Columns of a row-major buffer, with the bias that belongs to them (empty: none).
#[derive(Clone, Copy)]
struct Columns<'a> {
    values: &'a [f32],
    stride: usize,
    first: usize,
    bias: &'a [f32],
}

/// Queries, keys and values.
#[derive(Clone, Copy)]
pub(super) struct Inputs<'a> {
    q: Columns<'a>,
    k: Columns<'a>,
    v: Columns<'a>,
}

impl<'a> Inputs<'a> {
    /// Queries, keys and values side by side, with a bias that is not added yet.
    pub(super) fn of_self(qkv: &'a [f32], bias: &'a [f32], width: usize) -> Self {
        let columns = |block: usize| Columns {
            values: qkv,
            stride: 3 * width,
            first: block * width,
            bias: &bias[block * width..(block + 1) * width],
        };
        Self { q: columns(0), k: columns(1), v: columns(2) }
    }

    /// Queries alone, keys and values side by side.
    pub(super) fn of_cross(q: &'a [f32], kv: &'a [f32], width: usize) -> Self {
        let columns = |block: usize| Columns { values: kv, stride: 2 * width, first: block * width, bias: &[] };
        Self { q: Columns { values: q, stride: width, first: 0, bias: &[] }, k: columns(0), v: columns(1) }
    }
}

impl Columns<'_> {
    /// Copies one head's columns of `count` rows from `first_row` on into rows of whole lanes, times `scale`.
    #[inline(always)]
    fn gather(self, first_row: usize, count: usize, head: usize, size: usize, scale: f32, out: &mut [f32]) {
        let from = self.first + head * size;
        let bias = if self.bias.is_empty() { &[] } else { &self.bias[head * size..(head + 1) * size] };
        for (row, out) in out.chunks_exact_mut(padded(size)).take(count).enumerate() {
            let start = (first_row + row) * self.stride + from;
            out[..size].copy_from_slice(&self.values[start..start + size]);
            for (value, bias) in out.iter_mut().zip(bias) {
                *value += bias;
            }
            for value in out {
                *value *= scale;
            }
        }
    }
}

/// `out[size, padded(rows)]` = transpose of `rows_in[rows, padded(size)]`; the padding stays zero.
#[inline(always)]
fn transpose(rows_in: &[f32], rows: usize, size: usize, out: &mut [f32]) {
    let (in_width, out_width) = (padded(size), padded(rows));
    for (row, values) in rows_in.chunks_exact(in_width).take(rows).enumerate() {
        for (column, value) in values[..size].iter().enumerate() {
            out[column * out_width + row] = *value;
        }
    }
}

/// The attended values and, for each sequence and head, the probabilities.
pub(super) fn forward(layout: &AttentionLayout, inputs: Inputs<'_>) -> (Vec<f32>, Arc<[f32]>) {
    let mut out = vec![0.0_f32; layout.queries.rows() * layout.width];
    let n_sequences = layout.queries.count();
    let mut probabilities = vec![0.0_f32; (0..n_sequences).map(|s| layout.probabilities_of(s)).sum()];
    let mut tasks = Vec::with_capacity(n_sequences);
    let mut rest = probabilities.as_mut_slice();
    for (sequence, out) in layout.queries.split_mut(&mut out, layout.width).into_iter().enumerate() {
        let (part, tail) = rest.split_at_mut(layout.probabilities_of(sequence));
        rest = tail;
        tasks.push((sequence, out, part));
    }
    let arch = Arch::new();
    tasks.into_par_iter().for_each(|(sequence, out, probabilities)| {
        arch.dispatch(ForwardSequence { layout, inputs, sequence, out, probabilities });
    });
    (out, probabilities.into())
}

/// The forward pass of one sequence.
struct ForwardSequence<'a> {
    layout: &'a AttentionLayout,
    inputs: Inputs<'a>,
    sequence: usize,
    out: &'a mut [f32],
    probabilities: &'a mut [f32],
}

impl WithSimd for ForwardSequence<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { layout, inputs, sequence, out, probabilities } = self;

        let (queries, keys) = (layout.queries.range(sequence), layout.keys.range(sequence));
        let (n_queries, n_keys) = (queries.len(), keys.len());
        if n_queries == 0 || n_keys == 0 {
            return;
        }
        let size = layout.width / layout.heads;
        let (lanes, key_lanes) = (padded(size), padded(n_keys));
        let mut q = vec![0.0; n_queries * lanes];
        let mut k = vec![0.0; n_keys * lanes];
        let mut k_transposed = vec![0.0; size * key_lanes];
        let mut v = vec![0.0; n_keys * lanes];
        let mut attended = vec![0.0; n_queries * lanes];
        for (head, weights) in probabilities.chunks_exact_mut(n_queries * key_lanes).enumerate() {
            inputs.q.gather(queries.start, n_queries, head, size, layout.scale(), &mut q);
            inputs.k.gather(keys.start, n_keys, head, size, 1.0, &mut k);
            inputs.v.gather(keys.start, n_keys, head, size, 1.0, &mut v);
            transpose(&k, n_keys, size, &mut k_transposed);
            product(n_queries, size, Left::rows(&q, lanes), &k_transposed, key_lanes, weights);
            for (row, scores) in weights.chunks_exact_mut(key_lanes).enumerate() {
                let visible = if layout.causal { row + 1 } else { n_keys };
                softmax(scores, visible);
            }
            product(n_queries, n_keys, Left::rows(weights, key_lanes), &v, lanes, &mut attended);
            for (out, attended) in out.chunks_exact_mut(layout.width).zip(attended.chunks_exact(lanes)) {
                out[head * size..(head + 1) * size].copy_from_slice(&attended[..size]);
            }
        }
    }
}

/// Softmax over the first `visible` scores; the others become zero.
#[inline(always)]
fn softmax(scores: &mut [f32], visible: usize) {
    let (scores, hidden) = scores.split_at_mut(visible);
    let mut lanes = [f32::NEG_INFINITY; 16];
    let (whole, rest) = scores.as_chunks::<16>();
    for chunk in whole {
        for (most, score) in lanes.iter_mut().zip(chunk) {
            *most = if *score > *most { *score } else { *most };
        }
    }
    let most = lanes.iter().chain(rest).fold(f32::NEG_INFINITY, |most, score| most.max(*score));
    let mut sums = [0.0_f32; 16];
    let (whole, rest) = scores.as_chunks_mut::<16>();
    for chunk in whole {
        for (sum, score) in sums.iter_mut().zip(chunk) {
            *score = exponential(*score - most);
            *sum += *score;
        }
    }
    let mut total: f32 = sums.iter().sum();
    for score in rest {
        *score = exponential(*score - most);
        total += *score;
    }
    let share = 1.0 / total;
    for score in scores {
        *score *= share;
    }
    hidden.fill(0.0);
}

/// Where the gradients of one sequence's queries, keys and values go.
pub(super) struct GradRows<'a> {
    /// Rows of the queries; in self-attention keys and values stand behind them.
    pub(super) q: &'a mut [f32],
    /// Floats of a row of `q`.
    pub(super) q_stride: usize,
    /// Rows of keys and values; absent in self-attention.
    pub(super) kv: Option<&'a mut [f32]>,
}

/// The backward pass of one sequence.
pub(super) struct BackwardSequence<'a> {
    /// Who attends to whom.
    pub(super) layout: &'a AttentionLayout,
    /// The inputs of the forward pass.
    pub(super) inputs: Inputs<'a>,
    /// The number of the sequence.
    pub(super) sequence: usize,
    /// Its probabilities.
    pub(super) probabilities: &'a [f32],
    /// Gradients of the attended values of all sequences.
    pub(super) out_grad: &'a [f32],
    /// Where its gradients go.
    pub(super) rows: GradRows<'a>,
}

impl WithSimd for BackwardSequence<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { layout, inputs, sequence, probabilities, out_grad, mut rows } = self;

        let (queries, keys) = (layout.queries.range(sequence), layout.keys.range(sequence));
        let (n_queries, n_keys) = (queries.len(), keys.len());
        if n_queries == 0 || n_keys == 0 {
            return;
        }
        let (width, size) = (layout.width, layout.width / layout.heads);
        let (lanes, key_lanes) = (padded(size), padded(n_keys));
        let mut q = vec![0.0; n_queries * lanes];
        let mut k = vec![0.0; n_keys * lanes];
        let mut v = vec![0.0; n_keys * lanes];
        let mut v_transposed = vec![0.0; size * key_lanes];
        let mut grad = vec![0.0; n_queries * lanes];
        let mut scores_grad = vec![0.0; n_queries * key_lanes];
        let mut q_grad = vec![0.0; n_queries * lanes];
        let mut k_grad = vec![0.0; n_keys * lanes];
        let mut v_grad = vec![0.0; n_keys * lanes];
        let out_grad = Columns { values: out_grad, stride: width, first: 0, bias: &[] };
        for (head, weights) in probabilities.chunks_exact(n_queries * key_lanes).enumerate() {
            inputs.q.gather(queries.start, n_queries, head, size, layout.scale(), &mut q);
            inputs.k.gather(keys.start, n_keys, head, size, 1.0, &mut k);
            inputs.v.gather(keys.start, n_keys, head, size, 1.0, &mut v);
            out_grad.gather(queries.start, n_queries, head, size, 1.0, &mut grad);
            transpose(&v, n_keys, size, &mut v_transposed);
            product(n_keys, n_queries, Left::transposed(weights, key_lanes), &grad, lanes, &mut v_grad);
            product(n_queries, size, Left::rows(&grad, lanes), &v_transposed, key_lanes, &mut scores_grad);
            for (grad, weights) in scores_grad.chunks_exact_mut(key_lanes).zip(weights.chunks_exact(key_lanes)) {
                let mut sums = [0.0_f32; 16];
                for (grad, weights) in grad.chunks_exact(16).zip(weights.chunks_exact(16)) {
                    for ((sum, grad), weight) in sums.iter_mut().zip(grad).zip(weights) {
                        *sum += grad * weight;
                    }
                }
                let expected: f32 = sums.iter().sum();
                for (grad, weight) in grad.iter_mut().zip(weights) {
                    *grad = (*grad - expected) * weight;
                }
            }
            product(n_queries, n_keys, Left::rows(&scores_grad, key_lanes), &k, lanes, &mut q_grad);
            product(n_keys, n_queries, Left::transposed(&scores_grad, key_lanes), &q, lanes, &mut k_grad);
            let at = head * size;
            scatter(&q_grad, lanes, size, layout.scale(), rows.q, rows.q_stride, at);
            match rows.kv.as_deref_mut() {
                None => {
                    scatter(&k_grad, lanes, size, 1.0, rows.q, rows.q_stride, width + at);
                    scatter(&v_grad, lanes, size, 1.0, rows.q, rows.q_stride, 2 * width + at);
                }
                Some(kv) => {
                    scatter(&k_grad, lanes, size, 1.0, kv, 2 * width, at);
                    scatter(&v_grad, lanes, size, 1.0, kv, 2 * width, width + at);
                }
            }
        }
    }
}

#[inline(always)]
fn scatter(from: &[f32], lanes: usize, size: usize, scale: f32, rows: &mut [f32], stride: usize, first: usize) {
    for (row, from) in rows.chunks_exact_mut(stride).zip(from.chunks_exact(lanes)) {
        for (to, from) in row[first..first + size].iter_mut().zip(from) {
            *to = from * scale;
        }
    }
}
