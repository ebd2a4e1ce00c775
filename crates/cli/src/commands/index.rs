//! `r2r index`: a collection becomes a BM25 index.

use std::time::Instant;

use anyhow::Result;
use reason_to_rank::stages::index::build_index;

use crate::args::Index;
use crate::progress::Bars;

/// Builds the index and says how fast and how large.
pub(crate) fn run(options: &Index) -> Result<()> {
    let begun = Instant::now();
    let report = build_index(&options.collection, &options.output, &mut Bars::new())?;
    let seconds = begun.elapsed().as_secs_f64();
    anstream::eprintln!(
        "{} documents in {seconds:.2} s, {:.0} documents/s, {:.1} MB in {}",
        report.documents,
        report.documents as f64 / seconds,
        report.bytes as f64 / 1e6,
        options.output.display()
    );
    Ok(())
}
