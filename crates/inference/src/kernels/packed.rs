//! Matrices laid out for products: panels of a few columns, each running through all of k.

use std::ops::Range;

use crate::kernels::instructions::Instructions;
use crate::kernels::kernel::{Kernel, Layout, TileShape};
use crate::kernels::operand::{
    Operand, RowsOf, Words, bf16, interleave, quantization_scale, sum_of_bytes, to_bf16, to_bytes, to_i16,
};
use crate::kernels::rows;
use crate::kernels::split_inputs::{Parts, SplitInputs};
use crate::kernels::tile::{Columns, MAX_COLUMNS, MAX_ROWS, TileJob};

/// A matrix of `k` rows and `n` columns with a bias, to be multiplied from the left.
#[derive(Debug)]
pub(crate) struct PackedMatrix {
    kernel: Kernel,
    instructions: Instructions,
    shape: TileShape,
    k: usize,
    n: usize,
    /// How 8-bit inputs are split.
    split: SplitInputs,
    /// Panel by panel: `[depth][columns]` words; columns beyond `n` and values beyond the inputs and their parts are zero.
    panels: Vec<u32>,
    /// As many values as the panels have columns; zero beyond `n`.
    bias: Vec<f32>,
    /// The same for the scales of 8-bit integers, 1 beyond `n`; else empty.
    scales: Vec<f32>,
    /// The same for the sums of each column's integers, 0 beyond `n`.
    sums: Vec<i32>,
}

/// What is done with a product before it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Epilogue {
    /// Nothing: it replaces what was there.
    Store,
    /// GELU of it.
    Gelu,
    /// It is added to what is there.
    Add,
}

impl PackedMatrix {
    /// A matrix of no columns, to be filled.
    pub(crate) fn empty(instructions: Instructions, kernel: Kernel) -> Self {
        Self {
            kernel,
            instructions,
            shape: TileShape::Wide,
            k: 0,
            n: 0,
            split: SplitInputs::default(),
            panels: Vec::new(),
            bias: Vec::new(),
            scales: Vec::new(),
            sums: Vec::new(),
        }
    }

    /// Packs the weight of a linear map, `[n, k]` row-major as PyTorch stores it, and its bias, `[n]`.
    pub(crate) fn of_linear(
        instructions: Instructions,
        kernel: Kernel,
        weight: &[f32],
        bias: &[f32],
        k: usize,
    ) -> Self {
        assert_eq!(weight.len(), bias.len() * k, "weight of a linear map from {k} to {}", bias.len());
        let copy = |rows: Range<usize>, block: &mut [f32]| block.copy_from_slice(&weight[rows.start * k..rows.end * k]);
        Self::of_rows(instructions, kernel, k, bias, &Parts::new(), copy)
    }

    /// Packs a linear map whose weight is made a few rows at a time: `write` writes a range of them. 8-bit integers of
    /// some inputs are split into parts.
    pub(crate) fn of_rows(
        instructions: Instructions,
        kernel: Kernel,
        k: usize,
        bias: &[f32],
        parts: &Parts,
        mut write: impl FnMut(Range<usize>, &mut [f32]),
    ) -> Self {
        let mut packed = Self::empty(instructions, kernel);
        let is_integer = matches!(kernel.layout(), Layout::I16Pair | Layout::ByteQuad);
        if is_integer {
            packed.split = SplitInputs::new(k, parts);
        }
        let n = bias.len();
        let (width, depth) = packed.lay_out(k, n);
        packed.bias[..n].copy_from_slice(bias);
        let step = TOGETHER.min(width);
        let mut block = vec![0f32; step.min(n) * k];
        let mut words = vec![0u32; step.min(n) * depth];
        let mut weights = vec![0f32; k + packed.split.n_behind()];
        for first in (0..n).step_by(step) {
            let columns = first..n.min(first + step);
            let (block, words) = (&mut block[..columns.len() * k], &mut words[..columns.len() * depth]);
            write(columns.clone(), block);
            for ((column, values), words) in
                columns.clone().zip(block.chunks_exact(k)).zip(words.chunks_exact_mut(depth))
            {
                weights[..k].copy_from_slice(values);
                packed.split.repeat_weights(&mut weights);
                packed.convert_column(column, &weights, words);
            }
            let panel = &mut packed.panels[first / width * width * depth..][..width * depth];
            let words = Words { values: words, stride: depth, scales: &[] };
            put_side_by_side(panel, width, first % width, words, columns.len());
        }
        packed
    }

