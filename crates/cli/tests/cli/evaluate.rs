//! Measures, tables and reports.

use std::fs;

use serde_json::Value;

use crate::command::{printed, word};

/// The names of the runs that `evaluate --json` measures.
fn measured(words: &[&str]) -> Vec<String> {
    let words: Vec<&str> = ["evaluate", "--json"].iter().chain(words).copied().collect();
    let value: Value = serde_json::from_str(&printed(&words)).unwrap();
    let runs = value["runs"].as_array().unwrap();
    runs.iter().map(|run| run["run"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_baseline_is_one_run_whatever_its_path_and_two_files_of_one_name_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    };
    let qrels = path("qrels", "1 0 a 1\n");
    let (a, b) = (path("a/x.trec", "1 Q0 a 1 2 t\n"), path("b/x.trec", "1 Q0 b 1 2 t\n"));
    let same = folder.path().join("b/../a/x.trec");
    assert_eq!(measured(&["--run", word(&a), "--baseline", word(&b), "--qrels", word(&qrels)]), [word(&b), word(&a)]);
    assert_eq!(measured(&["--run", word(&a), "--baseline", word(&same), "--qrels", word(&qrels)]), ["x.trec"]);
}

#[test]
fn json_has_measures_topics_and_the_comparison_with_the_baseline() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let qrels = path("qrels.txt", "1 0 a 2\n1 0 b 1\n2 0 c 1\n3 0 d 1\n");
    let poor = path("poor.trec", "1 Q0 b 1 2 t\n1 Q0 a 2 1 t\n2 Q0 x 1 2 t\n2 Q0 c 2 1 t\n");
    let good = path("good.trec", "1 Q0 a 1 2 t\n1 Q0 b 2 1 t\n2 Q0 c 1 2 t\n2 Q0 x 2 1 t\n");
    let report = folder.path().join("report.html");
    let words = [
        "evaluate",
        "--run",
        word(&poor),
        word(&good),
        "--qrels",
        word(&qrels),
        "--measures",
        "nDCG@10,RR",
        "--baseline",
        word(&poor),
        "--json",
        "--report",
        word(&report),
    ];
    let value: Value = serde_json::from_str(&printed(&words)).unwrap();
    let runs = value["runs"].as_array().unwrap();
    assert_eq!(runs[1]["run"], "good.trec");
    // Two of three topics are perfect, the missing one counts 0.
    assert!((runs[1]["measures"]["nDCG@10"].as_f64().unwrap() - 2.0 / 3.0).abs() < 1e-9);
    assert_eq!(runs[1]["topics"]["qrels"], 3);
    let against = &runs[1]["against_baseline"]["nDCG@10"];
    assert!(against["difference"].as_f64().unwrap() > 0.0);
    assert_eq!(against["interval"].as_array().unwrap().len(), 2);
    assert!(runs[0]["against_baseline"].is_null());
    assert!(fs::read_to_string(report).unwrap().contains("good.trec"));
}

#[test]
fn excluded_documents_are_not_measured() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let (qrels, run) = (path("qrels", "1 0 a 1\n"), path("run.trec", "1 Q0 b 1 2 t\n1 Q0 a 2 1 t\n"));
    let examples =
        path("bright.jsonl", "{\"id\":\"1\",\"query\":\"q\",\"gold_ids\":[\"a\"],\"excluded_ids\":[\"b\"]}\n");
    let words = ["evaluate", "--run", word(&run), "--qrels", word(&qrels), "--measures", "RR"];
    assert!(printed(&words).contains("0.5000"));
    assert!(printed(&[&words[..], &["--exclude", word(&examples)]].concat()).contains("1.0000"));
}

#[test]
fn the_table_states_its_rules_and_controls() {
    let folder = tempfile::tempdir().unwrap();
    let (qrels, run) = (folder.path().join("q"), folder.path().join("r"));
    fs::write(&qrels, "1 0 a 1\n").unwrap();
    fs::write(&run, "1 Q0 b 1 2 t\n1 Q0 a 2 1 t\n").unwrap();
    let table = printed(&["evaluate", "--run", word(&run), "--qrels", word(&qrels), "--controls", "--measures", "RR"]);
    assert!(
        table.contains("trec_eval 9 -c")
            && ["r.identity", "r.random-13", "r.oracle"].iter().all(|control| table.contains(control))
            && table.contains("0.5000"),
        "{table}"
    );
}
