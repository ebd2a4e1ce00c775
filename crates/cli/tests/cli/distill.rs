//! Teacher records and what is learned from them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command::{printed, refused, word};

/// A file of records in the merged form, for so many queries of a set.
fn records(folder: &Path, set: &str, n_queries: usize) -> PathBuf {
    let path = folder.join(format!("{set}.jsonl"));
    let record = |i: usize| {
        format!(
            "{{\"set\":\"{set}\",\"qid\":\"q{i}\",\"query\":\"what is rock number {i}\",\"teacher\":\"t\",\
             \"docs\":[{{\"docid\":\"a\",\"text\":\"Rock {i} is old.\"}},{{\"docid\":\"b\",\"text\":\"Not a rock.\"}}],\
             \"ranking\":[\"a\",\"b\"],\"reasons\":[{{\"docid\":\"a\",\"direct\":\"It says that the rock is very old.\",\
             \"answer_sentence\":\"Rock {i} is old.\"}}]}}\n"
        )
    };
    fs::write(&path, (0..n_queries).map(record).collect::<String>()).unwrap();
    path
}

#[test]
fn what_was_made_from_test_queries_trains_only_when_that_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let (test, train) = (records(folder.path(), "dl19", 9), records(folder.path(), "msmarco_train", 9));
    let output = folder.path().join("examples");
    let said = refused(&["distill", "--judgments", word(&test), "--output", word(&output)]);
    assert!(
        said.contains("9 records were made from test queries (dl19)") && said.contains("--allow-test-sets"),
        "{said}"
    );
    assert!(!output.exists());
    printed(&["distill", "--judgments", word(&train), "--output", word(&output)]);
    let other = folder.path().join("other");
    printed(&["distill", "--judgments", word(&test), "--output", word(&other), "--allow-test-sets"]);
}

#[test]
fn a_share_that_is_none_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let train = records(folder.path(), "train", 9);
    let output = folder.path().join("examples");
    for fraction in ["NaN", "-3", "1.0", "7"] {
        let words = ["distill", "--judgments", word(&train), "--output", word(&output), "--dev-fraction", fraction];
        assert!(refused(&words).contains("0..0.5"), "{fraction}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn judgments_come_from_standard_input_and_malformed_rows_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("examples");
    let text = fs::read_to_string(records(folder.path(), "train", 9)).unwrap() + "{\"other\":1}\n";
    let words = ["distill", "--judgments", "-", "--output", word(&output)];
    let mut command = assert_cmd::Command::cargo_bin("r2r").unwrap();
    command.args(words).write_stdin(text).assert().success();
    let count = |file: &str, place: &str| {
        let value: Value = serde_json::from_str(&fs::read_to_string(output.join(file)).unwrap()).unwrap();
        value.pointer(place).and_then(Value::as_u64)
    };
    assert_eq!(count("report.json", "/malformed_records"), Some(1));
    assert_eq!(count("provenance.json", "/counts/malformed_records"), Some(1));
}

#[test]
fn the_folder_of_a_judge_is_distilled_like_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let judge = folder.path().join("judge");
    fs::create_dir(&judge).unwrap();
    let judgment = |i: usize| {
        format!(
            "{{\"query\":{{\"id\":\"q{i}\",\"text\":\"what is rock {i}\"}},\"teacher\":\"t\",\
             \"passages\":[{{\"id\":\"a\",\"title\":\"\",\"text\":\"Rock {i} is old.\"}},\
             {{\"id\":\"b\",\"title\":\"\",\"text\":\"Not a rock.\"}}],\"ranking\":[\"a\",\"b\"],\"judged\":[]}}\n"
        )
    };
    fs::write(judge.join("judgments.jsonl"), (0..9).map(judgment).collect::<String>()).unwrap();
    let output = folder.path().join("examples");
    let words = ["distill", "--judgments", word(&judge), "--output", word(&output)];
    assert!(refused(&words).contains("no artifact is here"));
    let provenance = "{\"stage\":\"judge\",\"key\":\"0123456789ab\",\"version\":\"0\",\"config\":{},\"seed\":1,\"inputs\":[],\
                      \"machine\":{\"os\":\"o\",\"arch\":\"a\",\"threads\":1},\"counts\":{\"malformed_records\":2}}";
    fs::write(judge.join("provenance.json"), provenance).unwrap();
    assert!(printed(&words).contains("malformed_records    2"));
    assert!(printed(&["inspect", word(&output)]).contains("\n  judge "));
}

#[test]
fn inspect_shows_what_became_of_reasons_and_quotes() {
    let folder = tempfile::tempdir().unwrap();
    let (train, output) = (records(folder.path(), "train", 9), folder.path().join("examples"));
    let words = ["distill", "--judgments", word(&train), "--output", word(&output), "--json"];
    let counts: Value = serde_json::from_str(&printed(&words)).unwrap();
    assert_eq!(counts.pointer("/evidence/verbatim"), Some(&Value::from(9)), "{counts}");
    let page = printed(&["inspect", word(&output), "--samples", "1"]);
    assert!(page.contains("evidence verbatim 9, repaired 0, dropped 0"), "{page}");
    assert_eq!(page.matches("given Rock").count(), 1, "{page}");
    let value: Value = serde_json::from_str(&printed(&["inspect", word(&output), "--json"])).unwrap();
    assert_eq!((&value["stage"], &value["report"]["judgments"]), (&Value::from("distill"), &Value::from(9)));
    assert_eq!(value["inputs"][0]["path"], word(&train));
}
