//! Matrices laid out for products: panels of a few columns, each running through all of k.

use crate::kernels::instructions::Instructions;
use crate::kernels::tile::{self, MAX_COLUMNS, MAX_ROWS, Tile};

/// A matrix of `k` rows and `n` columns with a bias, to be multiplied from the left.
#[derive(Debug)]
pub(crate) struct PackedMatrix {
    k: usize,
    n: usize,
    shape: TileShape,
    /// Panel by panel: `[k][columns]`, columns beyond `n` zero.
    panels: Vec<f32>,
    /// `n` values, then zeros to the end of the last panel.
    bias: Vec<f32>,
}

/// Rows inside a larger row-major buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowsOf<'a> {
    /// The buffer, from the first value of the first row.
    pub(crate) values: &'a [f32],
    /// Distance between the beginnings of two rows.
    pub(crate) stride: usize,
    /// How many rows.
    pub(crate) n: usize,
}

/// Rows and columns that are computed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TileShape {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512Wide,
    /// For matrices of at most 32 columns: the values of one attention head.
    #[cfg(target_arch = "x86_64")]
    Avx512Narrow,
}

impl TileShape {
    fn of(instructions: Instructions, #[cfg_attr(not(target_arch = "x86_64"), expect(unused))] n: usize) -> Self {
        match instructions {
            Instructions::Portable => Self::Portable,
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => Self::Avx2,
            // Columns that are not there cost as much as those that are.
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 if n <= 32 => Self::Avx512Narrow,
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => Self::Avx512Wide,
        }
    }

    fn rows(self) -> usize {
        match self {
            Self::Portable => 4,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 | Self::Avx512Wide => 6,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Narrow => 12,
        }
    }

    fn columns(self) -> usize {
        match self {
            Self::Portable => 8,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => 16,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Wide => 64,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Narrow => 32,
        }
    }
}

impl PackedMatrix {
    /// Packs the weight of a linear map, `[n, k]` row-major as PyTorch stores it, and its bias, `[n]`.
    pub(crate) fn of_linear(instructions: Instructions, weight: &[f32], bias: &[f32], k: usize) -> Self {
        let n = bias.len();
        assert_eq!(weight.len(), n * k, "weight of a linear map from {k} to {n}");
        let mut packed = Self::empty();
        packed.refill(instructions, k, n, |row, column| weight[column * k + row]);
        packed.bias[..n].copy_from_slice(bias);
        packed
    }

    /// A matrix of no columns, to be filled by [`PackedMatrix::refill`].
    pub(crate) fn empty() -> Self {
        Self { k: 0, n: 0, shape: TileShape::Portable, panels: Vec::new(), bias: Vec::new() }
    }

    /// Packs a `k` by `n` matrix without bias given by its entries (row, column), in memory that is already there.
    pub(crate) fn refill(
        &mut self,
        instructions: Instructions,
        k: usize,
        n: usize,
        entry: impl Fn(usize, usize) -> f32,
    ) {
        self.shape = TileShape::of(instructions, n);
        (self.k, self.n) = (k, n);
        let width = self.shape.columns();
        let n_panels = n.div_ceil(width);
        self.panels.resize(n_panels * width * k, 0.0);
        self.bias.clear();
        self.bias.resize(n_panels * width, 0.0);
        if k == 0 {
            return;
        }
        for (p, panel) in self.panels.chunks_exact_mut(width * k).enumerate() {
            let here = width.min(n - p * width);
            for (row, values) in panel.chunks_exact_mut(width).enumerate() {
                for (c, value) in values[..here].iter_mut().enumerate() {
                    *value = entry(row, p * width + c);
                }
                values[here..].fill(0.0);
            }
        }
    }

    /// Columns: the length of an output row.
    pub(crate) fn n(&self) -> usize {
        self.n
    }

