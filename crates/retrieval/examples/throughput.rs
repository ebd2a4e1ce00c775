//! Measures building and searching on a BEIR folder:
//!
//! ```text
//! cargo run --release -p r2r-retrieval --example throughput -- FOLDER [DEPTH]
//! ```

#![expect(clippy::print_stdout, reason = "an example shows its numbers")]

#[path = "../tests/beir/mod.rs"]
mod beir;

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use r2r_retrieval::{Bm25, Bm25Retriever, QueryWeights, Searcher, build};
use r2r_types::{Query, Retriever};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let data = PathBuf::from(arguments.next().ok_or("name a BEIR folder")?);
    let depth = match arguments.next() {
        Some(depth) => depth.to_string_lossy().parse()?,
        None => 100,
    };

    let folder = tempfile::tempdir()?;
    let place = folder.path().join("index");
    let documents: Vec<_> = beir::documents(&data)?.collect();
    let bytes_of_text =
        documents.iter().flatten().map(|document| document.title.len() + document.text.len()).sum::<usize>();
    let start = Instant::now();
    let report = build(documents.into_iter(), &place, &mut |_| {})?;
    let seconds = start.elapsed().as_secs_f64();
    println!("{} documents, {:.1} MB of text", report.documents, bytes_of_text as f64 / 1e6);
    println!("indexed in {seconds:.2} s: {:.0} documents/s", report.documents as f64 / seconds);
    println!("index: {:.1} MB", report.bytes as f64 / 1e6);

    let start = Instant::now();
    let searcher = Searcher::open(&place)?;
    println!("opened in {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    let queries = beir::test_queries(&data)?;
    for weights in [QueryWeights::Frequency, QueryWeights::Saturated] {
        let bm25 = Bm25 { query: weights, ..Bm25::default() };
        let start = Instant::now();
        let mut hits = 0;
        for text in queries.values() {
            hits += searcher.search(text, depth, &bm25)?.len();
        }
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "{weights:?} weights: {} queries, {hits} hits, {:.0} queries/s on one thread",
            queries.len(),
            queries.len() as f64 / seconds
        );
    }

    let retriever = Bm25Retriever { searcher: Arc::new(searcher), bm25: Bm25::default() };
    let start = Instant::now();
    for (id, text) in &queries {
        retriever.retrieve(&Arc::new(Query { id: id.as_str().into(), text: text.clone() }), depth)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("with documents: {:.0} queries/s on one thread", queries.len() as f64 / seconds);
    Ok(())
}
