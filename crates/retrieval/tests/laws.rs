//! What holds for every collection and every query.

#![expect(clippy::unwrap_used, reason = "a test may panic, in its helper functions as well")]

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use proptest::prelude::*;
use r2r_retrieval::{Bm25, Bm25Retriever, Hit, QueryWeights, SearchError, Searcher, analyzer, build};
use r2r_types::{Document, Query, Retriever};
use tempfile::TempDir;

/// Texts of few different words, so that terms repeat, with a word now and then that is special.
const WORDS: &str = "(rock|lava|the|of|cools|Basalt's|AND|sea|\"salt|water\\^2|é|日本)";

fn words(most: usize) -> impl Strategy<Value = String> {
    prop::string::string_regex(&format!("({WORDS} ){{0,{most}}}")).unwrap()
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(prop_oneof![9 => words(60), 1 => "\\PC{0,80}"], 0..25)
}

fn parameters() -> impl Strategy<Value = Bm25> {
    (0.0f32..3.0, 0.0f32..=1.0, prop_oneof![Just(QueryWeights::Frequency), Just(QueryWeights::Saturated)])
        .prop_map(|(k1, b, query)| Bm25 { k1, b, query })
}

/// The folder lives as long as the index in it is used.
fn indexed(texts: &[String]) -> (TempDir, Searcher) {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    let documents = texts.iter().enumerate().map(|(place, text)| {
        let (title, text) = text.split_once(' ').unwrap_or(("", text));
        Ok::<_, std::io::Error>(Document {
            id: format!("d{place}").into(),
            title: title.to_owned(),
            text: text.to_owned(),
        })
    });
    build(documents, &index, &mut |_| {}).unwrap();
    let searcher = Searcher::open(&index).unwrap();
    (folder, searcher)
}

fn counts(text: &str) -> BTreeMap<String, f64> {
    let mut counts = BTreeMap::new();
    for term in analyzer::terms(text) {
        *counts.entry(term).or_default() += 1.0;
    }
    counts
}

/// Lucene's lossy length: exact to 40, then four bits of `length - 24`.
fn lossy(length: f64) -> f64 {
    let above = (length - 24.0).max(0.0) as u32;
    let dropped = (32 - above.leading_zeros()).saturating_sub(4);
    if length < 24.0 { length } else { 24.0 + f64::from(above >> dropped << dropped) }
}

/// The formula word for word, over all documents: place and score of those that have a term of the query.
fn reference(texts: &[String], query: &str, bm25: &Bm25) -> BTreeMap<usize, f64> {
    let (k1, b) = (f64::from(bm25.k1), f64::from(bm25.b));
    let documents: Vec<BTreeMap<String, f64>> = texts.iter().map(|text| counts(text)).collect();
    let lengths: Vec<f64> = documents.iter().map(|counts| counts.values().sum()).collect();
    let n = lengths.iter().filter(|&&length| length > 0.0).count() as f64;
    let average = lengths.iter().sum::<f64>() / n;
    let saturated = |tf: f64, length: f64| tf / (tf + k1 * (1.0 - b + b * length / average));

    let mut scores = BTreeMap::new();
    let query = counts(query);
    let query_length: f64 = query.values().sum();
    for (term, &in_query) in &query {
        let df = documents.iter().filter(|counts| counts.contains_key(term)).count() as f64;
        let idf = (1.0 + (n - df + 0.5) / (df + 0.5)).ln();
        let weight = match bm25.query {
            QueryWeights::Frequency => in_query,
            QueryWeights::Saturated => idf * saturated(in_query, query_length),
        };
        for (place, document) in documents.iter().enumerate() {
            if let Some(&tf) = document.get(term) {
                *scores.entry(place).or_default() += weight * idf * saturated(tf, lossy(lengths[place]));
            }
        }
    }
    scores
}

