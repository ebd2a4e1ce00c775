//! Tiles: a few rows of the input times one panel of a packed matrix, held in registers while k runs.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
#[cfg(target_arch = "aarch64")]
pub(crate) mod neon;
pub(crate) mod portable;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod vectors;

use crate::kernels::operand::InputScale;

/// Most rows of a tile of any kernel.
pub(crate) const MAX_ROWS: usize = 12;
/// Most columns of a tile of any kernel.
pub(crate) const MAX_COLUMNS: usize = 64;

/// What a kernel needs for one tile.
pub(crate) struct TileJob<'a> {
    /// The input, from the first word of the tile's first row.
    pub(crate) x: &'a [u32],
    /// Words between the beginnings of two rows of the input.
    pub(crate) x_stride: usize,
    /// Rows that are there; the last stands in for those that are not.
    pub(crate) n_rows: usize,
    /// One for each row that is there, of 8-bit inputs.
    pub(crate) row_scales: &'a [InputScale],
    /// `[depth][columns]` words.
    pub(crate) panel: &'a [u32],
    /// The panel's columns.
    pub(crate) columns: Columns<'a>,
    /// The first row of the result.
    pub(crate) out: &'a mut [f32],
    /// Values between the beginnings of two rows of the result.
    pub(crate) out_stride: usize,
}

/// What a panel's columns carry besides its words.
#[derive(Clone, Copy)]
pub(crate) struct Columns<'a> {
    /// Added to the product.
    pub(crate) bias: &'a [f32],
    /// Scales of 8-bit matrices.
    pub(crate) scales: &'a [f32],
    /// Sums of the columns' integers: inputs with a zero point add it times these.
    pub(crate) sums: &'a [i32],
}

impl TileJob<'_> {
    /// Words of the input that each row runs through.
    pub(crate) fn depth(&self, width: usize) -> usize {
        self.panel.len() / width
    }

    /// Checks everything that kernels rely on when they load and store without asking.
    pub(crate) fn check(&self, rows: usize, width: usize) {
        let depth = self.depth(width);
        assert!(self.n_rows >= 1 && self.n_rows <= rows && self.x.len() >= (self.n_rows - 1) * self.x_stride + depth);
        assert!(self.out.len() >= (rows - 1) * self.out_stride + width);
        assert!(self.columns.bias.len() >= width);
    }

    /// As [`TileJob::check`], and what integer kernels need besides.
    pub(crate) fn check_scales(&self, width: usize) {
        assert!(self.columns.scales.len() >= width && self.columns.sums.len() >= width);
        assert!(self.row_scales.len() >= self.n_rows);
    }

    /// Where row `r` of the input begins.
    pub(crate) fn row_start(&self, r: usize) -> usize {
        r.min(self.n_rows - 1) * self.x_stride
    }

    /// The scale of row `r` of the input.
    pub(crate) fn row_scale(&self, r: usize) -> InputScale {
        self.row_scales[r.min(self.n_rows - 1)]
    }
}