    /// Turns the values of a column into words, and keeps the scale of 8-bit integers.
    fn convert_column(&mut self, column: usize, values: &[f32], words: &mut [u32]) {
        let scale = || quantization_scale(rows::largest_size(self.instructions, values));
        match self.kernel.layout() {
            Layout::Single => {
                for (word, value) in words.iter_mut().zip(values) {
                    *word = value.to_bits();
                }
            }
            Layout::Bf16Pair => to_bf16(self.instructions, values, words),
            Layout::I16Pair => {
                self.scales[column] = scale();
                to_i16(self.instructions, values, self.scales[column], words);
            }
            Layout::ByteQuad => {
                self.scales[column] = scale();
                to_bytes(self.instructions, values, self.scales[column], 0, words);
                self.sums[column] = sum_of_bytes(self.instructions, words);
            }
        }
    }

    /// Packs a matrix whose columns are `n` rows of words, `depth` words each, that are in this kernel's layout.
    pub(crate) fn fill_column_words(&mut self, columns: Words<'_>, n: usize, depth: usize) {
        let (width, _) = self.lay_out(depth * self.kernel.layout().group(), n);
        for (p, panel) in self.panels.chunks_exact_mut(width * depth).take(n.div_ceil(width)).enumerate() {
            put_side_by_side(panel, width, 0, columns.from(p * width * columns.stride), width.min(n - p * width));
        }
    }

    /// Packs a matrix given by its rows, without bias, in memory that is already there. For formats of floats.
    pub(crate) fn fill_rows(&mut self, rows: RowsOf<'_>, n: usize) {
        let (width, depth) = self.lay_out(rows.n, n);
        let layout = self.kernel.layout();
        for (p, panel) in self.panels.chunks_exact_mut(width * depth).take(n.div_ceil(width)).enumerate() {
            let (first, here) = (p * width, width.min(n - p * width));
            let row = |k: usize| &rows.row(k, n)[first..first + here];
            for (index, words) in panel.chunks_exact_mut(width).enumerate() {
                match layout {
                    Layout::Single => {
                        for (word, value) in words.iter_mut().zip(row(index)) {
                            *word = value.to_bits();
                        }
                    }
                    Layout::Bf16Pair if 2 * index + 1 < rows.n => {
                        interleave(self.instructions, row(2 * index), row(2 * index + 1), words);
                    }
                    Layout::Bf16Pair => {
                        for (word, value) in words.iter_mut().zip(row(2 * index)) {
                            *word = u32::from(bf16(*value));
                        }
                    }
                    Layout::I16Pair | Layout::ByteQuad => unreachable!("integers are only packed by columns"),
                }
            }
        }
    }

    /// Makes room for a matrix and clears its bias; returns the width of its panels and their depth in words.
    fn lay_out(&mut self, k: usize, n: usize) -> (usize, usize) {
        self.shape = self.kernel.shape(n);
        (self.k, self.n) = (k, n);
        let layout = self.kernel.layout();
        let width = self.kernel.columns(self.shape);
        let (columns, depth) = (n.div_ceil(width) * width, self.depth());
        if self.panels.len() < columns * depth {
            // A new vector, as fresh memory is zero already.
            self.panels = vec![0; columns * depth];
        }
        // Columns that are not there must be numbers: what they were does not matter, no product reads them.
        self.bias.clear();
        self.bias.resize(columns, 0.0);
        if matches!(layout, Layout::I16Pair | Layout::ByteQuad) {
            self.scales.clear();
            self.scales.resize(columns, 1.0);
            self.sums.clear();
            self.sums.resize(columns, 0);
        }
        (width, depth)
    }

    /// Words of an input row.
    fn depth(&self) -> usize {
        (self.k + self.split.n_behind()).div_ceil(self.kernel.layout().group())
    }

    /// Columns: the length of an output row.
    pub(crate) fn n(&self) -> usize {
        self.n
    }

    /// The kernel that computes its products.
    pub(crate) fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// Puts `x · matrix + bias` into the first `n` values of each row of `out`, whose rows begin `out_stride` apart.
    pub(crate) fn multiply(
        &self,
        x: RowsOf<'_>,
        out: &mut [f32],
        out_stride: usize,
        epilogue: Epilogue,
        operand: &mut Operand,
    ) {
        if self.k > 0 && x.n > 0 {
            let words = operand.words(self.instructions, self.kernel.layout(), x, self.k, &self.split);
            self.multiply_words(words, x.n, out, out_stride, epilogue);
        }
    }

