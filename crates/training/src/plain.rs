//! The operations of `crate::fused`, said with the tensor stack's own: the path of GPUs and the oracle of the tests.

use std::ops::Range;

use burn::tensor::activation::{gelu, softmax};
use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::fused::{LowRankFactors, Packing};

/// Stands for minus infinity in masks: its exponential is zero, and its product with zero is not a NaN.
pub(crate) const HIDDEN: f32 = -1e30;

/// `gelu(x + bias)`.
pub(crate) fn bias_gelu(x: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
    gelu(x + bias.unsqueeze())
}

/// Layer norm over the features of each row.
pub(crate) fn layer_norm(x: Tensor<2>, gamma: Tensor<1>, beta: Tensor<1>, epsilon: f64) -> Tensor<2> {
    let mean = x.clone().mean_dim(1);
    let centered = x - mean;
    let variance = centered.clone().powf_scalar(2.0).mean_dim(1);
    let normalized = centered / variance.add_scalar(epsilon).sqrt();
    normalized * gamma.unsqueeze() + beta.unsqueeze()
}

/// Means of runs of rows as a product with a matrix of shares.
pub(crate) fn span_mean(x: Tensor<2>, spans: &[Range<usize>]) -> Tensor<2> {
    let [rows, _] = x.dims();
    let mut shares = vec![0.0_f32; spans.len() * rows];
    for (row, span) in shares.chunks_exact_mut(rows).zip(spans) {
        row[span.clone()].fill(1.0 / span.len() as f32);
    }
    let shares = Tensor::<2>::from_data(TensorData::new(shares, [spans.len(), rows]), &x.device());
    shares.matmul(x)
}

/// `x weight + scale (x down^T) up^T`, block by block.
pub(crate) fn adapted_product(x: Tensor<2>, weight: Tensor<2>, factors: LowRankFactors) -> Tensor<2> {
    let LowRankFactors { down, up, blocks, scale } = factors;
    let [outputs, rank] = up.dims();
    let block_outputs = outputs / blocks;
    let inner = x.clone().matmul(down.transpose());
    let terms = (0..blocks)
        .map(|block| {
            let inner = inner.clone().slice([0..x.dims()[0], block * rank..(block + 1) * rank]);
            let up = up.clone().slice([block * block_outputs..(block + 1) * block_outputs, 0..rank]);
            inner.matmul(up.transpose())
        })
        .collect();
    x.matmul(weight) + Tensor::cat(terms, 1).mul_scalar(scale)
}

/// Attention of each packed sequence with itself.
pub(crate) fn self_attention(
    qkv: Tensor<2>,
    bias: Tensor<1>,
    packing: &Packing,
    heads: usize,
    causal: bool,
) -> Tensor<2> {
    let qkv = qkv + bias.unsqueeze();
    let [rows, columns] = qkv.dims();
    let width = columns / 3;
    let block = |number: usize| qkv.clone().slice([0..rows, number * width..(number + 1) * width]);
    attention([block(0), block(1), block(2)], packing, packing, heads, causal)
}

/// Attention of the rows of each sequence to the rows of the sequence of the same number.
pub(crate) fn cross_attention(
    q: Tensor<2>,
    kv: Tensor<2>,
    queries: &Packing,
    keys: &Packing,
    heads: usize,
) -> Tensor<2> {
    let [rows, columns] = kv.dims();
    let width = columns / 2;
    let k = kv.clone().slice([0..rows, 0..width]);
    let v = kv.slice([0..rows, width..columns]);
    attention([q, k, v], queries, keys, heads, false)
}

fn attention([q, k, v]: [Tensor<2>; 3], queries: &Packing, keys: &Packing, heads: usize, causal: bool) -> Tensor<2> {
    let [_, width] = q.dims();
    let size = width / heads;
    let split = |x: Tensor<2>, packing: &Packing| {
        let count = packing.count();
        pad(x, packing).reshape([count, packing.longest(), heads, size]).swap_dims(1, 2)
    };
    let (q, k, v) = (split(q, queries), split(k, keys), split(v, keys));
    let scores = q.matmul(k.swap_dims(2, 3)).div_scalar((size as f32).sqrt());
    let scores = scores + visible(queries, keys, causal, &v.device());
    let attended = softmax(scores, 3).matmul(v).swap_dims(1, 2);
    let padded_rows = queries.count() * queries.longest();
    unpad(attended.reshape([padded_rows, width]), queries)
}

/// 0 where a key may be seen and [`HIDDEN`] elsewhere, `[sequences, 1, longest query, longest key]`.
fn visible(queries: &Packing, keys: &Packing, causal: bool, device: &Device) -> Tensor<4> {
    let (n_queries, n_keys) = (queries.longest(), keys.longest());
    let mut mask = Vec::with_capacity(queries.count() * n_queries * n_keys);
    for range in keys.ranges() {
        for query in 0..n_queries {
            let end = if causal { range.len().min(query + 1) } else { range.len() };
            mask.extend((0..n_keys).map(|key| if key < end { 0.0 } else { HIDDEN }));
        }
    }
    Tensor::from_data(TensorData::new(mask, [queries.count(), 1, n_queries, n_keys]), device)
}

/// Packed rows laid into `[sequences * longest, features]`; the padding repeats each sequence's first row.
pub(crate) fn pad(x: Tensor<2>, packing: &Packing) -> Tensor<2> {
    let longest = packing.longest();
    let rows = packing
        .ranges()
        .flat_map(|range| (0..longest).map(move |row| if row < range.len() { range.start + row } else { range.start }));
    let rows: Vec<usize> = rows.collect();
    rows_of(x, &rows)
}

/// The inverse of [`pad`].
pub(crate) fn unpad(x: Tensor<2>, packing: &Packing) -> Tensor<2> {
    let longest = packing.longest();
    let rows = packing
        .ranges()
        .enumerate()
        .flat_map(|(sequence, range)| (0..range.len()).map(move |row| sequence * longest + row));
    let rows: Vec<usize> = rows.collect();
    rows_of(x, &rows)
}

/// Some rows of a matrix.
pub(crate) fn rows_of(x: Tensor<2>, rows: &[usize]) -> Tensor<2> {
    let device = x.device();
    x.select(0, indices(rows, &device))
}

/// Row numbers as a tensor.
pub(crate) fn indices(rows: &[usize], device: &Device) -> Tensor<1, Int> {
    let rows: Vec<i64> = rows.iter().map(|row| *row as i64).collect();
    let count = rows.len();
    Tensor::from_data(TensorData::new(rows, [count]), device)
}
