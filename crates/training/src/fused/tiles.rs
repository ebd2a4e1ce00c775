//! Small matrix products inside one attention head, too small for a general product's packing to pay.
#![expect(clippy::inline_always, reason = "the bodies must be compiled with the vector width of their caller")]

/// Columns of right-hand sides and results are padded to a multiple of this.
pub(super) const LANES: usize = 16;

/// `length` rounded up to whole lanes.
pub(super) fn padded(length: usize) -> usize {
    length.next_multiple_of(LANES)
}

/// A left-hand side of any layout: element (row, column) stands at `row * row_step + column * column_step`.
#[derive(Clone, Copy)]
pub(super) struct Left<'a> {
    /// The elements.
    pub(super) values: &'a [f32],
    /// Distance of neighbors in one column.
    pub(super) row_step: usize,
    /// Distance of neighbors in one row.
    pub(super) column_step: usize,
}

impl<'a> Left<'a> {
    /// A row-major matrix.
    pub(super) fn rows(values: &'a [f32], width: usize) -> Self {
        Self { values, row_step: width, column_step: 1 }
    }

    /// The transpose of a row-major matrix of `width` columns.
    pub(super) fn transposed(values: &'a [f32], width: usize) -> Self {
        Self { values, row_step: 1, column_step: width }
    }
}

/// `out[rows, width] = left[rows, depth] x right[depth, width]`; `right` and `out` are row-major, `width` whole lanes.
#[inline(always)]
pub(super) fn product(rows: usize, depth: usize, left: Left<'_>, right: &[f32], width: usize, out: &mut [f32]) {
    let mut row = 0;
    while row + 4 <= rows {
        tile_row::<4>(row, depth, left, right, width, out);
        row += 4;
    }
    while row < rows {
        tile_row::<1>(row, depth, left, right, width, out);
        row += 1;
    }
}

#[inline(always)]
fn tile_row<const R: usize>(row: usize, depth: usize, left: Left<'_>, right: &[f32], width: usize, out: &mut [f32]) {
    let mut column = 0;
    while column + 2 * LANES <= width {
        tile::<R, { 2 * LANES }>((row, column), depth, left, right, width, out);
        column += 2 * LANES;
    }
    while column < width {
        tile::<R, LANES>((row, column), depth, left, right, width, out);
        column += LANES;
    }
}

#[inline(always)]
fn tile<const R: usize, const C: usize>(
    (row, column): (usize, usize),
    depth: usize,
    left: Left<'_>,
    right: &[f32],
    width: usize,
    out: &mut [f32],
) {
    let mut sums = [[0.0_f32; C]; R];
    for (k, right_row) in right.chunks_exact(width).take(depth).enumerate() {
        let right_row = &right_row[column..column + C];
        for (r, sum) in sums.iter_mut().enumerate() {
            let factor = left.values[(row + r) * left.row_step + k * left.column_step];
            for (total, value) in sum.iter_mut().zip(right_row) {
                *total += factor * value;
            }
        }
    }
    for (r, sum) in sums.iter().enumerate() {
        let start = (row + r) * width + column;
        out[start..start + C].copy_from_slice(sum);
    }
}
