//! Indexes and first-stage runs.

use std::fs;

use serde_json::Value;

use crate::command::{printed, refused, word};

#[test]
fn a_query_finds_its_passages_and_an_index_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let (index, run) = (folder.path().join("index"), folder.path().join("run.trec"));
    printed(&["index", "--collection", "fixtures/tiny", "--output", word(&index)]);
    printed(&[
        "retrieve",
        "--index",
        word(&index),
        "--queries",
        "fixtures/tiny",
        "--split",
        "test",
        "--output",
        word(&run),
    ]);
    let table =
        printed(&["evaluate", "--run", word(&run), "--qrels", "fixtures/tiny/qrels/test.tsv", "--measures", "R@100"]);
    let recall: f64 = table.lines().nth(1).unwrap().split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(recall > 0.8, "{table}");
    assert!(refused(&["index", "--collection", "fixtures/tiny", "--output", word(&index)]).contains("exists already"));
    assert!(printed(&["inspect", word(&index)]).contains("documents 160"));
    assert!(fs::read_to_string(index.join("provenance.json")).unwrap().contains("sha256"));
}

#[test]
fn a_collection_without_judgments_is_indexed_and_only_its_corpus_counts() {
    let folder = tempfile::tempdir().unwrap();
    let (collection, index) = (folder.path().join("collection"), folder.path().join("index"));
    fs::create_dir(&collection).unwrap();
    fs::write(collection.join("corpus.jsonl"), "{\"_id\":\"a\",\"text\":\"basalt is dark\"}\n").unwrap();
    let json = |words: &[&str]| serde_json::from_str::<Value>(&printed(words)).unwrap();
    let built = json(&["index", "--collection", word(&collection), "--output", word(&index), "--json"]);
    assert_eq!(built["documents"], 1);
    assert_eq!(json(&["inspect", word(&index), "--json"])["inputs"].as_array().unwrap().len(), 1);
}
