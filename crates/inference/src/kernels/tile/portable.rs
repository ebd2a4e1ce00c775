//! Tiles in plain Rust: the oracle of the others, and the path of processors that they do not know.

use crate::kernels::tile::TileJob;

/// A tile of 32-bit floats.
pub(crate) fn f32<const ROWS: usize, const COLUMNS: usize>(job: &mut TileJob<'_>) {
    let multiply = |sum: f32, x: u32, w: u32| sum + f32::from_bits(x) * f32::from_bits(w);
    let sums = sums::<f32, ROWS, COLUMNS>(job, std::array::from_fn(|c| job.columns.bias[c]), multiply);
    store::<ROWS, COLUMNS>(job, |r, c| sums[r][c]);
}

/// A tile of bfloat16 pairs: both products are added to an f32.
pub(crate) fn bf16<const ROWS: usize, const COLUMNS: usize>(job: &mut TileJob<'_>) {
    // A bfloat16 is the upper half of an f32; the pair's first value is the word's lower half.
    let first = |word: u32| f32::from_bits(word << 16);
    let second = |word: u32| f32::from_bits(word & 0xffff_0000);
    let multiply = |sum: f32, x: u32, w: u32| sum + first(x) * first(w) + second(x) * second(w);
    let sums = sums::<f32, ROWS, COLUMNS>(job, std::array::from_fn(|c| job.columns.bias[c]), multiply);
    store::<ROWS, COLUMNS>(job, |r, c| sums[r][c]);
}

/// A tile of 8-bit integers in pairs of i16, with exact sums.
pub(crate) fn int8<const ROWS: usize, const COLUMNS: usize>(job: &mut TileJob<'_>) {
    job.check_scales(COLUMNS);
    let first = |word: u32| i32::from(word as i16);
    let second = |word: u32| i32::from((word >> 16) as i16);
    let multiply = |sum: i32, x: u32, w: u32| sum + (first(x) * first(w) + second(x) * second(w));
    let sums = sums::<i32, ROWS, COLUMNS>(job, [0; COLUMNS], multiply);
    let row_scales: [f32; ROWS] = std::array::from_fn(|r| job.row_scale(r).scale);
    let columns = job.columns;
    store::<ROWS, COLUMNS>(job, |r, c| sums[r][c] as f32 * (row_scales[r] * columns.scales[c]) + columns.bias[c]);
}

fn sums<T: Copy, const ROWS: usize, const COLUMNS: usize>(
    job: &TileJob<'_>,
    start: [T; COLUMNS],
    multiply: impl Fn(T, u32, u32) -> T,
) -> [[T; COLUMNS]; ROWS] {
    job.check(ROWS, COLUMNS);
    let depth = job.depth(COLUMNS);
    let rows: [&[u32]; ROWS] = std::array::from_fn(|r| &job.x[job.row_start(r)..job.row_start(r) + depth]);
    let mut sums = [start; ROWS];
    for (k, weights) in job.panel.as_chunks::<COLUMNS>().0.iter().enumerate() {
        for (sums, row) in sums.iter_mut().zip(rows) {
            let x = row[k];
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum = multiply(*sum, x, *weight);
            }
        }
    }
    sums
}

fn store<const ROWS: usize, const COLUMNS: usize>(job: &mut TileJob<'_>, value: impl Fn(usize, usize) -> f32) {
    for r in 0..ROWS {
        let row = &mut job.out[r * job.out_stride..][..COLUMNS];
        for (c, out) in row.iter_mut().enumerate() {
            *out = value(r, c);
        }
    }
}
