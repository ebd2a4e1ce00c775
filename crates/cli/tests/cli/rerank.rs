//! Lists and runs put in order, by the shipped student.

use std::collections::HashSet;
use std::fs;

use serde_json::Value;

use crate::command::{printed, r2r, refused, word};

const QUERY: &str = "why do heat pumps lose efficiency in very cold weather";
const DOCUMENTS: &str = "examples/heat-pumps/documents.jsonl";

fn reranked(words: &[&str]) -> Value {
    let all: Vec<&str> =
        ["rerank", "--query", QUERY, "--documents", DOCUMENTS, "--json"].iter().chain(words).copied().collect();
    serde_json::from_str(&printed(&all)).unwrap()
}

fn texts() -> Vec<(String, String)> {
    let lines = fs::read_to_string(crate::command::root().join(DOCUMENTS)).unwrap();
    let parse = |line: &str| {
        let value: Value = serde_json::from_str(line).unwrap();
        (value["id"].as_str().unwrap().to_owned(), value["text"].as_str().unwrap().to_owned())
    };
    lines.lines().map(parse).collect()
}

#[test]
fn every_document_is_ranked_once_and_logits_never_rise() {
    let value = reranked(&["--reasons", "0"]);
    let results = value["results"].as_array().unwrap();
    let ids: HashSet<&str> = results.iter().map(|result| result["id"].as_str().unwrap()).collect();
    assert_eq!((results.len(), ids.len()), (texts().len(), texts().len()));
    for (i, pair) in results.windows(2).enumerate() {
        assert!(pair[0]["logit"].as_f64() >= pair[1]["logit"].as_f64());
        assert_eq!(pair[0]["rank"], i + 1);
        assert!(pair[0]["reasoning"].is_null());
    }
}

#[test]
fn stopped_documents_stand_last_and_the_finished_keep_their_scores() {
    let (whole, early) = (reranked(&["--reasons", "0"]), reranked(&["--reasons", "2", "--early", "3"]));
    let finished = early["finished"].as_u64().unwrap() as usize;
    let results = early["results"].as_array().unwrap();
    assert!(finished >= 3 && results.len() == texts().len());
    let of = |id: &Value| whole["results"].as_array().unwrap().iter().find(|result| &result["id"] == id).unwrap();
    for (place, result) in results.iter().enumerate() {
        if place < finished {
            assert_eq!((&result["logit"], &result["stopped_early"]), (&of(&result["id"])["logit"], &Value::Null));
        } else {
            assert_eq!(result["stopped_early"], true);
            assert!(result["logit"].as_f64() < results[finished - 1]["logit"].as_f64());
        }
    }
    assert!(whole["finished"].is_null() && results[1]["reasoning"]["direct"].is_string());
    let page = ["rerank", "--query", QUERY, "--documents", DOCUMENTS, "--reasons", "0", "--early", "3"];
    let says_so =
        printed(&page).contains(&format!("{} of {} were stopped early", results.len() - finished, results.len()));
    assert_eq!(says_so, finished < results.len());
    let finished_by = |margin: &str| {
        reranked(&["--reasons", "0", "--early", "3", "--early-margin", margin])["finished"].as_u64().unwrap() as usize
    };
    assert_eq!((finished_by("0"), finished_by("1000")), (3, results.len()));
}

#[test]
fn every_instruction_set_and_number_format_finds_the_same_best_document() {
    let best = |words: &[&str]| reranked(words)["results"][0]["id"].clone();
    let expected = best(&["--reasons", "0", "--precision", "f32"]);
    for isa in reason_to_rank::inference::Instructions::available() {
        for precision in ["f32", "bf16", "int8"] {
            let words = ["--reasons", "0", "--isa", isa.name(), "--precision", precision];
            assert_eq!(best(&words), expected, "{words:?}");
        }
    }
}

#[test]
fn reasons_change_no_rank_and_quote_what_stands_there() {
    let (plain, explained) = (reranked(&["--reasons", "0"]), reranked(&["--reasons", "5"]));
    let results = explained["results"].as_array().unwrap();
    let texts = texts();
    for (without, with) in plain["results"].as_array().unwrap().iter().zip(results) {
        assert_eq!((&without["id"], &without["logit"]), (&with["id"], &with["logit"]));
    }
    for result in &results[..5] {
        let reasoning = &result["reasoning"];
        assert!(reasoning["direct"].as_str().unwrap().split_whitespace().count() >= 3, "{reasoning}");
        let against = &reasoning["comparison"]["against"][0];
        let place = |id: &Value| results.iter().position(|result| &result["id"] == id).unwrap();
        let stands = if place(&result["id"]) < place(&against["id"]) { "above" } else { "below" };
        assert_eq!(against["stands"], stands);
        let evidence = &reasoning["evidence"][0];
        let text = &texts.iter().find(|(id, _)| result["id"] == id.as_str()).unwrap().1;
        let (start, end) = (evidence["start"].as_u64().unwrap() as usize, evidence["end"].as_u64().unwrap() as usize);
        let slice: String = text.chars().skip(start).take(end - start).collect();
        assert_eq!(evidence["quote"], slice.as_str());
        assert!(evidence["score_without"].is_number() && evidence["score_alone"].is_number());
    }
    assert!(results[5]["reasoning"].is_null());
}

