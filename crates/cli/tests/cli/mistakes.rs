//! Mistakes of the user and what is said to them.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::command::{r2r, refused, root, word};

const DOCUMENTS: &str = "examples/heat-pumps/documents.jsonl";

#[test]
fn each_mistake_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let twice = path("twice.jsonl", "{\"id\":\"a\",\"text\":\"x\"}\n{\"id\":\"a\",\"text\":\"y\"}\n");
    let broken = path("broken.jsonl", "{\"id\":\"a\",\"text\":\"x\"}\n{\"id\":\n");
    let empty = path("empty.jsonl", "");
    let nan = path("nan.trec", "1 Q0 a 1 NaN t\n");
    let qrels = path("qrels", "1 0 a 1\n");
    let check = |words: &[&str], expected: &str| {
        let said = refused(words);
        assert!(said.contains(expected), "{words:?} said {said}");
    };
    check(&["rerank", "--query", "q", "--documents", word(&twice)], "twice.jsonl");
    check(&["rerank", "--query", "q", "--documents", word(&broken)], "broken.jsonl");
    check(&["rerank", "--query", "q", "--documents", word(&empty)], "empty.jsonl");
    check(&["rerank", "--query", "q", "--documents", "no-such-file"], "no-such-file");
    check(&["rerank", "--query", "", "--documents", DOCUMENTS], "empty");
    check(&["rerank", "--query", "q", "--documents", DOCUMENTS, "--student", "nowhere"], "nowhere");
    check(&["rerank", "--query", "q", "--documents", DOCUMENTS, "--early", "2", "--reasons", "4"], "--early 4");
    let early = ["rerank", "--query", "q", "--documents", DOCUMENTS, "--early", "2"];
    check(&[&early[..], &["--early-margin", "-1"]].concat(), "0 or more, not -1");
    check(&[&early[..], &["--early-margin", "nan"]].concat(), "a finite number of standard deviations");
    check(&["rerank", "--query", "q", "--documents", DOCUMENTS, "--early-margin", "1"], "--early <N>");
    check(&["rerank", "--query", "q", "--documents", DOCUMENTS, "--threads", "5000"], "at most 1024");
    check(&["rerank", "--query", "q", "--documents", DOCUMENTS, "--run", "r.trec"], "cannot be used with");
    check(&["rerank", "--query", "q", "--documents", DOCUMENTS, "--output", "o.trec"], "cannot be used with");
    check(&["evaluate", "--run", word(&nan), "--qrels", word(&qrels)], "nan.trec");
    check(&["evaluate", "--run", word(&nan), "--qrels", word(&qrels), "--measures", "nDGC@10"], "nDCG");
    check(&["inspect", word(folder.path())], "provenance.json");
    check(&["inspect", word(&qrels)], "this is a file");
    check(&["explain", "--query", "q", "--documents", DOCUMENTS, "--above", "nobody", "--below", "x"], "nobody");
}

#[test]
fn what_would_come_out_empty_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let (strangers, qrels) = (path("strangers.trec", "t01 Q0 nobody 1 2 t\n"), path("qrels", "1 0 a 1\n"));
    let (corpus, run) = (path("corpus.jsonl", ""), folder.path().join("out.trec"));
    let check = |words: &[&str], expected: &str| {
        let said = refused(words);
        assert!(said.contains(expected), "{words:?} said {said}");
    };
    let rerank = ["rerank", "--collection", "fixtures/tiny", "--run", word(&strangers), "--output", word(&run)];
    check(&rerank, "is it the right one");
    check(&[&rerank[..], &["--depth", "0"]].concat(), "--depth");
    check(&["rerank", "--query", "q", "--documents", DOCUMENTS, "--top", "0"], "--top");
    check(&["retrieve", "--index", "i", "--queries", "q", "--output", "o", "--depth", "0"], "--depth");
    check(&["evaluate", "--run", word(&strangers), "--qrels", word(&qrels)], "same collection");
    check(&["index", "--collection", word(corpus.parent().unwrap()), "--output", word(&run)], "no documents");
    assert!(!run.exists());
}

#[test]
fn no_output_mixes_with_another_or_overwrites_an_input() {
    let folder = tempfile::tempdir().unwrap();
    let (run, qrels) = (folder.path().join("run.trec"), folder.path().join("qrels"));
    fs::write(&run, "1 Q0 a 1 2 t\n").unwrap();
    fs::write(&qrels, "1 0 a 1\n").unwrap();
    let (same, twin) = (folder.path().join("new"), folder.path().join("./new"));
    let check = |words: &[&str], expected: &str| {
        let said = refused(words);
        assert!(said.contains(expected), "{words:?} said {said}");
    };
    let rerank = ["rerank", "--collection", "fixtures/tiny", "--run", word(&run), "--reasons", "1"];
    let to = |output: &Path, explanations: &Path, expected: &str| {
        check(&[&rerank[..], &["--output", word(output), "--explanations", word(explanations)]].concat(), expected);
    };
    to(&same, &twin, "both write to");
    to(Path::new("-"), Path::new("-"), "both write to");
    to(&run, &same, "would overwrite what --run reads");
    let evaluate = ["evaluate", "--run", word(&run), "--qrels", word(&qrels)];
    check(&[&evaluate[..], &["--report", word(&run)]].concat(), "would overwrite what --run reads");
    check(&[&evaluate[..], &["--report", "-", "--json"]].concat(), "both write to");
    assert_eq!(fs::read_to_string(&run).unwrap(), "1 Q0 a 1 2 t\n");
}

/// A cross-encoder whose weights were damaged on the way: the bias of its head is no number.
fn damaged_student(folder: &Path) {
    let whole = root().join("crates/inference/tests/golden/cross_encoder");
    for file in ["config.json", "tokenizer.json"] {
        fs::copy(whole.join(file), folder.join(file)).unwrap();
    }
    let mut weights = fs::read(whole.join("model.safetensors")).unwrap();
    let header = 8 + u64::from_le_bytes(weights[..8].try_into().unwrap()) as usize;
    let places: Value = serde_json::from_slice(&weights[8..header]).unwrap();
    let start = header + places["classifier.bias"]["data_offsets"][0].as_u64().unwrap() as usize;
    weights[start..start + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(folder.join("model.safetensors"), weights).unwrap();
}

#[test]
fn a_failure_of_ours_exits_with_2() {
    let folder = tempfile::tempdir().unwrap();
    damaged_student(folder.path());
    let output = r2r(&["rerank", "--query", "q", "--documents", DOCUMENTS, "--student", word(folder.path())]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("its weights are damaged"));
}

#[test]
fn help_teaches_every_command() {
    for command in [
        "rerank",
        "explain",
        "convert",
        "index",
        "retrieve",
        "judge",
        "distill",
        "train",
        "evaluate",
        "reproduce",
        "inspect",
        "export",
        "doctor",
    ] {
        let output = r2r(&[command, "--help"]);
        assert!(output.status.success() && output.stdout.len() > 100, "{command}");
    }
}
