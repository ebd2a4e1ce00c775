//! `r2r retrieve`: queries find their first candidates.

use std::time::Instant;

use anyhow::{Result, bail};
use reason_to_rank::retrieval::{Bm25, QueryWeights};
use reason_to_rank::stages::retrieve::{read_queries, retrieve_run};
use reason_to_rank::types::formats::output::Output;
use reason_to_rank::types::formats::trec::write_run;

use crate::args::Retrieve;
use crate::commands::refuse_clashes;
use crate::progress::Bars;

/// Writes a run of the best documents for each query.
pub(crate) fn run(options: &Retrieve) -> Result<()> {
    refuse_clashes(&[("--output", &options.output)], &[("--queries", &options.queries)])?;
    let query = if options.query_side { QueryWeights::Saturated } else { QueryWeights::Frequency };
    let bm25 = Bm25 { k1: options.k1, b: options.b, query };
    let queries = read_queries(&options.queries, options.split.as_deref())?;
    if queries.is_empty() {
        bail!(
            "{}: no query is to be asked; name a file with queries, or a --split that judges some",
            options.queries.display()
        );
    }
    let begun = Instant::now();
    let (run, n_empty) = retrieve_run(&options.index, &queries, options.depth.get(), bm25, &mut Bars::new())?;
    let seconds = begun.elapsed().as_secs_f64();
    let mut output = Output::create(&options.output)?;
    write_run(&mut output, &run)?;
    output.finish()?;
    anstream::eprintln!("{} queries in {seconds:.2} s, {:.0} queries/s", queries.len(), queries.len() as f64 / seconds);
    if n_empty > 0 {
        anstream::eprintln!(
            "{n_empty} queries found no document: they are not in the run, and count 0 when it is measured"
        );
    }
    Ok(())
}