#[test]
fn a_comparison_names_only_what_is_shown() {
    let value = reranked(&["--top", "2", "--reasons", "4"]);
    let results = value["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    for (result, other) in results.iter().zip(results.iter().rev()) {
        assert_eq!(result["reasoning"]["comparison"]["against"][0]["id"], other["id"]);
    }
}

#[test]
fn a_document_that_was_not_read_to_its_end_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let documents = folder.path().join("documents.txt");
    fs::write(&documents, format!("{}\nBasalt is dark.\n", "Basalt is a dark volcanic rock. ".repeat(200))).unwrap();
    let words = ["rerank", "--query", "what is basalt", "--documents", word(&documents), "--reasons", "0"];
    let value: Value = serde_json::from_str(&printed(&[&words[..], &["--json"]].concat())).unwrap();
    for result in value["results"].as_array().unwrap() {
        assert_eq!(result.get("truncated").is_some(), result["id"] == "1", "{result}");
    }
    assert!(printed(&words).contains("1 of these are longer than the student reads"));
}

#[test]
fn the_second_run_equals_the_first_whatever_the_threads() {
    let first = reranked(&["--reasons", "3", "--threads", "1"]);
    assert_eq!(first, reranked(&["--reasons", "3", "--threads", "2"]));
}

#[test]
fn a_page_for_people_has_no_color_when_it_is_no_terminal() {
    let page = printed(&["rerank", "--query", QUERY, "--documents", DOCUMENTS, "--reasons", "2", "--top", "4"]);
    assert!(page.contains(QUERY) && page.contains("evidence") && page.contains("and 8 more"), "{page}");
    assert!(!page.contains('\u{1b}'));
}

#[test]
fn the_best_document_stands_above_the_last_and_says_why() {
    let value = reranked(&["--reasons", "0"]);
    let results = value["results"].as_array().unwrap();
    let id = |i: usize| results[i]["id"].as_str().unwrap();
    let (best, last) = (id(0), id(results.len() - 1));
    let explain = |above, below| {
        ["explain", "--query", QUERY, "--documents", DOCUMENTS, "--above", above, "--below", below, "--json"]
    };
    let explained: Value = serde_json::from_str(&printed(&explain(best, last))).unwrap();
    assert_eq!(explained["results"][0]["reasoning"]["comparison"]["against"][0]["stands"], "above");
    assert_eq!(explained["results"][1]["reasoning"]["comparison"]["against"][0]["stands"], "below");
    assert!(refused(&explain(last, best)).contains("swap --above and --below"));
}

#[test]
fn a_run_is_reranked_with_explanations_and_keeps_what_lies_deeper() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (index, bm25, output, explanations) =
        (path("index"), path("bm25.trec"), path("out.trec"), path("why.jsonl.gz"));
    printed(&["index", "--collection", "fixtures/tiny", "--output", word(&index)]);
    printed(&[
        "retrieve",
        "--index",
        word(&index),
        "--queries",
        "fixtures/tiny",
        "--split",
        "test",
        "--depth",
        "9",
        "--output",
        word(&bm25),
    ]);
    let words = [
        "rerank",
        "--collection",
        "fixtures/tiny",
        "--run",
        word(&bm25),
        "--depth",
        "5",
        "--reasons",
        "1",
        "--output",
        word(&output),
        "--explanations",
        word(&explanations),
    ];
    printed(&words);
    let read = |path| fs::read_to_string(path).unwrap();
    let documents = |text: &str| -> HashSet<(String, String)> {
        let columns = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        text.lines().map(columns).map(|columns| (columns[0].clone(), columns[2].clone())).collect()
    };
    assert_eq!(documents(&read(&bm25)), documents(&read(&output)));
    let lines = read(&output);
    for pair in lines.lines().collect::<Vec<_>>().windows(2) {
        let [before, after] = [pair[0], pair[1]].map(|line| line.split_whitespace().collect::<Vec<_>>());
        if before[0] == after[0] {
            assert!(before[4].parse::<f32>().unwrap() > after[4].parse::<f32>().unwrap());
        }
    }
    assert!(fs::metadata(&explanations).unwrap().len() > 100);
}

#[test]
fn documents_are_read_from_standard_input_and_plain_lines() {
    let mut command = assert_cmd::Command::cargo_bin("r2r").unwrap();
    let words = ["rerank", "--query", "what is basalt", "--documents", "-", "--json", "--reasons", "0"];
    let output = command
        .current_dir(crate::command::root())
        .args(words)
        .write_stdin("A cake needs flour.\nBasalt is a dark volcanic rock.\n")
        .output()
        .unwrap();
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["results"][0]["id"], "2");
}

#[test]
fn an_exported_student_is_a_cross_encoder() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("cross-encoder");
    assert!(r2r(&["export", "--output", word(&output)]).status.success());
    let config: Value = serde_json::from_str(&fs::read_to_string(output.join("config.json")).unwrap()).unwrap();
    assert_eq!(config["architectures"][0], "BertForSequenceClassification");
    let words =
        ["rerank", "--query", QUERY, "--documents", DOCUMENTS, "--json", "--reasons", "0", "--student", word(&output)];
    let value: Value = serde_json::from_str(&printed(&words)).unwrap();
    assert_eq!(value["results"].as_array().unwrap().len(), texts().len());
}
