//! The tile of all vector instruction sets: one loop, written once, for every width and number format.

/// Makes the tile kernel `$name<ROWS, VECTORS>` for vectors of `LANES` columns. The module must have `LANES`, and
/// `load_integers`, `store` and `broadcast` for its vectors. `$start` gives the sums' first values, from the columns, the
/// place of a vector among them and the zero point of the row, `$multiply` adds the products of two vectors of words, and
/// `$finish` makes floats of a vector of sums, given the row's scale, the columns and the vector's place among them.
macro_rules! vector_tile {
    ($(#[$doc:meta])* $name:ident, $features:literal, $start:ident, $multiply:ident, $finish:ident, $scaled:literal) => {
        $(#[$doc])*
        #[target_feature(enable = $features)]
        pub(crate) fn $name<const ROWS: usize, const VECTORS: usize>(job: &mut TileJob<'_>) {
            let width = VECTORS * LANES;
            job.check(ROWS, width);
            if $scaled {
                job.check_scales(width);
            }
            let depth = job.depth(width);
            let columns = job.columns;
            let mut sums: [[_; VECTORS]; ROWS] = std::array::from_fn(|r| {
                let zero = if $scaled { job.row_scale(r).zero } else { 0 };
                // SAFETY: the check above found `width` values in what sums begin with.
                std::array::from_fn(|v| unsafe { $start(&columns, v * LANES, zero) })
            });
            let rows: [*const u32; ROWS] = std::array::from_fn(|r| job.x[job.row_start(r)..].as_ptr());
            let panel = job.panel.as_ptr();
            for k in 0..depth {
                // SAFETY: the panel holds `depth * width` words.
                let weights: [_; VECTORS] =
                    std::array::from_fn(|v| unsafe { load_integers(panel.add(k * width + v * LANES)) });
                for r in 0..ROWS {
                    // SAFETY: every row holds `depth` words by the check above.
                    let x = broadcast(unsafe { *rows[r].add(k) } as i32);
                    for v in 0..VECTORS {
                        sums[r][v] = $multiply(sums[r][v], x, weights[v]);
                    }
                }
            }
            for r in 0..ROWS {
                let row_scale = if $scaled { job.row_scale(r).scale } else { 1.0 };
                for v in 0..VECTORS {
                    // SAFETY: the checks above found `width` values in the columns and in every row of the result.
                    unsafe {
                        let values = $finish(sums[r][v], row_scale, &columns, v * LANES);
                        store(job.out.as_mut_ptr().add(r * job.out_stride + v * LANES), values);
                    }
                }
            }
        }
    };
}
pub(crate) use vector_tile;
