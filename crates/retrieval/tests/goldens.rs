//! Answers equal Lucene's on a small collection: which documents, in which order, with which scores.

#![expect(clippy::unwrap_used, reason = "a test may panic, in its helper functions as well")]

use std::path::Path;

use r2r_retrieval::{Bm25, QueryWeights, Searcher, build};
use r2r_types::Document;

/// Scores are sums of few 32-bit floats; Lucene prints all their digits.
const TOLERANCE: f32 = 2e-7;

#[test]
fn answers_equal_lucenes() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    let documents = include_str!("goldens/documents.txt").lines().enumerate().map(|(number, text)| {
        Ok::<_, std::io::Error>(Document { id: number.to_string().into(), title: String::new(), text: text.to_owned() })
    });
    build(documents, &index, &mut |_| {}).unwrap();
    check(&index);
}

fn check(index: &Path) {
    let searcher = Searcher::open(index).unwrap();
    for line in include_str!("goldens/bm25.tsv").lines() {
        let mut fields = line.split('\t');
        let k1 = fields.next().unwrap().parse().unwrap();
        let b = fields.next().unwrap().parse().unwrap();
        let text = fields.next().unwrap();
        let hits = searcher.search(text, 100, &Bm25 { k1, b, query: QueryWeights::Frequency }).unwrap();
        let expected: Vec<(&str, f32)> = fields
            .map(|field| field.split_once(':').unwrap())
            .map(|(doc, score)| (doc, score.parse().unwrap()))
            .collect();
        let names: Vec<&str> = hits.iter().map(|hit| hit.doc.as_str()).collect();
        assert_eq!(names, expected.iter().map(|(doc, _)| *doc).collect::<Vec<_>>(), "{line}");
        for (hit, (_, score)) in hits.iter().zip(&expected) {
            assert!((hit.score - score).abs() <= TOLERANCE * score, "{line}: {hit:?}");
        }
    }
}
