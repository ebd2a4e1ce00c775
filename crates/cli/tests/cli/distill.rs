//! Teacher records and what is learned from them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{printed, refused, word};

/// A file of records in the merged form, for so many queries of a set.
fn records(folder: &Path, set: &str, n_queries: usize) -> PathBuf {
    let path = folder.join(format!("{set}.jsonl"));
    let record = |i: usize| {
        format!(
            "{{\"set\":\"{set}\",\"qid\":\"q{i}\",\"query\":\"what is rock number {i}\",\"teacher\":\"t\",\
             \"docs\":[{{\"docid\":\"a\",\"text\":\"Rock {i} is old.\"}},{{\"docid\":\"b\",\"text\":\"Not a rock.\"}}],\
             \"ranking\":[\"a\",\"b\"]}}\n"
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
    assert!(said.contains("9 records were made from test queries (dl19)") && said.contains("--allow-test-sets"), "{said}");
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
