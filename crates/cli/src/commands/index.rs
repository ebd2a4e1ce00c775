//! `r2r index`: a collection becomes a BM25 index.

use std::time::Instant;

use anyhow::Result;
use reason_to_rank::stages::index::build_index;
use serde_json::json;

use crate::args::Index;
use crate::commands::print_json;
use crate::progress::Bars;

/// Builds the index and says how fast and how large.
pub(crate) fn run(options: &Index) -> Result<()> {
    let begun = Instant::now();
    let report = build_index(&options.collection, &options.output, &mut Bars::new())?;
    let seconds = begun.elapsed().as_secs_f64();
    let documents_per_second = report.documents as f64 / seconds;
    if options.json {
        return print_json(&json!({
            "output": options.output,
            "documents": report.documents,
            "bytes": report.bytes,
            "seconds": seconds,
            "documents_per_second": documents_per_second,
        }));
    }
    anstream::eprintln!(
        "{} documents in {seconds:.2} s, {documents_per_second:.0} documents/s, {:.1} MB in {}",
        report.documents,
        report.bytes as f64 / 1e6,
        options.output.display()
    );
    Ok(())
}
