//! nDCG@10 on real collections equals what Lucene reaches there (Anserini's published figures).

#![expect(clippy::unwrap_used, reason = "a test may panic, in its helper functions as well")]
#![expect(clippy::print_stderr, reason = "a skipped test says that it was skipped")]

mod beir;

use std::collections::BTreeMap;
use std::path::PathBuf;

use r2r_retrieval::{Bm25, Hit, Searcher, build};
use r2r_types::DocId;

/// nDCG@10 with linear gains, as `trec_eval` computes it.
fn ndcg_at_10(ranked: &[DocId], grades: &BTreeMap<String, i32>) -> f64 {
    let dcg = |gains: &mut dyn Iterator<Item = i32>| -> f64 {
        gains.take(10).zip(2_u32..).map(|(gain, rank)| f64::from(gain.max(0)) / f64::from(rank).log2()).sum()
    };
    let mut ideal: Vec<i32> = grades.values().copied().collect();
    ideal.sort_unstable_by(|a, b| b.cmp(a));
    let best = dcg(&mut ideal.into_iter());
    let reached = dcg(&mut ranked.iter().map(|doc| grades.get(doc.as_str()).copied().unwrap_or(0)));
    if best > 0.0 { reached / best } else { 0.0 }
}

/// The names as the published figures have them: Anserini orders equal scores by name, rounds scores to
/// four digits and takes 0.000001 off repeated ones; `trec_eval` then orders the 32-bit scores, and
/// what is still equal by descending name. Collections with many copies of a text show the difference.
fn published_order(mut hits: Vec<Hit>, query: &str) -> Vec<DocId> {
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.doc.cmp(&b.doc)));
    let mut before = f32::INFINITY;
    let mut repeated = 0_u16;
    for hit in &mut hits {
        let rounded = (hit.score * 1e4).round() / 1e4;
        repeated = if rounded.total_cmp(&before).is_eq() { repeated + 1 } else { 0 };
        before = rounded;
        hit.score = rounded - 1e-6 * f32::from(repeated);
    }
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| b.doc.cmp(&a.doc)));
    hits.into_iter().map(|hit| hit.doc).filter(|doc| doc.as_str() != query).collect()
}

fn check(collection: &str, published: f64) {
    let Some(data) = std::env::var_os("R2R_DATA") else {
        eprintln!("skipped: R2R_DATA is not set");
        return;
    };
    let data = PathBuf::from(data).join(collection);
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    build(beir::documents(&data).unwrap(), &index, &mut |_| {}).unwrap();
    let searcher = Searcher::open(&index).unwrap();
    let grades = beir::grades(&data).unwrap();
    let queries = beir::test_queries(&data).unwrap();
    let mut sum = 0.0;
    for (query, text) in &queries {
        let hits = searcher.search(text, 1000, &Bm25::default()).unwrap();
        sum += ndcg_at_10(&published_order(hits, query), &grades[query]);
    }
    let reached = sum / grades.len() as f64;
    eprintln!("{collection}: nDCG@10 {reached:.4} over {} queries, Lucene {published:.4}", queries.len());
    assert!((reached - published).abs() < 0.00006, "{collection}: {reached:.4}, Lucene has {published:.4}");
}

#[test]
fn scifact_equals_lucene() {
    check("scifact", 0.6789);
}

#[test]
fn nfcorpus_equals_lucene() {
    check("nfcorpus", 0.3218);
}

#[test]
fn arguana_equals_lucene() {
    check("arguana", 0.3970);
}