    /// The same of `n` rows that are words already.
    pub(crate) fn multiply_words(
        &self,
        x: Words<'_>,
        n: usize,
        out: &mut [f32],
        out_stride: usize,
        epilogue: Epilogue,
    ) {
        let (width, n_tile) = (self.kernel.columns(self.shape), self.kernel.rows(self.shape));
        let depth = self.depth();
        let is_cut = epilogue == Epilogue::Add || !n.is_multiple_of(n_tile) || !self.n.is_multiple_of(width);
        let mut memory: [f32; MAX_ROWS * MAX_COLUMNS];
        let tile: &mut [f32] = if is_cut {
            memory = [0.0; _];
            &mut memory
        } else {
            &mut []
        };
        for (p, panel) in self.panels.chunks_exact(width * depth).take(self.n.div_ceil(width)).enumerate() {
            let first = p * width;
            let here = width.min(self.n - first);
            let columns = Columns {
                bias: &self.bias[first..],
                scales: self.scales.get(first..).unwrap_or_default(),
                sums: self.sums.get(first..).unwrap_or_default(),
            };
            for begin in (0..n).step_by(n_tile) {
                let n_rows = n_tile.min(n - begin);
                let is_whole = n_rows == n_tile && here == width && epilogue != Epilogue::Add;
                let target = &mut out[begin * out_stride + first..];
                let (out, out_stride_here) =
                    if is_whole { (&mut *target, out_stride) } else { (&mut *tile, MAX_COLUMNS) };
                let mut job = TileJob {
                    x: &x.values[begin * x.stride..],
                    x_stride: x.stride,
                    n_rows,
                    row_scales: x.scales.get(begin..).unwrap_or_default(),
                    panel,
                    columns,
                    out,
                    out_stride: out_stride_here,
                };
                self.kernel.run(self.shape, &mut job);
                if is_whole {
                    if epilogue == Epilogue::Gelu {
                        for r in 0..n_rows {
                            rows::gelu(self.instructions, &mut target[r * out_stride..r * out_stride + width]);
                        }
                    }
                    continue;
                }
                for (r, row) in tile.chunks_exact_mut(MAX_COLUMNS).take(n_rows).enumerate() {
                    let out = &mut target[r * out_stride..r * out_stride + here];
                    match epilogue {
                        Epilogue::Store => out.copy_from_slice(&row[..here]),
                        Epilogue::Gelu => {
                            rows::gelu(self.instructions, &mut row[..here]);
                            out.copy_from_slice(&row[..here]);
                        }
                        Epilogue::Add => rows::add_scaled(self.instructions, out, 1.0, &row[..here]),
                    }
                }
            }
        }
    }
}

/// Columns that are put into a panel together: a cache line of it.
const TOGETHER: usize = 16;

