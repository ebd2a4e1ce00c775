//! Files of other tools as BEIR folders.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command::{printed, refused, word};

/// Converts files of a format, each given by name and text, into `out` in the folder; returns the counts.
fn converted(folder: &Path, format: &str, files: &[(&str, &str)]) -> Value {
    let paths: Vec<PathBuf> = files.iter().map(|(name, _)| folder.join(name)).collect();
    for (path, (_, text)) in paths.iter().zip(files) {
        fs::write(path, text).unwrap();
    }
    let output = folder.join("out");
    let mut words = vec!["convert", "--json", "--output", word(&output), "--from", format];
    words.extend(paths.iter().map(|path| word(path)));
    serde_json::from_str::<Value>(&printed(&words)).unwrap()["counts"].clone()
}

#[test]
fn candidates_become_a_collection_and_a_run_that_can_be_reranked() {
    let rankgpt = "[{\"query\":\"q\",\"hits\":[{\"content\":\"Basalt.\",\"qid\":1,\"docid\":\"a\",\"score\":2},\
                   {\"content\":\"Cake.\",\"qid\":1,\"docid\":\"b\",\"score\":1}]}]";
    let rank_llm = "{\"query\":{\"text\":\"q\",\"qid\":\"1\"},\"candidates\":[{\"docid\":\"a\",\"score\":2,\"doc\":\"Basalt.\"},\
                    {\"docid\":\"b\",\"score\":1,\"doc\":{\"text\":\"Cake.\"}}]}\n";
    let top1000 = "1\ta\tq\tBasalt.\n1\tb\tq\tCake.\n";
    for (format, name, text) in
        [("rankgpt", "hits.json", rankgpt), ("rank-llm", "r.jsonl", rank_llm), ("msmarco", "top1000.tsv", top1000)]
    {
        let folder = tempfile::tempdir().unwrap();
        let counts = converted(folder.path(), format, &[(name, text)]);
        assert_eq!((&counts["documents"], &counts["queries"]), (&Value::from(2), &Value::from(1)), "{format}");
        let (collection, run) = (folder.path().join("out"), folder.path().join("out/candidates.trec"));
        let lines = printed(&["rerank", "--collection", word(&collection), "--run", word(&run), "--output", "-"]);
        assert_eq!(lines.lines().count(), 2, "{format}");
    }
}

#[test]
fn judgments_come_with_their_split() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("collection.tsv", "a\tBasalt.\nb\tCake.\n"),
        ("queries.dev.tsv", "1\tq\n"),
        ("qrels.dev.tsv", "1\t0\ta\t1\n"),
    ];
    assert_eq!(converted(folder.path(), "msmarco", &files)["judgments"], 1);
    assert!(fs::read_to_string(folder.path().join("out/qrels/dev.tsv")).unwrap().ends_with("1\ta\t1\n"));
    let output = folder.path().join("other");
    let unknown = folder.path().join("out/corpus.jsonl");
    let words = ["convert", "--from", "msmarco", word(&unknown), "--output", word(&output)];
    assert!(refused(&words).contains("begin with collection, queries"));
}

#[test]
fn what_bright_excludes_stays_excluded() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("documents.jsonl", "{\"id\":\"a\",\"content\":\"Basalt.\"}\n{\"id\":\"b\",\"content\":\"q\"}\n"),
        ("examples.jsonl", "{\"id\":\"1\",\"query\":\"q\",\"gold_ids\":[\"a\"],\"excluded_ids\":[\"b\"]}\n"),
    ];
    assert_eq!(converted(folder.path(), "bright", &files)["judgments"], 1);
    let path = |name: &str| folder.path().join("out").join(name);
    let run = folder.path().join("run.trec");
    fs::write(&run, "1 Q0 b 1 2 t\n1 Q0 a 2 1 t\n").unwrap();
    let words = ["evaluate", "--run", word(&run), "--measures", "RR", "--qrels"];
    let (qrels, excluded) = (path("qrels/test.tsv"), path("excluded.jsonl"));
    assert!(printed(&[&words[..], &[word(&qrels), "--exclude", word(&excluded)]].concat()).contains("1.0000"));
}