fn place_of(hit: &Hit) -> usize {
    hit.doc.as_str()[1..].parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn scores_are_those_of_the_formula(texts in texts(), query in words(9), bm25 in parameters()) {
        let (_folder, searcher) = indexed(&texts);
        let hits = searcher.search(&query, texts.len() + 1, &bm25).unwrap();
        let expected = reference(&texts, &query, &bm25);
        prop_assert_eq!(hits.len(), expected.len());
        for hit in &hits {
            let expected = expected[&place_of(hit)];
            prop_assert!((f64::from(hit.score) - expected).abs() <= 1e-5 * expected.max(1e-2), "{hit:?}, {expected}");
        }
    }

    #[test]
    fn hits_are_distinct_and_best_first_and_a_prefix_of_deeper_ones(
        texts in texts(), query in "\\PC{0,60}|(rock |lava |sea ){0,5}", bm25 in parameters(), depth in 0usize..30,
    ) {
        let (_folder, searcher) = indexed(&texts);
        prop_assert_eq!(searcher.documents(), texts.len() as u64);
        let all = searcher.search(&query, usize::MAX, &bm25).unwrap();
        let hits = searcher.search(&query, depth, &bm25).unwrap();
        prop_assert_eq!(&hits[..], &all[..depth.min(all.len())]);
        prop_assert_eq!(all.iter().map(|hit| &hit.doc).collect::<HashSet<_>>().len(), all.len());
        for pair in all.windows(2) {
            let falls = pair[1].score.total_cmp(&pair[0].score);
            prop_assert!(falls.then(place_of(&pair[0]).cmp(&place_of(&pair[1]))).is_lt());
        }
    }

    #[test]
    fn candidates_carry_their_documents_unchanged(texts in texts(), query in "(rock |lava |sea ){1,3}") {
        let (_folder, searcher) = indexed(&texts);
        let hits = searcher.search(&query, 10, &Bm25::default()).unwrap();
        let retriever = Bm25Retriever { searcher: Arc::new(searcher), bm25: Bm25::default() };
        let query = Arc::new(Query { id: "q".into(), text: query });
        let candidates = retriever.retrieve(&query, 10).unwrap();
        prop_assert_eq!(candidates.list.len(), hits.len());
        for (candidate, hit) in candidates.list.iter().zip(&hits) {
            prop_assert_eq!((&candidate.document.id, candidate.score), (&hit.doc, hit.score));
            let (title, text) = texts[place_of(hit)].split_once(' ').unwrap_or(("", &texts[place_of(hit)]));
            prop_assert_eq!((candidate.document.title.as_str(), candidate.document.text.as_str()), (title, text));
        }
    }
}

#[test]
fn nothing_is_found_for_queries_without_terms_or_in_empty_collections() {
    let (_folder, searcher) = indexed(&["lava and rock".to_owned(), "the of".to_owned(), String::new()]);
    for query in ["", " \n", "the of and", "+-&|!(){}[]^\"~*?:\\/", "\"", "title:", "* AND *", "quartz", "½"] {
        assert_eq!(searcher.search(query, 10, &Bm25::default()).unwrap(), [], "{query}");
    }
    let found = searcher.search("+lava AND (-rock) title:\"rock~2\" [* TO", 10, &Bm25::default()).unwrap();
    assert_eq!(found.len(), 1);
    for texts in [vec![], vec!["the of".to_owned(), String::new()]] {
        let (_folder, searcher) = indexed(&texts);
        assert_eq!(searcher.search("lava", 10, &Bm25::default()).unwrap(), []);
    }
}

#[test]
fn parameters_out_of_range_are_refused() {
    let (_folder, searcher) = indexed(&["lava".to_owned()]);
    let error = searcher.search("lava", 10, &Bm25 { b: 40.0, ..Bm25::default() }).unwrap_err();
    assert!(matches!(error, SearchError::Parameters { .. }));
    assert_eq!(error.to_string(), "k1 is 0.9 and b is 40: k1 must be 0 or more and finite, b between 0 and 1");
}

#[test]
fn the_same_collection_gives_the_same_answers() {
    let texts: Vec<String> = (0..200).map(|n| format!("lava rock {} {}", n % 7, "sea ".repeat(n % 5))).collect();
    let answers = || {
        let (_folder, searcher) = indexed(&texts);
        searcher.search("lava rock sea 3", 100, &Bm25::default()).unwrap()
    };
    assert_eq!(answers(), answers());
}
