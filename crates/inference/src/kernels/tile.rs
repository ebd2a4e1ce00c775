//! Tiles: a few rows of the input times one panel of a packed matrix, held in registers while k runs.

/// Most rows of a tile of any instruction set.
pub(crate) const MAX_ROWS: usize = 12;
/// Most columns of a tile of any instruction set.
pub(crate) const MAX_COLUMNS: usize = 64;

/// What a tile computes, row-major with stride [`MAX_COLUMNS`].
pub(crate) type Tile = [[f32; MAX_COLUMNS]; MAX_ROWS];

/// Plain Rust: the oracle of the others, and the path of processors that they do not know.
pub(crate) fn portable<const ROWS: usize, const COLUMNS: usize>(
    rows: [&[f32]; ROWS],
    panel: &[f32],
    bias: &[f32],
    tile: &mut Tile,
) {
    let mut sums = [[0f32; COLUMNS]; ROWS];
    for sum in &mut sums {
        sum.copy_from_slice(&bias[..COLUMNS]);
    }
    for (k, weights) in panel.as_chunks::<COLUMNS>().0.iter().enumerate() {
        for (sum, row) in sums.iter_mut().zip(rows) {
            let x = row[k];
            for (sum, weight) in sum.iter_mut().zip(weights) {
                *sum += x * weight;
            }
        }
    }
    for (row, sum) in tile.iter_mut().zip(sums) {
        row[..COLUMNS].copy_from_slice(&sum);
    }
}

/// 256-bit vectors: `VECTORS` of 8 columns.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
pub(crate) fn avx2<const ROWS: usize, const VECTORS: usize>(
    rows: [&[f32]; ROWS],
    panel: &[f32],
    bias: &[f32],
    tile: &mut Tile,
) {
    use std::arch::x86_64::{_mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_storeu_ps};

    let width = VECTORS * 8;
    let depth = panel.len() / width;
    assert!(
        bias.len() >= width && rows.iter().all(|row| row.len() >= depth) && ROWS <= MAX_ROWS && width <= MAX_COLUMNS
    );
    // SAFETY: `bias` holds `width` values, asserted above.
    let start: [_; VECTORS] = std::array::from_fn(|v| unsafe { _mm256_loadu_ps(bias.as_ptr().add(v * 8)) });
    let mut sums = [start; ROWS];
    for k in 0..depth {
        // SAFETY: (k + 1) * width <= panel.len() by the choice of `depth`.
        let weights: [_; VECTORS] =
            std::array::from_fn(|v| unsafe { _mm256_loadu_ps(panel.as_ptr().add(k * width + v * 8)) });
        for r in 0..ROWS {
            // SAFETY: every row holds `depth` values, asserted above.
            let x = _mm256_set1_ps(unsafe { *rows[r].get_unchecked(k) });
            for (sum, weight) in sums[r].iter_mut().zip(weights) {
                *sum = _mm256_fmadd_ps(x, weight, *sum);
            }
        }
    }
    for r in 0..ROWS {
        for (v, sum) in sums[r].into_iter().enumerate() {
            // SAFETY: a row of the tile holds MAX_COLUMNS >= width values, asserted above.
            unsafe { _mm256_storeu_ps(tile[r].as_mut_ptr().add(v * 8), sum) };
        }
    }
}

/// 512-bit vectors: `VECTORS` of 16 columns.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
pub(crate) fn avx512<const ROWS: usize, const VECTORS: usize>(
    rows: [&[f32]; ROWS],
    panel: &[f32],
    bias: &[f32],
    tile: &mut Tile,
) {
    use std::arch::x86_64::{_mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_storeu_ps};

    let width = VECTORS * 16;
    let depth = panel.len() / width;
    assert!(
        bias.len() >= width && rows.iter().all(|row| row.len() >= depth) && ROWS <= MAX_ROWS && width <= MAX_COLUMNS
    );
    // SAFETY: `bias` holds `width` values, asserted above.
    let start: [_; VECTORS] = std::array::from_fn(|v| unsafe { _mm512_loadu_ps(bias.as_ptr().add(v * 16)) });
    let mut sums = [start; ROWS];
    for k in 0..depth {
        // SAFETY: (k + 1) * width <= panel.len() by the choice of `depth`.
        let weights: [_; VECTORS] =
            std::array::from_fn(|v| unsafe { _mm512_loadu_ps(panel.as_ptr().add(k * width + v * 16)) });
        for r in 0..ROWS {
            // SAFETY: every row holds `depth` values, asserted above.
            let x = _mm512_set1_ps(unsafe { *rows[r].get_unchecked(k) });
            for (sum, weight) in sums[r].iter_mut().zip(weights) {
                *sum = _mm512_fmadd_ps(x, weight, *sum);
            }
        }
    }
    for r in 0..ROWS {
        for (v, sum) in sums[r].into_iter().enumerate() {
            // SAFETY: a row of the tile holds MAX_COLUMNS >= width values, asserted above.
            unsafe { _mm512_storeu_ps(tile[r].as_mut_ptr().add(v * 16), sum) };
        }
    }
}