/// Puts `n` columns, given as rows of words, side by side into a panel of `width` columns, from column `at` on.
fn put_side_by_side(panel: &mut [u32], width: usize, at: usize, columns: Words<'_>, n: usize) {
    let depth = panel.len() / width;
    let column = |c: usize| &columns.values[c * columns.stride..][..depth];
    let whole = n - n % TOGETHER;
    for first in (0..whole).step_by(TOGETHER) {
        let together: [&[u32]; TOGETHER] = std::array::from_fn(|c| column(first + c));
        for (k, row) in panel.chunks_exact_mut(width).enumerate() {
            for (word, column) in row[at + first..at + first + TOGETHER].iter_mut().zip(together) {
                *word = column[k];
            }
        }
    }
    for c in whole..n {
        for (word, value) in panel[at + c..].iter_mut().step_by(width).zip(column(c)) {
            *word = *value;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use r2r_model::precision::Precision;

    use super::*;

    fn numbers(n: usize, seed: usize) -> Vec<f32> {
        (0..n).map(|i| (((i + seed) * 7919 % 2003) as f32 - 1001.0) / 1000.0).collect()
    }

    fn packed(kernel: Kernel, weight: &[f32], bias: &[f32], k: usize) -> PackedMatrix {
        PackedMatrix::of_linear(Instructions::detect(), kernel, weight, bias, k)
    }

    /// The same with some inputs in parts.
    fn packed_in_parts(kernel: Kernel, weight: &[f32], bias: &[f32], k: usize, parts: &Parts) -> PackedMatrix {
        let copy = |rows: Range<usize>, block: &mut [f32]| block.copy_from_slice(&weight[rows.start * k..rows.end * k]);
        PackedMatrix::of_rows(Instructions::detect(), kernel, k, bias, parts, copy)
    }

    fn product(matrix: &PackedMatrix, x: &[f32]) -> Vec<f32> {
        let mut out = vec![f32::NAN; x.len() / matrix.k * matrix.n];
        matrix.multiply(RowsOf::dense(x, matrix.k), &mut out, matrix.n, Epilogue::Store, &mut Operand::default());
        out
    }

    /// The product by its definition, row after row.
    fn exact(x: &[f32], weight: &[f32], bias: &[f32], k: usize) -> Vec<f64> {
        let dot = |row: &[f32], column: &[f32]| -> f64 {
            row.iter().zip(column).map(|(x, weight)| f64::from(*x) * f64::from(*weight)).sum()
        };
        let columns = || weight.chunks_exact(k).zip(bias);
        x.chunks_exact(k)
            .flat_map(|row| columns().map(move |(column, bias)| f64::from(*bias) + dot(row, column)))
            .collect()
    }

    /// How far a product of `k` values below 1 in size may be from the exact one.
    fn bound(precision: Precision, k: usize) -> f64 {
        match precision {
            Precision::F32 => 1e-6 * k as f64 + 1e-6,
            // Each value is off by at most 2^-9 of its size.
            Precision::Bf16 => 2.0 / 512.0 * k as f64 + 1e-5,
            // Each value is off by at most half a step of 1/127.
            Precision::Int8 => (1.0 / 127.0 + 0.25 / 127.0 / 127.0) * k as f64 + 1e-5,
        }
    }

    /// Numbers from -1 to 1 without a pattern, so that errors average out.
    fn scattered(n: usize, mut state: u64) -> Vec<f32> {
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u32 << 23) as f32 - 1.0
        };
        (0..n).map(|_| next()).collect()
    }

    /// How far a product without bias is from the exact one, root mean square.
    fn mean_error(matrix: &PackedMatrix, x: &[f32], weight: &[f32]) -> f64 {
        let found = product(matrix, x);
        let exact = exact(x, weight, &vec![0.0; matrix.n], matrix.k);
        let squares: f64 = exact.iter().zip(&found).map(|(exact, found)| (exact - f64::from(*found)).powi(2)).sum();
        (squares / found.len() as f64).sqrt()
    }

    fn integer_kernels() -> impl Iterator<Item = Kernel> {
        Kernel::available().into_iter().filter(|kernel| kernel.precision() == Precision::Int8)
    }

    #[test]
    fn inputs_above_zero_have_twice_the_steps() {
        let k = 48;
        let both_signs = scattered(500 * k, 1);
        let above: Vec<f32> = both_signs.iter().map(|value| value.abs()).collect();
        // Integers give these weights exactly.
        let ones = vec![1.0; k];
        for kernel in integer_kernels() {
            let matrix = packed(kernel, &ones, &[0.0], k);
            let ratio = mean_error(&matrix, &above, &ones) / mean_error(&matrix, &both_signs, &ones);
            assert!((0.4..0.6).contains(&ratio), "{kernel:?}: {ratio}");
        }
    }

    #[test]
    fn a_large_input_that_is_split_costs_the_others_no_precision() {
        let (k, n, large, n_parts) = (40, 30, 3, 6);
        let mut small = scattered(50 * k, 1);
        let mut x = small.clone();
        for (row, small) in x.chunks_exact_mut(k).zip(small.chunks_exact_mut(k)) {
            (row[large], small[large]) = (n_parts as f32, 1.0);
        }
        // Integers give these weights exactly.
        let mut weight: Vec<f32> = scattered(n * k, 2).iter().map(|value| (value * 127.0).round() / 127.0).collect();
        for first in weight.iter_mut().step_by(k) {
            *first = 1.0;
        }
        for kernel in integer_kernels() {
            let error = |parts: &Parts, x: &[f32]| {
                mean_error(&packed_in_parts(kernel, &weight, &vec![0.0; n], k, parts), x, &weight)
            };
            let split = error(&Parts::from([(large, n_parts)]), &x);
            let (unsplit, small) = (error(&Parts::new(), &x), error(&Parts::new(), &small));
            assert!(split < 0.3 * unsplit && split < 1.1 * small, "{kernel:?}: {split}, {unsplit}, {small}");
        }
    }

    proptest! {
        #[test]
        fn every_kernel_multiplies_as_the_definition(m in 1usize..20, k in 1usize..50, n in 1usize..150) {
            let (x, weight, bias) = (numbers(m * k, 1), numbers(n * k, 5), numbers(n, 9));
            for kernel in Kernel::available() {
                let found = product(&packed(kernel, &weight, &bias, k), &x);
                for (found, exact) in found.iter().zip(exact(&x, &weight, &bias, k)) {
                    let error = (f64::from(*found) - exact).abs();
                    prop_assert!(error < bound(kernel.precision(), k), "{kernel:?}: {found} for {exact}");
                }
            }
        }

        #[test]
        fn split_inputs_multiply_as_the_definition(
            m in 1usize..20, k in 8usize..50, n in 1usize..150, n_parts in 2usize..9, large in 0usize..8,
        ) {
            let (mut x, weight, bias) = (numbers(m * k, 1), numbers(n * k, 5), numbers(n, 9));
            for row in x.chunks_exact_mut(k) {
                row[large] *= n_parts as f32;
            }
            for kernel in integer_kernels() {
                let parts = Parts::from([(large, n_parts)]);
                let found = product(&packed_in_parts(kernel, &weight, &bias, k, &parts), &x);
                for (found, exact) in found.iter().zip(exact(&x, &weight, &bias, k)) {
                    // As if all inputs were below 1; the large one has as many steps in the weights' error as parts.
                    let bound = bound(Precision::Int8, k + n_parts);
                    prop_assert!((f64::from(*found) - exact).abs() < bound, "{kernel:?}: {found} for {exact}");
                }
            }
        }

        #[test]
        fn kernels_of_integers_agree_to_the_last_bit(
            m in 1usize..20, k in 4usize..700, n in 1usize..150, n_parts in 2usize..9,
        ) {
            let (x, weight, bias) = (numbers(m * k, 1), numbers(n * k, 5), numbers(n, 9));
            let parts = Parts::from([(1, n_parts), (3, 2)]);
            let product_by = |kernel: Kernel| product(&packed_in_parts(kernel, &weight, &bias, k, &parts), &x);
            let expected = product_by(Kernel::PortableInt8);
            for kernel in integer_kernels() {
                prop_assert_eq!(&product_by(kernel), &expected, "{:?}", kernel);
            }
        }

        #[test]
        fn epilogues_do_the_same_to_whole_and_cut_tiles(m in 1usize..30, n in 1usize..150) {
            let k = 40;
            let (x, weight, bias) = (numbers(m * k, 1), numbers(n * k, 5), numbers(n, 9));
            for kernel in Kernel::available() {
                let matrix = packed(kernel, &weight, &bias, k);
                let mut product = vec![f32::NAN; m * n];
                let rows = RowsOf::dense(&x, k);
                matrix.multiply(rows, &mut product, n, Epilogue::Store, &mut Operand::default());
                let before = numbers(m * n, 17);
                let mut added = before.clone();
                matrix.multiply(rows, &mut added, n, Epilogue::Add, &mut Operand::default());
                let sums: Vec<f32> = before.iter().zip(&product).map(|(before, product)| before + product).collect();
                prop_assert_eq!(&added, &sums, "{:?}", kernel);
                let mut bent = vec![f32::NAN; m * n];
                matrix.multiply(rows, &mut bent, n, Epilogue::Gelu, &mut Operand::default());
                for (bent, product) in bent.iter().zip(&mut product) {
                    rows::gelu(Instructions::detect(), std::slice::from_mut(product));
                    prop_assert!((*bent - *product).abs() < 1e-6, "{kernel:?}");
                }
            }
        }

        #[test]
        fn a_row_does_not_depend_on_the_rows_beside_it(m in 1usize..30, pick in 0usize..30) {
            let (k, n) = (95, 130);
            let (x, weight, bias) = (numbers(m * k, 1), numbers(n * k, 5), numbers(n, 9));
            let row = pick % m;
            for kernel in Kernel::available() {
                let matrix = packed(kernel, &weight, &bias, k);
                let (mut all, mut alone) = (vec![0.0; m * n], vec![0.0; n]);
                let mut operand = Operand::default();
                matrix.multiply(RowsOf::dense(&x, k), &mut all, n, Epilogue::Store, &mut operand);
                let own = RowsOf::dense(&x[row * k..(row + 1) * k], k);
                matrix.multiply(own, &mut alone, n, Epilogue::Store, &mut operand);
                prop_assert_eq!(&all[row * n..(row + 1) * n], &alone[..]);
            }
        }
    }

    #[test]
    fn what_is_not_a_number_shows_in_its_own_row_and_in_every_product_of_its_column() {
        for kernel in Kernel::available() {
            let (mut x, mut weight, bias) = (numbers(3 * 50, 1), numbers(20 * 50, 5), numbers(20, 9));
            x[60] = f32::NAN;
            weight[7 * 50 + 3] = f32::NAN;
            let matrix = packed(kernel, &weight, &bias, 50);
            let mut out = vec![0f32; 3 * 20];
            matrix.multiply(RowsOf::dense(&x, 50), &mut out, 20, Epilogue::Store, &mut Operand::default());
            for (i, value) in out.iter().enumerate() {
                assert_eq!(value.is_nan(), i / 20 == 1 || i % 20 == 7, "{kernel:?} at {i}");
            }
        }
    }
}