    /// Writes `x · matrix + bias` to the first `n` values of each row of `out`, whose rows begin `out_stride` apart.
    pub(crate) fn multiply(&self, x: RowsOf<'_>, out: &mut [f32], out_stride: usize) {
        if self.k == 0 || x.n == 0 {
            return;
        }
        let width = self.shape.columns();
        let mut tile: Tile = [[0.0; MAX_COLUMNS]; MAX_ROWS];
        for (p, panel) in self.panels.chunks_exact(width * self.k).enumerate() {
            let first = p * width;
            let here = width.min(self.n - first);
            let bias = &self.bias[first..first + width];
            for start in (0..x.n).step_by(self.shape.rows()) {
                let n_rows = self.shape.rows().min(x.n - start);
                self.fill_tile(x, start, panel, bias, &mut tile);
                for (r, row) in tile[..n_rows].iter().enumerate() {
                    let at = (start + r) * out_stride + first;
                    out[at..at + here].copy_from_slice(&row[..here]);
                }
            }
        }
    }

    fn fill_tile(&self, x: RowsOf<'_>, start: usize, panel: &[f32], bias: &[f32], tile: &mut Tile) {
        match self.shape {
            TileShape::Portable => tile::portable::<4, 8>(x.tile(start, self.k), panel, bias, tile),
            // SAFETY: these shapes are only made for instructions that `Instructions::available` found.
            #[cfg(target_arch = "x86_64")]
            TileShape::Avx2 => unsafe { tile::avx2::<6, 2>(x.tile(start, self.k), panel, bias, tile) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            TileShape::Avx512Wide => unsafe { tile::avx512::<6, 4>(x.tile(start, self.k), panel, bias, tile) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            TileShape::Avx512Narrow => unsafe { tile::avx512::<12, 2>(x.tile(start, self.k), panel, bias, tile) },
        }
    }
}

impl<'a> RowsOf<'a> {
    /// Rows that lie close together.
    pub(crate) fn dense(values: &'a [f32], width: usize) -> Self {
        Self { values, stride: width, n: values.len() / width }
    }

    /// `ROWS` rows from `start` on, of `k` values; behind the last row it stands in for those that are not there.
    fn tile<const ROWS: usize>(self, start: usize, k: usize) -> [&'a [f32]; ROWS] {
        std::array::from_fn(|r| {
            let at = (start + r).min(self.n - 1) * self.stride;
            &self.values[at..at + k]
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers(n: usize, seed: usize) -> Vec<f32> {
        (0..n).map(|i| (((i + seed) * 7919 % 2003) as f32 - 1001.0) / 1000.0).collect()
    }

    proptest! {
        #[test]
        fn every_instruction_set_multiplies_as_the_definition(m in 1usize..20, k in 1usize..50, n in 1usize..150) {
            let (x, weight, bias) = (numbers(m * k, 1), numbers(n * k, 5), numbers(n, 9));
            for instructions in Instructions::available() {
                let packed = PackedMatrix::of_linear(instructions, &weight, &bias, k);
                let mut out = vec![f32::NAN; m * n];
                packed.multiply(RowsOf::dense(&x, k), &mut out, n);
                for (i, found) in out.iter().enumerate() {
                    let (row, column) = (i / n, i % n);
                    let products = (0..k).map(|j| f64::from(x[row * k + j]) * f64::from(weight[column * k + j]));
                    let expected = f64::from(bias[column]) + products.sum::<f64>();
                    prop_assert!((f64::from(*found) - expected).abs() < 1e-4, "{instructions:?}: {found} for {expected}");
                }
            }
        }

        #[test]
        fn a_row_does_not_depend_on_the_rows_beside_it(m in 1usize..30, pick in 0usize..30) {
            let (k, n) = (96, 130);
            let (x, weight, bias) = (numbers(m * k, 1), numbers(n * k, 5), numbers(n, 9));
            let row = pick % m;
            for instructions in Instructions::available() {
                let packed = PackedMatrix::of_linear(instructions, &weight, &bias, k);
                let (mut all, mut alone) = (vec![0.0; m * n], vec![0.0; n]);
                packed.multiply(RowsOf::dense(&x, k), &mut all, n);
                packed.multiply(RowsOf::dense(&x[row * k..(row + 1) * k], k), &mut alone, n);
                prop_assert_eq!(&all[row * n..(row + 1) * n], &alone[..]);
            }
        }
    }
}
